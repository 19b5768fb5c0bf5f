"""Payments of a range of days: as few pages as their order allows, and none missed where it does not hold."""

from typing import Any

import httpx
import pytest
import respx

from tests.support.agent import Agent
from tests.support.replies import listed

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
OCTOBER = {"from_date": "2023-10-01", "to_date": "2023-10-31", "basis": "received", "group_by": "client"}
INVOICE = {
    "id": 1,
    "number": "N1",
    "status": 4,
    "currency_code": "EUR",
    "client_id": 4,
    "client": {"id": 4, "name": "ACME"},
}


def payments(*days: str | None) -> list[Row]:
    return [{"id": number, "invoice_id": 1, "amount": 10, "received_on": day} for number, day in enumerate(days, 1)]


def in_pages(account: respx.MockRouter, every: list[Row], size: int = 2, counts: tuple[int, ...] = ()) -> list[int]:
    """Play the list in pages; returns the numbers of those that are read. `counts` are the counts that it tells."""
    read: list[int] = []

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        read.append(number)
        count = counts[min(len(read), len(counts)) - 1] if counts else len(every)
        about = {"page_size": size, "page_count": -(-len(every) // size), "total_count": count}
        return httpx.Response(200, json={**about, "payments": every[(number - 1) * size : number * size]})

    account.get("payments").mock(side_effect=page)
    account.get("invoices/1").respond(json=INVOICE)
    return read


async def test_payments_before_the_first_day_are_not_read(account: respx.MockRouter, agent: Agent) -> None:
    days = ["2023-11-02", "2023-10-31", "2023-10-01", "2023-09-30"] + ["2023-01-01"] * 400
    read = in_pages(account, payments(*days))
    answer = await agent.answer("sales_report", **OCTOBER)
    assert [(row["payments"], row["received"]) for row in answer["rows"]] == [(2, 20)]
    assert max(read) < 100


async def test_a_list_in_another_order_is_read_to_its_end(account: respx.MockRouter, agent: Agent) -> None:
    read = in_pages(account, payments("2023-09-01", "2023-09-30", "2023-10-05", "2023-10-05", None, "2023-10-06"))
    answer = await agent.answer("sales_report", **OCTOBER)
    assert [(row["payments"], row["received"]) for row in answer["rows"]] == [(3, 30)]
    assert sorted(set(read)) == [1, 2, 3]
    assert answer["left_out"] == ["1 payment without a day (10 unknown): id 5."]


async def test_a_list_that_changed_meanwhile_is_read_again(account: respx.MockRouter, agent: Agent) -> None:
    every = payments("2023-11-02", "2023-10-31", "2023-10-01", "2023-09-30", "2023-09-29", "2023-09-28")
    read = in_pages(account, every, counts=(6, 7))
    answer = await agent.answer("sales_report", **OCTOBER)
    assert [row["payments"] for row in answer["rows"]] == [2]
    assert read.count(1) == 2


async def test_payments_that_cannot_be_counted_are_named(account: respx.MockRouter, agent: Agent) -> None:
    every = payments("2023-11-30", "2023-11-14", "2023-11-01", "2023-10-31")
    every[1] |= {"amount": "ten", "currency_code": "USD"}
    every[2] |= {"invoice_id": None, "currency_code": "USD", "transaction_fee_amount": "0.5"}
    account.get("payments").respond(json=listed("payments", *every))
    account.get("invoices/1").respond(json={**INVOICE, "status": 0})
    answer = await agent.answer("sales_report", **OCTOBER | {"to_date": "2023-12-31"})
    assert [(row["client"], row["currency_code"], row["received"], row["fees"]) for row in answer["rows"]] == [
        ("ACME", "EUR", 10, 0),
        ("no client", "unknown", 10, 0.5),
    ]
    assert answer["left_out"] == [
        "1 payment dated in the future (10 unknown): id 1.",
        "1 payment without a readable amount: id 2.",
        "1 payment of a draft invoice, counted all the same: “N1”.",
    ]


async def test_only_invoices_that_changed_since_are_read_and_the_others_one_by_one(
    account: respx.MockRouter, agent: Agent
) -> None:
    every = [{**each, "invoice_id": number} for number, each in enumerate(payments(*["2023-10-02"] * 9), 1)]
    account.get("payments").respond(json=listed("payments", *every))
    invoices = [{**INVOICE, "id": number, "number": f"N{number}"} for number in range(1, 9)]
    asked: list[str | None] = []

    def page(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("updated_since"))
        number = int(request.url.params.get("page", 1))
        rows = invoices[(number - 1) * 4 : number * 4]
        return httpx.Response(200, json={"page_size": 4, "page_count": 2, "total_count": 8, "invoices": rows})

    account.get("invoices").mock(side_effect=page)
    late = account.get("invoices/9").respond(json={**INVOICE, "id": 9})
    answer = await agent.answer("sales_report", **OCTOBER)
    assert [(row["payments"], row["received"], row["currency_code"]) for row in answer["rows"]] == [(9, 90, "EUR")]
    assert asked == ["2023-10-01"] * 2
    assert late.call_count == 1
