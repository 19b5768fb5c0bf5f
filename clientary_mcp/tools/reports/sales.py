"""The sales report: what was invoiced or received, by time, client, project, currency or status."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.grouping import Facts, Names, Table
from clientary_mcp.accounting.invoices import lacks_balance, pending_remark, standing_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import percentage
from clientary_mcp.accounting.sales import Sale, received_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.sales_reading import read_receipts, read_sales
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoice_owners import NOBODY, Owners
from clientary_mcp.tools.support.lookups import client_names, project_names
from clientary_mcp.tools.support.periods import EARLIEST
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.invoices import Invoice
from tool_schemas.reports.sales import SalesReport

_INVOICED = (
    "Invoices by their date, without drafts, cancelled ones and those dated after today. net is the subtotal, tax the"
    " taxes that Clientary tells or else those of the lines, other the rest of the total (late fees, shipping), gross"
    " the total. received is what was ever paid on these invoices; open is what is owed of them now, pending what is"
    " under way, credits what is overpaid."
)
_RECEIVED = (
    "Payments by the day they were received, taxes included. fees are the card fees that Clientary tells, a part of"
    " received."
)
_SHARE = "share is the percentage of the currency's net."
_ZEROS = "A {} without any is a row of zeros."

Amounts = tuple[Decimal, ...]


@reads("reports", picture="sales")
async def sales_report(clientary: Clientary, args: SalesReport) -> Report:
    """Sales by month or any other group: net, tax, gross, received and open; or the money received, by its day."""
    table, owners, left_out = await (_received if args.basis == "received" else _invoiced)(clientary, args)
    names = Names(
        await client_names(clientary, table.ids("client"), owners.clients),
        await project_names(clientary, table.ids("project"), owners.projects),
    )
    left_out.merge(owners.left_out)
    rows = table.rows(names, by="received" if args.basis == "received" else "net")
    totals = table.totals()
    shared = args.basis == "invoiced" and table.grouping.has("client")
    if shared:
        whole = {total["currency_code"]: total["net"] for total in totals}
        rows = [{**row, "share": percentage(row["net"], whole[row["currency_code"]])} for row in rows]
    return Report(
        rows,
        basis=in_order(
            _RECEIVED if args.basis == "received" else _INVOICED,
            _SHARE if shared else None,
            _ZEROS.format(table.grouping.period) if table.grouping.period else None,
            clientary.today().sentence,
        ),
        totals=totals,
        left_out=left_out.to_json(),
        about={"from_date": args.first, "to_date": args.last},
        counted="payments" if args.basis == "received" else "invoices",
    )


async def _invoiced(clientary: Clientary, args: SalesReport) -> tuple[Table, Owners, Omissions]:
    sales = await read_sales(clientary, args, partial(_figures, clientary.today()))
    columns = ("invoices", "net", "tax", "other", "gross", "received", "open", "pending", "credits")
    table = await _table(clientary, args, columns, sales.owners, sales.rows)
    return table, sales.owners, sales.left_out


def _figures(today: Today, invoice: Invoice, sale: Sale, left_out: Omissions) -> Amounts:
    """The columns of an invoice, after their number."""
    name, (_, owed, pending, credit) = label(invoice), standing_of(invoice, today)
    if lacks_balance(invoice, today):
        left_out.add("invoice", "without a balance, not in open", name)
    if why := pending_remark(invoice):
        left_out.add("invoice", why, name)
    received = received_of(invoice, name, left_out)
    return sale.net, sale.tax, sale.other, sale.gross, received, owed, pending, credit


async def _received(clientary: Clientary, args: SalesReport) -> tuple[Table, Owners, Omissions]:
    receipts = await read_receipts(clientary, args)
    rows = [(each.invoice_id, each.day, (each.amount, each.fee)) for each in receipts.payments]
    table = await _table(clientary, args, ("payments", "received", "fees"), receipts.owners, rows)
    return table, receipts.owners, receipts.left_out


async def _table(
    clientary: Clientary,
    args: SalesReport,
    columns: tuple[str, ...],
    owners: Owners,
    rows: Sequence[tuple[int, date, Amounts]],
) -> Table:
    """The sums of the invoices or payments, each given with its invoice, its day, and its amounts."""
    table = Table(args.group_by, columns)
    if table.grouping.has("project"):
        await owners.find_projects(clientary)
    for invoice_id, day, amounts in rows:
        owner = owners.of.get(invoice_id, NOBODY)
        facts = Facts(day, owner.client_id, owner.project_id, status=owner.status)
        table.add(facts, owner.currency_code, 1, *amounts)
    if rows:
        began = min(day for _, day, _ in rows)
        table.fill(began if args.first == EARLIEST else args.first, min(args.last, clientary.today().last))
    return table


TOOLS = (sales_report,)
