"""Billing hours: a draft invoice, exact to the cent and created once, whatever fails and whoever calls again."""

import json
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.tools.workflows.invoice_lines import lines_of, rounding_of
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.long import covering
from tests.support.quarry import OCTOBER, TOTAL, Books, billed, october
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project

pytestmark = pytest.mark.anyio

DRAFT = 0


@pytest.fixture
def books() -> Books:
    return Books()


# What is billed


async def test_the_preview_shows_every_line_and_the_totals_and_changes_nothing(books: Books) -> None:
    layout, cover, index = october(books)
    shown = await billed(books, **OCTOBER, confirm=False)
    head, *lines = shown["steps"]
    assert (head["date"], head["due_date"]) == ("2026-11-20", "2026-12-20")
    assert head["note"] == f"Time entries: {layout}-{index}."
    assert [
        (line["title"], line["quantity"], line["price"], line["amount"], line["time_entries"]) for line in lines
    ] == [
        ("2026-10-01 Layout", 1.5, 95, 142.5, str(layout)),
        ("2026-10-12 Cover", 3.25, 120, 390, str(cover)),
        ("2026-10-31 Index", 1.33, 95, 126.35, str(index)),
    ]
    assert shown["totals"] == [
        {"currency_code": "EUR", "subtotal": 658.85, "taxes": 0, "total": 658.85, "hours": 6.08},
    ]
    assert shown["done"] is False
    assert "658.85 EUR to “Quarry Books” with 6.08 hours in 3 time entries" in shown["message"]
    assert len(books.sandbox.ledger) == 0


async def test_a_confirmed_call_creates_a_draft_and_marks_exactly_those_hours(books: Books) -> None:
    entries = october(books)
    done = await billed(books, **OCTOBER, note="Thank you.")
    (invoice,) = books.rows("SELECT * FROM invoices")
    assert (invoice["status"], invoice["client_id"], invoice["currency_code"]) == (DRAFT, books.client, "EUR")
    assert (invoice["subtotal"], invoice["total_cost"], invoice["title"]) == (TOTAL, TOTAL, "Quarry Catalogue")
    assert (invoice["date"], invoice["due_date"]) == ("2026-11-20", "2026-12-20")
    assert invoice["note"] == "Thank you.", "all is marked, so customers need no numbers of entries"
    (made,) = books.sandbox.ledger.of("POST")
    assert made.body["invoice"]["note"] == f"Thank you.\nTime entries: {entries[0]}-{entries[-1]}."
    lines = books.rows("SELECT title, quantity, price, taxable FROM invoice_items ORDER BY id")
    assert [tuple(line.values()) for line in lines] == [
        ("2026-10-01 Layout", 150, 9_500, 0),
        ("2026-10-12 Cover", 325, 12_000, 0),
        ("2026-10-31 Index", 133, 9_500, 0),
    ]
    unbilled = books.rows("SELECT title FROM hours WHERE NOT billed ORDER BY id")
    assert [row["title"] for row in unbilled] == ["September", "November"]
    assert done["done"] is True
    assert done["record"]["id"] == invoice["id"]
    assert "All of it is marked as billed." in done["message"]


async def test_future_hours_are_left_unbilled_and_named(books: Books) -> None:
    today = books.hours("2026-11-20", 100, title="Today")
    tomorrow = books.hours("2026-11-21", 100, title="Tomorrow")
    shown = await billed(books, confirm=False)
    assert shown["steps"][-1] == {"step": "left out", "why": "dated in the future", "time_entries": str(tomorrow)}
    await billed(books)
    assert (books.billed_times(today), books.billed_times(tomorrow)) == (1, 0)


