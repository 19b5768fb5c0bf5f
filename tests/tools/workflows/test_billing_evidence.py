"""The traces of a bill: its note until all is marked, a second look for twins, and what is told before it is agreed."""

from collections.abc import Callable
from typing import Any

import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Switches
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, agent_of, confirm
from tests.support.clock import FakeTime
from tests.support.quarry import OCTOBER, Books, billed, october
from tests.support.replies import HOUR_ENTRY, PROJECT, listed

pytestmark = pytest.mark.anyio


@pytest.fixture
def books() -> Books:
    return Books()


def notes(books: Books) -> list[str]:
    return [row["note"] for row in books.rows("SELECT note FROM invoices ORDER BY id")]


class When(Faults):
    """Something happens right before the first request of that kind, and no request fails."""

    def __init__(self, method: str, path: str, happens: Callable[[], Any]) -> None:
        super().__init__([])
        self._method, self._path, self._happens, self._over = method, path, happens, False

    def strike(self, method: str, path: str) -> Fault | None:
        if method == self._method and self._path in path and not self._over:
            self._over = True
            self._happens()
        return None


async def test_the_note_goes_once_all_is_marked_and_only_from_a_draft(books: Books) -> None:
    october(books)
    await billed(books, **OCTOBER, note="Thank you.")
    assert notes(books) == ["Thank you."]
    books.hours("2026-10-20", 100, title="Colours")

    def send() -> None:
        books.sandbox.connection.execute("UPDATE invoices SET status = 1")

    books.sandbox.faults = When("PUT", "hours", send)
    await billed(books, **OCTOBER)
    assert notes(books)[1].startswith("Time entries: "), "its client may have read it"


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_the_call_after_a_crash_while_marking_takes_the_note_out(books: Books, nth: int) -> None:
    october(books)
    books.sandbox.faults = Faults([Fault(500, "PUT", "hours/*", nth=nth)])
    async with agent_of(session_with(books.sandbox)) as agent:
        await confirm(agent.client, "bill_project_hours", {"project_id": books.project, **OCTOBER})
    assert "Time entries" in notes(books)[0]
    books.sandbox.faults = None
    await billed(books, **OCTOBER)
    assert notes(books) == [""]
    assert not books.rows("SELECT id FROM hours WHERE NOT billed AND date LIKE '2026-10%'")


async def test_a_failure_to_take_the_note_out_is_told_and_harms_nothing(books: Books) -> None:
    october(books)
    books.sandbox.faults = Faults([Fault(500, "PUT", "invoices/*")])
    done = await billed(books, **OCTOBER)
    assert "The invoice's note still lists what it bills" in done["message"]
    assert "All of it is marked as billed." in done["message"]
    books.sandbox.faults = None
    assert (await billed(books, **OCTOBER))["done"] is False


@pytest.mark.parametrize("key", ["billed", None])
async def test_an_invoice_for_the_same_work_is_told_with_the_offer_to_cancel_the_younger(
    books: Books, key: str | None
) -> None:
    books.sandbox.switches = Switches(billed_key=key)  # type: ignore[arg-type]  # one of its words
    first, *_ = october(books)
    twin: list[int] = []
    books.sandbox.faults = When(
        "POST", "invoices", lambda: twin.append(books.an_invoice("77", status=0, note=f"Time entries: {first}."))
    )
    done = await billed(books, **OCTOBER)
    assert f"Attention: invoice “77” (id {twin[0]}) bills 1 time entry of these as well: {first}." in done["message"]
    younger = max(twin[0], done["record"]["id"])
    assert f"update_invoice with invoice_id={younger}, status=cancelled" in done["message"]
    assert "Time entries" in next(note for note in notes(books) if str(first) in note and "-" in note)


async def test_work_that_somebody_marks_meanwhile_is_told(books: Books) -> None:
    first, *_ = october(books)
    books.sandbox.faults = When(
        "POST",
        "invoices",
        lambda: books.sandbox.connection.execute("UPDATE hours SET billed = 1 WHERE id = ?", (first,)),
    )
    done = await billed(books, **OCTOBER)
    assert f"another invoice may bill 1 time entry that Clientary no longer shows: {first}." in done["message"]


async def test_a_second_look_that_fails_does_not_stop_the_marks(books: Books) -> None:
    october(books)

    def fail() -> None:
        books.sandbox.faults = Faults([Fault("html", "GET", "clients/*/invoices")])

    books.sandbox.faults = When("POST", "invoices", fail)
    done = await billed(books, **OCTOBER)
    assert "could not be checked" in done["message"]
    assert "All of it is marked as billed." in done["message"]


