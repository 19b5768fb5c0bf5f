"""Cancelling, deleting, taking up again and editing an invoice that bills work: none is lost, none billed twice."""

from dataclasses import replace
from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Switches
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.quarry import OCTOBER, Books, billed, october

pytestmark = pytest.mark.anyio

CANCELLED = 3


@pytest.fixture(params=["billed", None], ids=lambda key: f"key {key}")
def books(request: pytest.FixtureRequest) -> Books:
    """Accounts where the API marks hours as billed, and where it does not."""
    books = Books()
    books.sandbox.switches = Switches(billed_key=request.param)
    return books


def marks(books: Books) -> bool:
    return books.sandbox.switches.billed_key is not None


async def bill(agent: Agent, books: Books, **more: Any) -> dict[str, Any]:
    return await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER, **more)


async def void(agent: Agent, invoice_id: int, how: str) -> str:
    """Cancel or delete an invoice; returns what is said about it."""
    if how == "delete":
        return str((await agent.confirmed("delete_invoice", invoice_id=invoice_id))["message"])
    return str((await agent.answer("update_invoice", invoice_id=invoice_id, status="cancelled"))["notice"])


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_the_work_of_a_voided_invoice_is_named_and_offered_again(books: Books, how: str) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        said = await void(agent, first, how)
        assert f"It billed time entries {entries[0]}-{entries[-1]}; they are unbilled again." in said
        assert not books.rows("SELECT id FROM hours WHERE billed AND title <> 'Billed before'")
        again = await bill(agent, books)
    assert again["record"]["id"] != first
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_one_entry_is_told_of_in_the_singular(books: Books, how: str) -> None:
    entry = books.hours("2026-10-01", 150, title="Layout")
    async with agent_of(session_with(books.sandbox)) as agent:
        said = await void(agent, (await bill(agent, books))["record"]["id"], how)
    assert f"It billed time entry {entry}; it is unbilled again." in said


async def test_the_preview_of_a_delete_names_the_work_that_becomes_unbilled(books: Books) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        shown = await agent.answer("delete_invoice", invoice_id=first)
    assert shown["goes_with_it"]["becomes_unbilled"] == f"time entries {entries[0]}-{entries[-1]}"


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_work_that_stays_marked_is_offered_again_all_the_same(books: Books, how: str) -> None:
    """Its owner marked it in Clientary, or the marks cannot be taken away."""
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE title IN ('Layout', 'Cover', 'Index')")
        books.sandbox.switches = replace(books.sandbox.switches, billed_key=None)
        said = await void(agent, first, how)
        assert "does not let the API mark 3 time entries as unbilled" in said
        assert "Jobs and reports of this server count that as unbilled." in said
        shown = await agent.answer("bill_project_hours", project_id=books.project, **OCTOBER)
        assert "still shows 3 time entries as billed" in shown["message"]
        await bill(agent, books)
        assert (await bill(agent, books))["done"] is False
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


async def test_work_that_somebody_else_bills_after_it_was_freed_is_not_offered(books: Books) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        await void(agent, (await bill(agent, books))["record"]["id"], "cancel")
        books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE title IN ('Layout', 'Cover', 'Index')")
        assert (await bill(agent, books))["done"] is False


async def test_a_cancelled_invoice_is_not_taken_up_again_once_another_bills_its_work(books: Books) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        await void(agent, first, "cancel")
        second = (await bill(agent, books))["record"]["id"]
        text = await agent.refusal("update_invoice", invoice_id=first, status="sent")
        assert f"time entries {entries[0]}-{entries[-1]}" in text
        assert f"(id {second})" in text
        assert "Nothing was sent." in text
        await void(agent, second, "delete")
        said = (await agent.answer("update_invoice", invoice_id=first, status="sent"))["notice"]
        assert f"It bills time entries {entries[0]}-{entries[-1]} again." in said
        assert ("does not let the API mark 3 time entries as billed" in said) is not marks(books)
        assert len(books.rows("SELECT id FROM hours WHERE billed")) == (4 if marks(books) else 1)
        await bill(agent, books)
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


