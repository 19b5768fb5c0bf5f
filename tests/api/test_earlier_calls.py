"""A call that was made before, by this process or another, and whose outcome is unknown: its effect is looked for."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.api.call import Call, Earlier
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import OutcomeUnknown
from clientary_mcp.tools.payments import charge_payment_profile, create_payment
from clientary_mcp.tools.support.mailing import send_message
from tests.support.clock import FakeTime
from tool_schemas.contacts import Contact
from tool_schemas.documents import Message
from tool_schemas.invoices import Invoice
from tool_schemas.payments import ChargePaymentProfile, CreatePayment

pytestmark = pytest.mark.anyio

ANN = {"id": 8, "name": "Ann", "email": "ann@x.example"}
OPEN: dict[str, Any] = {"id": 5, "balance": 80, "currency_code": "EUR", "payments": [{"id": 3, "amount": 20}]}
PAID = OPEN | {"balance": 60, "payments": [{"id": 3, "amount": 20}, {"id": 4, "amount": "20.00"}]}
PAID_TWICE = OPEN | {"payments": [{"id": number, "amount": 20} for number in (3, 4, 6)]}
Do = Callable[[Clientary], Awaitable[Any]]


async def create_ann(clientary: Clientary) -> Any:
    return await clientary.create(Contact, "clients/1/contacts", {"name": "Ann", "email": "ANN@x.example"})


async def pay(clientary: Clientary) -> Any:
    return await create_payment.function(clientary, CreatePayment.model_validate({"invoice_id": 5, "amount": 20}))


async def charge(clientary: Clientary) -> Any:
    return await charge_payment_profile.function(
        clientary, ChargePaymentProfile(invoice_id=5, payment_profile_id=2, confirm=True)
    )


async def mail(clientary: Clientary) -> Any:
    await send_message(clientary, "invoices/5", Message.model_validate({"recipients": ["ann@x.example"]}))


async def add_a_line(clientary: Clientary) -> Any:
    body = {"invoice_items_attributes": [{"title": "Tow", "quantity": 1, "price": 9}]}
    return await clientary.update(Invoice, "invoices/5", body)


async def rename(clientary: Clientary) -> Any:
    return await clientary.update(Invoice, "invoices/5", {"title": "Fleet"})


def again(clientary: Clientary, time: FakeTime, seconds: float, *seen: int) -> tuple[Call, Clientary]:
    """A call that was made so many seconds ago, and a session for making it again."""
    call = clientary.new_call()
    call.earlier = Earlier(time.clock.wall() - seconds, frozenset(seen))
    return call, clientary.within(call)


@pytest.mark.parametrize(
    ("do", "seen", "path", "there", "made"),
    [
        (create_ann, {7}, "clients/1/contacts", {"contacts": [ANN]}, 8),
        (create_ann, {7}, "clients/1/contacts", {"contacts": [ANN | {"id": 7}, ANN]}, 8),
        (create_ann, set(), "clients/1/contacts", {"contacts": [ANN | {"created_at": "2023-11-14T23:00:00Z"}]}, 8),
        (pay, {3}, "invoices/5", PAID, 4),
        (rename, set(), "invoices/5", OPEN | {"title": "Fleet"}, 5),
    ],
)
async def test_what_it_did_is_found_and_not_done_again(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, do: Do, seen: set[int], path: str, there: Any,
    made: int,
) -> None:  # fmt: skip
    account.get(path).respond(json=there)
    call, session = again(clientary, time, 10, *seen)
    record = await do(session)
    assert record.id == made
    assert "The same call was sent earlier" in record.notice
    assert call.writes == []


@pytest.mark.parametrize(
    ("do", "seconds", "path", "there"),
    [
        (create_ann, 10, "clients/1/contacts", {"contacts": []}),  # it may still come
        (create_ann, 900, "clients/1/contacts", {"contacts": [ANN]}),  # of unknown age
        (pay, 10, "invoices/5", OPEN),
        (pay, 900, "invoices/5", PAID_TWICE),
        (charge, 9_000, "invoices/5", OPEN),
        (add_a_line, 10, "invoices/5", OPEN),
        (mail, 9_000, "invoices/5", OPEN),
    ],
)  # fmt: skip
async def test_what_may_have_happened_is_not_done_again(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, do: Do, seconds: float, path: str, there: Any
) -> None:
    account.get(path).respond(json=there)
    call, session = again(clientary, time, seconds, *([] if do is create_ann else [3]))
    with pytest.raises(OutcomeUnknown, match=r"was sent .+ ago .+ allow_duplicate=true"):
        await do(session)
    assert call.writes == []


@pytest.mark.parametrize(
    ("do", "seconds", "method", "path", "there"),
    [
        (create_ann, 121, "POST", "clients/1/contacts", {"contacts": []}),
        (create_ann, 121, "POST", "clients/1/contacts", {"contacts": [ANN | {"created_at": "2023-11-13T12:00:00Z"}]}),
        (pay, 121, "POST", "invoices/5/payments", OPEN),
        (rename, 1, "PUT", "invoices/5", OPEN),
        (add_a_line, 200, "PUT", "invoices/5", OPEN | {"updated_at": "2023-11-13T12:00:00Z"}),
    ],
)
async def test_what_certainly_did_not_happen_or_may_be_repeated_is_done(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, do: Do, seconds: float, method: str, path: str,
    there: Any,
) -> None:  # fmt: skip
    account.get(path.removesuffix("/payments")).respond(json=there)
    sent = account.request(method, path).respond(201, json=ANN)
    _, session = again(clientary, time, seconds, 3)
    await do(session)
    assert sent.call_count == 1


async def test_a_record_that_it_deleted_is_deleted(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime
) -> None:
    account.delete("contacts/8").respond(404)
    _, session = again(clientary, time, 10)
    await session.delete("contacts/8")


async def test_an_earlier_call_that_cannot_be_checked_is_not_made_again(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime
) -> None:
    account.get("clients/1/contacts").mock(side_effect=httpx.ReadError)
    call, session = again(clientary, time, 9_000)
    with pytest.raises(OutcomeUnknown, match="outcome is unknown"):
        await create_ann(session)
    assert call.writes == []
