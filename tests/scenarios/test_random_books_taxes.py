"""Taxes as received of random accounts, recomputed payment by payment from the tables, in cents and exact fractions.

Beside the payments of the books: refunds, sums far above the total, money for credit notes and for what comes to
nothing, several payments on one day, and payments whose invoice is gone.
"""

import re
from collections import defaultdict
from fractions import Fraction
from random import Random

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.scenarios.random_books import CASES, UNITS, random_books
from tests.scenarios.test_random_books_sales import RANGES, Row, Sums
from tests.support.agent import agent_of
from tests.support.tables import exact, put, rows, run

pytestmark = pytest.mark.anyio

EVER = {"from_date": "2020-01-01", "to_date": "2026-11-20"}
DAYS = (*RANGES, {"from_date": "2026-02-11", "to_date": "2026-02-28"}, EVER)
FINEST = UNITS | {"KWD": Fraction(1, 10)}
"""A share of a sum in dinars may have the third decimal, which the tables do not have."""
PLACES = ("tax", "tax2", "tax3")


def books_with_odd_payments(form: str, seed: int) -> Sandbox:
    """The books of a seed, with payments on many of its invoices, whatever their total."""
    sandbox, chance = random_books(form, seed), Random(f"odd payments {seed}")  # noqa: S311 - nothing secret
    names = ("subtotal", "taxable_subtotal", "total_cost", *(f"total_{place}" for place in PLACES))
    nothing = ", ".join(f"{name} = 0" for name in names)
    run(sandbox, f"UPDATE invoices SET {nothing} WHERE number < 'N02'")  # noqa: S608 - written here
    run(
        sandbox, "UPDATE invoice_items SET price = 0 WHERE invoice_id IN (SELECT id FROM invoices WHERE total_cost = 0)"
    )
    for invoice in rows(sandbox, "SELECT * FROM invoices ORDER BY id"):
        unit = UNITS[invoice["currency_code"]]
        for _ in range(chance.choice((0, 0, 1, 2, 5))):
            share = Fraction(chance.randint(-40, 130), chance.choice((100, 300, 700)))
            amount = int(share * (invoice["total_cost"] or 100_000)) // unit * unit
            day = f"2026-{chance.choice(('01', '02', '02', '10'))}-{chance.choice(('10', '11', '28'))}"
            put(sandbox, "payments", invoice_id=invoice["id"], amount=amount, received_on=day)
    sandbox.connection.execute("PRAGMA foreign_keys = OFF")
    put(sandbox, "payments", invoice_id=1, amount=12_300, received_on="2026-02-12")
    return sandbox


def half_away(amount: Fraction, unit: Fraction) -> Fraction:
    """An amount in whole units, rounded."""
    units = int(abs(amount) / unit + Fraction(1, 2)) * unit
    return units if amount >= 0 else -units


def cents(number: float | str) -> Fraction:
    """An answer's number in hundredths, whatever is left."""
    return Fraction(str(number)) * 100


class Received:
    """What the payments of some days come to, each the difference of two rounded sums: paid before, and paid after."""

    def __init__(self) -> None:
        self.rows: Sums = defaultdict(lambda: {"taxable": 0, "tax": 0, "invoices": set()})
        self.totals: Sums = defaultdict(lambda: {"taxable": 0, "tax": 0, "invoices": set()})
        self.untaxed: dict[str, Fraction] = defaultdict(Fraction)
        self.above: dict[str, Fraction] = defaultdict(Fraction)

    def add(self, invoice: Row, before: int, amount: int) -> None:
        code, whole, number = invoice["currency_code"], invoice["total_cost"], invoice["id"]

        def share(part: int) -> Fraction:
            if not whole:
                return Fraction(0)
            paid = [min(max(Fraction(each, whole), Fraction(0)), Fraction(1)) for each in (before, before + amount)]
            until_then, until_now = (half_away(part * each, Fraction(FINEST[code])) for each in paid)
            return until_now - until_then

        taxes = [(place, share(invoice[f"total_{place}"])) for place in PLACES]
        rated, tax = any(invoice[place] for place in PLACES), sum((each for _, each in taxes), Fraction(0))
        net = share(whole) - tax
        taxed = invoice["taxable_subtotal"] if rated else 0
        taxable = net if taxed == invoice["subtotal"] else share(taxed)
        for place, of_it in taxes:
            if invoice[place] and taxed:
                compound = share(invoice["total_tax"]) if place == "tax2" and invoice["compound_tax"] else Fraction(0)
                label = invoice[f"{place}_label"] or "unnamed"
                self._put(self.rows[code, label, invoice[place] / 1000], taxable + compound, of_it, number)
        self._put(self.totals[code,], taxable, tax, number)
        self.untaxed[code] += net - taxable
        self.above[code] += amount - share(whole)

    def _put(self, sums: Row, taxable: Fraction, tax: Fraction, invoice: int) -> None:
        sums["taxable"] += taxable
        sums["tax"] += tax
        sums["invoices"].add(invoice)


