"""The tax report, compared with SQL on the account's own tables, in cents; and invoices that do not add up."""

from decimal import Decimal
from typing import Any

import pytest
import respx

from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
# The three taxes of every invoice of the last quarter; a compound second one is charged on the first as well.
TAXES = " UNION ALL ".join(
    f"SELECT currency_code AS code, tax{place}_label AS label, tax{place} AS rate,"  # noqa: S608 - written here
    f" taxable_subtotal + iif({place or 1} = 2 AND compound_tax, total_tax, 0) AS taxable, total_tax{place} AS tax"
    f" FROM invoices WHERE tax{place} AND taxable_subtotal AND status NOT IN (0, 3)"
    " AND date BETWEEN '2026-07-01' AND '2026-09-30'"
    for place in ("", 2, 3)
)
SUMS = f"SELECT code, label, rate, sum(taxable), sum(tax), count(*) FROM ({TAXES}) GROUP BY code, label, rate"  # noqa: S608 - the same


def cents(amount: float) -> int:
    return int(Decimal(str(amount)) * 100)


@pytest.mark.parametrize("form", FORMS)
async def test_taxes_by_name_and_rate_match_the_tables_in_every_form(form: str) -> None:
    sandbox = agency(switches=FORMS[form])
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("tax_report")
        sales = await agent.answer("sales_report", period="last_quarter", group_by="currency")
    assert (answer["from_date"], answer["to_date"]) == ("2026-07-01", "2026-09-30")
    reported = {
        (row["currency_code"], row["tax_label"], Decimal(str(row["rate"])) * 1000):
        (cents(row["taxable"]), cents(row["tax"]), row["invoices"])
        for row in answer["rows"]
    }  # fmt: skip
    expected = {(row[0], row[1], Decimal(row[2])): tuple(row)[3:] for row in sandbox.connection.execute(SUMS)}
    assert len(expected) > 5  # otherwise the test would prove nothing
    assert reported == expected
    assert [total["tax"] for total in answer["totals"]] == [total["tax"] for total in sales["totals"]]
    assert [total["invoices"] for total in answer["totals"]] == [total["invoices"] for total in sales["totals"]]


INVOICE = {"status": 1, "date": "2023/09/01", "currency_code": "EUR", "client_id": 4, "tax": 19, "tax_label": "VAT"}
LINES = [
    {"id": 1, "quantity": 1, "price": 100, "taxable": True},
    {"id": 2, "quantity": 1, "price": 40, "taxable": False},
]
WHOLE = {"invoice_items": LINES, "subtotal": 140, "total_cost": 159}


async def asked(account: respx.MockRouter, agent: Agent, *invoices: Row, **arguments: Any) -> Row:
    numbered = [{"id": number, "number": f"N{number}", **INVOICE, **each} for number, each in enumerate(invoices, 1)]
    account.get("invoices").respond(json=listed("invoices", *numbered))
    for each in numbered:
        account.get(f"invoices/{each['id']}").respond(json=each)
    return await agent.answer("tax_report", **arguments)


def figures(answer: Row) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ("tax_label", "rate", "taxable", "tax", "invoices")) for row in answer["rows"]]


async def test_what_is_untaxed_stands_apart(account: respx.MockRouter, agent: Agent) -> None:
    exempt = {"tax": 0, "subtotal": 60, "total_cost": 60, "invoice_items": LINES[1:]}
    answer = await asked(account, agent, WHOLE, exempt)
    assert figures(answer) == [("VAT", 19, 100, 19, 1)]
    assert answer["untaxed"] == [{"currency_code": "EUR", "net": 100, "invoices": 2}]
    assert answer["totals"] == [{"currency_code": "EUR", "taxable": 100, "tax": 19, "invoices": 2}]


async def test_taxes_that_do_not_add_up_are_named(account: respx.MockRouter, agent: Agent) -> None:
    answer = await asked(
        account,
        agent,
        {**WHOLE, "total_taxes": 20, "total_cost": 160},
        {**WHOLE, "total_cost": 164, "total_taxes": 19},
        {**WHOLE, "total_tax": 18, "total_cost": 158},
        {"subtotal": 100, "total_taxes": 24, "tax2": 5, "total_cost": 124},  # nobody knows which tax
        {"subtotal": 200, "total_taxes": 19, "total_cost": 219, "tax_label": " "},  # one tax: on 100
    )
    assert figures(answer) == [("VAT", 19, 300, 56, 3), ("unnamed", 19, 100, 19, 1)]
    assert answer["totals"] == [{"currency_code": "EUR", "taxable": 400, "tax": 100, "invoices": 5, "unexplained": 25}]
    assert answer["left_out"] == [
        "2 invoices whose taxes by rate do not add up to the whole tax: the rest is in unexplained, in no row"
        " (25.00 EUR): “N1”, “N4”.",
        "1 invoice whose subtotal and taxes do not add up to the total (late fees, shipping): the rest is not here"
        " (5 EUR): “N2”.",
        "1 invoice whose tax is not that rate of its lines: counted as Clientary tells it: “N3”.",
    ]


