"""Invoicing an estimate: the draft has the same lines, and is created only once."""

import json
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx

from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.replies import ESTIMATE, INVOICE, listed
from tests.support.users import User, configured, connect
from tests.support.writes import fault_id

pytestmark = pytest.mark.anyio

JOB = "create_invoice_from_estimate"
DUE = "2026-12-31"
SAME = (
    "client_id, currency_code, title, summary, tax, tax2, tax3, tax_label, tax2_label, tax3_label, compound_tax,"
    " subtotal, total_tax, total_tax2, total_tax3, total_cost"
)
LINES = "SELECT title, quantity, price, taxable, item_type FROM {0}_items WHERE {0}_id = ? ORDER BY id"
ACCEPTED, CANCELLED = 6, 3


def an_estimate(books: Books, **values: Any) -> int:
    """An accepted one, with a section, a compound tax, and a line that is not taxed."""
    taxes = {"tax": 5_000, "tax_label": "GST", "tax2": 9_975, "tax2_label": "QST", "compound_tax": True}
    texts = {"number": "E-77", "title": "Booking page", "summary": "As agreed", "note": "Valid for 30 days"}
    sums = {"subtotal": 183_333, "total_cost": 209_638, "total_tax": 8_500, "total_tax2": 17_805}
    about = {"client_id": books.client, "date": "2026-11-03", "currency_code": "EUR", "status": ACCEPTED}
    estimate = books.add("estimates", **{**taxes, **texts, **sums, **about, **values})
    for title, quantity, price, taxable, kind in (
        ("Design", 0, 0, False, 0),
        ("Layout", 150, 33_333, True, 3),
        ("Templates", 300, 39_999, True, 3),
        ("Photographs", 100, 13_336, False, 3),
    ):
        line = {"title": title, "quantity": quantity, "price": price, "taxable": taxable, "item_type": kind}
        with books.sandbox.connection:
            books.sandbox.store.insert("estimate_items", {"estimate_id": estimate, **line})
    return estimate


@pytest.fixture
def books() -> Books:
    return Books()


