"""No hour is billed twice: after failures, lost responses, in other processes, and where hours cannot be marked."""

from itertools import product
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx

from clientary_mcp.sandbox import Fault, Faults, Switches
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, Era, agent_of, confirm
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.quarry import OCTOBER, TOTAL, Books, billed, october
from tests.support.replies import HOUR_ENTRY, INVOICE, PROJECT, listed
from tests.support.users import User, configured, connect, writes
from tests.support.writes import fault_id

pytestmark = pytest.mark.anyio

CANCELLED = 3


@pytest.fixture(params=["billed", "billed?", None], ids=lambda key: f"key {key}")
def books(request: pytest.FixtureRequest) -> Books:
    """Accounts where the API marks hours as billed, and where it does not."""
    books = Books()
    books.sandbox.switches = Switches(billed_key=request.param)
    return books


def call(books: Books, **more: Any) -> dict[str, Any]:
    return {"project_id": books.project, **OCTOBER, **more}


async def attempt(books: Books, **more: Any) -> str:
    """The answer of a short-lived process that bills, whether it fails or not."""
    async with agent_of(session_with(books.sandbox)) as agent:
        result = await confirm(agent.client, "bill_project_hours", call(books, **more))
    (content,) = result.content
    return str(getattr(content, "text", ""))


def billed_once(books: Books, entries: list[int]) -> bool:
    """One invoice, each entry on it once, and marked where the account can do so."""
    assert [books.billed_times(entry) for entry in entries] == [1] * len(entries)
    assert books.rows("SELECT subtotal FROM invoices") == [{"subtotal": TOTAL}]
    marked = [
        bool(row["billed"])
        for row in books.rows("SELECT billed FROM hours WHERE title IN ('Layout', 'Cover', 'Index')")
    ]
    return marked == [books.sandbox.switches.billed_key == "billed"] * len(entries)


@pytest.mark.parametrize("more", [{}, {"allow_duplicate": True}, {"group_by": "project"}, {"note": "Again"}], ids=str)
async def test_a_second_call_bills_nothing_whoever_makes_it(books: Books, more: dict[str, Any]) -> None:
    entries = october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed("bill_project_hours", **call(books))
        await agent.confirmed("bill_project_hours", **call(books, **more))
    await attempt(books, **more)
    assert billed_once(books, entries)


async def test_marks_that_the_account_rejects_are_reported_and_not_retried_per_entry(books: Books) -> None:
    entries = october(books)
    done = await billed(books, **OCTOBER)
    marks = len([path for method, path in writes(books.sandbox) if method == "PUT" and "/hours/" in path])
    if books.sandbox.switches.billed_key == "billed":
        assert marks == len(entries)
        return
    assert marks == 1
    assert "does not let the API mark 3 time entries as billed" in done["message"]
    assert done["steps"][-1]["step"].startswith("not marked as billed")
    again = await billed(books, **OCTOBER)
    assert "nothing new to bill" in again["message"]
    assert again["steps"][0]["step"] == "already on an earlier invoice"
    assert str(done["record"]["id"]) in again["steps"][0]["invoice"]


HALF_WAY = [
    *(Fault(kind, after=after) for kind in ("drop", 500, 502, 503, "html") for after in (False, True)),
    *(Fault(kind) for kind in ("truncated", "half", "empty", 504)),
]


@pytest.mark.parametrize(("fault", "nth"), covering(product(HALF_WAY, [1, 2, 3])), ids=fault_id)
async def test_a_failure_while_marking_is_reported_and_the_next_call_continues(
    books: Books, fault: Fault, nth: int
) -> None:
    entries = october(books)
    books.sandbox.faults = Faults([Fault(fault.kind, "PUT", "hours/*", nth=nth, after=fault.after)])
    text = await attempt(books)
    if '"done":true' not in text:
        assert text.startswith("Stopped at: marking the work as billed.")
        assert "Done before: draft invoice (20101)" in text
        assert text.count(" marked") < len(entries)
    books.sandbox.faults = None
    await attempt(books)
    assert billed_once(books, entries)


@pytest.mark.parametrize("fault", HALF_WAY, ids=fault_id)
async def test_an_invoice_whose_response_is_lost_is_created_once(books: Books, fault: Fault) -> None:
    entries = october(books)
    books.sandbox.faults = Faults([Fault(fault.kind, "POST", "invoices", nth=1, after=fault.after)])
    await attempt(books)
    books.sandbox.faults = None
    await attempt(books)
    assert billed_once(books, entries)


