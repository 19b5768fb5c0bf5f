"""The payments of one invoice, by which it shows whether money was received for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from clientary_mcp.api.call import Body
from clientary_mcp.api.session import Clientary
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
