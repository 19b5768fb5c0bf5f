"""The invoices that count in a report: those that are invoiced, of a known status and with a known balance."""

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import KNOWN, Standing, lacks_balance, pending_remark, standing_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.totals import UNKNOWN, currency_remark
from clientary_mcp.tools.support.formatting import label
from tool_schemas.invoices import Invoice


def standing_in(invoice: Invoice, today: Today, left_out: Omissions) -> Standing | None:
    """Where an invoice stands; None for one that does not count, which is then left out."""
    standing = standing_of(invoice, today)
    match standing.stage:
        case "draft":
            left_out.add("draft", "")
        case "cancelled":
            left_out.add("cancelled invoice", "")
        case "future":
            sums = {invoice.currency_code or UNKNOWN: invoice.total_cost}
            left_out.add("invoice", f"dated after {today.last}", sums=sums)
        case _ if invoice.status not in KNOWN:
            left_out.add("invoice", "of an unknown status", label(invoice))
        case _ if lacks_balance(invoice, today):
            left_out.add("invoice", "without a balance", label(invoice))
        case _:
            return standing
    return None


def remark_on(invoice: Invoice, left_out: Omissions) -> None:
    """Say what has to be known of an invoice that counts: a pending part or a currency that cannot be read."""
    for why in filter(None, (pending_remark(invoice), currency_remark(invoice.currency_code))):
        left_out.add("invoice", why, label(invoice))
