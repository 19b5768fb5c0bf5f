"""Tools for payments."""

from collections.abc import Callable
from functools import partial

from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.api.call import Query
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotAllowed, OutcomeUnknown
from clientary_mcp.tools.decorators import charges, creates, deletes, reads
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.listing import Kept, keeping, noted, say_of_what, whole
from clientary_mcp.tools.support.lookups import Currencies, currencies_of
from clientary_mcp.tools.support.previews import done, find_by_id, nothing_to_do, preview
from tool_schemas.base.results import Outcome, Page
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import Invoice
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import ChargePaymentProfile, CreatePayment, DeletePayment, ListPayments, Payment

Keep = Callable[[], Kept[Payment]]

_CHEAP = 50
"""Invoices that are looked up for the sums of a page that nobody asked to be summed."""


@reads("payments")
async def list_payments(clientary: Clientary, args: ListPayments) -> Page[Payment]:
    """List payments received, newest first."""
    if args.client_id is not None:
        return await _of_client(clientary, args)
    if whole(clientary, args):
        known = await currencies_of(clientary) if clientary.sink is not None else None
        into = partial(_Received, keeping(clientary, args), known)
        kept = (await clientary.sift(Payment, "payments", into, _sorted(args))).kept
        return await _summed(clientary, kept.page(), kept.totals)
    page = await clientary.collect(Payment, "payments", limit=args.limit, page=args.page, query=_sorted(args))
    totals = Totals()
    for payment in page.records:
        totals.add_record(payment, payment.currency_code or payment.invoice_id)
    return await _summed(clientary, page, totals, most=_CHEAP)


def _sorted(args: ListPayments) -> Query:
    return {"sort": args.sort if args.sort != "received_on" else None}


async def _of_client(clientary: Clientary, args: ListPayments) -> Page[Payment]:
    """What the client's invoices carry; where they don't, those of all payments that are theirs."""
    keep = keeping(clientary, args)
    carried = await clientary.sift(Invoice, f"clients/{args.client_id}/invoices", partial(_Carried, keep))
    if not carried.silent:
        return carried.kept.page()
    into = partial(_Theirs, keep, carried.currencies)
    return (await clientary.sift(Payment, "payments", into, _sorted(args))).kept.page()


class _Received:
    """Payments on their way into a list. The id of the invoice stands for a currency that is not known yet."""

    def __init__(self, keep: Keep, known: Currencies | None) -> None:
        self.kept, self._known = keep(), known

    def add(self, payment: Payment) -> None:
        stands_for: str | int | None = payment.currency_code or payment.invoice_id
        if self._known and isinstance(stands_for, int):
            stands_for = self._known.of(stands_for)
        self.kept.add(payment, stands_for)


class _Carried:
    """The payments that invoices carry; `silent` when one does not say whether it has any."""

    def __init__(self, keep: Keep) -> None:
        self.kept, self.silent = keep(), False
        self.currencies: dict[int | None, str] = {}

    def add(self, invoice: Invoice) -> None:
        code = self.currencies[invoice.id] = invoice.currency_code or UNKNOWN
        self.silent |= invoice.payments is None
        for payment in invoice.payments or []:
            payment.invoice_id = invoice.id
            self.kept.add(payment, code)


class _Theirs:
    """The payments of these invoices."""

    def __init__(self, keep: Keep, currencies: dict[int | None, str]) -> None:
        self.kept, self._currencies = keep(), currencies

    def add(self, payment: Payment) -> None:
        if payment.invoice_id in self._currencies:
            self.kept.add(payment, self._currencies[payment.invoice_id])


async def _summed(clientary: Clientary, page: Page[Payment], totals: Totals, most: int | None = None) -> Page[Payment]:
    """With its sums, in the currencies of the invoices; without, where more than `most` would have to be looked up."""
    if most is not None and len(totals.untold) > most:
        return _without_sums(page, f"and {len(totals.untold)} are too many to be read unasked. Any filter brings it")
    try:
        currencies = await currencies_of(clientary, totals.untold)
    except ClientaryError:
        return _without_sums(page, "and they can't be read")
    page.total_amounts = totals.told_by(currencies.of).to_json()
    return page if most is None else say_of_what(page)


def _without_sums(page: Page[Payment], why: str) -> Page[Payment]:
    page.total_amounts = None
    page.notice = noted(page, f"There is no total_amounts: only the invoices tell the currency, {why}.")
    return page


