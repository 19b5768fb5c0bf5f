"""What logged time is worth, and how much of a capacity it is, compared with SQL on the account's own tables."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
OCTOBER = {"from_date": "2026-10-01", "to_date": "2026-10-31"}
# Hours of hourly projects: person, project, currency, hundredths of an hour, and cents an hour.
HOURLY = (
    "SELECT user_id, project_id, currency_code, hours, coalesce(hours.rate, projects.rate) AS rate FROM hours"
    " JOIN projects ON projects.id = project_id WHERE project_type <> 2 AND date BETWEEN :from_date AND :to_date"
)


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account in which some entries have no rate of their own, and one project is free."""
    sandbox = agency()
    with sandbox.connection as tables:
        tables.execute("UPDATE hours SET rate = NULL WHERE id % 3 = 0")
        busiest = "SELECT project_id FROM hours WHERE date LIKE '2026-10%' GROUP BY 1 ORDER BY sum(hours) DESC LIMIT 1"
        tables.execute(f"UPDATE hours SET rate = 0 WHERE id % 2 = 0 AND project_id = ({busiest})")  # noqa: S608 - written here
    return sandbox


def rounded(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)


def expected(sandbox: Sandbox, *by: str) -> dict[tuple[Any, ...], tuple[Decimal, Decimal, Decimal]]:
    """Billable hours, worth and effective rate."""
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for row in sandbox.connection.execute(HOURLY, OCTOBER):
        of = sums[tuple(row[name] for name in by)]
        hours, worth = Decimal(row["hours"]) / 100, rounded(Decimal(row["hours"] * row["rate"]) / 10_000)
        of[0], of[1], of[2] = of[0] + hours, of[1] + worth, of[2] + (hours if worth else 0)
    assert sums  # otherwise the test would prove nothing
    return {key: (billable, worth, rounded(worth / hours)) for key, (hours, worth, billable) in sums.items()}


def exact(*numbers: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(number)) for number in numbers)


@pytest.mark.parametrize("form", FORMS)
async def test_billable_hours_and_their_worth_match_the_tables_in_every_form(books: Sandbox, form: str) -> None:
    books.switches = FORMS[form]
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("timesheet_report", **OCTOBER)
    shown = {
        (row["user_id"], row["project_id"]): exact(row["billable"], row["worth"], row["effective_rate"])
        for row in answer["rows"]
        if "worth" in row
    }
    assert shown == expected(books, "user_id", "project_id")
    assert any(row["billable"] < row["hours"] for row in answer["rows"] if "worth" in row)
    by_person = {
        (person["user_id"], worth["currency_code"]): exact(worth["worth"], worth["effective_rate"])
        for person in answer["people"]
        for worth in person["worth"]
    }
    assert by_person == {key: of[1:] for key, of in expected(books, "user_id", "currency_code").items()}
    (total,) = answer["totals"]
    of_currency = {(each["currency_code"],): exact(each["worth"], each["effective_rate"]) for each in total["worth"]}
    assert of_currency == {key: of[1:] for key, of in expected(books, "currency_code").items()}
    assert exact(total["billable"]) == (sum(of[0] for of in expected(books, "currency_code").values()),)


async def test_utilization_is_the_part_of_a_capacity_that_was_logged(reader: Agent) -> None:
    plain = await reader.answer("timesheet_report", **OCTOBER)
    answer = await reader.answer("timesheet_report", **OCTOBER, capacity_hours=37.5)
    capacity = Decimal("37.5") / 5 * 22  # weekdays of October 2026
    for person in answer["people"]:
        assert exact(person["capacity"]) == (capacity,)
        for part, whole in (("utilization", "hours"), ("billable_utilization", "billable")):
            share = Decimal(str(person[whole])) / capacity * 100
            assert exact(person[part]) == (share.quantize(Decimal("0.1"), ROUND_HALF_UP),)
    (total,) = answer["totals"]
    assert exact(total["capacity"]) == (capacity * len(answer["people"]),)
    assert "capacity" not in plain["totals"][0]
    assert "capacity is capacity_hours for every five working days up to today" in answer["basis"]


async def test_capacity_ends_today_and_nobody_unknown_has_any(account: respx.MockRouter, agent: Agent) -> None:
    account.get("staff").respond(json={"staff": [{"id": 12, "name": "Ann"}]})
    site = {"id": 1, "name": "Site", "currency_code": "EUR", "rate": 90, "project_type": 2}
    account.get("projects").respond(json=listed("projects", site))
    entries = [{"id": 1, "project_id": 1, "user_id": None, "date": "2023-11-13", "hours": 2, "description": "x"}]
    account.get("projects/1/hours").respond(json={"hours": entries})
    days = {"from_date": "2023-11-13", "to_date": "2023-11-19"}
    answer = await agent.answer("timesheet_report", **days, capacity_hours=40)  # today is Tuesday, the 14th
    ann, unknown = answer["people"]
    assert (ann["capacity"], ann["utilization"], unknown["hours"], "capacity" in unknown) == (16, 0, 2, False)
    assert (answer["totals"][0]["billable"], answer["totals"][0]["worth"]) == (0, [])  # at a fixed price