def received(sandbox: Sandbox, days: dict[str, str], where: str = "1") -> Received:
    """The payments of these days."""
    found, so_far = Received(), dict[int, int]()
    query = (
        "SELECT invoices.*, amount, received_on FROM payments JOIN invoices ON invoices.id = invoice_id"  # noqa: S608 - ours
        f" WHERE {where} ORDER BY received_on, payments.id"
    )
    for row in rows(sandbox, query):
        before = so_far.get(row["id"], 0)
        so_far[row["id"]] = before + row["amount"]
        if days["from_date"] <= row["received_on"] <= min(days["to_date"], "2026-11-20"):
            found.add(row, before, row["amount"])
    return found


def counted(sums: Sums) -> Sums:
    return {key: row | {"invoices": len(row["invoices"])} for key, row in sums.items()}


def figures(row: Row) -> Row:
    return {"taxable": cents(row["taxable"]), "tax": cents(row["tax"]), "invoices": row["invoices"]}


def left_out(answer: Row, remark: str) -> dict[str, Fraction]:
    """Currency → what a remark says of it."""
    told = " ".join(sentence for sentence in answer.get("left_out", []) if remark in sentence)
    sums = re.findall(r"(-?[\d.,]+) ([A-Z]{3}|unknown)", told.partition(": ")[0])
    return {code: cents(amount.replace(",", "")) for amount, code in sums if cents(amount.replace(",", ""))}


def agree(answer: Row, expected: Received) -> None:
    named = {(row["currency_code"], row["tax_label"], row["rate"]): figures(row) for row in answer["rows"]}
    assert named == counted(expected.rows)
    assert {(row["currency_code"],): figures(row) for row in answer["totals"]} == counted(expected.totals)
    untaxed = {row["currency_code"]: cents(row["net"]) for row in answer.get("untaxed", []) if row["net"]}
    assert untaxed == {code: net for code, net in expected.untaxed.items() if net}
    assert left_out(answer, "beyond its invoice's total") == {
        code: each for code, each in expected.above.items() if each
    }


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_taxes_as_received_match_the_tables_and_agree_with_sales(form: str, seed: int) -> None:
    sandbox = books_with_odd_payments(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for days in DAYS:
            answer = await agent.answer("tax_report", basis="received", **days)
            expected = received(sandbox, days)
            agree(answer, expected)
            sales = await agent.answer("sales_report", basis="received", group_by="currency", **days)
            if days is EVER:
                assert sum(left_out(answer, "of an invoice whose amounts are not known").values()) == 12_300
            money = {row["currency_code"]: exact(row["received"]) for row in sales["totals"]}
            for (code,), total in expected.totals.items():
                whole = total["taxable"] + total["tax"] + expected.untaxed[code] + expected.above[code]
                assert money[code] == whole
        ids = [(column, row["id"]) for column in ("client_id", "project_id") for row in rows(sandbox,
               f"SELECT {column} AS id FROM invoices WHERE {column} NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 3")]  # noqa: S608 - ours  # fmt: skip
        for column, number in ids:
            answer = await agent.answer("tax_report", basis="received", **{column: number}, **DAYS[2])
            agree(answer, received(sandbox, DAYS[2], f"{column} = {number}"))


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_the_payments_of_a_whole_invoice_bear_its_whole_taxes(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    run(sandbox, "DELETE FROM invoices WHERE total_cost = 0 OR id NOT IN (SELECT id FROM invoices WHERE total_cost ="
        " (SELECT sum(amount) FROM payments WHERE invoice_id = invoices.id))")  # fmt: skip
    paid = "SELECT currency_code, sum(total_tax + total_tax2 + total_tax3) AS tax, count(*) AS invoices FROM invoices"
    last = "(SELECT max(received_on) FROM payments WHERE invoice_id = invoices.id)"
    expected = rows(sandbox, f"{paid} WHERE {last} <= '2026-11-20' GROUP BY 1 ORDER BY 1")
    run(sandbox, f"DELETE FROM invoices WHERE {last} > '2026-11-20'")  # noqa: S608 - the same
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("tax_report", basis="received", **EVER)
    assert (
        [(row["currency_code"], exact(row["tax"]), row["invoices"]) for row in answer["totals"]]
        == [(row["currency_code"], row["tax"], row["invoices"]) for row in expected]
        != []
    )
