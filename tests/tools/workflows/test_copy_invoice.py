"""Copying an invoice: the same lines, taxes and texts, and neither its payments nor the work that it bills."""

from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.replies import INVOICE
from tests.support.users import configured, connect, writes

pytestmark = pytest.mark.anyio

JOB = "copy_invoice"
LINES = "SELECT title, quantity, price, taxable, item_type FROM invoice_items WHERE invoice_id = ? ORDER BY id"
SAME = "currency_code, title, summary, tax, tax_label, tax2, tax2_label, compound_tax, subtotal, total_cost"


class Source(Books):
    """An account with an invoice of three lines, two taxes and a payment, which bills hours and an estimate."""

    def __init__(self) -> None:
        super().__init__()
        texts = {"title": "Support", "summary": "As agreed", "po": "PO-9"}
        taxes = {"tax": 5_000, "tax_label": "GST", "tax2": 9_975, "tax2_label": "QST", "compound_tax": True}
        note = "Thank you\nTime entries: 4-6.\nEstimate E-77 (id 12)."
        days = {"date": "2026-10-04", "due_date": "2026-10-25"}
        sums = {"subtotal": 51_234, "total_tax": 2_500, "total_tax2": 5_237, "total_cost": 58_971, "balance": 0}
        self.invoice = self.an_invoice("INV-7", status=4, note=note, **texts, **taxes, **days, **sums)
        for title, quantity, price, taxable, kind in (
            ("October", 0, 0, False, 0),
            ("Support", 150, 33_333, True, 3),
            ("Hosting", 100, 1_234, False, 3),
        ):
            line = {"title": title, "quantity": quantity, "price": price, "taxable": taxable, "item_type": kind}
            with self.sandbox.connection:
                self.sandbox.store.insert("invoice_items", {"invoice_id": self.invoice, **line})
        self.add("payments", invoice_id=self.invoice, amount=58_971, received_on="2026-10-20")

    def copy(self) -> dict[str, Any]:
        return self.rows("SELECT * FROM invoices ORDER BY id DESC LIMIT 1")[0]


@pytest.fixture
def books() -> Source:
    return Source()


async def copied(books: Source, **more: Any) -> dict[str, Any]:
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.answer(JOB, invoice_id=books.invoice, **more)


async def test_a_copy_is_a_draft_with_the_same_lines_taxes_and_texts(books: Source) -> None:
    answer = await copied(books)
    copy = books.copy()
    (source,) = books.rows(f"SELECT {SAME} FROM invoices WHERE id = ?", books.invoice)  # noqa: S608 - our names
    assert {name: copy[name] for name in source} == source
    assert books.rows(LINES, copy["id"]) == books.rows(LINES, books.invoice)
    assert (copy["id"], copy["status"], copy["po"], copy["note"]) == (answer["id"], 0, "PO-9", "Thank you")
    assert copy["number"] != "INV-7"
    assert (copy["balance"], copy["total_payments"]) == (copy["total_cost"], 0)
    assert "notice" not in answer


async def test_it_is_due_as_many_days_after_today_as_the_source_was(books: Source) -> None:
    await copied(books)
    assert (books.copy()["date"], books.copy()["due_date"]) == (str(TODAY), "2026-12-11")


@pytest.mark.parametrize(
    ("given", "day", "due"),
    [
        ({"date": "2026-12-01"}, "2026-12-01", "2026-12-22"),
        ({"due_date": "2026-11-30"}, "2026-11-20", "2026-11-30"),
        ({"date": "2026-12-01", "due_date": "2026-12-08"}, "2026-12-01", "2026-12-08"),
    ],
)
async def test_days_may_be_given(books: Source, given: dict[str, str], day: str, due: str) -> None:
    await copied(books, **given)
    assert (books.copy()["date"], books.copy()["due_date"]) == (day, due)


async def test_another_client_and_another_note_may_be_given(books: Source) -> None:
    other = books.add("clients", name="Other", status=1)
    await copied(books, client_id=other, note="Hello")
    assert (books.copy()["client_id"], books.copy()["note"], books.copy()["po"] or None) == (other, "Hello", None)


@pytest.mark.parametrize(
    ("currency", "notice"),
    [
        ("GBP", "It is in EUR, as the source is; the currency of “Other” is GBP."),
        ("EUR", None),
        (None, None),
    ],
)
async def test_a_copy_in_another_currency_than_its_client_says_so(
    books: Source, currency: str | None, notice: str | None
) -> None:
    other = books.add("clients", name="Other", status=1, currency_code=currency)
    answer = await copied(books, client_id=other)
    assert (answer.get("notice"), answer["currency_code"]) == (notice, "EUR")


async def test_a_due_date_before_the_date_is_refused(books: Source) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        assert "due_date" in await agent.refusal(JOB, invoice_id=books.invoice, due_date="2026-11-01")
        assert "was not found" in await agent.refusal(JOB, invoice_id=999_999)
    assert writes(books.sandbox) == []


async def test_a_line_that_cannot_be_read_is_not_copied_as_nothing(books: Source) -> None:
    books.sandbox.connection.execute("UPDATE invoice_items SET price = NULL WHERE title = 'Hosting'")
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, invoice_id=books.invoice)
    assert "cannot be copied: the price of its line “Hosting” is missing" in text
    assert writes(books.sandbox) == []


async def test_a_total_that_is_not_that_of_its_lines_is_told(books: Source) -> None:
    books.sandbox.connection.execute("UPDATE invoices SET total_cost = 60000 WHERE id = ?", (books.invoice,))
    answer = await copied(books)
    assert answer["notice"] == "Its lines and taxes come to 589.71 EUR, the source's total is 600.00 EUR."


async def test_a_total_that_clientary_computes_differently_is_told(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    account.post("invoices").mock(return_value=httpx.Response(201, json=INVOICE | {"id": 111, "total_cost": 123}))
    answer = await agent.answer(JOB, invoice_id=110)
    assert "Clientary computed 123.00 EUR instead of 129.15 EUR: check it before sending it." in answer["notice"]


async def test_the_same_call_copies_once_and_allow_duplicate_once_more(books: Source) -> None:
    async with connect(configured(books.sandbox, FakeTime(TODAY))) as agent:
        first = await agent.answer(JOB, invoice_id=books.invoice)
        again = await agent.answer(JOB, invoice_id=books.invoice)
        assert (again["id"], "Skipped as a duplicate" in again["notice"]) == (first["id"], True)
        assert (await agent.answer(JOB, invoice_id=books.invoice, allow_duplicate=True))["id"] != first["id"]
    assert len(writes(books.sandbox)) == 2


async def test_undo_deletes_the_copy(books: Source) -> None:
    async with connect(configured(books.sandbox, FakeTime(TODAY))) as agent:
        made = (await agent.answer(JOB, invoice_id=books.invoice))["id"]
        action = (await agent.answer("undo"))["steps"][0]
        await agent.answer("undo", action_id=action["action_id"], confirm=True)
    assert books.rows("SELECT id FROM invoices WHERE id = ?", made) == []


async def test_every_invoice_of_the_agency_has_the_same_total_as_its_copy(sandbox: Sandbox) -> None:
    found = sandbox.connection.execute("SELECT id, total_cost FROM invoices ORDER BY id DESC LIMIT 40").fetchall()
    async with agent_of(session_with(sandbox)) as agent:
        for row in found:
            copy = await agent.answer(JOB, invoice_id=row["id"])
            assert round(copy["total_cost"] * 100) == row["total_cost"]
