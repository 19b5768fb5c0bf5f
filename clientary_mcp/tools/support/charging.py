"""What is checked before a stored card is charged: the invoice, and whose card it is."""

from clientary_mcp.accounting.days import WHENEVER
from clientary_mcp.accounting.invoices import pending_of
from clientary_mcp.accounting.money import is_zero
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, NotAllowed, NotFound
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.previews import find_by_id
from clientary_mcp.tools.support.refusals import refuse_unusual
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import Invoice
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import ChargePaymentProfile


def check_charge(args: ChargePaymentProfile, invoice: Invoice, name: str) -> None:
    """BadArguments where a charge of the invoice's whole balance cannot be meant."""
    balance, code, valid = invoice.balance, invoice.currency_code, "valid is a sent or viewed invoice with a balance"
    settled = balance is not None and (balance < 0 or is_zero(balance, code))
    if settled or invoice.status in ("cancelled", "paid"):
        raise BadArguments(f"invoice_id: there is nothing to charge for {name}; {valid}.")
    pending = pending_of(invoice, WHENEVER)
    refuse_unusual(
        args,
        f"invoice_id: what {name} comes to is not known; {valid}." if balance is None else None,
        f"invoice_id: {name} is not owed yet; {valid}." if invoice.status == "draft" else None,
        f"invoice_id: {format_money(pending, code)} of {name} is pending already, and a charge takes the whole balance."
        if pending
        else None,
    )


async def card_in_words(clientary: Clientary, invoice: Invoice, profile_id: int) -> str:
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