class ThenBlind(Faults):
    """The invoice is created, but its response is lost, and so is every check after it."""

    def __init__(self) -> None:
        super().__init__([Fault("drop", "POST", "invoices", nth=1, after=True)])

    def strike(self, method: str, path: str) -> Fault | None:
        if method == "GET":
            return Fault("html") if self.struck else None
        return super().strike(method, path)


async def test_an_unconfirmed_invoice_is_recognized_by_its_note(books: Books) -> None:
    entries = october(books)
    books.sandbox.faults = ThenBlind()
    text = await attempt(books)
    assert "unknown whether" in text
    assert "list_invoices with project_id=" in text
    books.sandbox.faults = None
    await attempt(books)
    assert billed_once(books, entries)


async def test_no_second_invoice_is_created_while_the_first_may_still_appear(books: Books) -> None:
    entries = october(books)
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        books.sandbox.faults = Faults([Fault(504, "POST", "invoices", nth=1)])
        assert "unknown whether" in await agent.refusal_of_confirmed("bill_project_hours", **call(books))
        books.sandbox.faults = None
        text = await agent.refusal_of_confirmed("bill_project_hours", **call(books, group_by="day"))
        assert "may still be created. Nothing was sent. Try again in 2 minutes." in text
        assert books.rows("SELECT id FROM invoices") == []
        await time.clock.sleep(121)
        assert (await agent.confirmed("bill_project_hours", **call(books)))["done"] is True
    assert billed_once(books, entries)


async def test_hours_logged_in_the_meantime_are_billed_separately(books: Books) -> None:
    entries = october(books)
    await attempt(books)
    later = books.hours("2026-10-20", 200, title="Colours")
    await attempt(books)
    assert [books.billed_times(entry) for entry in [*entries, later]] == [1] * 4
    assert [row["subtotal"] for row in books.rows("SELECT subtotal FROM invoices ORDER BY id")] == [TOTAL, 19_000]


async def test_a_cancelled_invoice_does_not_count_as_billing(books: Books) -> None:
    entries = october(books)
    await attempt(books)
    books.sandbox.connection.execute("UPDATE invoices SET status = ?", (CANCELLED,))
    books.sandbox.connection.execute("UPDATE hours SET billed = 0 WHERE title <> 'Billed before'")
    await attempt(books)
    assert [books.billed_times(entry) for entry in entries] == [1] * 3
    assert len(books.rows("SELECT id FROM invoices")) == 2


async def test_a_project_that_moves_to_another_client_is_not_billed_again(books: Books) -> None:
    entries = october(books)
    await attempt(books)
    other = books.add("clients", name="Larkspur", currency_code="EUR", status=1)
    books.sandbox.connection.execute("UPDATE projects SET client_id = ?", (other,))
    await attempt(books)
    assert billed_once(books, entries)


async def test_an_entry_without_a_date_is_searched_for_on_every_invoice(books: Books) -> None:
    books.sandbox.switches = Switches(billed_key=None, extra_keys=False)
    undated, dated = books.hours(None, 100, title="Undated"), books.hours("2026-11-10", 100, title="Dated")
    former = books.add("clients", name="Larkspur", currency_code="EUR", status=1)
    books.an_invoice("77", client_id=former, note=f"Time entries: {undated}.")
    await billed(books)
    assert [books.billed_times(entry) for entry in (undated, dated)] == [0, 1]


async def test_projects_and_months_do_not_affect_each_other(books: Books) -> None:
    first = books.project
    entries = october(books)
    second = books.a_project("Quarry Website")
    others = [books.hours(f"2026-{month}-10", 100, project_id=second, title=f"Web {month}") for month in ("09", "10")]
    for project in (first, second):
        books.project = project
        await attempt(books)
    assert [books.billed_times(entry) for entry in [*entries, *others]] == [1, 1, 1, 0, 1]
    for project in (first, second):
        books.project = project
        await attempt(books, from_date="2026-09-01", to_date="2026-09-30")
    assert [books.billed_times(entry) for entry in [*entries, *others]] == [1] * 5
    assert sorted(row["subtotal"] for row in books.rows("SELECT subtotal FROM invoices")) == [
        9_500,
        9_500,
        19_000,
        TOTAL,
    ]


async def test_concurrent_different_calls_bill_once(books: Books) -> None:
    entries = october(books)
    books.sandbox.faults = Faults([Fault("slow")], sleep=lambda _: anyio.lowlevel.checkpoint())
    async with agent_of(session_with(books.sandbox)) as agent, anyio.create_task_group() as group:
        for grouped in ("entry", "title", "person", "day", "project"):
            group.start_soon(confirm, agent.client, "bill_project_hours", call(books, group_by=grouped))
    assert [books.rows("SELECT subtotal FROM invoices")] == [[{"subtotal": TOTAL}]]
    assert len(entries) == 3


