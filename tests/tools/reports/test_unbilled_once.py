"""The report on unbilled work: completed projects, prepaid work, and what our own drafts and void invoices bill."""

from dataclasses import replace
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Switches
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.quarry import OCTOBER, Books, october
from tests.support.replies import HOUR_ENTRY, PROJECT, listed

pytestmark = pytest.mark.anyio

COMPLETED = 2


async def asked(agent: Agent, **arguments: Any) -> dict[str, Any]:
    return await agent.answer("unbilled_report", **arguments)


def hours_in(answer: dict[str, Any]) -> float:
    return float(sum(row["hours"] for row in answer["rows"]))


@pytest.fixture(params=["billed", None], ids=lambda key: f"key {key}")
def books(request: pytest.FixtureRequest) -> Books:
    """Accounts where the API marks hours as billed, and where it does not."""
    books = Books()
    books.sandbox.switches = Switches(billed_key=request.param)
    return books


async def test_completed_projects_count_on_request_and_rows_tell_the_status() -> None:
    books = Books()
    books.hours("2026-10-01", 150)
    old = books.a_project("Quarry Archive", status=COMPLETED)
    books.hours("2026-10-01", 250, project_id=old)
    books.expense("2026-10-02", 2_500, project_id=old)
    async with agent_of(session_with(books.sandbox)) as agent:
        for scope in ({}, {"client_id": books.client}):
            answer = await asked(agent, **scope)
            assert [(row["project"], row["status"]) for row in answer["rows"]] == [("Quarry Catalogue", "active")]
            assert answer["left_out"] == [
                "1 completed project that count only with include_completed=true (2.5 unbilled hours of all days).",
                "1 expense of completed projects (25 in expenses).",
            ]
        later = await asked(agent, from_date="2026-11-01")
        assert later["left_out"][0].endswith("(2.5 unbilled hours of all days).")
        answer = await asked(agent, include_completed=True)
        assert {row["status"] for row in answer["rows"]} == {"active", "completed"}
        assert hours_in(answer) == 4
        assert hours_in(await asked(agent, project_id=old)) == 2.5


@pytest.mark.parametrize("scope", ["account", "client", "project"])
async def test_what_our_own_draft_bills_is_not_unbilled(books: Books, scope: str) -> None:
    october(books)
    given = {"account": {}, "client": {"client_id": books.client}, "project": {"project_id": books.project}}[scope]
    async with agent_of(session_with(books.sandbox)) as agent:
        assert hours_in(await asked(agent, **given)) == 6.08 + 2 + 3
        made = await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER)
        answer = await asked(agent, **given)
        assert hours_in(answer) == 5
    async with agent_of(session_with(books.sandbox)) as agent:  # another process, with a memory of its own
        again = await asked(agent, **given)
    assert again["rows"] == answer["rows"]
    if books.sandbox.switches.billed_key is None:
        invoice = f"invoice “1” (id {made['record']['id']})"
        told = f"3 hour entries billed by {invoice}, though Clientary does not show it (6.08 hours)."
        assert again["left_out"] == [told]


@pytest.mark.parametrize("how", ["cancel", "delete", "in Clientary"])
async def test_work_of_a_void_invoice_is_unbilled_again(books: Books, how: str) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        made = (await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER))["record"]["id"]
        if how == "cancel":
            await agent.answer("update_invoice", invoice_id=made, status="cancelled")
        elif how == "delete":
            await agent.confirmed("delete_invoice", invoice_id=made)
        else:
            books.sandbox.connection.execute("UPDATE invoices SET status = 3")
        answer = await asked(agent)
    assert hours_in(answer) == 6.08 + 5
    told = "3 records that Clientary shows as billed count as unbilled" in answer["basis"]
    assert told is (how == "in Clientary" and books.sandbox.switches.billed_key is not None)


async def test_expenses_of_a_void_invoice_are_unbilled_again() -> None:
    books = Books()
    books.hours("2026-10-01", 100)
    books.expense("2026-10-02", 2_500)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed("bill_project_hours", project_id=books.project, include_expenses=True)
        assert (await asked(agent))["rows"] == []
        books.sandbox.connection.execute("UPDATE invoices SET status = 3")
        (row,) = (await asked(agent))["rows"]
    assert (row["hours"], row["expenses"]) == (1, 25)


async def test_expenses_that_another_invoice_bills_since_are_billed_in_every_report() -> None:
    books = Books()
    books.hours("2026-10-01", 100)
    books.expense("2026-10-02", 2_500)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed("bill_project_hours", project_id=books.project, include_expenses=True)
        with books.sandbox.connection as tables:
            tables.execute("UPDATE invoices SET status = 3")
        (total,) = (await agent.answer("expenses_report"))["totals"]
        assert (total["billed"], total["unbilled"]) == (0, 25)
        with books.sandbox.connection as tables:
            tables.execute("UPDATE expenses SET invoice_id = ?", [books.sold("77", 2_500)])
        (row,) = (await asked(agent))["rows"]
        (total,) = (await agent.answer("expenses_report"))["totals"]
    assert row["expenses"] == 0
    assert (total["billed"], total["unbilled"]) == (25, 0)


async def test_prepaid_work_is_told(agent: Agent, account: respx.MockRouter) -> None:
    project = PROJECT | {"credits": "10.5", "credit_percentage": 0, "unbilled_credit_amount": 500, "unbilled_hours": 2}
    account.get("projects/24").respond(json=project)
    account.get("projects/24/hours").respond(json={"hours": [HOUR_ENTRY | {"billed?": False}]})
    account.get("expenses").respond(json={"expenses": []})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices"))
    answer = await asked(agent, project_id=24)
    (prepaid,) = answer["prepaid"]
    assert (prepaid["credits"], prepaid["unbilled_credit_amount"]) == (10.5, 500)
    assert "credit_percentage" not in prepaid
    assert "may be paid already" in answer["basis"]
    shown = await agent.answer("bill_project_hours", project_id=24)
    assert "These hours may be paid already" in shown["message"]
    assert "credits 10.5, unbilled_credit_amount 500" in shown["message"]


async def test_an_entry_whose_rate_cannot_be_read_is_not_valued_at_the_projects(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/hours").respond(json={"hours": [HOUR_ENTRY | {"billed?": False, "rate": "n/a"}]})
    account.get("expenses").respond(json={"expenses": []})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices"))
    answer = await asked(agent, project_id=24)
    assert [row["amount"] for row in answer["rows"]] == [0]
    assert "without a rate" in answer["left_out"][0]
    assert "rate of time entry" in await agent.refusal("bill_project_hours", project_id=24)


async def test_an_owner_may_have_billed_freed_work_again(books: Books) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        made = (await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER))["record"]["id"]
        await agent.answer("update_invoice", invoice_id=made, status="cancelled")
        books.sandbox.switches = replace(books.sandbox.switches, billed_key=None)
        books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE title IN ('Layout', 'Cover', 'Index')")
        assert hours_in(await asked(agent)) == 5
