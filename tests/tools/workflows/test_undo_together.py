"""Undo of what one job changed or made: all of it with one call, or each record by itself."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.gated import record_for
from tests.support.users import User, configured, connect
from tests.tools.workflows.test_bulk_update import RAISE, Studio, call

pytestmark = pytest.mark.anyio


@pytest.fixture
def studio() -> Studio:
    return Studio()


async def raised(agent: Agent, studio: Studio) -> str:
    """Raise three rates; returns the id of the call."""
    await agent.confirmed("bulk_update", **call(RAISE, ids=[studio.atlas, studio.book, studio.map]))
    listed = await agent.answer("undo")
    (call_id,) = {row["call_id"] for row in listed["steps"]}
    assert "A call_id, given as action_id, takes back all that one job changed." in listed["message"]
    return str(call_id)


async def test_a_bulk_update_is_taken_back_with_one_call(studio: Studio) -> None:
    before = studio.rates()
    async with agent_of(session_with(studio.sandbox)) as agent:
        call_id = await raised(agent, studio)
        shown = await agent.answer("undo", action_id=call_id)
        assert "This would take back 3 changes of one call" in shown["message"]
        assert studio.rates() != before
        done = await agent.answer("undo", action_id=call_id, confirm=True)
        assert "Took back 3 changes of one call." in done["message"]
        again = await agent.answer("undo", action_id=call_id, confirm=True)
    book = next(row for row in shown["steps"] if row["record"] == "Book")
    assert (book["outcome"], book["before"], book["after"]) == ("to take back", {"rate": 99.75}, {"rate": 95})
    assert studio.rates() == before
    assert (again["done"], {row["outcome"] for row in again["steps"]}) == (False, {"refused"})


async def test_what_somebody_changed_since_stays_and_the_rest_is_taken_back(studio: Studio) -> None:
    before = studio.rates()
    async with agent_of(session_with(studio.sandbox)) as agent:
        call_id = await raised(agent, studio)
        studio.change("projects", studio.book, rate=12_000)
        done = await agent.answer("undo", action_id=call_id, confirm=True)
    assert "Took back 2 changes of one call (refused: row" in done["message"]
    (kept,) = [row for row in done["steps"] if row["outcome"] == "refused"]
    assert "somebody changed rate since" in kept["why"]
    assert studio.rates() == before | {studio.book: 120}


async def test_after_a_failure_the_same_call_continues(studio: Studio, time: FakeTime) -> None:
    before = studio.rates()
    async with connect(configured(studio.sandbox, time)) as agent:
        call_id = await raised(agent, studio)
        studio.sandbox.faults = Faults([Fault(500, "PUT", f"projects/{studio.book}")])
        told = await agent.refusal("undo", action_id=call_id, confirm=True)
        assert "Part of the job is done." in told
        assert "So far: taken back: rows 1, 3; not known whether taken back: row 2." in told
        studio.sandbox.faults = None
        assert (await agent.answer("undo", action_id=call_id, confirm=True))["done"] is True
    assert studio.rates() == before


async def test_the_user_is_asked_once_for_all(studio: Studio) -> None:
    user = User()
    async with connect(configured(studio.sandbox), user=user) as agent:
        call_id = await raised(agent, studio)
        user.questions.clear()
        assert (await agent.answer("undo", action_id=call_id, confirm=True))["done"] is True
    assert len(user.questions) == 1


TABLES = ("clients", "contacts", "projects", "tasks", "invoices", "payments")
MAKING = ("allocate_payment", "reconcile_payments", "import_contacts", "convert_lead", "bill_project_hours",
          "create_invoice_from_estimate")  # fmt: skip


def content(sandbox: Sandbox) -> dict[str, Any]:
    """Which records there are, and what is unbilled."""
    found = {each: sandbox.connection.execute(f"SELECT id FROM {each} ORDER BY id").fetchall() for each in TABLES}  # noqa: S608 ours
    billed = sandbox.connection.execute("SELECT id FROM hours WHERE NOT billed ORDER BY id").fetchall()
    return {name: [row["id"] for row in rows] for name, rows in (found | {"unbilled": billed}).items()}


@pytest.mark.parametrize("tool", MAKING)
async def test_what_a_job_made_is_deleted_again(sandbox: Sandbox, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    before = content(sandbox)
    async with connect(configured(sandbox)) as agent:
        await agent.confirmed(tool, **arguments)
        assert content(sandbox) != before
        steps = (await agent.answer("undo"))["steps"]
        assert all(row["can_be_taken_back"] and row["record"] for row in steps)
        action = steps[0].get("call_id", steps[0]["action_id"])
        assert "This would" in (await agent.answer("undo", action_id=action))["message"]
        assert (await agent.answer("undo", action_id=action, confirm=True))["done"] is True
    assert content(sandbox) == before


@pytest.mark.parametrize(
    ("tool", "change"),
    [
        ("allocate_payment", "payments SET amount = amount + 100"),
        ("import_contacts", "contacts SET email = 'new@example.com'"),
        ("bill_project_hours", "invoices SET balance = 0, status = 4"),
        ("create_invoice_from_estimate", "invoices SET status = 1"),
    ],
)
async def test_what_a_job_made_and_somebody_changed_stays(sandbox: Sandbox, tool: str, change: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox)) as agent:
        await agent.confirmed(tool, **arguments)
        table = change.partition(" ")[0]
        sandbox.connection.execute(f"UPDATE {change} WHERE id = (SELECT max(id) FROM {table})")  # noqa: S608 ours
        steps = (await agent.answer("undo"))["steps"]
        made = content(sandbox)
        told = await agent.refusal("undo", action_id=steps[0]["action_id"], confirm=True)
    assert "since; delete_" in told
    assert content(sandbox) == made
