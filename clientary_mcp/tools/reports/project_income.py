"""What was invoiced for a project, and what was paid on it: sums per currency, and what is listed separately."""

from dataclasses import dataclass, field
from decimal import Decimal

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import KNOWN, stage_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, Sums, readable_sums
from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.tools.support.formatting import label
from tool_schemas.invoices import Invoice


@dataclass
class Income:
    """What was invoiced in one currency, without and with tax, and what was paid on it."""

    invoices: int = 0
    invoiced: Decimal = ZERO
    invoiced_with_tax: Decimal = ZERO
    received: Decimal = ZERO


@dataclass
class Invoiced:
    """The project's invoices: sums per currency, with drafts separate."""

    income: dict[str, Income] = field(default_factory=dict)
    drafts: Totals = field(default_factory=Totals)
    left_out: Omissions = field(default_factory=Omissions)
    ids: set[int] = field(default_factory=set)

    def add(self, invoice: Invoice, today: Today) -> None:
        """Add an invoice to what it counts as."""
        self.ids.add(invoice.id)
        lines = readable_sums(invoice.items, invoice, invoice.currency_code)
        subtotal, stage = _subtotal(invoice, lines), stage_of(invoice, today)
        code, name = invoice.currency_code or UNKNOWN, label(invoice)
        if stage == "cancelled":
            self.left_out.add("cancelled invoice", "", name)
        elif subtotal is None:
            self.left_out.add("invoice", "without a subtotal", name)
        elif stage == "future":
            self.left_out.add("invoice", "dated in the future", name, sums={code: subtotal})
        elif stage == "draft":
            self.drafts.add(invoice.currency_code, invoiced=subtotal)
            self.left_out.add("draft", "", name)
        else:
            self._count(invoice, subtotal, lines)
        if stage != "invoiced" and (received := self._received(invoice)):
            self.left_out.add(f"{stage} invoice", "whose payments are not in received", name, sums={code: received})

    def _count(self, invoice: Invoice, subtotal: Decimal, lines: Sums | None) -> None:
        """Add an invoice that is invoiced."""
        income = self.income.setdefault(invoice.currency_code or UNKNOWN, Income())
        total = lines.total if invoice.total_cost is None and lines else invoice.total_cost
        if total is None:
            self.left_out.add("invoice", "without a total, in invoiced_with_tax by its subtotal", label(invoice))
        income.invoices += 1
        income.invoiced += subtotal
        income.invoiced_with_tax += subtotal if total is None else total
        income.received += self._received(invoice)
        if invoice.status not in KNOWN:
            self.left_out.add("invoice", "of an unknown status, counted as invoiced", label(invoice))
        if _shared(invoice):
            self.left_out.add("invoice", "of several projects, counted in full", label(invoice))

    def _received(self, invoice: Invoice) -> Decimal:
        """What was paid on it, as Clientary adds it up or else lists it; with a remark where that cannot be read."""
        if invoice.total_payments is not None:
            return invoice.total_payments
        amounts = [payment.amount for payment in invoice.payments or ()]
        if None in amounts or (invoice.payments is None and "total_payments" in (invoice.unreadable or ())):
            self.left_out.add("invoice", "with payments that cannot be read, not in received", label(invoice))
        return sum((amount for amount in amounts if amount is not None), ZERO)


def _subtotal(invoice: Invoice, lines: Sums | None) -> Decimal | None:
    """The invoiced amount before tax: as Clientary reports it, else the sum of the lines."""
    if invoice.subtotal is not None:
        return invoice.subtotal
    return lines.subtotal if lines else None


def _shared(invoice: Invoice) -> bool:
    """Whether the invoice bills more projects than this one, where Clientary reports them."""
    projects = (invoice.__pydantic_extra__ or {}).get("projects")
    return isinstance(projects, list) and len(projects) > 1