async def test_a_cancelled_invoice_is_not_taken_up_again_once_its_work_is_marked_by_somebody_else(books: Books) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        await void(agent, first, "cancel")
        books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE title = 'Cover'")
        text = await agent.refusal("update_invoice", invoice_id=first, status="sent")
    assert "since Clientary shows 1 time entry as billed again" in text
    assert books.rows("SELECT status FROM invoices") == [{"status": CANCELLED}]


async def test_work_of_an_invoice_taken_up_again_is_offered_once_a_person_cancels_it(books: Books) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        await void(agent, first, "cancel")
        await agent.answer("update_invoice", invoice_id=first, status="draft")
        await bill(agent, books)
        books.sandbox.connection.execute("UPDATE invoices SET status = ?", (CANCELLED,))
        await bill(agent, books)
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


async def test_work_of_two_invoices_is_offered_once_both_are_void_in_whatever_order(books: Books) -> None:
    entries = october(books)
    session = session_with(books.sandbox)
    async with agent_of(session) as agent:
        first = (await bill(agent, books))["record"]["id"]
        younger = books.an_invoice("78")
        await session.memory.billed.add(younger, books.project, {"hours": [range(entries[0], entries[-1] + 1)]})
        await void(agent, younger, "cancel")
        books.sandbox.connection.execute("UPDATE invoices SET status = ? WHERE id = ?", (CANCELLED, first))
        shown = await agent.answer("bill_project_hours", project_id=books.project, **OCTOBER)
    assert f"{entries[0]}" in str([step for step in shown["steps"] if step["step"] == "line"])


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_work_that_was_moved_to_another_project_is_freed_too(books: Books, how: str) -> None:
    entries = october(books)
    other = books.a_project("Quarry Atlas")
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        books.sandbox.connection.execute("UPDATE hours SET project_id = ? WHERE id = ?", (other, entries[1]))
        assert "they are unbilled again." in await void(agent, first, how)
        (row,) = (await agent.answer("unbilled_report", project_id=other))["rows"]
        assert row["hours"] == 3.25
        await agent.confirmed("bill_project_hours", project_id=other)
    assert books.billed_times(entries[1]) == 1


async def test_moved_work_is_not_billed_twice_though_a_person_rewrote_the_note(books: Books) -> None:
    entries = october(books)
    other = books.a_project("Quarry Atlas")
    async with agent_of(session_with(books.sandbox)) as agent:
        await bill(agent, books)
        books.sandbox.connection.execute("UPDATE invoices SET note = 'Danke!'")
        books.sandbox.connection.execute("UPDATE hours SET project_id = ? WHERE id = ?", (other, entries[1]))
        assert (await agent.confirmed("bill_project_hours", project_id=other))["record"].get("total_cost") is None
        assert (await agent.answer("unbilled_report", project_id=other))["rows"] == []
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


async def test_expenses_of_a_voided_invoice_are_freed(books: Books) -> None:
    books.hours("2026-10-01", 100)
    expense = books.expense("2026-10-02", 2_500)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books, include_expenses=True))["record"]["id"]
        assert f"and expense {expense}; they are unbilled again." in await void(agent, first, "cancel")
        assert books.rows("SELECT invoice_id FROM expenses") == [{"invoice_id": None}]
        again = await bill(agent, books, include_expenses=True)
    assert books.rows("SELECT invoice_id FROM expenses") == [{"invoice_id": again["record"]["id"]}]


async def test_a_failure_while_freeing_is_told_and_the_work_is_offered_again(books: Books) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        books.sandbox.faults = Faults(
            [Fault(500, "PUT", "hours/*") if marks(books) else Fault(500, "GET", "projects/*/hours")]
        )
        said = await void(agent, first, "cancel")
        assert "Not all of that could be marked as unbilled" in said
        books.sandbox.faults = None
        await bill(agent, books)
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