@pytest.mark.parametrize(("day", "range_", "why"), [(None, OCTOBER, "without a date"), (None, {}, None)])
async def test_an_entry_without_a_date_is_in_no_date_range(
    books: Books, day: str | None, range_: dict[str, str], why: str | None
) -> None:
    october(books)
    entry = books.hours(day, 100, title="Undated")
    done = await billed(books, **range_)
    assert books.billed_times(entry) == (why is None)
    left_out = [step for step in done["steps"] if step["step"] == "left out"]
    assert [step["why"] for step in left_out] == ([why] if why else [])


@pytest.mark.parametrize(
    ("values", "title"),
    [({"title": " ", "description": "On the phone"}, "On the phone"), ({"title": "", "description": ""}, "Work")],
)
async def test_an_entry_without_a_title_still_becomes_a_line(books: Books, values: dict[str, Any], title: str) -> None:
    books.hours("2026-10-01", 100, **values)
    await billed(books)
    assert books.rows("SELECT title FROM invoice_items") == [{"title": f"2026-10-01 {title}"}]


async def test_a_given_tax_applies_to_every_line(books: Books) -> None:
    october(books)
    done = await billed(books, **OCTOBER, tax=19, tax_label="VAT")
    tax = int((Decimal(TOTAL) * 19 / 100).quantize(Decimal(1), ROUND_HALF_UP))
    (invoice,) = books.rows("SELECT subtotal, total_tax, total_cost, tax_label FROM invoices")
    assert tuple(invoice.values()) == (TOTAL, tax, TOTAL + tax, "VAT")
    assert Decimal(str(done["totals"][0]["taxes"])) * 100 == tax
    assert books.rows("SELECT DISTINCT taxable FROM invoice_items") == [{"taxable": 1}]


# Grouping


@pytest.mark.parametrize(
    "group_by", covering(["entry", "title", "person", "day", "project"], lambda by: (by == "entry",))
)
async def test_every_grouping_bills_all_hours_each_line_rounded_once(sandbox: Sandbox, group_by: str) -> None:
    worth = "sum((h.hours * h.rate * 2 + 100) / 200)"  # hundredths of an hour at cents, half a cent up
    statement = (
        f"SELECT p.id, p.currency_code, {worth} AS worth, sum(h.hours) AS hours FROM hours h"  # noqa: S608 - ours
        " JOIN projects p ON p.id = h.project_id WHERE NOT billed AND project_type = 0 AND client_id IS NOT NULL"
        " AND h.date <= ? GROUP BY p.id"
    )
    projects = sandbox.connection.execute(statement, (TODAY.isoformat(),)).fetchall()
    assert len(projects) > 20
    async with agent_of(session_with(sandbox)) as agent:
        for row in projects:
            shown = await agent.answer("bill_project_hours", project_id=row["id"], group_by=group_by)
            (sums,) = shown["totals"]
            lines = [step for step in shown["steps"] if step["step"] == "line"]
            exact = [Decimal(str(line["quantity"])) * Decimal(str(line["price"])) for line in lines]
            amounts = [each.quantize(Decimal("0.01"), ROUND_HALF_UP) for each in exact]
            assert [Decimal(str(line["amount"])) for line in lines] == amounts
            assert Decimal(str(sums["total"])) == sum(amounts)
            told = "each rounded on its own" in shown["message"]
            assert (sum(amounts) * 100 == row["worth"]) is not told
            assert Decimal(str(sums["hours"])) * 100 == row["hours"]
            assert sums["currency_code"] == row["currency_code"]


async def test_a_group_is_one_line_and_a_difference_of_rounding_is_told(books: Books) -> None:
    # 0.33 h at 33.35 is 11.01, three times 33.03; 0.99 h is 33.02.
    for _ in range(3):
        books.hours("2026-10-01", 33, 3_335, title="Calls")
    shown = await billed(books, group_by="title", confirm=False)
    assert "The lines come to 0.01 EUR less than the time entries, each rounded on its own" in shown["message"]
    done = await billed(books, group_by="title")
    (line,) = [line for line in done["steps"] if line["step"] == "line"]
    assert (line["quantity"], line["amount"]) == (0.99, 33.02)
    assert "The lines come to 0.01 EUR less" in done["message"]
    assert books.rows("SELECT subtotal FROM invoices") == [{"subtotal": 3_302}]


