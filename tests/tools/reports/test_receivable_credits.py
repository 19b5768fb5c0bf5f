"""Credits, pending parts and currencies in the receivables report."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.tools.reports.test_receivables import invoice, play

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


async def test_credits_stand_beside_what_is_owed(account: respx.MockRouter, agent: Agent) -> None:
    play(
        account,
        invoice(1, balance=100, currency_code="kwd", pending_amount="0.125"),
        invoice(2, balance="-30.005", total_cost="-30.005", currency_code="KWD"),
        invoice(3, status=4, balance=-5, currency_code="JPY"),
        invoice(4, balance="0.4", currency_code=" jpy "),
        invoice(5, client_id=5, client=None, balance="-0.004", currency_code="KWD"),
    )
    account.get("clients/5").respond(404)
    answer = await agent.answer("receivables_report")
    columns = ("client", "currency_code", "total", "credits", "net", "invoices")
    assert [tuple(row[name] for name in columns) for row in answer["rows"]] == [
        ("ACME", "JPY", 0, 5, -5, 0),
        ("ACME", "KWD", 99.875, 30.005, 69.87, 1),
        ("client 5", "KWD", 0, 0.004, -0.004, 0),
    ]
    totals = [(row["currency_code"], row["clients"], row["total"], row["credits"]) for row in answer["totals"]]
    assert totals == [("JPY", 0, 0, 5), ("KWD", 1, 99.875, 30.009)]
    assert answer["pending"] == [{"currency_code": "KWD", "count": 1, "balance": 0.125}]
    assert "left_out" not in answer

    single = await agent.answer("receivables_report", group_by="invoice")
    assert [(row["invoice_id"], row["balance"], row["pending"]) for row in single["rows"]] == [(1, 99.875, 0.125)]
    assert [(row["client_id"], row["credits"]) for row in single["credits"]] == [(4, 5), (4, 30.005), (5, 0.004)]
    assert single["totals"] == answer["totals"]


@pytest.mark.parametrize("arguments", [{"min_total": 1}, {"min_days_overdue": 1}])
async def test_who_owes_nothing_of_that_kind_is_left_out_with_the_credit(
    account: respx.MockRouter, agent: Agent, arguments: Row
) -> None:
    play(account, invoice(1), invoice(2, balance=-3), invoice(3, client_id=5, balance=-7))
    answer = await agent.answer("receivables_report", **arguments)
    assert [(row["client_id"], row["net"]) for row in answer["rows"]] == [(4, 97)]
    assert answer["left_out"] == ["1 credit beside which nothing of that kind is owed."]
    late = "Only invoices at least 1 day overdue count; credits are all of the same clients."
    assert (late in answer["basis"]) is ("min_days_overdue" in arguments)


async def test_the_answer_tells_which_day_it_is(account: respx.MockRouter, agent: Agent) -> None:
    play(account)
    assert "Today is 2023-11-14 (UTC)." in (await agent.answer("receivables_report", as_of="2023-10-31"))["basis"]


async def test_clients_that_are_not_visible_have_their_number_as_name(account: respx.MockRouter, agent: Agent) -> None:
    play(account, *(invoice(number, client_id=number, client=None, total_cost=1) for number in range(1, 31)))
    account.get("clients").respond(403)
    answer = await agent.answer("receivables_report")
    assert {row["client"] for row in answer["rows"]} == {f"client {number}" for number in range(1, 31)}


async def test_a_balance_below_half_a_yen_adds_nothing_to_what_was_owed_before(
    account: respx.MockRouter, agent: Agent
) -> None:
    paid = [{"id": 9, "amount": 550, "received_on": "2023-11-13"}]
    whole = {"total_cost": 550, "balance": "0.49", "currency_code": "JPY", "date": "2023-10-01", "payments": paid}
    play(account, invoice(1, **whole))
    report = await agent.answer("receivables_report", as_of="2023-11-01")
    assert [row["total"] for row in report["totals"]] == [550]
