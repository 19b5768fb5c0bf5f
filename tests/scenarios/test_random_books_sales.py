"""Sales and taxes of random accounts, compared with SQL on their tables in every form of the wire, in cents."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.scenarios.random_books import CASES, random_books
from tests.support.agent import agent_of
from tests.support.tables import exact, rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Sums = dict[tuple[Any, ...], Row]
LATELY = {"from_date": "2026-09-01", "to_date": "2026-11-20"}  # with a row for each of its days, a year is cut
RANGES = ({"from_date": "2026-01-01", "to_date": "2026-11-20"}, {"from_date": "2025-03-15", "to_date": "2027-12-31"})
STATUSES = 'json_extract(\'["draft","sent","viewed","cancelled","paid","pending"]\', \'$[\' || status || \']\')'
KEYS = {
    "client": "client_id",
    "project": "project_id",
    "day": "day",
    "month": "substr(day, 1, 7)",
    "quarter": "substr(day, 1, 4) || '-Q' || ((substr(day, 6, 2) + 2) / 3)",
    "year": "substr(day, 1, 4)",
    "status": STATUSES,
}
COLUMN = {"client": "client_id", "project": "project_id"}
GROUPS = ("month", "client", "client,month", "project,status", "status,quarter", "currency,year", "currency")
COUNTED = ("invoices", "payments", "count")
INVOICED = """
    SELECT currency_code, client_id, project_id, status, date AS day, 1 AS invoices, subtotal AS net,
        total_tax + total_tax2 + total_tax3 AS tax, 0 AS other,
        total_cost AS gross, total_payments AS received,
        iif(status IN (1, 2) AND balance > 0, balance, 0) AS open,
        iif(status = 5 AND balance > 0, balance, 0) AS pending, iif(balance < 0, -balance, 0) AS credits,
        iif(tax + tax2 + tax3 > 0, taxable_subtotal, 0) AS taxable
    FROM invoices WHERE status NOT IN (0, 3) AND date <= '2026-11-20'
"""
RECEIVED = """
    SELECT invoices.*, received_on AS day, 1 AS payments, amount AS received, transaction_fee_amount AS fees
    FROM payments JOIN invoices ON invoices.id = invoice_id WHERE received_on <= '2026-11-20'
"""
SALES = ("invoices", "net", "tax", "other", "gross", "received", "open", "pending", "credits")
MONEY = ("payments", "received", "fees")

# The three taxes of every invoice; a compound second one is charged on the first as well.
TAXES = " UNION ALL ".join(
    f"SELECT date AS day, currency_code, tax{place}_label AS label, tax{place} / 1000 AS rate, 1 AS invoices,"  # noqa: S608 - written here
    f" taxable_subtotal + iif({place or 1} = 2 AND compound_tax, total_tax, 0) AS taxable, total_tax{place} AS tax"
    f" FROM invoices WHERE tax{place} AND taxable_subtotal AND status NOT IN (0, 3) AND date <= '2026-11-20'"
    for place in ("", 2, 3)
)


def summed(sandbox: Sandbox, table: str, columns: tuple[str, ...], keys: list[str], days: Row) -> Sums:
    """Currency and group → the sums of these columns."""
    by = ["currency_code", *keys]
    query = (
        f"SELECT {', '.join(f'{key} AS key{place}' for place, key in enumerate(by))},"  # noqa: S608 - written here
        f" {', '.join(f'sum({name}) AS {name}' for name in columns)} FROM ({table})"
        f" WHERE day BETWEEN :from_date AND :to_date GROUP BY {', '.join(by)}"
    )
    found = [dict(row) for row in sandbox.connection.execute(query, days) if row[columns[0]] is not None]
    return {tuple(row.pop(f"key{place}") for place in range(len(by))): row for row in found}


def shown(answered: list[Row], columns: tuple[str, ...], *words: str) -> Sums:
    """The same of an answer, without its rows of zeros."""
    found = {
        (row["currency_code"], *(row.get(COLUMN.get(word, word)) for word in words)): {
            name: row[name] if name in COUNTED else exact(row[name]) for name in columns
        }
        for row in answered
    }
    assert len(found) == len(answered)
    return {key: row for key, row in found.items() if row[columns[0]]}


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_sales_by_every_group_match_the_tables(form: str, seed: int) -> None:
    sandbox, compared = random_books(form, seed), 0
    async with agent_of(session_with(sandbox)) as agent:
        for days in (*RANGES, LATELY):
            for basis, table, columns in (("invoiced", INVOICED, SALES), ("received", RECEIVED, MONEY)):
                for group_by in GROUPS if days is not LATELY else ("day",):
                    answer = await agent.answer("sales_report", basis=basis, group_by=group_by, **days)
                    words = [word for word in group_by.split(",") if word != "currency"]
                    expected = summed(sandbox, table, columns, [KEYS[word] for word in words], days)
                    assert len(answer["rows"]) == answer["row_count"]
                    compared += len(expected)
                    assert shown(answer["rows"], columns, *words) == expected, (basis, group_by)
                    assert shown(answer["totals"], columns) == summed(sandbox, table, columns, [], days)
    assert compared > 0


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_sales_of_one_client_or_project_match_the_tables(form: str, seed: int) -> None:
    sandbox, days = random_books(form, seed), RANGES[1]
    async with agent_of(session_with(sandbox)) as agent:
        for column in ("client_id", "project_id"):
            for key in rows(sandbox, f"SELECT DISTINCT {column} AS id FROM invoices WHERE {column} NOT NULL"):  # noqa: S608 - ours
                for basis, table, columns in (("invoiced", INVOICED, SALES), ("received", RECEIVED, MONEY)):
                    mine = f"SELECT * FROM ({table}) WHERE {column} = {key['id']}"  # noqa: S608 - written here
                    asked = {"basis": basis, "group_by": "status,quarter", column: key["id"], **days}
                    answer = await agent.answer("sales_report", **asked)
                    assert shown(answer["totals"], columns) == summed(sandbox, mine, columns, [], days)
                    expected = summed(sandbox, mine, columns, [KEYS["status"], KEYS["quarter"]], days)
                    assert shown(answer["rows"], columns, "status", "quarter") == expected


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_taxes_match_the_tables_and_agree_with_sales(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    figures = ("taxable", "tax", "invoices")
    for days in RANGES:
        async with agent_of(session_with(sandbox)) as agent:
            answer = await agent.answer("tax_report", **days)
            sales = await agent.answer("sales_report", group_by="currency", **days)
        named = [row | {"label": row["tax_label"]} for row in answer["rows"]]
        expected = summed(sandbox, TAXES, figures, ["iif(label = '', 'unnamed', label)", "rate"], days)
        assert shown(named, figures, "label", "rate") == expected != {}
        assert [(row["currency_code"], row["tax"], row["invoices"]) for row in answer["totals"]] == [
            (row["currency_code"], row["tax"], row["invoices"]) for row in sales["totals"]
        ]
        split = f"SELECT *, net - taxable AS untaxed FROM ({INVOICED})"  # noqa: S608 - written here
        whole = summed(sandbox, split, ("taxable", "untaxed"), [], days)
        assert shown(answer["totals"], ("taxable",)) == {
            key: {"taxable": row["taxable"]} for key, row in whole.items() if row["taxable"]
        }
        assert {row["currency_code"]: exact(row["net"]) for row in answer["untaxed"] if row["net"]} == {
            code: row["untaxed"] for (code,), row in whole.items() if row["untaxed"]
        }
