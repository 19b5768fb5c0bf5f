"""What was invoiced for a project, and what was paid on it: sums per currency, and what is listed separately."""

from dataclasses import dataclass, field
from decimal import Decimal

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import KNOWN, stage_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, Sums, readable_sums
from clientary_mcp.accounting.sales import net_of, received_of
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
        subtotal, stage = net_of(invoice, lines), stage_of(invoice, today)
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
        if stage != "invoiced" and (received := received_of(invoice, label(invoice), self.left_out)):
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
        income.received += received_of(invoice, label(invoice), self.left_out)
        if invoice.status not in KNOWN:
            self.left_out.add("invoice", "of an unknown status, counted as invoiced", label(invoice))
        if _shared(invoice):
            self.left_out.add("invoice", "of several projects, counted in full", label(invoice))


def _shared(invoice: Invoice) -> bool:
    """Whether the invoice bills more projects than this one, where Clientary reports them."""
    projects = (invoice.__pydantic_extra__ or {}).get("projects")
    return isinstance(projects, list) and len(projects) > 1