@creates(
    "payments",
    "money",
    seen_with="get_invoice",
    mentions=Mention("charge_payment_profile charges a stored card.", "charge_payment_profile"),
)
async def create_payment(clientary: Clientary, args: CreatePayment) -> Payment:
    """Record money received for an invoice, in part or in full. It moves no money."""
    path = f"invoices/{args.invoice_id}/payments"
    return await clientary.create(Payment, path, args.body(), listed=partial(_newest_of, clientary, args.invoice_id))


async def _newest_of(clientary: Clientary, invoice_id: int) -> list[Payment]:
    """The payments made last: only this list may tell when that was."""
    page = await clientary.collect(Payment, "payments", limit=30, query={"sort": "created_at"})
    return [payment for payment in page.records if payment.invoice_id == invoice_id]


async def _payments_of(clientary: Clientary, invoice: str) -> list[Payment]:
    return (await clientary.get(Invoice, invoice)).payments or []


async def _preview_charge(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    amount = format_money(invoice.balance, invoice.currency_code)
    if invoice.balance is not None and invoice.balance <= 0:
        return nothing_to_do(f"There is nothing to charge: the balance of invoice {invoice.id} is {amount}.", invoice)
    card = await _card(clientary, invoice, args.payment_profile_id)
    return preview(
        f"charge {amount}, the whole balance of invoice {invoice.id}, to {card}",
        invoice,
        not_visible="A charge can't be taken back through the API. Clientary takes the balance at that moment.",
        alternative=Mention(
            "create_payment records money that was received another way, without a charge.", "create_payment"
        ),
    )


async def _card(clientary: Clientary, invoice: Invoice, profile_id: int) -> str:
    """What is known of the card; NotFound when the invoice's client has no such card."""
    card = f"payment profile {profile_id}"
    if invoice.client_id is None:
        return f"{card} (the invoice has no client, so it can't be checked)"
    path = f"clients/{invoice.client_id}/payment_profiles"
    try:
        profiles = await clientary.collect(PaymentProfile, path, limit=None)
    except NotAllowed:
        return f"{card} (which the owner of the API token may not see)"
    profile = find_by_id(profiles, profile_id, f"{path}/{profile_id}")
    digits = profile.last_four_digits or ""
    ending = f" ending in {digits}" if len(digits) == 4 and digits.isdecimal() else ""
    return f"{card}: the card{ending} of {quote(profile.name or '')}"


@charges("payments", _preview_charge, seen_with="get_invoice")
async def charge_payment_profile(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    """Charge a client's stored card for the whole outstanding balance of an invoice; a part cannot be charged. Real
    money moves."""
    path = f"invoices/{args.invoice_id}"
    charged = f"Payment profile {args.payment_profile_id} was charged for invoice {args.invoice_id}"
    payment: Payment | None = None
    try:
        newest = partial(_newest_of, clientary, args.invoice_id)
        payment = await clientary.create(Payment, f"{path}/payments", args.body(), listed=newest)
    except OutcomeUnknown as unknown:
        if not unknown.accepted:
            raise
    try:
        invoice = await clientary.get(Invoice, path)
    except ClientaryError:  # the money has moved: failing to read the invoice must not make it look otherwise
        return done([f"{charged}.", Mention("get_invoice shows the balance.", "get_invoice")], payment)
    amount = f": {format_money(payment.amount, invoice.currency_code)}" if payment else ""
    return done(
        f"{charged}{amount}. Its balance is now {format_money(invoice.balance, invoice.currency_code)}.", payment
    )


async def _preview_delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"
    payment: Payment = find_by_id(Page([invoice.payments or []]), args.payment_id, path)
    owed = None
    if invoice.balance is not None and payment.amount is not None:
        owed = invoice.balance + payment.amount
    amount, now, then = (format_money(each, invoice.currency_code) for each in (payment.amount, invoice.balance, owed))
    return preview(
        f"delete payment {payment.id} of {amount} for good; the balance of invoice {invoice.id} would rise from"
        f" {now} to {then}",
        payment,
        not_visible="If it was charged to a card, that money is not known to be paid back by this.",
    )


@deletes("payments", _preview_delete_payment, "money", seen_with="get_invoice")
async def delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    """Delete the record of a payment for good; the invoice's balance rises again. It refunds nothing."""
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"

    async def there() -> object:
        payments = await _payments_of(clientary, f"invoices/{args.invoice_id}")
        return find_by_id(Page([payments]), args.payment_id, path)

    await clientary.delete(path, there)
    return done(f"Payment {args.payment_id} of invoice {args.invoice_id} is deleted.")


TOOLS = (list_payments, create_payment, charge_payment_profile, delete_payment)
