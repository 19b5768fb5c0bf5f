"""The tax report: what each tax was charged on and comes to, by rate and currency, as invoiced or as received."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, is_zero, line_amount
from clientary_mcp.accounting.sales import Sale, paid_share, sale_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.sales_reading import Receipt, Receipts, read_receipts, read_sales
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoice_owners import NOBODY, Owner
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.invoices import Invoice
from tool_schemas.reports.sales import TaxReport

_UNNAMED = "unnamed"
_FIGURES = (
    "tax is what Clientary tells, or else the lines' tax; taxable what it is charged on: the net amount of the lines,"
    " and for a compound second tax the first tax on them too. In totals, taxable counts each line once; untaxed is"
    " the rest of the net amount."
)
_INVOICED = "Invoices by their date, without drafts, cancelled ones and those dated after today."
_RECEIVED = (
    "Payments by the day they were received, each with its share of its invoice: the payment's part of the invoice's"
    " total. The shares of all payments of an invoice add up to it."
)


@reads("reports")
async def tax_report(clientary: Clientary, args: TaxReport) -> Report:
    """Tax to declare (VAT, sales tax): taxable amount and tax per name, rate and currency; untaxed sales apart."""
    taxes = await (_received if args.basis == "received" else _invoiced)(clientary, args)
    return Report(
        taxes.rows(),
        basis=in_order(_RECEIVED if args.basis == "received" else _INVOICED, _FIGURES, clientary.today().sentence),
        totals=taxes.totals(),
        left_out=taxes.left_out.to_json(),
        about={"from_date": args.first, "to_date": args.last, "untaxed": taxes.untaxed() or None},
    )


async def _invoiced(clientary: Clientary, args: TaxReport) -> "_Taxes":
    sales = await read_sales(clientary, args, lambda _, sale, __: sale)
    taxes = _Taxes(sales.left_out)
    taxes.left_out.merge(sales.owners.left_out)
    for invoice_id, _, sale in sales.rows:
        owner = sales.owners.of[invoice_id]
        taxes.check(sale, owner, [sale])
        taxes.add(sale, owner, invoice_id)
    return taxes


class _Paid(NamedTuple):
    """An invoice, and the payments that it lists."""

    sale: Sale | None
    payments: tuple[Receipt, ...]
    left_out: Omissions


async def _received(clientary: Clientary, args: TaxReport) -> "_Taxes":
    paid: dict[int, _Paid] = {}

    def see(invoice: Invoice) -> None:
        left_out = Omissions()
        paid[invoice.id] = _Paid(sale_of(invoice, label(invoice), left_out), _payments_in(invoice), left_out)

    receipts = await read_receipts(clientary, args, see)
    taxes = _Taxes(receipts.left_out)
    taxes.left_out.merge(receipts.owners.left_out)
    for invoice_id, payments in _by_invoice(receipts).items():
        owner, known = receipts.owners.of.get(invoice_id, NOBODY), paid.get(invoice_id)
        if known:
            taxes.left_out.merge(known.left_out)
        if known is None or known.sale is None:
            amounts = {owner.currency_code: sum((payment.amount for payment in payments), ZERO)}
            taxes.left_out.add(
                "payment", "of an invoice whose amounts are not known", sums=amounts, count=len(payments)
            )
            continue
        shares = []
        for payment in payments:
            before = sum((each.amount for each in known.payments or payments if each.order < payment.order), ZERO)
            share = paid_share(known.sale, before, before + payment.amount, owner.currency_code)
            taxes.add(share, owner, invoice_id)
            taxes.check_paid(share, payment.amount, owner)
            shares.append(share)
        taxes.check(known.sale, owner, shares)
    return taxes


def _by_invoice(receipts: Receipts) -> dict[int, list[Receipt]]:
    found: dict[int, list[Receipt]] = {}
    for payment in receipts.payments:
        found.setdefault(payment.invoice_id, []).append(payment)
    return found


def _payments_in(invoice: Invoice) -> tuple[Receipt, ...]:
    return tuple(
        Receipt(payment.id, invoice.id, payment.received_on, payment.amount, ZERO)
        for payment in invoice.payments or ()
        if payment.received_on is not None and payment.amount is not None
    )


@dataclass
class _Sums:
    """What one tax, or the whole of a currency, comes to."""

    taxable: Decimal = ZERO
    tax: Decimal = ZERO
    invoices: set[int] = field(default_factory=set)

    def add(self, taxable: Decimal, tax: Decimal, invoice_id: int) -> None:
        """Add a part of an invoice."""
        self.taxable += taxable
        self.tax += tax
        self.invoices.add(invoice_id)

    def to_json(self) -> dict[str, Any]:
        """The columns of a row."""
        return {"taxable": self.taxable, "tax": self.tax, "invoices": len(self.invoices)}


class _Taxes:
    """The sums of the report: by tax, of everything, and of what is untaxed."""

    def __init__(self, left_out: Omissions) -> None:
        self.left_out = left_out
        self._rows: dict[tuple[str, str, Decimal], _Sums] = {}
        self._totals: dict[str, _Sums] = {}
        self._untaxed: dict[str, _Sums] = {}
        self._unexplained: dict[str, Decimal] = {}

    def add(self, sale: Sale, owner: Owner, invoice_id: int) -> None:
        """Add an invoice, or the part of it that was paid."""
        code = owner.currency_code
        for tax in sale.taxes:
            self._rows.setdefault((code, tax.label, tax.rate), _Sums()).add(tax.taxable, tax.amount, invoice_id)
        self._totals.setdefault(code, _Sums()).add(sale.taxable, sale.tax, invoice_id)
        if untaxed := sale.net - sale.taxable:
            self._untaxed.setdefault(code, _Sums()).add(untaxed, ZERO, invoice_id)
        if sale.unexplained:
            self._unexplained[code] = self._unexplained.get(code, ZERO) + sale.unexplained

    def check(self, sale: Sale, owner: Owner, parts: Sequence[Sale]) -> None:
        """Name an invoice whose figures do not agree with each other, with what is missing of the parts that count."""
        code, name = owner.currency_code, owner.name
        unexplained = sum((part.unexplained for part in parts), ZERO)
        other = sum((part.other for part in parts), ZERO)
        if not is_zero(sale.unexplained, code):
            remark = "whose taxes by rate do not add up to the whole tax: the rest is in unexplained, in no row"
            self.left_out.add("invoice", remark, name, sums={code: unexplained})
        if not is_zero(sale.other, code):
            remark = "whose subtotal and taxes do not add up to the total (late fees, shipping): the rest is not here"
            self.left_out.add("invoice", remark, name, sums={code: other})
        if any(not is_zero(line_amount(tax.taxable, tax.rate / 100, code) - tax.amount, code) for tax in sale.taxes):
            self.left_out.add("invoice", "whose tax is not that rate of its lines: counted as Clientary tells it", name)

    def check_paid(self, share: Sale, amount: Decimal, owner: Owner) -> None:
        """Name a payment that goes beyond what its invoice comes to: that part bears no tax."""
        beyond = amount - share.gross
        if not is_zero(beyond, owner.currency_code):
            remark = "beyond its invoice's total, so without tax"
            self.left_out.add("payment", remark, owner.name, sums={owner.currency_code: beyond})

    def rows(self) -> list[dict[str, Any]]:
        """The taxes, by currency and from the largest on."""
        ranked = sorted(self._rows.items(), key=lambda row: (row[0][0], -row[1].tax, row[0]))
        return [
            {"tax_label": name or _UNNAMED, "rate": rate, "currency_code": code, **sums.to_json()}
            for (code, name, rate), sums in ranked
        ]

    def totals(self) -> list[dict[str, Any]]:
        """Everything, per currency."""
        return [
            {"currency_code": code, **self._totals[code].to_json(), **self._rest_of(code)}
            for code in sorted(self._totals)
        ]

    def _rest_of(self, code: str) -> dict[str, Decimal]:
        rest = self._unexplained.get(code)
        return {"unexplained": rest} if rest else {}

    def untaxed(self) -> list[dict[str, Any]]:
        """What bears no tax, per currency."""
        return [
            {"currency_code": code, "net": self._untaxed[code].taxable, "invoices": len(self._untaxed[code].invoices)}
            for code in sorted(self._untaxed)
        ]


TOOLS = (tax_report,)
