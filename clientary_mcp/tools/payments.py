"""Tools for payments."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

from clientary_mcp.accounting.days import WHENEVER, Today
from clientary_mcp.accounting.invoices import pending_of
from clientary_mcp.accounting.money import ZERO, is_zero
from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, MalformedResponse, OutcomeUnknown
from clientary_mcp.tools.decorators import charges, creates, deletes, lists
from clientary_mcp.tools.support.charging import card_in_words, check_charge
from clientary_mcp.tools.support.documents import REMARKED, client_of, full_name, read_full_name
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.listing import Listing, add_notice, add_sums, note_scope
from clientary_mcp.tools.support.lookups import Currencies, currencies_of
from clientary_mcp.tools.support.previews import done, find_by_id, preview
from clientary_mcp.tools.support.received import Received
from clientary_mcp.tools.support.refusals import refuse_finer, refuse_unusual
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome, Page
from tool_schemas.base.sentences import Mention, in_order, join_sentences
from tool_schemas.invoices import Invoice
from tool_schemas.payments import (
    ChargePaymentProfile,
    CreatePayment,
    DeletePayment,
    ListPayments,
    Payment,
    RecordedPayment,
)

_NO_SUMS = "total_amounts is left out: only the invoices state the currency, {}."
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
        hidden = False
        if self._client_id is None:
            known = await if_allowed(partial(currencies_of, self._clientary, see=self.names.learn))
            self._known, hidden = known or Currencies(), known is None
        async for row in super().stream():
            yield row
        if hidden:
            self.totals, self.remark = Totals(), _NO_SUMS.format("and they cannot be read")

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
    add_notice(page, _NO_SUMS.format(why))
    return page


@creates(
    "payments",
    "money",
    checked_with="get_invoice",
    mentions=Mention("charge_payment_profile charges a stored card.", "charge_payment_profile"),
)
async def create_payment(clientary: Clientary, args: CreatePayment) -> RecordedPayment:
    """Record money received for an invoice, in part or in full. It moves no money."""
    received = await Received.of(clientary, args.invoice_id)
    invoice = received.invoice
    refuse_finer(args.amount, invoice.currency_code)
    client = await client_of(clientary, invoice)
    doubts = _doubts(args, invoice, full_name(invoice, client), clientary.today())
    payment = await received.add(args.body(), lambda: refuse_unusual(args, *doubts))
    return _recorded(payment, invoice, await received.afterwards(), client)


def _doubts(args: CreatePayment, invoice: Invoice, name: str, today: Today) -> Iterator[str]:
    """Why such a payment of the invoice can hardly be meant."""
    code = invoice.currency_code
    amount, pending = format_money(args.amount, code), pending_of(invoice, WHENEVER)
    if args.amount <= 0:
        yield f"amount: {amount} is not above zero."
    if invoice.status in ("draft", "cancelled", "paid"):
        yield f"invoice_id: {name} is not open; valid is a sent or viewed one."
    elif invoice.balance is None:
        yield f"invoice_id: what is owed of {name} is not known."
    elif (over := args.amount - (owed := max(invoice.balance - pending, ZERO))) > 0 and not is_zero(over, code):
        yield f"amount: {amount} is more than what is owed of {name}; valid is up to {format_money(owed, code)}."
        if pending:
            yield f"The pending {format_money(pending, code)} counts as paid already."
    if today.is_future(args.received_on):
        yield f"received_on: {args.received_on} is after today. {today.sentence}"


def _recorded(payment: Payment, before: Invoice, after: Invoice | None, client: str | None) -> RecordedPayment:
    """The payment with what it pays; `after` is None where the invoice could not be read afterwards."""
    facts = {
        "invoice_id": before.id,
        "invoice_number": before.number,
        "client_id": before.client_id,
        "client": client,
        "currency_code": before.currency_code,
        "invoice_status": after.status if after else None,
        "balance_before": before.balance,
        "balance_after": after.balance if after else None,
    }
    own = {**(payment.__pydantic_extra__ or {}), **vars(payment)}
    recorded = RecordedPayment.model_construct(**own | {name: fact for name, fact in facts.items() if fact is not None})
    remarks = (
        f"It was received for {full_name(before, client)}." if before.status in REMARKED else None,
        payment.notice,
        None if after else "The balance afterwards could not be read.",
    )
    recorded.notice = join_sentences(in_order(*remarks)) or None
    return recorded


async def _preview_charge(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    name = await read_full_name(clientary, invoice)
    check_charge(args, invoice, name)
    card = await card_in_words(clientary, invoice, args.payment_profile_id)
    return preview(
        f"charge {format_money(invoice.balance, invoice.currency_code)}, the whole balance of {name}, to {card}",
        invoice,
        not_visible="A charge cannot be reversed through the API. Clientary charges the balance at that moment.",
        alternative=Mention(
            "create_payment records money that was received another way, without a charge.", "create_payment"
        ),
    )


@charges("payments", _preview_charge, checked_with="get_invoice")
async def charge_payment_profile(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    """Charge a client's stored card for the whole outstanding balance of an invoice; a part cannot be charged. Real
    money moves."""
    received = await Received.of(clientary, args.invoice_id)
    name = await read_full_name(clientary, received.invoice)
    payment: Payment | None = None
    unseen: OutcomeUnknown | None = None
    try:
        shows = {"amount": as_json(received.invoice.balance)}
        payment = await received.add(args.body(), lambda: check_charge(args, received.invoice, name), shows)
    except OutcomeUnknown as unknown:
        if not unknown.accepted:
            raise
        unseen = unknown
    code = received.invoice.currency_code
    amount = f" {format_money(payment.amount, code)}" if payment else ""
    charged = f"Payment profile {args.payment_profile_id} was charged{amount} for {name}."
    after = await received.afterwards()
    if unseen and after and after.balance == received.invoice.balance:
        raise unseen  # accepted, and yet neither a payment nor the balance shows that money moved
    if after is None:
        return done([charged, Mention("get_invoice shows the balance now.", "get_invoice")], payment)
    status = quote(after.status or "unknown")
    return done(f"{charged} Its status is now {status}, its balance {format_money(after.balance, code)}.", payment)


async def _preview_delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"
    payment: Payment = find_by_id(invoice.payments or [], args.payment_id, path)
    owed = None
    if invoice.balance is not None and payment.amount is not None:
        owed = invoice.balance + payment.amount
    amount, now, then = (format_money(each, invoice.currency_code) for each in (payment.amount, invoice.balance, owed))
    return preview(
        f"delete a payment of {amount} (id {payment.id}) of {await read_full_name(clientary, invoice)} for good; its"
        f" balance would rise from {now} to {then}",
        payment,
        not_visible="If it was charged to a card, this is not known to refund the money.",
    )


@deletes("payments", _preview_delete_payment, "money", checked_with="get_invoice")
async def delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    """Delete the record of a payment for good; the invoice's balance rises again. It refunds nothing."""
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"
    received = await Received.of(clientary, args.invoice_id)
    name = await read_full_name(clientary, received.invoice)

    async def there() -> object:
        payments = (await clientary.get(Invoice, f"invoices/{args.invoice_id}")).payments
        if payments is None:
            raise MalformedResponse("Clientary's response shows no payments of the invoice.")
        return find_by_id(payments, args.payment_id, path)

    await clientary.delete(path, there)
    after = await received.afterwards()
    balance = f" Its balance is now {format_money(after.balance, after.currency_code)}." if after else ""
    return done(f"Payment {args.payment_id} of {name} is deleted.{balance}")


TOOLS = (list_payments, create_payment, charge_payment_profile, delete_payment)