async def test_the_ledger_knows_what_an_invoice_bills_whose_note_was_not_kept(books: Books) -> None:
    books.sandbox.switches = Switches(billed_key=None)
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        call = {"project_id": books.project, **OCTOBER}
        made = (await agent.confirmed("bill_project_hours", **call))["record"]["id"]
        books.sandbox.connection.execute("UPDATE invoices SET note = ''")
        again = await agent.confirmed("bill_project_hours", **call)
        assert str(made) in again["steps"][0]["invoice"]
        assert len(notes(books)) == 1


async def test_the_preview_names_the_taxes_of_the_clients_latest_invoice(books: Books) -> None:
    october(books)
    books.an_invoice("7", date="2026-09-01", tax=19_000, tax_label="VAT")
    latest = books.an_invoice("8", date="2026-10-04", tax=7_000, tax_label="VAT", tax2=1_500, tax2_label="City")
    books.an_invoice("9", date="2026-10-05", tax=25_000, tax_label="Moms", status=3)
    shown = await billed(books, **OCTOBER, confirm=False)
    told = f"The invoice has no tax, while the client's latest invoice “8” (id {latest}) has VAT 7% and City 1.5%"
    assert told in shown["message"]
    assert "latest" not in (await billed(books, **OCTOBER, tax=7, confirm=False))["message"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"hours": "two"}, "hours of time entry 1 is “two”"),
        ({"rate": "12,50"}, "rate of time entry 1 is “12,50”"),
        ({"date": "soon"}, "date of time entry 1 is “soon”"),
        ({"billed?": "maybe"}, "billed of time entry 1 is “maybe”"),
    ],
)
async def test_work_that_cannot_be_read_is_not_billed(
    agent: Agent, account: respx.MockRouter, values: dict[str, Any], why: str
) -> None:
    entry = HOUR_ENTRY | {"id": 1, "billed?": False} | values
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/hours").respond(json={"hours": [entry]})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices"))
    text = await agent.refusal("bill_project_hours", project_id=24)
    assert why in text
    assert "Nothing was sent." in text


@pytest.mark.parametrize("field", ["amount", "invoice_id"])
async def test_an_expense_that_cannot_be_read_is_not_billed(
    agent: Agent, account: respx.MockRouter, field: str
) -> None:
    expense = {"id": 5, "project_id": 24, "incurred_on": "2026/10/01", "amount": "12", field: "a few"}
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/hours").respond(json={"hours": []})
    account.get("expenses").respond(json={"expenses": [expense]})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices"))
    text = await agent.refusal("bill_project_hours", project_id=24, include_expenses=True)
    assert f"{field} of expense 5 is “a few”" in text


async def test_a_third_of_an_hour_is_billed_with_as_many_digits_as_a_number_keeps(
    agent: Agent, account: respx.MockRouter
) -> None:
    entries = [HOUR_ENTRY | {"id": n, "hours": 0.3333333333333333, "rate": 100, "billed?": False} for n in (1, 2, 3)]
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/hours").respond(json={"hours": entries})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices"))
    shown = await agent.answer("bill_project_hours", project_id=24, group_by="project")
    (line,) = [step for step in shown["steps"] if step["step"] == "line"]
    assert (line["quantity"], line["amount"]) == (1, 100)
    assert "The lines come to 0.01" in shown["message"]
    single = await agent.answer("bill_project_hours", project_id=24)
    assert [step["amount"] for step in single["steps"] if step["step"] == "line"] == [33.33] * 3


async def test_the_note_stays_where_nothing_else_outlives_the_process(books: Books) -> None:
    """After a restart, only the note shows which work a cancelled invoice billed."""
    (first, *_, last) = october(books)
    settings = Settings(base_url="http://localhost", api_token=books.sandbox.token, time_zone="UTC", store="memory")

    def session() -> Clientary:
        return Clientary(settings, Network(books.sandbox), FakeTime(TODAY).clock)

    async with agent_of(session()) as agent:
        shown = await agent.answer("bill_project_hours", project_id=books.project, **OCTOBER)
        assert "The note keeps the list" in shown["not_visible"]
        await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER)
    assert notes(books) == [f"Time entries: {first}-{last}."]
    books.sandbox.connection.execute("UPDATE invoices SET status = 3")
    async with agent_of(session()) as agent:
        await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER)
    assert books.billed_times(first) == 1
