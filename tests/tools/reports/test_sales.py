"""The sales report, compared with SQL on the account's own tables, in cents."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
FORMS = {
    "live": Switches(),
    "samples": Switches(extra_keys=False, money_as_text=True, dates="iso"),
    "ids": Switches(nested_client_in_projects=False, nulls=True, predicate_keys="plain"),
    "question": Switches(predicate_keys="question", honour_page_size=True),
    "whole": Switches(page_keys=False, extra_keys=False),
    "bare": Switches(bare_arrays=True),
}
KEYS = {
    "day": "date",
    "month": "substr(date, 1, 7)",
    "quarter": "substr(date, 1, 4) || '-Q' || ((substr(date, 6, 2) + 2) / 3)",
    "year": "substr(date, 1, 4)",
    "client": "client_id",
    "project": "project_id",
    "status": "status",
}
COLUMN = {"client": "client_id", "project": "project_id"}
STATUSES = ("draft", "sent", "viewed", "cancelled", "paid", "pending")
DAYS = {"from_date": "2025-09-01", "to_date": "2026-10-31"}
INVOICED = (
    "count(*) AS invoices, sum(subtotal) AS net, sum(total_tax + total_tax2 + total_tax3) AS tax, 0 AS other,"
    " sum(total_cost) AS gross, sum(total_payments) AS received,"
    " sum(iif(status IN (1, 2) AND balance > 0, balance, 0)) AS open, sum(iif(status = 5, balance, 0)) AS pending,"
    " sum(iif(balance < 0, -balance, 0)) AS credits"
)
RECEIVED = "count(*) AS payments, sum(amount) AS received, sum(transaction_fee_amount) AS fees"
PAID = (
    "(SELECT received_on AS date, amount, transaction_fee_amount, client_id, project_id, currency_code, status FROM"
    " payments JOIN invoices ON invoices.id = invoice_id)"
)


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read."""
    return agency()


def expected(sandbox: Sandbox, group_by: str, columns: str = INVOICED, where: str = "1") -> dict[tuple[Any, ...], Row]:
    """Currency and group → the columns of the report, in cents."""
    words = [word for word in group_by.split(",") if word != "currency"]
    keys = ["currency_code", *(KEYS[word] for word in words)]
    table = "invoices" if columns is INVOICED else PAID
    counted = "status NOT IN (0, 3)" if columns is INVOICED else "1"
    query = (
        f"SELECT {', '.join(f'{key} AS key{place}' for place, key in enumerate(keys))}, {columns} FROM {table}"  # noqa: S608 - written here
        f" WHERE date BETWEEN :from_date AND :to_date AND {counted} AND {where} GROUP BY {', '.join(keys)}"
    )
    found = [dict(row) for row in sandbox.connection.execute(query, DAYS)]
    assert found  # otherwise the test would prove nothing
    return {
        tuple(
            STATUSES[row.pop(f"key{place}")] if word == "status" else row.pop(f"key{place}")
            for place, word in enumerate(["", *words])
        ): row
        for row in found
    }


def cents(row: Row, *names: str) -> Row:
    return {
        name: row[name] if name in ("invoices", "payments") else int(Decimal(str(row[name])) * 100) for name in names
    }


