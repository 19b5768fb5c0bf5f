"""Recording money that was received for open invoices: once, and never above what is owed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clientary_mcp.accounting.invoices import owed_of
from clientary_mcp.accounting.money import ZERO, is_zero
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, Unavailable
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money
from clientary_mcp.tools.support.received import Received
from clientary_mcp.tools.workflows.turns import may_still_come
from tool_schemas.invoices import Invoice
from tool_schemas.payments import CreatePayment, Payment

TURN = "record payments"
"""The turn of the jobs that record payments: what one of them reads, no other changes meanwhile."""


@dataclass(frozen=True)
class Receipt:
    """What is to be recorded for one invoice."""

    invoice: Invoice
    amount: Decimal
    day: date
    note: str | None
    paid: Decimal = ZERO
    """What the same call recorded for the invoice after it was read."""

    @property
    def what(self) -> str:
        """`1,250.50 USD for invoice “1042” (id 20101)`."""
        return f"{format_money(self.amount, self.invoice.currency_code)} for {invoice_name(self.invoice)}"


async def record(clientary: Clientary, ledger: Ledger, receipt: Receipt) -> Payment:
    """Record it; Unavailable while a lost payment of it may still come.

    BadArguments where less is owed by now, or where somebody else changed the balance: it may be the same money.
    """
    step = f"payment of invoice {receipt.invoice.id}"
    if may_still_come(clientary, await ledger.find(step)):
        why = f"The response to an earlier payment of {invoice_name(receipt.invoice)} was lost, and it may still come."
        raise Unavailable(why, "Try again in two minutes.", effect="not sent")
    received = await Received.of(clientary, receipt.invoice.id)

    def check() -> None:
        owed = owed_of(received.invoice, clientary.today())
        code = received.invoice.currency_code
        if receipt.amount > owed and not is_zero(receipt.amount - owed, code):
            raise BadArguments(f"only {format_money(owed, code)} is owed on {invoice_name(receipt.invoice)} by now.")
        before, now = receipt.invoice.balance, received.invoice.balance
        if before is not None and now is not None and not is_zero(before - receipt.paid - now, code):
            raise BadArguments(
                f"the balance of {invoice_name(receipt.invoice)} has changed meanwhile, to {format_money(now, code)}."
            )

    body = CreatePayment(
        invoice_id=receipt.invoice.id, amount=receipt.amount, received_on=receipt.day, note=receipt.note or None
    ).body()
    async with ledger.step(step):
        return await received.add(body, check)