async def made(books: Books, estimate: int, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived agent."""
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.answer(JOB, **{"estimate_id": estimate, "due_date": DUE, "confirm": True, **more})


async def attempt(books: Books, estimate: int) -> str:
    """The answer of a short-lived process, whether it fails or not."""
    async with agent_of(session_with(books.sandbox)) as agent:
        result = await agent.call(JOB, {"estimate_id": estimate, "due_date": DUE, "confirm": True})
    return str(getattr(result.content[0], "text", ""))


def invoices(books: Books) -> int:
    return len(books.rows("SELECT id FROM invoices"))


async def test_the_preview_shows_the_lines_and_compares_the_totals(books: Books) -> None:
    estimate = an_estimate(books)
    shown = await made(books, estimate, confirm=False)
    assert shown["totals"] == [
        {"currency_code": "EUR", "subtotal": 1833.33, "taxes": 263.05, "total": 2096.38, "estimate_total": 2096.38},
    ]
    assert "the estimate has the same total" in shown["message"]
    assert [step["step"] for step in shown["steps"]] == ["draft invoice", "section", "line", "line", "line"]
    assert shown["steps"][2] == {
        "step": "line", "title": "Layout", "quantity": 1.5, "price": 333.33, "amount": 500, "taxable": True,
    }  # fmt: skip
    assert invoices(books) == len(books.sandbox.ledger) == 0


async def test_a_confirmed_call_copies_everything_one_to_one(books: Books) -> None:
    estimate = an_estimate(books)
    done = await made(books, estimate, number="R-1", date="2026-11-30")
    (invoice,) = books.rows("SELECT * FROM invoices")
    of_estimate = books.rows(f"SELECT {SAME} FROM estimates WHERE id = ?", estimate)[0]  # noqa: S608 - our names
    assert {name: invoice[name] for name in of_estimate} == of_estimate
    assert books.rows(LINES.format("invoice"), invoice["id"]) == books.rows(LINES.format("estimate"), estimate)
    assert (invoice["status"], invoice["number"], invoice["date"], invoice["due_date"]) == (0, "R-1", "2026-11-30", DUE)
    assert invoice["note"] == f"Valid for 30 days\nEstimate E-77 (id {estimate})."
    assert done["record"]["id"] == invoice["id"]
    assert "Clientary computed" not in done["message"]
    assert books.rows("SELECT status FROM estimates") == [{"status": ACCEPTED}]


async def test_every_estimate_of_the_agency_has_the_same_total_as_an_invoice(sandbox: Sandbox) -> None:
    found = sandbox.connection.execute("SELECT id, total_cost FROM estimates WHERE client_id IS NOT NULL").fetchall()
    assert len(found) > 30
    async with agent_of(session_with(sandbox)) as agent:
        for row in found:
            done = await agent.answer(JOB, estimate_id=row["id"], due_date=DUE, confirm=True)
            assert Decimal(str(done["totals"][0]["total"])) * 100 == row["total_cost"]
            assert "Clientary computed" not in done["message"]
            invoice = done["record"]["id"]
            assert [tuple(line) for line in sandbox.connection.execute(LINES.format("invoice"), (invoice,))] == [
                tuple(line) for line in sandbox.connection.execute(LINES.format("estimate"), (row["id"],))
            ]


async def test_a_different_estimate_total_is_reported(books: Books) -> None:
    shown = await made(books, an_estimate(books, total_cost=200_000), confirm=False)
    assert "that is 96.38 EUR more than the estimate's own total of 2,000.00 EUR" in shown["message"]
    assert (shown["totals"][0]["total"], shown["totals"][0]["estimate_total"]) == (2096.38, 2000)


@pytest.mark.parametrize(
    ("status", "word"), [(0, "draft"), (1, "sent"), (3, "cancelled"), (4, "declined"), (7, "archived"), (6, None)]
)
async def test_an_estimate_that_is_not_accepted_is_converted_with_a_warning(
    books: Books, status: int, word: str | None
) -> None:
    estimate = an_estimate(books, status=status)
    shown = await made(books, estimate, confirm=False)
    assert ("not accepted" in shown["message"]) == (word is not None)
    assert word is None or f"“{word}”" in shown["message"]
    assert (await made(books, estimate))["done"] is True


# Once


async def test_a_second_call_names_the_existing_invoice_and_creates_none(books: Books) -> None:
    estimate = an_estimate(books)
    done = await made(books, estimate)
    for confirm in (False, True):
        again = await made(books, estimate, due_date="2027-01-15", confirm=confirm)
        assert again["done"] is False
        assert f"“{done['record']['number']}” (id {done['record']['id']})" in again["message"]
        assert "to_proceed" not in again
    assert invoices(books) == 1
    assert "was made from it already" in (await made(books, estimate, allow_duplicate=True, confirm=False))["message"]
    assert (await made(books, estimate, allow_duplicate=True))["done"] is True
    assert invoices(books) == 2


async def test_an_invoice_that_was_cancelled_does_not_count(books: Books) -> None:
    estimate = an_estimate(books)
    await made(books, estimate)
    books.sandbox.connection.execute("UPDATE invoices SET status = ?", (CANCELLED,))
    assert (await made(books, estimate))["done"] is True


async def test_an_invoice_from_another_estimate_does_not_count(books: Books) -> None:
    first, second = an_estimate(books), an_estimate(books, number="E-78")
    assert (await made(books, first))["done"] is True
    assert (await made(books, second))["done"] is True
    assert invoices(books) == 2


@pytest.mark.parametrize("other", ["{}1", "9{}"])
async def test_an_invoice_from_an_estimate_whose_id_contains_this_id_does_not_count(books: Books, other: str) -> None:
    estimate = an_estimate(books)
    books.an_invoice("7", note=f"Estimate E-9 (id {other.format(estimate)}).")
    assert (await made(books, estimate))["done"] is True


LOSSES = [
    *(Fault(kind, after=after) for kind in ("drop", 500, 502, 503, "html") for after in (False, True)),
    *(Fault(kind) for kind in ("truncated", "half", "empty", 504)),
]


@pytest.mark.parametrize("fault", LOSSES, ids=fault_id)
async def test_an_invoice_whose_response_is_lost_is_created_once(books: Books, fault: Fault) -> None:
    estimate = an_estimate(books)
    books.sandbox.faults = Faults([Fault(fault.kind, "POST", "invoices", nth=1, after=fault.after)])
    await attempt(books, estimate)
    books.sandbox.faults = None
    await attempt(books, estimate)
    assert invoices(books) == 1


async def test_concurrent_different_calls_create_one_invoice(books: Books) -> None:
    estimate = an_estimate(books)
    books.sandbox.faults = Faults([Fault("slow")], sleep=lambda _: anyio.lowlevel.checkpoint())
    async with agent_of(session_with(books.sandbox)) as agent, anyio.create_task_group() as group:
        for day in ("2026-12-01", "2026-12-02", "2026-12-03"):
            group.start_soon(agent.call, JOB, {"estimate_id": estimate, "due_date": day, "confirm": True})
    assert invoices(books) == 1


@pytest.mark.parametrize("linked", [210, "210"])
async def test_an_invoice_that_clientary_links_to_the_estimate_counts(
    agent: Agent, account: respx.MockRouter, linked: Any
) -> None:
    account.get("estimates/210").respond(json=ESTIMATE)
    account.get("clients/4/invoices").respond(json=listed("invoices", INVOICE | {"associated_estimate_id": linked}))
    answer = await agent.answer(JOB, estimate_id=210, due_date=DUE, confirm=True)
    assert "turned into invoice “184” (id 110) already" in answer["message"]


# Taxes of single lines


async def test_a_line_keeps_which_of_the_taxes_apply_to_it(agent: Agent, account: respx.MockRouter) -> None:
    lines = [
        {"id": 1, "title": "Both", "quantity": 1, "price": 100, "taxable?": True, "secondary_tax?": True},
        {"id": 2, "title": "First", "quantity": 1, "price": 10, "taxable?": True, "secondary_tax?": False},
        {"id": 3, "title": "Third", "quantity": 1, "price": 1, "taxable?": False, "tertiary_tax?": True},
    ]
    taxes = {"tax": 10, "tax2": 5, "tax3": 1, "compound_tax": True}
    # 111 + 11 + 5 % of 110 + 1 % of 111: what does not say its third tax has it where it has the first.
    total = "128.61"
    own = {"estimate_items": lines, "subtotal": 111, "total_cost": total, **taxes}
    account.get("estimates/210").respond(json=ESTIMATE | own)
    account.get("clients/4/invoices").respond(json=listed("invoices"))
    account.get("clients/4").respond(json={"id": 4, "name": "Acme"})
    made_of_it = INVOICE | {"total_cost": "127.50", "invoice_items": lines, **taxes}
    route = account.post("invoices").mock(return_value=httpx.Response(201, json=made_of_it))
    shown = await agent.answer(JOB, estimate_id=210, due_date=DUE)
    assert "the estimate has the same total" in shown["message"]
    done = await agent.answer(JOB, estimate_id=210, due_date=DUE, confirm=True)
    assert "that is 1.11 EUR less than the estimate's own total of 128.61 EUR" in done["message"]
    sent = json.loads(route.calls.last.request.content)["invoice"]["invoice_items_attributes"]
    names = ("taxable", "secondary_tax", "tertiary_tax")
    assert [{name: line[name] for name in names if name in line} for line in sent] == [
        {"taxable": True, "secondary_tax": True},
        {"taxable": True, "secondary_tax": False},
        {"taxable": False, "tertiary_tax": True},
    ]


# Refusals, and accounts of other kinds


@pytest.mark.parametrize(
    ("values", "more", "why"),
    [
        ({"client_id": None}, {}, "has no client"),
        ({"currency_code": ""}, {}, "currency_code"),
        (
            {},
            {"due_date": "2026-11-19"},
            "due_date: 2026-11-19 is before the date, 2026-11-20; valid is that day or a later one. Nothing was sent.",
        ),
    ],
)
async def test_an_unusable_estimate_is_refused_before_anything_is_sent(
    books: Books, values: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    estimate = an_estimate(books, **values)
    async with agent_of(session_with(books.sandbox)) as agent:
        for confirm in (False, True):
            call = {"estimate_id": estimate, "due_date": DUE, "confirm": confirm, **more}
            text = await agent.refusal(JOB, **call)
            assert why in text
            assert "Nothing was sent." in text
    assert invoices(books) == 0


async def test_an_estimate_without_visible_lines_is_not_copied(agent: Agent, account: respx.MockRouter) -> None:
    account.get("estimates/210").respond(json={**ESTIMATE, "estimate_items": None})
    assert "does not show its lines" in await agent.refusal(JOB, estimate_id=210, due_date=DUE, confirm=True)


LINE = {"title": "Work", "quantity": 2, "price": 100, "item_type": 3, "taxable": True}


@pytest.mark.parametrize(
    ("line", "document", "why"),
    [
        ({"price": "1,250.00"}, {}, "the price of its line “Work” is “1,250.00”"),
        ({"price": "1.250,00"}, {}, "the price of its line “Work” is “1.250,00”"),
        ({"price": "12 EUR"}, {}, "the price of its line “Work” is “12 EUR”"),
        ({"quantity": "1_5"}, {}, "the quantity of its line “Work” is “1_5”"),
        ({"quantity": "\uff11\uff12"}, {}, "the quantity of its line “Work” is “\uff11\uff12”"),
        ({"quantity": None}, {}, "the quantity of its line “Work” is missing"),
        ({"price": ""}, {}, "the price of its line “Work” is missing"),
        ({"taxable": "perhaps"}, {}, "the taxable of its line “Work” is “perhaps”"),
        ({}, {"tax": "8,25"}, "its tax is “8,25”"),
        ({}, {"compound_tax": "perhaps"}, "its compound_tax is “perhaps”"),
    ],
)
@pytest.mark.parametrize("confirm", [False, True])
async def test_a_figure_that_cannot_be_read_is_never_written_as_zero(
    agent: Agent, account: respx.MockRouter, line: dict[str, Any], document: dict[str, Any], why: str, *, confirm: bool
) -> None:
    lines = [LINE, LINE | line]
    account.get("estimates/210").respond(json={**ESTIMATE, "estimate_items": lines, **document})
    refusal = await agent.refusal(JOB, estimate_id=210, due_date=DUE, confirm=confirm)
    assert f"cannot be copied: {why}. Correct it" in refusal
    assert "Nothing was" in refusal


async def test_a_missing_estimate_names_the_list_of_ids(books: Books) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        assert "list_estimates" in await agent.refusal(JOB, estimate_id=1, due_date=DUE)


@pytest.mark.parametrize("total", ["130.00", "0.00"])
async def test_a_total_that_clientary_computes_differently_is_reported(
    agent: Agent, account: respx.MockRouter, total: str
) -> None:
    account.get("estimates/210").respond(json=ESTIMATE)
    account.get("clients/4/invoices").respond(json=listed("invoices"))
    account.post("invoices").mock(return_value=httpx.Response(201, json=INVOICE | {"total_cost": total}))
    done = await agent.answer(JOB, estimate_id=210, due_date=DUE, confirm=True)
    assert f"a draft invoice of {total} EUR" in done["message"]
    assert f"Clientary computed {total} EUR instead of 129.15 EUR" in done["message"]


@pytest.mark.parametrize(
    "switches",
    [
        Switches(money_as_text=True),
        Switches(dates="iso"),
        Switches(extra_keys=False),
        Switches(nulls=True),
        Switches(page_keys=False),
        Switches(bare_arrays=True),
        Switches(predicate_keys="question"),
    ],
    ids=str,
)
async def test_every_kind_of_account_copies_estimates_the_same_way(books: Books, switches: Switches) -> None:
    estimate = an_estimate(books)
    books.sandbox.switches = switches
    await made(books, estimate)
    (invoice,) = books.rows("SELECT * FROM invoices")
    assert (invoice["subtotal"], invoice["total_cost"], invoice["compound_tax"]) == (183_333, 209_638, 1)
    assert books.rows(LINES.format("invoice"), invoice["id"]) == books.rows(LINES.format("estimate"), estimate)
    assert (await made(books, estimate))["done"] is False


async def test_the_question_shows_the_lines_and_the_totals(books: Books, era: Era) -> None:
    estimate = an_estimate(books)
    user = User()
    async with connect(configured(books.sandbox, FakeTime(TODAY)), era, user) as agent:
        call = {"estimate_id": estimate, "due_date": DUE, "confirm": True}
        assert (await agent.answer(JOB, **call))["done"] is True
        assert (await agent.answer(JOB, **(call | {"due_date": "2027-01-01"})))["done"] is False
    (question,) = user.questions
    assert '- step: "section", title: "Design"' in question
    assert "total: 2096.38, estimate total: 2096.38" in question
    assert TODAY.isoformat() in question
