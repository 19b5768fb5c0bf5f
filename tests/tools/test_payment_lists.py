"""Lists of payments, whose currency is only on the invoices: the look-ups for sums and for one client."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Request, sent
from tests.support.replies import INVOICE, PAYMENT, listed

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]


def payments(*invoices: int | None, **fields: Any) -> JsonObject:
    """A list of payments of 1.10 each, of these invoices."""
    rows = [
        {**PAYMENT, "id": number, "invoice_id": invoice, "amount": "1.10", **fields}
        for number, invoice in enumerate(invoices, start=1)
    ]
    return listed("payments", *rows)


def invoices(*numbers: int, **about: Any) -> JsonObject:
    """A page of a list of invoices: the odd ones in euros, the even ones in dollars."""
    return listed("invoices", *(invoice(number) for number in numbers)) | about


def invoice(number: int, **fields: Any) -> JsonObject:
    return {**INVOICE, "id": number, "currency_code": "EUR" if number % 2 else "USD", "payments": [], **fields}


def lookups(account: respx.MockRouter) -> list[str]:
    """The reads that followed the list of payments."""
    first, *rest = sent(account)
    assert first.path == "payments"
    return [request.path + "".join(f"?page={page}" for page in request.query.values()) for request in rest]


async def test_a_few_invoices_are_looked_up_one_by_one(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=payments(1, 2, 2, 1, 1))
    for number in (1, 2):
        account.get(f"invoices/{number}").respond(json=invoice(number))
    assert (await agent.answer("list_payments"))["total_amounts"] == [
        {"currency_code": "EUR", "count": 3, "amount": 3.3},
        {"currency_code": "USD", "count": 2, "amount": 2.2},
    ]
    assert lookups(account) == ["invoices/1", "invoices/2"]


async def test_one_page_of_invoices_may_suffice(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=payments(1, 2, 3))
    account.get("invoices").respond(json=invoices(9, 3, 2, 1, page_count=40, total_count=160))
    answer = await agent.answer("list_payments")
    assert [row["count"] for row in answer["total_amounts"]] == [2, 1]
    assert lookups(account) == ["invoices"]


async def test_the_few_missing_from_that_page_are_looked_up_one_by_one(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=payments(1, 2, 3))
    account.get("invoices").respond(json=invoices(9, 3, 2, page_count=40, total_count=160))
    account.get("invoices/1").respond(json=invoice(1))
    answer = await agent.answer("list_payments")
    assert [row["count"] for row in answer["total_amounts"]] == [2, 1]
    assert lookups(account) == ["invoices", "invoices/1"]


async def test_a_short_list_of_invoices_is_read_whole(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=payments(1, 2, 3, 4))
    account.get("invoices", params={"page": "2"}).respond(json=invoices(2, 1, page_count=2, total_count=4))
    account.get("invoices").respond(json=invoices(4, 3, page_count=2, total_count=4))
    account.get("invoices/1").respond(json=invoice(1))
    account.get("invoices/2").respond(json=invoice(2))
    answer = await agent.answer("list_payments")
    assert [row["count"] for row in answer["total_amounts"]] == [2, 2]
    assert len(lookups(account)) == 2


async def test_a_payment_with_a_currency_needs_no_invoice(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=payments(1, 2, currency_code="GBP"))
    for number in (1, 2):
        account.get(f"invoices/{number}").respond(
            json={**invoice(number), "number": f"R-{number}", "currency_code": "EUR"}
        )
    answer = await agent.answer("list_payments")
    assert answer["total_amounts"] == [{"currency_code": "GBP", "count": 2, "amount": 2.2}]
    told = {(row["invoice_number"], row["currency_code"]) for row in answer["records"]}
    assert told == {("R-1", "GBP"), ("R-2", "GBP")}


@pytest.mark.parametrize("gone", [{"status_code": 404}, {"json": invoice(1, currency_code=None)}])
async def test_a_currency_missing_everywhere_is_unknown(
    agent: Agent, account: respx.MockRouter, gone: JsonObject
) -> None:
    account.get("payments").respond(json=payments(1, None, 2))
    account.get("invoices/1").respond(**gone)
    account.get("invoices/2").respond(json=invoice(2))
    assert (await agent.answer("list_payments"))["total_amounts"] == [
        {"currency_code": "USD", "count": 1, "amount": 1.1},
        {"currency_code": "unknown", "count": 2, "amount": 2.2},
    ]


@pytest.mark.parametrize("arguments", [{}, {"query": "check"}])
async def test_payments_have_no_sums_when_the_invoices_cannot_be_read(
    agent: Agent, account: respx.MockRouter, arguments: JsonObject
) -> None:
    account.get("payments").respond(json=payments(1))
    account.get("invoices/1").respond(403)
    answer = await agent.answer("list_payments", **arguments)
    assert answer["returned"] == 1
    assert "total_amounts" not in answer
    assert (
        "total_amounts is left out: only the invoices state the currency, and they cannot be read" in answer["notice"]
    )


@pytest.mark.parametrize(("count", "looks"), [(50, True), (51, False)])
async def test_no_more_than_fifty_invoices_are_looked_up_implicitly(
    agent: Agent, account: respx.MockRouter, count: int, *, looks: bool
) -> None:
    account.get("payments").respond(json=payments(*range(1, count + 1)))
    account.get("invoices").respond(json=invoices(*range(1, count + 1)))
    answer = await agent.answer("list_payments", limit=count)
    assert ("total_amounts" in answer) is looks
    assert lookups(account) == ["invoices"], "one page, which names them"
    assert looks or "51 of them would have to be read" in answer["notice"]
    narrowed = await agent.answer("list_payments", from_date="2000-01-01")
    assert sum(row["count"] for row in narrowed["total_amounts"]) == count


OF_CLIENT = {"client_id": 4}
PAID = [
    {"received_on": "2011/07/29", "amount": 10, "id": 53, "note": "Paid by check"},
    {"received_on": "2011/08/29", "amount": "2.50", "id": 52, "note": None},
]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, [52, 53]),
        ({"sort": "created_at"}, [53, 52]),
        ({"to_date": "2011-07-31"}, [53]),
        ({"query": "check"}, [53]),
        ({"from_date": "2026-01-01"}, []),
    ],
)
async def test_the_payments_of_a_client_are_those_of_its_invoices(
    agent: Agent, account: respx.MockRouter, arguments: JsonObject, found: list[int]
) -> None:
    account.get("clients/4/invoices").respond(
        json=listed("invoices", invoice(7, payments=PAID), invoice(8, payments=[]))
    )
    answer = await agent.answer("list_payments", **OF_CLIENT, **arguments)
    assert [(record["id"], record["invoice_id"]) for record in answer["records"]] == [(id_, 7) for id_ in found]
    total = sum({53: 10, 52: 2.5}[id_] for id_ in found)
    expected = [{"currency_code": "EUR", "count": len(found), "amount": total}] if found else None
    assert answer.get("total_amounts") == expected
    assert sent(account) == [Request("GET", "clients/4/invoices")]


async def test_without_payments_on_invoices_all_payments_are_searched(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/4/invoices").respond(json=listed("invoices", invoice(1, payments=None), invoice(2)))
    account.get("payments").respond(json=payments(1, 3, 2, None))
    answer = await agent.answer("list_payments", **OF_CLIENT)
    assert [record["invoice_id"] for record in answer["records"]] == [2, 1]
    assert [row["currency_code"] for row in answer["total_amounts"]] == ["EUR", "USD"]
    assert [request.path for request in sent(account)] == ["clients/4/invoices", "payments"]


async def test_a_missing_client_is_reported_as_not_found(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/4/invoices").respond(404)
    refusal = await agent.refusal("list_payments", **OF_CLIENT)
    assert "Check client_id; list_clients returns valid ids." in refusal
