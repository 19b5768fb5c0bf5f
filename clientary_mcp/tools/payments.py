"""Tools for payments."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, MalformedResponse, NotAllowed, NotFound, OutcomeUnknown
from clientary_mcp.tools.decorators import charges, creates, deletes, lists
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.listing import Listing, add_notice, add_sums, note_scope
from clientary_mcp.tools.support.lookups import Currencies, currencies_of
from clientary_mcp.tools.support.previews import done, find_by_id, nothing_to_do, preview
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome, Page
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import Invoice
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import ChargePaymentProfile, CreatePayment, DeletePayment, ListPayments, Payment

_MAX_LOOKUPS = 50
"""Invoices looked up at most for the sums of a list that was not filtered."""


class _Payments(Listing[Payment]):
    """Payments. Only their invoices state the currency, so the invoice's id is its placeholder until it is known."""

    def __init__(self, clientary: Clientary, args: ListPayments) -> None:
        super().__init__(clientary, Payment, args, query={"sort": args.sort if args.sort != "received_on" else None})
        self._client_id = args.client_id
        self._known: Currencies | None = None

    async def page(self) -> Page[Payment]:
        """The records from `offset` on, with their sums where these take few requests."""
        if self._reads_all:
            return await self._summed(await self._filtered(), self.totals)
        page, totals, today = await self._own_page(), Totals(), self._clientary.today()
        for payment in page.records:
            totals.add_record(payment, today, payment.currency_code or payment.invoice_id)
        return await self._summed(page, totals, most=_MAX_LOOKUPS)

    @property
    def _reads_all(self) -> bool:
        return super()._reads_all or self._client_id is not None

    async def stream(self) -> AsyncIterator[tuple[Payment, str | None]]:
        """Every payment that matches, with its currency: the invoices are read first."""
        self._known = await currencies_of(self._clientary, see=self.names.learn) if self._client_id is None else None
        async for row in super().stream():
            yield row

    async def _rows(self) -> AsyncIterator[tuple[Payment, str | int | None]]:
        if self._client_id is not None:
            async for row in self._of_client(self._client_id):
                yield row
            return
        async for payment, _ in super()._rows():
            code: str | int | None = payment.currency_code or payment.invoice_id
            yield payment, self._known.of(code) if self._known and isinstance(code, int) else code

    async def _of_client(self, client_id: int) -> AsyncIterator[tuple[Payment, str]]:
        """The payments that the client's invoices carry; where one omits them, the client's among all payments."""
        currencies: dict[int | None, str] = {}
        carried: list[Payment] = []
        every_one_carries_them = True
        async for invoice in self._clientary.stream(Invoice, f"clients/{client_id}/invoices"):
            self.names.learn(invoice)
            currencies[invoice.id] = invoice.currency_code or UNKNOWN
            every_one_carries_them &= invoice.payments is not None
            for payment in invoice.payments or []:
                payment.invoice_id = invoice.id
                carried.append(payment)
        for payment in carried if every_one_carries_them else ():
            yield payment, currencies[payment.invoice_id]
        if not every_one_carries_them:
            async for payment, _ in super()._rows():
                if payment.invoice_id in currencies:
                    yield payment, currencies[payment.invoice_id]

    async def _summed(self, page: Page[Payment], totals: Totals, most: int | None = None) -> Page[Payment]:
        """The page with its sums, in the invoices' currencies; without them where more than `most` have to be read."""
        if most is not None and len(totals.unresolved) > most:
            return _without_sums(
                page, f"and {len(totals.unresolved)} of them would have to be read. Add any filter to get it"
            )
        try:
            currencies = await currencies_of(self._clientary, totals.unresolved, self.names.learn)
        except ClientaryError:
            return _without_sums(page, "and they cannot be read")
        add_sums(page, totals.resolved(currencies.of))
        if most is not None:
            note_scope(page)
        return page


@lists("payments")
def list_payments(clientary: Clientary, args: ListPayments) -> Listing[Payment]:
    """List payments received, newest first."""
    return _Payments(clientary, args)


def _without_sums(page: Page[Payment], why: str) -> Page[Payment]:
    page.total_amounts = None
    add_notice(page, f"total_amounts is left out: only the invoices state the currency, {why}.")
    return page


