"""What an invoice comes to: net, tax, whatever else is in its total, and what was received for it."""

from decimal import Decimal
from typing import NamedTuple

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, Sums, is_zero, portion, readable_sums, rounded
from clientary_mcp.accounting.totals import UNKNOWN
from tool_schemas.invoices import Invoice

_RATES = ("tax", "tax2", "tax3")


class Tax(NamedTuple):
    """One tax of an invoice."""

    label: str
    rate: Decimal
    taxable: Decimal
    amount: Decimal


class Sale(NamedTuple):
    """What an invoice comes to, by Clientary's figures or else by its lines."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    taxable: Decimal
    """The part of `net` on which any tax is charged."""
    taxes: tuple[Tax, ...]
    """What `tax` consists of, as far as that is known."""

    @property
    def other(self) -> Decimal:
        """What is neither net nor tax: late fees, shipping."""
        return self.gross - self.net - self.tax

    @property
    def unexplained(self) -> Decimal:
        """The part of `tax` that none of `taxes` accounts for."""
        return self.tax - sum((tax.amount for tax in self.taxes), ZERO)


def sale_of(invoice: Invoice, name: str, left_out: Omissions) -> Sale | None:
    """What an invoice comes to; None, with a remark, where nobody can tell. `name` is what the remarks call it."""
    lines = readable_sums(invoice.items, invoice, invoice.currency_code)
    stated = _stated_tax(invoice)
    tax = stated if stated is not None else lines.taxes if lines else None
    net, gross = net_of(invoice, lines), invoice.total_cost
    if net is None and gross is not None and tax is not None:
        net = gross - tax
    if net is None:
        sums = {} if gross is None else {invoice.currency_code or UNKNOWN: gross}
        left_out.add("invoice", "without a subtotal", name, sums=sums)
        return None
    if tax is None:
        tax = ZERO if gross is None or not any(getattr(invoice, rate) for rate in _RATES) else gross - net
        if tax:
            left_out.add("invoice", "that does not tell its tax: taken as total less subtotal", name)
    if gross is None:
        left_out.add("invoice", "without a total: taken as subtotal and tax", name)
        gross = net + tax
    taxes = _taxes(invoice, tax, lines)
    return Sale(net, tax, gross, _taxable(taxes, lines), taxes)


def paid_share(sale: Sale, before: Decimal, after: Decimal, currency_code: str | None) -> Sale:
    """What a payment pays of an invoice, of which so much was paid before and after it.

    The shares of all payments of an invoice add up to it, whatever is rounded.
    """

    def share(amount: Decimal) -> Decimal:
        until_then, until_now = (portion(amount, paid, sale.gross, currency_code) for paid in (before, after))
        return until_now - until_then

    amounts = [share(tax.amount) for tax in sale.taxes]
    tax, gross = sum(amounts, share(sale.unexplained)), share(sale.gross)
    net = gross - tax - share(sale.other)
    taxable = net if sale.taxable == sale.net else share(sale.taxable)  # or a cent of rounding would be untaxed
    bases = [taxable + share(each.taxable - sale.taxable) for each in sale.taxes]
    taxes = tuple(
        each._replace(taxable=base, amount=amount)
        for each, base, amount in zip(sale.taxes, bases, amounts, strict=True)
    )
    return Sale(net, tax, gross, taxable, taxes)


def net_of(invoice: Invoice, lines: Sums | None) -> Decimal | None:
    """The amount before tax: as Clientary tells it, else the sum of the lines."""
    if invoice.subtotal is not None:
        return invoice.subtotal
    return lines.subtotal if lines else None


def received_of(invoice: Invoice, name: str, left_out: Omissions) -> Decimal:
    """What was ever paid, as Clientary adds it up or else lists it; with a remark where that cannot be read."""
    if invoice.total_payments is not None:
        return invoice.total_payments
    amounts = [payment.amount for payment in invoice.payments or ()]
    if None in amounts or (invoice.payments is None and "total_payments" in (invoice.unreadable or ())):
        left_out.add("invoice", "with payments that cannot be read, not in received", name)
    return sum((amount for amount in amounts if amount is not None), ZERO)


def _stated_tax(invoice: Invoice) -> Decimal | None:
    """The taxes that Clientary tells: their sum, or each by itself."""
    if invoice.total_taxes is not None:
        return invoice.total_taxes
    stated = [amount for amount in _stated_amounts(invoice) if amount is not None]
    return sum(stated, ZERO) if stated else None


def _stated_amounts(invoice: Invoice) -> tuple[Decimal | None, ...]:
    return invoice.total_tax, invoice.total_tax2, invoice.total_tax3


def _taxes(invoice: Invoice, tax: Decimal, lines: Sums | None) -> tuple[Tax, ...]:
    """The taxes one by one: their amounts as Clientary tells them or else by the lines; what they are charged on, by
    the lines or else by the amounts."""
    code = invoice.currency_code
    rates = [getattr(invoice, name) or ZERO for name in _RATES]
    charged = [place for place, rate in enumerate(rates) if rate]
    taxes = []
    for place, stated in enumerate(_stated_amounts(invoice)):
        amount, base = stated, None
        if lines:
            base = lines.levied[place].base
            amount = lines.levied[place].amount if stated is None else stated
        elif stated is None and charged == [place]:
            amount = tax
        if amount is None or (is_zero(amount, code) and not (rates[place] and base)):
            continue
        if base is None:
            base = rounded(amount * 100 / rates[place], code) if rates[place] else ZERO
        label = (getattr(invoice, f"{_RATES[place]}_label") or "").strip()
        taxes.append(Tax(label, rates[place], base, amount))
    return tuple(taxes)


def _taxable(taxes: tuple[Tax, ...], lines: Sums | None) -> Decimal:
    """How much of the net amount is taxed; without lines, what the widest tax is charged on."""
    return lines.taxable if lines else max((tax.taxable for tax in taxes), key=abs, default=ZERO)
