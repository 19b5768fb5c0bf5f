"""Payments that were received: those of one invoice, by which it shows whether money came, and those of late."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Self

from clientary_mcp.api.call import Body
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import ClientaryError, MalformedResponse
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment

_LATEST = 100
"""The payments that are searched for one where invoices do not show theirs."""


@dataclass(frozen=True)
class Received:
    """The invoice with its payments, read before another is made, and again where the response to that is lost."""

    clientary: Clientary
    invoice: Invoice

    @classmethod
    async def of(cls, clientary: Clientary, invoice_id: int) -> Self:
        """The invoice with its payments."""
        return cls(clientary, await clientary.get(Invoice, f"invoices/{invoice_id}"))

    @property
    def ids(self) -> set[int] | None:
        """The payments that were there before; None where the invoice does not show its payments."""
        return None if self.invoice.payments is None else {payment.id for payment in self.invoice.payments}

    async def add(self, body: Body, check: Callable[[], None], shows: Body | None = None) -> Payment:
        """Record or charge a payment, once; `check` and `shows` as for `Clientary.create`."""
        path = f"invoices/{self.invoice.id}/payments"
        return await self.clientary.create(
            Payment, path, body, listed=self.now, there=self.ids, shows=shows, check=check
        )

    async def now(self) -> list[Payment]:
        """The payments that are there now. A balance that fell without any that shows why proves nothing."""
        invoice = await self.clientary.get(Invoice, f"invoices/{self.invoice.id}")
        payments = invoice.payments
        if payments is None:
            page = await self.clientary.collect(Payment, limit=_LATEST, query={"sort": "created_at"})
            payments = [payment for payment in page.records if payment.invoice_id == self.invoice.id]
        for payment in payments:
            payment.invoice_id = self.invoice.id
        new = {payment.id for payment in payments} - (self.ids or set())
        if not new and invoice.balance != self.invoice.balance:
            raise MalformedResponse("The invoice's balance changed, and none of its payments shows why.")
        return payments

    async def afterwards(self) -> Invoice | None:
        """The invoice as it is now; None where that fails: money was received, and an error would look otherwise."""
        try:
            return await self.clientary.get(Invoice, f"invoices/{self.invoice.id}")
        except ClientaryError:
            return None


@rereads
async def payments_since(clientary: Clientary, since: date) -> list[Payment]:
    """The payments received since that day.

    By the documentation the newest come first. Once a page and the order on it agree, older payments are not read.
    """
    found: list[Payment] = []
    payments = clientary.stream(Payment, read_ahead=False)
    seen, newest, latest, in_order = 0, None, None, True
    async for payment in payments:
        seen, day = seen + 1, payment.received_on
        if day is not None:
            newest, in_order, latest = newest or day, in_order and day <= (latest or day), day
            if day >= since:
                found.append(payment)
        whole_page = payments.first_page is not None and seen >= len(payments.first_page.records)
        if whole_page and in_order and newest and latest and latest < min(newest, since):
            break
    payments.check()
    return found