def payment(number: int, invoice: int, amount: float, day: str) -> Row:
    return {"id": number, "invoice_id": invoice, "amount": amount, "received_on": day}


async def test_a_payment_bears_its_share_of_the_invoices_taxes(account: respx.MockRouter, agent: Agent) -> None:
    third = [payment(number, 1, 53, f"2023-0{number + 5}-01") for number in (1, 2, 3)]
    every = [*reversed(third), payment(4, 9, 10, "2023-05-01")]
    account.get("payments").respond(json=listed("payments", *every))
    account.get("invoices/9").respond(404)
    parts = []
    for day in ("2023-06-01", "2023-07-01", "2023-08-01"):
        answer = await asked(account, agent, {**WHOLE, "payments": third}, basis="received", from_date=day, to_date=day)
        parts.append(figures(answer))
    assert parts == [[("VAT", 19, taxable, tax, 1)] for taxable, tax in ((33.33, 6.33), (33.34, 6.34), (33.33, 6.33))]

    answer = await asked(account, agent, WHOLE, basis="received", from_date="2023-05-01", to_date="2023-05-31")
    assert answer["rows"] == []
    assert "1 payment of an invoice whose amounts are not known (10 unknown)." in answer["left_out"]


async def test_what_was_paid_above_the_total_bears_no_tax(account: respx.MockRouter, agent: Agent) -> None:
    paid = [payment(1, 1, 100, "2023-08-01"), payment(2, 1, 100, "2023-08-02")]
    account.get("payments").respond(json=listed("payments", *reversed(paid)))
    answer = await asked(account, agent, {**WHOLE, "payments": paid, "status": 3}, basis="received")
    assert figures(answer) == [("VAT", 19, 100, 19, 1)]
    assert answer["left_out"] == [
        "2 payments of a cancelled invoice, counted all the same: “N1”, “N1”.",
        "1 payment beyond its invoice's total, so without tax (41.00 EUR): “N1”.",
    ]


async def test_a_share_of_what_is_fully_taxed_leaves_nothing_untaxed(account: respx.MockRouter, agent: Agent) -> None:
    """A sixth of 15.03 is 2.505: rounded apart, tax and taxable amount come to a cent more."""
    paid = [payment(number, 1, 15.03, f"2023-08-0{number}") for number in range(1, 6)]
    account.get("payments").respond(json=listed("payments", *reversed(paid)))
    taxed = {"invoice_items": LINES[:1], "tax": 20, "subtotal": 100, "total_cost": 120, "payments": paid}
    for last in range(1, 6):
        days = {"from_date": "2023-08-01", "to_date": f"2023-08-0{last}"}
        answer = await asked(account, agent, taxed, basis="received", **days)
        assert "untaxed" not in answer
        ((_, _, taxable, tax, _),) = figures(answer)
        assert (taxable, tax) == (answer["totals"][0]["taxable"], answer["totals"][0]["tax"])
        assert cents(taxable) + cents(tax) == last * 1503


async def test_whatever_lies_beyond_an_invoice_is_told_apart(account: respx.MockRouter, agent: Agent) -> None:
    """A refund before any payment, one of too much, and money for an invoice that comes to nothing."""
    amounts = (-30, 230, -21)
    paid = [payment(number, 1, amount, f"2023-08-0{number}") for number, amount in enumerate(amounts, 1)]
    nothing = {"invoice_items": [], "subtotal": 0, "total_cost": 0, "total_taxes": 0}
    account.get("payments").respond(json=listed("payments", payment(9, 2, 10, "2023-08-31"), *reversed(paid)))
    answer = await asked(account, agent, {**WHOLE, "payments": paid}, nothing, basis="received")
    assert figures(answer) == [("VAT", 19, 100, 19, 1)]
    beyond = "4 payments beyond its invoice's total, so without tax (30 EUR): “N2”, “N1”, “N1”, “N1”."
    assert answer["left_out"] == [beyond]


async def test_half_an_invoice_leaves_out_half_of_its_late_fee(account: respx.MockRouter, agent: Agent) -> None:
    paid = [payment(1, 1, 82, "2023-08-01")]
    account.get("payments").respond(json=listed("payments", *paid))
    late = {**WHOLE, "total_cost": 164, "total_taxes": 19, "payments": paid}
    answer = await asked(account, agent, late, basis="received")
    assert answer["left_out"] == [
        "1 invoice whose subtotal and taxes do not add up to the total (late fees, shipping): the rest is not here"
        " (2.50 EUR): “N1”.",
    ]