def reported(answer: Row, group_by: str, columns: str = INVOICED) -> dict[tuple[Any, ...], Row]:
    """The same of an answer, without its rows of zeros."""
    assert len(answer["rows"]) == answer["row_count"]
    names = [part.rpartition(" ")[2] for part in columns.split(", ") if " AS " in part]
    words = [word for word in group_by.split(",") if word != "currency"]
    return {
        (row["currency_code"], *(row.get(COLUMN.get(word, word)) for word in words)): cents(row, *names)
        for row in answer["rows"]
        if row[names[0]]
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group_by", ["month", "client", "project,quarter"])
async def test_sales_match_the_tables_in_every_form(form: str, group_by: str) -> None:
    sandbox = agency(switches=FORMS[form])
    async with agent_of(session_with(sandbox)) as agent:
        invoiced = await agent.answer("sales_report", group_by=group_by, **DAYS)
        received = await agent.answer("sales_report", group_by=group_by, basis="received", **DAYS)
    assert reported(invoiced, group_by) == expected(sandbox, group_by)
    assert reported(received, group_by, RECEIVED) == expected(sandbox, group_by, RECEIVED)
    names = {
        table: dict(sandbox.connection.execute(f"SELECT id, name FROM {table}").fetchall())  # noqa: S608 - written here
        for table in ("clients", "projects")
    }
    for row in (*invoiced["rows"], *received["rows"]):
        assert row.get("client") in (None, names["clients"].get(row.get("client_id")))
        assert row.get("project") in (None, names["projects"].get(row.get("project_id"), "no project"))


@pytest.mark.parametrize("group_by", ["day", "quarter", "year", "project", "currency", "status", "client,month"])
async def test_every_group_adds_up_to_the_same_totals(reader: Agent, books: Sandbox, group_by: str) -> None:
    for basis, columns in (("invoiced", INVOICED), ("received", RECEIVED)):
        answer = await reader.answer("sales_report", group_by=group_by, basis=basis, **DAYS)
        whole = expected(books, "currency", columns)
        assert (
            reported({**answer, "rows": answer["totals"], "row_count": len(answer["totals"])}, "currency", columns)
            == whole
        )
        if answer["row_count"] == len(answer["rows"]):
            assert reported(answer, group_by, columns) == expected(books, group_by, columns)


@pytest.mark.parametrize(("argument", "value"), [("client_id", 1203), ("project_id", 2476)])
async def test_one_client_or_project(reader: Agent, books: Sandbox, argument: str, value: int) -> None:
    for basis, columns in (("invoiced", INVOICED), ("received", RECEIVED)):
        answer = await reader.answer("sales_report", **{argument: value}, basis=basis, **DAYS)
        where = f"{argument} = {value}"
        assert reported(answer, "month", columns) == expected(books, "month", columns, where)


async def test_a_period_without_sales_is_a_row_of_zeros_in_each_currency(reader: Agent) -> None:
    answer = await reader.answer("sales_report", client_id=1201)
    assert (answer["from_date"], answer["to_date"]) == ("2026-01-01", "2026-11-20")
    assert [row["month"] for row in answer["rows"]] == [f"2026-{month:02}" for month in range(1, 12)]
    assert {row["invoices"] for row in answer["rows"]} == {0, 1}


async def test_a_year_of_days_shows_each_day_with_sales_and_says_that_the_others_are_left_out(
    reader: Agent, books: Sandbox
) -> None:
    for basis, columns in (("invoiced", INVOICED), ("received", RECEIVED)):
        answer = await reader.answer("sales_report", group_by="day", basis=basis, **DAYS)
        shown = reported({**answer, "row_count": len(answer["rows"])}, "day", columns)
        assert shown == expected(books, "day", columns)
        assert len(shown) == len(answer["rows"])
        left = answer["row_count"] - len(shown)
        assert answer["notice"] == (
            f"{left:,} rows of zeros are left out: not all rows fit. export_records writes all rows to a file."
        )


async def test_the_largest_clients_come_first_with_their_share(reader: Agent) -> None:
    answer = await reader.answer("sales_report", group_by="client", **DAYS)
    whole = {total["currency_code"]: total["net"] for total in answer["totals"]}
    shares: dict[str, float] = defaultdict(float)
    for row in answer["rows"]:
        assert row["share"] == pytest.approx(row["net"] / whole[row["currency_code"]] * 100, abs=0.051)
        shares[row["currency_code"]] += row["share"]
    assert all(share == pytest.approx(100, abs=3) for share in shares.values())
    for one, other in pairwise(answer["rows"]):
        assert (one["currency_code"], -one["net"]) <= (other["currency_code"], -other["net"])


INVOICE = {
    "status": 1,
    "date": "2023/10/01",
    "currency_code": "EUR",
    "client_id": 4,
    "client": {"id": 4, "name": "ACME"},
}
LINES = [{"id": 1, "quantity": 1, "price": 100, "taxable": True}]


async def asked(account: respx.MockRouter, agent: Agent, *invoices: Row, **arguments: Any) -> Row:
    numbered = [
        {"id": number, "number": f"N{number}", "projects": [], **INVOICE, **each}
        for number, each in enumerate(invoices, 1)
    ]
    account.get("invoices").respond(json=listed("invoices", *numbered))
    return await agent.answer("sales_report", **arguments)


async def test_whatever_is_neither_net_nor_tax_is_other(account: respx.MockRouter, agent: Agent) -> None:
    answer = await asked(
        account,
        agent,
        {"subtotal": 100, "total_taxes": 19, "total_cost": 124, "balance": 0},  # a late fee of 5
        {"subtotal": 100, "total_tax": "19.00", "total_tax2": 2, "total_cost": 121, "balance": 0},
        {"invoice_items": LINES, "tax": 10, "balance": 0},  # by its lines alone
        {"subtotal": 50, "tax": 10, "total_cost": 55, "balance": 0},
        {"total_cost": -20, "total_taxes": 0, "balance": -20, "total_payments": 0},
        group_by="currency",
    )
    (row,) = answer["rows"]
    expected = {"net": 330, "tax": 55, "other": 5, "gross": 390, "open": 0, "credits": 20}
    assert {name: row[name] for name in expected} == expected
    assert answer["left_out"] == [
        "1 invoice without a total: taken as subtotal and tax: “N3”.",
        "1 invoice that does not tell its tax: taken as total less subtotal: “N4”.",
    ]


async def test_what_cannot_be_counted_is_named(account: respx.MockRouter, agent: Agent) -> None:
    whole = {"subtotal": 100, "total_cost": 100, "balance": 40, "total_payments": 60}
    answer = await asked(
        account,
        agent,
        {**whole, "status": 0},
        {**whole, "status": 3},
        {**whole, "date": "2023-11-20"},
        {**whole, "date": None},
        {**whole, "status": 9},
        {**whole, "balance": "some"},
        {**whole, "total_payments": "some"},
        {"balance": 5, "total_cost": 5},
        {**whole, "currency_code": "XXQ"},
        {**whole, "projects": [{"id": 7, "name": "One"}, {"id": 8, "name": "Two"}]},
        {**whole, "date": "2022-10-01", "status": 0},  # of another year
        to_date="2023-12-31",
        from_date="2023-01-01",
        group_by="project",
    )
    assert [(row["currency_code"], row["project"], row["net"], row["open"]) for row in answer["rows"]] == [
        ("EUR", "no project", 300, 40),
        ("EUR", "One", 100, 40),
        ("XXQ", "no project", 100, 40),
    ]
    assert set(answer["left_out"]) == {
        "1 draft (100 EUR): “N1”.",
        "1 cancelled invoice (100 EUR): “N2”.",
        "1 invoice dated in the future (100 EUR): “N3”.",
        "1 invoice without a date (100 EUR): “N4”.",
        "1 invoice of an unknown status, counted as invoiced: “N5”.",
        "1 invoice without a balance, not in open: “N6”.",
        "1 invoice with payments that cannot be read, not in received: “N7”.",
        "1 invoice without a subtotal (5 EUR): “N8”.",
        "1 invoice in a currency that ISO 4217 does not list, counted separately: “N9”.",
        "1 invoice of several projects, counted for the first: “N10”.",
    }