@pytest.mark.parametrize("given", ["Thank you.", "Time entries: 70004-70005."])
async def test_an_edited_note_keeps_the_list_of_billed_work(books: Books, given: str) -> None:
    entries = october(books)
    books.sandbox.switches = replace(books.sandbox.switches, billed_key=None)
    first = (await billed(books, **OCTOBER))["record"]["id"]
    reference = f"Time entries: {entries[0]}-{entries[-1]}."
    async with agent_of(session_with(books.sandbox)) as agent:
        answer = await agent.answer("update_invoice", invoice_id=first, note=given)
        assert answer["note"] == f"{given}\n{reference}"
        assert f"The note keeps “{reference}”" in answer["notice"]
        again = await agent.answer("update_invoice", invoice_id=first, note=f"{reference} Thanks.")
        assert "The note keeps" not in again["notice"]
        assert (await agent.answer("update_invoice", invoice_id=first, clear=["note"]))["note"] == reference
        assert (await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER))["done"] is True
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


@pytest.mark.parametrize(("listed", "stay"), [("{0}-{1}", "2 time entries stay"), ("{0}", "1 time entry stays")])
async def test_work_of_a_voided_invoice_that_another_bills_too_stays_billed(listed: str, stay: str) -> None:
    books = Books()
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        twin = books.an_invoice("77", note=f"Time entries: {listed.format(*entries)}.")
        said = await void(agent, first, "cancel")
        assert f"{stay} billed by invoice “77” (id {twin})." in said
    assert len(books.rows("SELECT id FROM hours WHERE billed AND title <> 'Billed before'")) == int(stay[0])


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_an_invoice_of_another_machine_is_known_by_its_note(books: Books, how: str) -> None:
    books.sandbox.switches = replace(books.sandbox.switches, billed_key=None)
    entries = october(books)
    first = (await billed(books, **OCTOBER))["record"]["id"]
    books.sandbox.switches = replace(books.sandbox.switches, billed_key="billed")
    books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE title IN ('Layout', 'Cover', 'Index')")
    async with agent_of(session_with(books.sandbox)) as agent:
        said = await void(agent, first, how)
    assert f"It billed time entries {entries[0]}-{entries[-1]}; they are unbilled again." in said
    assert not books.rows("SELECT id FROM hours WHERE billed AND title <> 'Billed before'")


async def test_work_that_is_made_again_after_a_delete_is_billed_by_the_same_invoice(books: Books) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        first = (await bill(agent, books))["record"]["id"]
        await agent.confirmed("delete_hour_entry", hour_entry_id=entries[0])
        action = (await agent.answer("undo"))["steps"][0]["action_id"]
        new = (await agent.confirmed("undo", action_id=action))["record"]["id"]
        shown = await agent.answer("bill_project_hours", project_id=books.project, **OCTOBER)
        assert not [step for step in shown.get("steps", ()) if step["step"] == "line"]
        assert str(new) in await void(agent, first, "cancel")
        await bill(agent, books)
    assert books.billed_times(new) == 1
    assert not books.rows("SELECT id FROM hours WHERE id = ?", entries[0])


async def test_an_edited_note_keeps_the_estimate_that_the_invoice_was_made_from() -> None:
    books = Books()
    estimate = books.add(
        "estimates", client_id=books.client, number="E-8", date="2026-10-01", currency_code="EUR", status=6
    )
    async with agent_of(session_with(books.sandbox)) as agent:
        job = {"estimate_id": estimate, "due_date": "2026-12-31"}
        first = (await agent.confirmed("create_invoice_from_estimate", **job))["record"]["id"]
        answer = await agent.answer("update_invoice", invoice_id=first, note="Thank you.")
        assert answer["note"] == f"Thank you.\nEstimate E-8 (id {estimate})."
        assert "The note keeps" in answer["notice"]
        again = await agent.answer("create_invoice_from_estimate", **job | {"due_date": "2027-01-31"})
    assert "was turned into" in again["message"]


async def test_profit_is_told_once_the_invoice_that_billed_the_work_is_deleted(books: Books) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        await bill(agent, books)
        books.sandbox.connection.execute("DELETE FROM invoices")
        report = await agent.answer("profitability_report", project_id=books.project)
    assert report["rows"][0]["invoiced"] == 0
    assert any("not billed yet: 11.08" in each for each in report["left_out"])
