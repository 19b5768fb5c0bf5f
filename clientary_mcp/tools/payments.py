"""Tools for payments."""

from clientary_mcp.api import Clientary
from clientary_mcp.errors import ClientaryError, NotAllowed
from clientary_mcp.previews import done, found, money, preview
from clientary_mcp.verbs import creates, deletes, reads, sends
from tool_schemas.answers import Outcome, Page
from tool_schemas.invoices import Invoice
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import ChargePaymentProfile, CreatePayment, DeletePayment, ListPayments, Payment


@reads
async def list_payments(clientary: Clientary, args: ListPayments) -> Page[Payment]:
    """List payments received on all invoices, newest first. Those of one invoice are in get_invoice."""
    query = {"sort": args.sort if args.sort != "received_on" else None}
    return await clientary.collect(Payment, "payments", limit=args.limit, page=args.page, query=query)


@creates(seen_with="get_invoice")
async def create_payment(clientary: Clientary, args: CreatePayment) -> Payment:
    """Record money that was received for an invoice, in part or in full. It moves no money: a stored card is
    charged with charge_payment_profile."""
    return await clientary.create(Payment, f"invoices/{args.invoice_id}/payments", args.body())


async def _preview_charge(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    amount = money(invoice.balance, invoice.currency_code)
    card = await _card(clientary, invoice, args.payment_profile_id)
    return preview(
        f"charge {amount}, the whole balance of invoice {invoice.id}, to {card}",
        invoice,
        not_visible="A charge can't be taken back through the API. Clientary takes the balance at that moment.",
        alternative="create_payment records money that came another way, without charging anybody.",
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
    profile = found(profiles, profile_id, f"{path}/{profile_id}")
    digits = f" ending in {profile.last_four_digits}" if profile.last_four_digits else ""
    return f"{card}: the card{digits} of “{profile.name}”"


@sends(_preview_charge, seen_with="get_invoice")
async def charge_payment_profile(clientary: Clientary, args: ChargePaymentProfile) -> Outcome:
    """Charge a client's stored card for the whole outstanding balance of an invoice; a part can't be charged. Real
    money moves. Cards are in list_client_payment_profiles."""
    payment = await clientary.create(Payment, f"invoices/{args.invoice_id}/payments", args.body())
    charged = f"Payment profile {args.payment_profile_id} was charged for invoice {args.invoice_id}"
    try:
        invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    except ClientaryError:  # the money has moved: a failing look at the invoice must not make it look otherwise
        return done(f"{charged}; get_invoice shows the balance.", record=payment)
    amount, balance = (money(each, invoice.currency_code) for each in (payment.amount, invoice.balance))
    return done(f"{charged}: {amount}. Its balance is now {balance}.", record=payment)


async def _preview_delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    path = f"invoices/{args.invoice_id}/payments/{args.payment_id}"
    payment: Payment = found(Page([invoice.payments or []]), args.payment_id, path)
    return preview(
        f"delete payment {payment.id} of {money(payment.amount, invoice.currency_code)} for good; invoice"
        f" {invoice.id} (balance {money(invoice.balance, invoice.currency_code)}) would be owed that much more",
        payment,
        not_visible="Money charged to a card is not known to be paid back by this." if payment.transaction_id else None,
    )


@deletes(_preview_delete_payment, seen_with="get_invoice")
async def delete_payment(clientary: Clientary, args: DeletePayment) -> Outcome:
    """Delete the record of a payment for good; the invoice's balance rises again. It pays nothing back."""
    await clientary.delete(f"invoices/{args.invoice_id}/payments/{args.payment_id}")
    return done(f"Payment {args.payment_id} of invoice {args.invoice_id} is deleted.")


TOOLS = (list_payments, create_payment, charge_payment_profile, delete_payment)