@pytest.mark.parametrize(
    "note",
    [
        "Time entries: 70001-70009.",
        "Time entries:\n70001 \N{EN DASH} 70003,\n70004, 70005, 70006.",
        "See Time entries: 1-999999999.",
    ],
)
async def test_an_edited_note_still_counts_and_is_shown(books: Books, note: str) -> None:
    entries = october(books)
    books.an_invoice("77", note=note)
    shown = await billed(books, **OCTOBER, confirm=False)
    assert shown["steps"][0]["invoice"].startswith("invoice “77”")
    assert "nothing new is to be billed" in shown["message"]
    await attempt(books)
    assert [books.billed_times(entry) for entry in entries] == [0] * 3
    assert len(books.rows("SELECT id FROM invoices")) == 1


async def test_a_note_that_mentions_time_otherwise_does_not_count(books: Books) -> None:
    entries = october(books)
    for number, note in enumerate(["Time entries: see the sheet.", "Our time: 70001-70009.", "Expenses: 70001-70009."]):
        books.an_invoice(str(number), note=note)
    await attempt(books)
    assert [books.billed_times(entry) for entry in entries] == [1] * 3


# Where Clientary refuses, or answers something else


def played(account: respx.MockRouter, *, mark: int = 204, total: str | None = "600") -> None:
    """An account with two unbilled hours, whose marks are answered with that status."""
    entries = [HOUR_ENTRY | {"id": 1, "billed?": False}, HOUR_ENTRY | {"id": 2, "billed?": False}]
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/hours").respond(json={"hours": entries})
    account.get(path__regex=r".*/invoices").respond(json=listed("invoices", INVOICE))
    made = INVOICE | {"id": 500, "number": "900", "note": "Time entries: 1-2.", "total_cost": total}
    account.post("invoices").respond(201, json=made)
    account.put(path__regex=r".*/hours/\d").respond(mark)
    account.get(path__regex=r".*/hours/\d").respond(json=entries[0])


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_a_mark_that_is_refused_does_not_undo_the_invoice(
    agent: Agent, account: respx.MockRouter, status: int
) -> None:
    played(account, mark=status)
    done = await agent.confirmed("bill_project_hours", project_id=24)
    assert done["record"]["id"] == 500
    assert "does not let the API mark 2 time entries" in done["message"]


@pytest.mark.parametrize(
    ("total", "text"), [("1299.99", "Clientary computed 1,299.99"), (None, "did not return its total")]
)
async def test_an_unexpected_total_is_reported(
    agent: Agent, account: respx.MockRouter, total: str | None, text: str
) -> None:
    played(account, total=total)
    done = await agent.confirmed("bill_project_hours", project_id=24)
    assert text in done["message"]


async def test_an_unreadable_page_of_invoices_bills_nothing(agent: Agent, account: respx.MockRouter) -> None:
    played(account)
    account.get(path__regex=r".*/invoices").mock(return_value=httpx.Response(500))
    assert "server error" in await agent.refusal_of_confirmed("bill_project_hours", project_id=24)
    assert not account.routes[3].called


# Approval


async def test_the_user_sees_every_line_and_is_asked_only_when_there_is_work(era: Era) -> None:
    books = Books()
    october(books)
    user = User()
    async with connect(configured(books.sandbox, FakeTime(TODAY)), era, user) as agent:
        assert (await agent.confirmed("bill_project_hours", **call(books)))["done"] is True
        assert (await agent.confirmed("bill_project_hours", **call(books, group_by="day")))["done"] is False
    (question,) = user.questions
    assert '- step: "line", title: "2026-10-12 Cover", quantity: 3.25, price: 120, amount: 390' in question
    assert 'currency code: "EUR", subtotal: 658.85, taxes: 0, total: 658.85' in question
    assert "confirm" not in question


async def test_very_many_hours_are_billed_and_marked_in_one_call() -> None:
    books = Books()
    for day in range(1, 31):
        for _ in range(5):
            books.hours(f"2026-09-{day:02}", 50)
    done = await billed(books)
    assert len([step for step in done["steps"] if step["step"] == "line"]) == 150
    assert books.rows("SELECT count(*) AS n FROM hours WHERE billed") == [{"n": 150}]
    assert books.rows("SELECT subtotal FROM invoices") == [{"subtotal": 150 * 4_750}]
