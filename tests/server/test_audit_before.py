"""The earlier state of a record in the audit trail: what was read anyway, without an extra request."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.conftest import agency
from tests.resilience.test_secrets import CARD, canaries_in, generous, session
from tests.server.test_elicitation import KINDS, NO, rename
from tests.support.agent import ERAS, Era
from tests.support.clock import FakeTime
from tests.support.gated import EVERYTHING, GATED, JOBS, record_for
from tests.support.long import covering
from tests.support.trail import calls
from tests.support.users import User, configured, connect, some, writes
from tests.tools.test_every_tool import FIRST

pytestmark = pytest.mark.anyio

DELETES = [tool for tool in GATED if tool.startswith("delete_")]
OTHERS = ["send_invoice_message", "send_estimate_message", "charge_payment_profile"]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def lines(trail: Path) -> Lines:
    """The last line of each call."""
    return lambda: calls(trail)


async def previewed(sandbox: Sandbox, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The tool's preview of the record."""
    async with connect(configured(sandbox, toolsets=EVERYTHING)) as agent:
        return await agent.answer(tool, **arguments)


@pytest.mark.parametrize(("tool", "era"), covering(product(DELETES, ERAS)), indirect=["era"])
async def test_an_approved_delete_records_what_was_deleted(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, tool: str
) -> None:
    arguments, label = record_for(sandbox, tool)
    preview = await previewed(sandbox, tool, arguments)
    async with connect(configured(sandbox, audit_log=trail), era, User()) as agent:
        await agent.answer(tool, **arguments, confirm=True)
    line = lines()[-1]
    assert label in line["before"].values()
    assert line["before"].pop("goes_with_it", None) == preview.get("goes_with_it")
    assert line["before"] == preview["record"]
    assert [write["method"] for write in line["writes"]] == ["DELETE"]
    assert "after" not in line


@pytest.mark.parametrize("tool", OTHERS)
async def test_an_approved_charge_or_mail_records_its_subject(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    preview = await previewed(sandbox, tool, arguments)
    async with connect(configured(sandbox, audit_log=trail), era, User()) as agent:
        answer = await agent.answer(tool, **arguments, confirm=True)
    assert lines()[-1]["before"] == preview["record"]
    assert lines()[-1].get("after") == answer.get("record")


@pytest.mark.parametrize("tool", [*JOBS, "api_request"])
async def test_an_approved_job_records_its_subject_and_every_write(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    preview = await previewed(sandbox, tool, arguments)
    async with connect(configured(sandbox, audit_log=trail, toolsets=EVERYTHING), era, User()) as agent:
        answer = await agent.answer(tool, **arguments, confirm=True)
    line = lines()[-1]
    # A job on a list of records is about none of them alone; updates note what their first one changes.
    if tool != "bulk_update":
        assert line.get("before") == preview.get("record")
    assert line.get("after") == answer.get("record")
    assert [(write["method"], f"/api/v2/{write['path']}") for write in line["writes"]] == writes(sandbox)
    assert writes(sandbox)


@pytest.mark.parametrize("tool", KINDS)
async def test_nothing_is_read_only_for_the_trail(sandbox: Sandbox, trail: Path, era: Era, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    alike = agency()
    async with connect(configured(alike), era, User()) as agent:
        await agent.answer(tool, **arguments, confirm=True)
    async with connect(configured(sandbox, audit_log=trail), era, User()) as agent:
        await agent.answer(tool, **arguments, confirm=True)
    assert list(sandbox.requests) == list(alike.requests)


@pytest.mark.parametrize("tool", KINDS)
async def test_without_a_question_the_earlier_state_is_not_recorded(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        await agent.confirmed(tool, **arguments)
    preview, act = lines()
    assert "writes" not in preview
    assert act["writes"]
    assert "before" not in preview | act


@pytest.mark.parametrize(("reply", "which"), NO)
async def test_a_denied_call_changes_nothing_and_its_line_shows_no_change(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, reply: Any, which: str
) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=trail), era, User(reply)) as agent:
        assert which in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert lines()[-1]["outcome"] == "Withheld"
    for line in lines():
        assert not line.keys() & {"writes", "given", "before", "after"}


async def test_a_record_changed_during_the_question_is_logged_in_its_last_state(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    user = User(meanwhile=lambda: rename(sandbox, lead))
    async with connect(configured(sandbox, audit_log=trail), era, user) as agent:
        assert (await agent.answer("delete_lead", lead_id=lead, confirm=True))["done"] is False
        assert not any("before" in line for line in lines())
        assert (await agent.answer("delete_lead", lead_id=lead, confirm=True))["done"] is True
    assert lines()[-1]["before"]["name"] == "Renamed meanwhile"


async def test_a_delete_of_unknown_outcome_records_what_may_be_deleted(
    sandbox: Sandbox, trail: Path, lines: Lines, time: FakeTime, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, time, audit_log=trail), era, User()) as agent:
        sandbox.faults = Faults([Fault(504, "DELETE", "leads/*")])
        await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert lines()[-1]["before"]["id"] == lead
    assert len(writes(sandbox)) == 1


async def test_a_cleared_field_is_recorded_among_the_changes(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    entry = sandbox.connection.execute("SELECT id FROM hours WHERE rate > 0").fetchone()["id"]
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("update_hour_entry", hour_entry_id=entry, clear=["rate"], title="Meeting")
    assert lines()[0]["given"] == {"rate": "", "title": "Meeting"}


@pytest.mark.parametrize(("tool", "era"), covering(product([*DELETES, *OTHERS], ERAS)), indirect=["era"])
async def test_no_secret_of_the_record_is_logged(
    tool: str, era: Era, time: FakeTime, trail: Path, lines: Lines
) -> None:
    arguments = {name: 7 if name.endswith("_id") else value for name, value in FIRST[tool].arguments.items()}
    async with connect(session(generous, time, audit_log=trail), era, User()) as agent:
        await agent.answer(tool, **arguments | {"confirm": True})
    assert lines()[-1]["before"]["id"] == 7
    assert not canaries_in(lines())


async def test_no_card_handle_is_logged_before_or_after(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    (client,) = some(sandbox, "clients")
    card = CARD | {"last_four_digits": "4242", "name": "Ann", "expiration_date": "2030-01-31"}
    async with connect(configured(sandbox, audit_log=trail), "auto", User()) as agent:
        made = await agent.answer("create_payment_profile", client_id=client, **card)
        profile = {"client_id": client, "payment_profile_id": made["id"]}
        await agent.answer("delete_payment_profile", **profile, confirm=True)
    assert lines()[-1]["before"]["last_four_digits"] == "4242"
    assert not canaries_in(lines())


async def test_an_update_that_read_its_record_first_logs_the_earlier_values(
    sandbox: Sandbox, trail: Path, lines: Lines
) -> None:
    schedule, action = sandbox.connection.execute(
        "SELECT id, action FROM recurring_schedules WHERE payment_profile_id IS NOT NULL AND action = 2"
    ).fetchone()
    with sandbox.connection:
        sandbox.connection.execute("UPDATE recurring_schedules SET action = 1 WHERE id = ?", (schedule,))
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("update_recurring_schedule", recurring_schedule_id=schedule, action="autobill")
    (line,) = lines()
    assert action == 2
    assert (line["before"], line["after"]) == ({"action": "draft"}, {"action": "autobill"})