_HOURS = st.lists(st.decimals("0.01", "24", places=16), min_size=1, max_size=40)


@given(
    _HOURS, st.lists(st.decimals("0", "500", places=3), min_size=1, max_size=3), st.sampled_from(["JPY", "EUR", "KWD"])
)
def test_there_is_one_line_for_each_group_and_rate(hours: list[Decimal], rates: list[Decimal], currency: str) -> None:
    project = Project.read({"id": 1, "currency_code": currency})
    entries = [
        HourEntry.read({"id": number, "hours": str(each), "rate": str(rates[number % len(rates)]), "title": number % 2})
        for number, each in enumerate(hours)
    ]
    lines = lines_of(entries, project, "title", {})
    assert len(lines) == len({(entry.title, entry.rate) for entry in entries})
    assert sorted(work.id for line in lines for work in line.bills) == list(range(len(hours)))
    unit = Decimal(1).scaleb(-{"JPY": 0, "EUR": 2, "KWD": 3}[currency])
    exact = sum((line.quantity * line.price).quantize(unit, ROUND_HALF_UP) for line in lines)
    alone = sum((each * rates[number % len(rates)]).quantize(unit, ROUND_HALF_UP) for number, each in enumerate(hours))
    assert rounding_of(lines, project) == exact - alone
    assert all(len(line.quantity.as_tuple().digits) <= 15 for line in lines)


async def test_lines_of_a_group_are_named_after_it_and_its_days(books: Books) -> None:
    books.sandbox.connection.execute("UPDATE staff SET name = 'Ada Sturm' WHERE id = 1")
    for day in ("2026-10-01", "2026-10-05"):
        books.hours(day, 100)
    titles = {
        "title": ["Proofs, 2026-10-01 to 2026-10-05"],
        "person": ["Ada Sturm, 2026-10-01 to 2026-10-05"],
        "day": ["2026-10-01", "2026-10-05"],
        "project": ["Quarry Catalogue, 2026-10-01 to 2026-10-05"],
    }
    for group_by, expected in titles.items():
        shown = await billed(books, group_by=group_by, confirm=False)
        assert [step["title"] for step in shown["steps"] if step["step"] == "line"] == expected


# Expenses


async def test_expenses_are_billed_once_on_request(books: Books) -> None:
    entry = books.hours("2026-10-01", 100)
    old = books.expense("2025-01-15", 10_005, description="Paper of last year")
    new = books.expense("2026-10-02", 2_500)
    books.expense("2026-10-03", 700, invoice_id=books.an_invoice("7"))
    other = books.expense("2026-10-02", 9_900, project_id=books.a_project("Another"))
    later = books.expense("2026-12-24", 300)
    assert "expense" not in json.dumps(await billed(books, confirm=False))
    done = await billed(books, include_expenses=True)
    (invoice,) = books.rows("SELECT * FROM invoices WHERE id = ?", done["record"]["id"])
    assert invoice["subtotal"] == 9_500 + 10_005 + 2_500
    assert invoice["note"] == ""
    assert books.rows("SELECT billed FROM hours WHERE id = ?", entry) == [{"billed": 1}]
    lines = books.rows(
        "SELECT title, quantity, price FROM invoice_items WHERE invoice_id = ? ORDER BY id", invoice["id"]
    )
    assert [tuple(line.values()) for line in lines[1:]] == [
        ("2025-01-15 Paper of last year", 100, 10_005),
        ("2026-10-02 Paper", 100, 2_500),
    ]
    linked = books.rows("SELECT id FROM expenses WHERE invoice_id = ?", invoice["id"])
    assert [row["id"] for row in linked] == [old, new]
    again = await billed(books, include_expenses=True)
    assert again["done"] is False
    assert books.rows("SELECT invoice_id FROM expenses WHERE id IN (?, ?)", other, later) == [{"invoice_id": None}] * 2