@creates(
    "payments",
    "money",
    checked_with="get_invoice",
    mentions=Mention("charge_payment_profile charges a stored card.", "charge_payment_profile"),
)
async def create_payment(clientary: Clientary, args: CreatePayment) -> Payment:
    """Record money received for an invoice, in part or in full. It moves no money."""
    received = await _Received.of(clientary, args.invoice_id)
    path = f"invoices/{args.invoice_id}/payments"
    return await clientary.create(Payment, path, args.body(), listed=received.now, there=received.ids)


@dataclass(frozen=True)
class _Received:
    """The payments of one invoice, read before another is made, and again where the response to that is lost."""

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


_LATEST = 100
"""The payments that are searched for one where invoices do not show theirs."""


async def _payments_of(clientary: Clientary, invoice: str) -> list[Payment]:
    payments = (await clientary.get(Invoice, invoice)).payments
    if payments is None:
        raise MalformedResponse("Clientary's response shows no payments of the invoice.")
    return payments


async def _preview_charge(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    amount = format_money(invoice.balance, invoice.currency_code)
    if invoice.balance is not None and invoice.balance <= 0:
        return nothing_to_do(f"There is nothing to charge: the balance of invoice {invoice.id} is {amount}.", invoice)
    card = await _card(clientary, invoice, args.payment_profile_id)
    return preview(
        f"charge {amount}, the whole balance of invoice {invoice.id}, to {card}",
        invoice,
        not_visible="A charge cannot be reversed through the API. Clientary charges the balance at that moment.",
        alternative=Mention(
            "create_payment records money that was received another way, without a charge.", "create_payment"
        ),
    )


async def _card(clientary: Clientary, invoice: Invoice, profile_id: int) -> str:
    """The card in words, as far as it is known; NotFound when the invoice's client has no such card."""
    card = f"payment profile {profile_id}"
    if invoice.client_id is None:
        return f"{card} (the invoice has no client, so it cannot be checked)"
    path = f"clients/{invoice.client_id}/payment_profiles"
    try:
        profiles = await clientary.list_all(PaymentProfile, path)
    except NotAllowed:
        return f"{card} (which the owner of the API token is not allowed to see)"
    try:
        profile = find_by_id(profiles, profile_id, f"{path}/{profile_id}")
    except NotFound as error:
        lists_cards = "list_client_payment_profiles"
        with_client = f"{lists_cards} with client_id={invoice.client_id} returns the cards that can be charged."
        raise error.add(Mention(with_client, lists_cards)) from None
    digits = profile.last_four_digits or ""
    ending = f" ending in {digits}" if len(digits) == 4 and digits.isdecimal() else ""
    return f"{card}: the card{ending} of {quote(profile.name or '')}"


@charges("payments", _preview_charge, checked_with="get_invoice")
async def charge_payment_profile(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    """Charge a client's stored card for the whole outstanding balance of an invoice; a part cannot be charged. Real
    money moves."""
    path = f"invoices/{args.invoice_id}"
    charged = f"Payment profile {args.payment_profile_id} was charged for invoice {args.invoice_id}"
    payment: Payment | None = None
    received = await _Received.of(clientary, args.invoice_id)
    try:
        payment = await clientary.create(
            Payment,
            f"{path}/payments",
            args.body(),
            listed=received.now,
            there=received.ids,
            shows={"amount": as_json(received.invoice.balance)},
        )
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
    payment: Payment = find_by_id(invoice.payments or [], args.payment_id, path)
    owed = None
    if invoice.balance is not None and payment.amount is not None:
        owed = invoice.balance + payment.amount
    amount, now, then = (format_money(each, invoice.currency_code) for each in (payment.amount, invoice.balance, owed))
    return preview(
        f"delete payment {payment.id} of {amount} for good; the balance of invoice {invoice.id} would rise from"
        f" {now} to {then}",
        payment,
        not_visible="If it was charged to a card, this is not known to refund the money.",
    )


@deletes("payments", _preview_delete_payment, "money", checked_with="get_invoice")
async def delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    """Delete the record of a payment for good; the invoice's balance rises again. It refunds nothing."""
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"

    async def there() -> object:
        payments = await _payments_of(clientary, f"invoices/{args.invoice_id}")
        return find_by_id(payments, args.payment_id, path)

    await clientary.delete(path, there)
    return done(f"Payment {args.payment_id} of invoice {args.invoice_id} is deleted.")


TOOLS = (list_payments, create_payment, charge_payment_profile, delete_payment)
