"""Filters, orders and sums over records that lack the field or have it in another form."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.replies import CLIENT, INVOICE, listed

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]

# The played day is 2023-11-14.
LATE: JsonObject = {"status": 1, "due_date": "2023/11/13", "balance": "0.01"}


def invoice(number: int, **fields: Any) -> JsonObject:
    return {**INVOICE, "id": number, **fields}


@pytest.mark.parametrize(
    ("fields", "overdue"),
    [
        (LATE, True),
        ({**LATE, "status": "Viewed"}, True),
        ({**LATE, "status": 0}, False),
        ({**LATE, "status": 3}, False),
        ({**LATE, "status": 4}, False),
        ({**LATE, "status": 5}, False),
        ({**LATE, "status": 77}, False),
        ({**LATE, "status": None}, False),
        ({**LATE, "due_date": "2023-11-14"}, False),
        ({**LATE, "due_date": None}, False),
        ({**LATE, "due_date": "soon"}, False),
        ({**LATE, "balance": 0}, False),
        ({**LATE, "balance": "-5.00"}, False),
        ({**LATE, "balance": None}, False),
    ],
    ids=str,
)
async def test_overdue_means_sent_or_viewed_past_due_and_with_a_balance(
    agent: Agent, account: respx.MockRouter, fields: JsonObject, *, overdue: bool
) -> None:
    account.get("invoices").respond(json=listed("invoices", invoice(1, **fields)))
    assert (await agent.answer("list_invoices", overdue=True))["returned"] == overdue
    assert (await agent.answer("list_invoices", overdue=False))["returned"] == (not overdue)


@pytest.mark.parametrize(
    ("fields", "is_open"),
    [
        (LATE, True),
        ({**LATE, "status": "Viewed"}, True),
        ({**LATE, "due_date": None}, True),
        ({**LATE, "balance": 5, "pending_amount": "4.99"}, True),
        ({**LATE, "balance": 5, "pending_amount": 5}, False),
        ({**LATE, "date": "2023-11-15"}, False),
        ({**LATE, "balance": "0.004"}, False),
        ({**LATE, "balance": 1, "currency_code": "JPY"}, True),
        ({**LATE, "balance": "0.4", "currency_code": "JPY"}, False),
        ({**LATE, "balance": "-5.00"}, False),
        ({**LATE, "balance": None}, False),
        ({**LATE, "status": 0}, False),
        ({**LATE, "status": 3}, False),
        ({**LATE, "status": 4}, False),
        ({**LATE, "status": 5}, False),
        ({**LATE, "status": 77}, False),
        ({**LATE, "status": None}, False),
    ],
    ids=str,
)
async def test_an_open_invoice_is_one_that_is_owed(
    agent: Agent, account: respx.MockRouter, fields: JsonObject, *, is_open: bool
) -> None:
    account.get("invoices").respond(json=listed("invoices", invoice(1, **fields)))
    assert (await agent.answer("list_invoices", status="open"))["returned"] == is_open
    named = fields["status"] in (1, "Viewed")  # whatever it owes
    assert (await agent.answer("list_invoices", status=["sent", "open", "viewed"]))["returned"] == named


async def test_records_without_a_status_are_counted(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices").respond(json=listed("invoices", invoice(1, status=None), invoice(2, **LATE)))
    account.get("tasks").respond(json=listed("tasks", {"id": 1, "title": "x"}, {"id": 2, "complete": False}))
    invoices = await agent.answer("list_invoices", status=["sent", "paid"])
    tasks = await agent.answer("list_tasks", status="open")
    assert [answer["returned"] for answer in (invoices, tasks)] == [1, 1]
    assert invoices["notice"] == "1 record without status was excluded."
    assert tasks["notice"] == "1 record without complete was excluded."


@pytest.mark.parametrize("nothing", ["", [], ["", ""], None, "[]"], ids=repr)
async def test_a_status_of_nothing_is_no_filter(agent: Agent, account: respx.MockRouter, nothing: Any) -> None:
    account.get("invoices").respond(json=listed("invoices", invoice(1, **LATE)))
    assert (await agent.answer("list_invoices", status=nothing))["returned"] == 1


async def test_missing_invoice_fields_are_counted_once_each(agent: Agent, account: respx.MockRouter) -> None:
    rows = [invoice(1, **LATE), invoice(2, **LATE | {"balance": None}), invoice(3, due_date=None, balance=None)]
    account.get("invoices").respond(json=listed("invoices", *rows))
    answer = await agent.answer("list_invoices", overdue=True, min_balance=0)
    assert [record["id"] for record in answer["records"]] == [1]
    assert answer["notice"] == "2 records without balance were excluded. 1 record without due_date was excluded."


@pytest.mark.parametrize(
    ("order", "found"),
    [("newest", [3, 4, 1, 5, 2]), ("oldest", [1, 4, 3, 2, 5]), ("largest", [2, 5, 4, 3, 1]), ("due", [5, 2, 1, 3, 4])],
)
async def test_records_without_the_sort_field_come_last(
    agent: Agent, account: respx.MockRouter, order: str, found: list[int]
) -> None:
    rows = [
        invoice(1, date="2023/01/01", total_cost=None, due_date="2023-03-03"),
        invoice(2, date=None, total_cost="100.00", due_date="2023-02-02"),
        invoice(3, date="2023-02-01", total_cost=5, due_date=None),
        invoice(4, date="2023/01/15", total_cost="9.99", due_date=None),
        invoice(5, date="", total_cost="99.999", due_date="2023/01/31"),
    ]
    account.get("invoices").respond(json=listed("invoices", *rows))
    answer = await agent.answer("list_invoices", order=order)
    assert [record["id"] for record in answer["records"]] == found


async def test_sums_are_exact_and_exclude_missing_amounts(agent: Agent, account: respx.MockRouter) -> None:
    sent = {"status": 1, "total_cost": "0.10", "balance": None, "currency_code": "EUR"}
    cents = [invoice(number, **sent) for number in range(1, 31)]
    odd = [invoice(40, **sent | {"total_cost": "much", "balance": 3, "currency_code": None})]
    odd += [invoice(41, status="overdue", currency_code=""), invoice(42, **sent | {"balance": 5, "currency_code": "X"})]
    account.get("invoices").respond(json=listed("invoices", *cents, *odd))
    answer = await agent.answer("list_invoices")
    assert answer["total_amounts"] == [
        {"currency_code": "EUR", "count": 30, "total_cost": 3},
        {"currency_code": "X", "count": 1, "total_cost": 0.1, "balance": 5},
        {"currency_code": "unknown", "count": 2, "total_cost": 129.15, "balance": 3},
    ]
    assert answer["notice"] == (
        "30 records without a readable balance, which is not in the sum: id 1, id 2, id 3, id 4, id 5 and 25 more."
        " 1 record without a readable total_cost, which is not in the sum: id 40."
        " 2 records without a currency, counted separately: id 40, id 41."
        " 1 record of an unknown status, not counted as owed: id 41."
        " 1 record in a currency that ISO 4217 does not list, counted separately: id 42."
    )


async def test_invalid_currencies_do_not_fill_the_answer(agent: Agent, account: respx.MockRouter) -> None:
    texts = [f"{number:03}{'X' * 5_000}" for number in range(60)]
    sent = {"status": 1, "total_cost": 1, "balance": 1}
    rows = [invoice(number, **sent, currency_code=text) for number, text in enumerate(texts, start=1)]
    account.get("invoices").respond(json=listed("invoices", *rows))
    answer = await agent.answer("list_invoices", limit=100)
    assert [row["currency_code"][:200] for row in answer["total_amounts"]] == [text[:200] for text in texts[:50]]
    assert all(row["total_cost"] == 1 for row in answer["total_amounts"])
    assert "50 of 60 currencies" in answer["notice"]


@pytest.mark.parametrize("created", ["2023-11-13T23:30:00-08:00", "2023-11-13T08:00:00Z", "2023/11/13 23:01:08 -0700"])
async def test_a_timestamp_counts_as_its_own_date(agent: Agent, account: respx.MockRouter, created: str) -> None:
    account.get("clients").respond(json=listed("clients", {**CLIENT, "created_at": created}))
    for day, count in (("2023-11-13", 1), ("2023-11-14", 0)):
        assert (await agent.answer("list_clients", from_date=day))["returned"] == count


@pytest.mark.parametrize("status", [2, "2", "Archived", "archived"])
async def test_a_status_matches_as_a_number_and_as_a_word(agent: Agent, account: respx.MockRouter, status: Any) -> None:
    account.get("clients").respond(json=listed("clients", {**CLIENT, "status": status}))
    assert (await agent.answer("list_clients", status="archived"))["returned"] == 1
    assert (await agent.answer("list_clients", status="active"))["returned"] == 0


@pytest.mark.parametrize("text", [None, 7, ["a"], {"name": None}])
async def test_values_that_are_not_text_are_not_searched(agent: Agent, account: respx.MockRouter, text: Any) -> None:
    odd = {**CLIENT, "description": text, "client": text, "name": "Globex"}
    account.get("clients").respond(json=listed("clients", odd))
    assert (await agent.answer("list_clients", query="globex"))["returned"] == 1
    assert (await agent.answer("list_clients", query="none"))["returned"] == 0
