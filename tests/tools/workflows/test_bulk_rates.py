"""Bulk updates of rates, by a percentage: rounded in the currency of each, and told apart from whole prices."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.tools.workflows.test_bulk_update import ACTIVE, JOB, RAISE, Studio, call, outcomes, updated

FIXED = 2

pytestmark = pytest.mark.anyio


@pytest.fixture
def studio() -> Studio:
    return Studio()


async def test_a_preview_of_new_rates_tells_which_of_them_are_whole_prices(studio: Studio) -> None:
    fixed = studio.a_project("Mural", rate=950_000, project_type=FIXED)
    async with agent_of(session_with(studio.sandbox)) as agent:
        shown = await agent.answer(JOB, **call({"rate": 98}, ids=[studio.book, fixed]))
        other = await agent.answer(JOB, **call({"budget": 40}, ids=[studio.book, fixed]))
    assert "rate of 2 projects (1 hourly, 1 fixed)" in shown["message"]
    assert [row["project_type"] for row in shown["steps"]] == ["hourly", "fixed"]
    assert "budget of 2 projects." in other["message"]


@pytest.mark.parametrize(
    ("percent", "book", "atlas", "map_", "yen"),
    [("+5%", 99.75, 105.11, 35.00, 106), ("-2.5%", 92.63, 97.60, 32.50, 98), ("+0.5 %", 95.48, 100.60, 33.50, 102)],
)
async def test_a_percentage_is_rounded_half_up_to_the_unit_of_the_currency(
    studio: Studio, percent: str, book: float, atlas: float, map_: float, yen: float
) -> None:
    await updated(studio, {"rate": percent}, where=ACTIVE)
    assert list(studio.rates().values()) == [book, atlas, map_, 50, yen]


async def test_every_rate_of_an_account_is_as_the_tables_make_it() -> None:
    sandbox = Sandbox(TODAY)
    query = "SELECT id, rate, currency_code, project_type FROM projects WHERE rate IS NOT NULL ORDER BY id"
    before = [tuple(row) for row in sandbox.connection.execute(query)]
    async with agent_of(session_with(sandbox)) as agent:
        await agent.confirmed(JOB, **call({"rate": "+7.3%"}, where={"include_completed": True}))
    after = {row["id"]: row["rate"] for row in sandbox.connection.execute(query)}
    assert len({code for _, _, code, _ in before}) > 1
    for project, rate, code, kind in before:
        unit = 100 if code == "JPY" else 1
        raised = (rate * 1_073 + 500 * unit) // (1_000 * unit) * unit
        assert after[project] == (rate if kind == FIXED else raised), (project, rate, code)


async def test_a_price_that_was_agreed_does_not_rise_with_the_hourly_rates(studio: Studio) -> None:
    studio.change("projects", studio.book, project_type=FIXED)
    done = await updated(studio, RAISE, ids=[studio.book, studio.atlas])
    assert [row["outcome"] for row in done["steps"]] == ["refused", "changed"]
    assert studio.rates()[studio.book] == 95


async def test_hour_entries_take_the_currency_of_their_project(studio: Studio) -> None:
    euro = studio.hours("2026-10-01", 100, 3_333, project_id=studio.book)
    yen = studio.hours("2026-10-02", 100, 3_300, project_id=studio.yen)
    none = studio.hours("2026-10-03", 100, None, project_id=studio.book)
    done = await updated(studio, {"rate": "+10%"}, tool="update_hour_entry", ids=[euro, yen, none])
    assert outcomes(done) == {euro: "changed", yen: "changed", none: "refused"}
    assert "no rate of its own" in done["steps"][2]["why"]
    rates = [row["rate"] for row in studio.rows("SELECT rate FROM hours ORDER BY id")]
    assert rates == [3_666, 3_600, None]


async def test_a_rate_whose_currency_is_unknown_is_not_rounded_blindly(studio: Studio) -> None:
    studio.change("projects", studio.book, currency_code=None)
    studio.change("clients", studio.client, currency_code=None)
    answer = await updated(studio, RAISE, ids=[studio.book])
    assert outcomes(answer) == {studio.book: "refused"}
    assert "its currency is not known" in answer["steps"][0]["why"]
