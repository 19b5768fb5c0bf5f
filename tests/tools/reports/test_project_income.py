"""What a project's invoices come to where some of it cannot be read, or does not count."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent

pytestmark = pytest.mark.anyio

INVOICE = {"status": 1, "date": "2023-10-01", "currency_code": "JPY", "subtotal": 500, "total_cost": 550}


async def asked(account: respx.MockRouter, agent: Agent, *invoices: Any, expenses: Any = ()) -> dict[str, Any]:
    """The report on a project with these invoices and expenses, without hours."""
    account.get("projects/7").respond(json={"id": 7, "name": "Site", "currency_code": "JPY"})
    numbered = [{"id": id_, "number": f"N{id_}", **INVOICE, **each} for id_, each in enumerate(invoices, 1)]
    account.get("projects/7/invoices").respond(json={"invoices": numbered})
    account.get("expenses").respond(json={"expenses": [{"project_id": 7, **each} for each in expenses]})
    account.get("staff").respond(json={"staff": []})
    account.get("projects/7/hours").respond(json={"hours": []})
    return await agent.answer("profitability_report", project_id=7)


def figures(answer: dict[str, Any]) -> tuple[Any, ...]:
    (row,) = answer["rows"]
    return row["invoiced"], row["invoiced_with_tax"], row["received"]


async def test_payments_that_cannot_be_read_are_told_and_not_taken_for_none(
    account: respx.MockRouter, agent: Agent
) -> None:
    answer = await asked(
        account,
        agent,
        {"total_payments": "oops"},
        {"payments": [{"id": 1, "amount": 100}, {"id": 2, "amount": "half"}]},
    )
    assert figures(answer) == (1000, 1100, 100)
    assert answer["left_out"] == ["2 invoices with payments that cannot be read, not in received: “N1”, “N2”."]


async def test_a_missing_total_is_added_up_from_the_lines_or_told(account: respx.MockRouter, agent: Agent) -> None:
    lines = [{"id": 1, "quantity": 1, "price": 500, "taxable": True}]
    answer = await asked(
        account, agent, {"total_cost": None, "tax": 10, "invoice_items": lines}, {"total_cost": "much"}
    )
    assert figures(answer) == (1000, 1050, 0)
    assert answer["left_out"] == ["1 invoice without a total, in invoiced_with_tax by its subtotal: “N2”."]


async def test_lines_that_cannot_be_read_are_no_subtotal_of_zero(account: respx.MockRouter, agent: Agent) -> None:
    lines = [{"id": 1, "quantity": 1, "price": 500}, {"id": 2, "quantity": 1, "price": "half"}]
    answer = await asked(account, agent, {"subtotal": None, "invoice_items": lines})
    assert figures(answer) == (0, 0, 0)
    assert answer["left_out"] == ["1 invoice without a subtotal: “N1”."]


async def test_payments_of_what_is_not_invoiced_are_told_apart(account: respx.MockRouter, agent: Agent) -> None:
    paid = {"total_payments": 50}
    answer = await asked(account, agent, {**paid, "status": 0}, {**paid, "date": "2023-12-01"}, {**paid, "status": 3})
    assert figures(answer) == (0, 0, 0)
    told = [sentence for sentence in answer["left_out"] if "not in received" in sentence]
    assert told == [
        f"1 {stage} invoice whose payments are not in received (50 JPY): “N{number}”."
        for number, stage in enumerate(("draft", "future", "cancelled"), 1)
    ]


async def test_an_unknown_status_counts_and_is_told(account: respx.MockRouter, agent: Agent) -> None:
    answer = await asked(account, agent, {"status": 9})
    assert figures(answer) == (500, 550, 0)
    assert answer["left_out"] == ["1 invoice of an unknown status, counted as invoiced: “N1”."]


async def test_expenses_of_days_to_come_are_told_with_their_sum(account: respx.MockRouter, agent: Agent) -> None:
    spent = [{"id": 1, "amount": 30, "incurred_on": "2023-11-01"}, {"id": 2, "amount": 70, "incurred_on": "2024-02-01"}]
    answer = await asked(account, agent, expenses=spent)
    assert answer["rows"][0]["expenses"] == 30
    assert answer["left_out"] == ["1 expense dated in the future (70 JPY): id 2."]