# Refusals


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"project_type": 2, "rate": 750_000}, "fixed price (7,500.00 EUR)"),
        ({"client_id": None}, "no client"),
        ({"currency_code": None}, "no currency_code"),
    ],
)
async def test_a_project_that_cannot_be_billed_by_the_hour_is_refused(
    books: Books, values: dict[str, Any], why: str
) -> None:
    project = books.a_project("Another", **values)
    books.hours("2026-10-01", 100, project_id=project)
    books.sandbox.switches = Switches(extra_keys=False)  # no client tells its currency
    async with agent_of(session_with(books.sandbox)) as agent:
        for confirm in (False, True):
            text = await agent.refusal("bill_project_hours", project_id=project, confirm=confirm)
            assert why in text
            assert "Nothing was sent." in text
    assert len(books.sandbox.ledger) == 0


async def test_a_project_without_a_currency_is_billed_in_its_clients(books: Books) -> None:
    project = books.a_project("Another", currency_code=None)
    books.hours("2026-10-01", 100, project_id=project)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed("bill_project_hours", project_id=project)
    assert books.rows("SELECT currency_code FROM invoices") == [{"currency_code": "EUR"}]


async def test_a_due_date_before_the_date_and_a_range_that_ends_before_it_begins_are_refused(books: Books) -> None:
    october(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        about = {"project_id": books.project}
        assert "before" in await agent.refusal("bill_project_hours", **about, due_date="2026-11-19")
        assert "from_date" in await agent.refusal(
            "bill_project_hours", **about, from_date="2026-11-01", to_date="2026-10-01"
        )


async def test_missing_permission_to_read_hours_is_reported(books: Books) -> None:
    october(books)
    books.sandbox.switches = replace(books.sandbox.switches, allow_hours=False)
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal_of_confirmed("bill_project_hours", project_id=books.project)
    assert "is not allowed to do this" in text
    assert len(books.sandbox.ledger) == 0


@pytest.mark.parametrize("confirm", [False, True])
async def test_a_project_without_unbilled_hours_is_reported(books: Books, confirm: bool) -> None:
    books.hours("2026-10-01", 100, billed=True)
    answer = await billed(books, **OCTOBER, confirm=confirm)
    assert answer["done"] is False
    assert "no unbilled hours from 2026-10-01 to 2026-10-31" in answer["message"]
    assert "to_proceed" not in answer


@pytest.mark.parametrize(
    "switches",
    [
        Switches(put_reply="record"),
        Switches(put_reply="empty_200"),
        Switches(money_as_text=True),
        Switches(dates="iso"),
        Switches(extra_keys=False),
        Switches(nested_client_in_projects=False),
        Switches(nulls=True),
        Switches(page_keys=False),
        Switches(bare_arrays=True),
        Switches(predicate_keys="plain"),
    ],
    ids=str,
)
async def test_accounts_of_every_kind_are_billed_the_same(books: Books, switches: Switches) -> None:
    october(books)
    books.sandbox.switches = switches
    done = await billed(books, **OCTOBER)
    assert books.rows("SELECT subtotal, client_id FROM invoices") == [{"subtotal": TOTAL, "client_id": books.client}]
    assert len(books.rows("SELECT id FROM hours WHERE billed")) == 4
    assert Decimal(str(done["totals"][0]["total"])) * 100 == TOTAL
    assert (await billed(books, **OCTOBER))["done"] is False


async def test_an_invoice_without_tax_is_marked_untaxed(books: Books) -> None:
    books.hours("2026-10-05", 100)
    assert "The invoice has no tax" in (await billed(books, **OCTOBER, confirm=False))["message"]
    assert "The invoice has no tax" not in (await billed(books, **OCTOBER, tax=19, confirm=False))["message"]
