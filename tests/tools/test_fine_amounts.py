"""An amount of money that its currency does not have is refused; prices, rates and quantities may be finer."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import sent
from tests.support.replies import CLIENT, EXPENSE, INVOICE, PAYMENT, PROJECT

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
FINE = [
    ("EUR", "12.345", "no amount of money in EUR; valid are up to 2 decimals"),
    ("usd", 0.001, "in USD; valid are up to 2 decimals"),
    ("JPY", 0.5, "in JPY; valid are up to 0 decimals"),
    ("KWD", "1.2345", "in KWD; valid are up to 3 decimals"),
    (None, "1.2345", "in any currency; valid are up to 3 decimals"),
]
EXACT: list[tuple[str | None, Any]] = [
    ("EUR", "12.340"),
    ("JPY", 12),
    ("JPY", "12.0"),
    ("KWD", "1.234"),
    (None, "1.234"),
]


@pytest.mark.parametrize("unusual", [False, True])
@pytest.mark.parametrize(("currency", "amount", "text"), FINE)
async def test_a_payment_finer_than_its_currency_is_refused(
    agent: Agent, account: respx.MockRouter, currency: str | None, amount: Any, text: str, *, unusual: bool
) -> None:
    account.get("invoices/110").respond(json={**INVOICE, "currency_code": currency})
    refusal = await agent.refusal("create_payment", invoice_id=110, amount=amount, allow_unusual=unusual)
    assert f"amount: {amount} is" in refusal
    assert text in refusal
    assert "Nothing was sent." in refusal
    assert "allow_unusual" not in refusal
    assert {request.method for request in sent(account)} == {"GET"}


@pytest.mark.parametrize(("currency", "amount"), EXACT)
async def test_a_payment_to_the_smallest_unit_is_recorded(
    agent: Agent, account: respx.MockRouter, currency: str | None, amount: Any
) -> None:
    account.get("invoices/110").respond(json={**INVOICE, "currency_code": currency})
    account.post("invoices/110/payments").respond(201, json=PAYMENT)
    await agent.answer("create_payment", invoice_id=110, amount=amount)
    assert sent(account)[1].method == "POST"


def play(account: respx.MockRouter, project: str | None, client: str | None) -> None:
    """An expense of project 24 and client 4, which have these currencies."""
    account.get("projects/24").respond(json={**PROJECT, "currency_code": project})
    account.get("clients/4").respond(json={**CLIENT, "account": {"currency_code": client}})
    account.get("expenses/3").respond(json={**EXPENSE, "project_id": 24})
    account.put("expenses/3").respond(json=EXPENSE)
    account.post("expenses").respond(201, json=EXPENSE)


CALLS: list[tuple[str, JsonObject]] = [
    ("create_expense", {"project_id": 24}),
    ("create_expense", {"project_id": 24, "client_id": 4}),
    ("update_expense", {"expense_id": 3}),
    ("update_expense", {"expense_id": 3, "project_id": 24}),
]


@pytest.mark.parametrize(("tool", "of"), CALLS)
@pytest.mark.parametrize(("currency", "amount", "text"), FINE[:4])
async def test_an_expense_finer_than_its_projects_currency_is_refused(
    agent: Agent, account: respx.MockRouter, tool: str, of: JsonObject, currency: str, amount: Any, text: str
) -> None:
    play(account, currency, "BHD")
    refusal = await agent.refusal(tool, **of, amount=amount)
    assert text in refusal
    assert {request.method for request in sent(account)} == {"GET"}


@pytest.mark.parametrize(
    ("tool", "of", "client", "amount", "fine"),
    [
        ("create_expense", {"client_id": 4}, "EUR", 1.234, True),
        ("create_expense", {"client_id": 4}, "eur ", 1.234, True),
        ("create_expense", {"project_id": 24, "client_id": 4}, "JPY", 1.5, True),
        ("update_expense", {"expense_id": 3}, "EUR", "1.234", True),
        ("create_expense", {"client_id": 4}, None, "1.2345", True),
        ("create_expense", {}, "EUR", "1.2345", True),
        ("create_expense", {}, "EUR", 1.234, False),
        ("create_expense", {"client_id": 4}, "EUR", 1.23, False),
        ("create_expense", {"client_id": 4}, "KWD", 1.234, False),
    ],
)
async def test_else_the_clients_currency_decides_and_three_decimals_where_none_is_known(
    agent: Agent, account: respx.MockRouter, tool: str, of: JsonObject, client: str, amount: Any, *, fine: bool
) -> None:
    play(account, None, client)
    if fine:
        assert "no amount of money" in await agent.refusal(tool, **of, amount=amount)
    else:
        await agent.answer(tool, **of, amount=amount)
    assert (sent(account)[-1:] == [] or sent(account)[-1].method == "GET") is fine


@pytest.mark.parametrize("status", [403, 404])
async def test_a_project_that_cannot_be_read_is_no_reason_to_refuse(
    agent: Agent, account: respx.MockRouter, status: int
) -> None:
    play(account, None, None)
    account.get("projects/24").respond(status)
    await agent.answer("create_expense", project_id=24, amount=1.234)
    assert sent(account)[-1].method == "POST"


async def test_a_whole_amount_needs_no_look_at_the_currency(agent: Agent, account: respx.MockRouter) -> None:
    play(account, "JPY", "JPY")
    await agent.answer("create_expense", project_id=24, client_id=4, amount="500.00")
    assert [request.method for request in sent(account)] == ["POST"]


async def test_prices_and_rates_may_be_finer_than_money(agent: Agent, account: respx.MockRouter) -> None:
    account.post("invoices").respond(201, json=INVOICE)
    line = {"title": "Clicks", "quantity": 1234.5678, "price": 0.00125}
    await agent.answer("create_invoice", date="2026-03-01", due_date="2026-03-31", currency_code="JPY", items=[line])
    assert sent(account)[0].body["invoice"]["invoice_items_attributes"] == [line]
