"""A client's statement of account: what was owed, what was invoiced and received since, and what is owed now."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import Standing
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.statements import Entry, entries_of, standing_on
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.receivables import AGES, age_of
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoiced import remark_on, standing_in
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.report import Report
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice
from tool_schemas.reports.client_statement import ClientStatement

_LETTERHEAD = ("id", "name", "number", "address", "address_2", "city", "state", "zip", "country")
"""What the statement shows of the client: nothing internal."""
_ORDER = ("invoice", "credit_note", "payment", "refund", "adjustment")

_BASIS = (
    "opening is the balance at the end of the day before {first}, closing that at the end of {last}; each row changes"
    " balance by its amount, and what reduces it is below zero. The ages split what is owed at the end by days after"
    " the due date; closing is their sum plus pending less credits. Clientary does not report when an invoice was sent"
    " or cancelled: what counts today counts from its date on."
)


@reads("reports")
async def client_statement(clientary: Clientary, args: ClientStatement) -> Report:
    """A statement of account to send to a client: opening balance, invoices and payments by day, closing balance and
    its ages, per currency. It holds nothing internal."""
    client, accounts = await gather_two(
        partial(if_allowed, partial(clientary.get, Client, f"clients/{args.client_id}")),
        partial(_read, clientary, args),
    )
    shown = [account for account in accounts.in_order() if account.moved]
    letterhead = {name: getattr(client, name) for name in _LETTERHEAD if client and getattr(client, name)}
    return Report(
        [row for account in shown for row in account.rows()],
        basis=(_BASIS.format(first=args.first, last=args.last), clientary.today().sentence),
        totals=[account.to_json() for account in shown],
        left_out=accounts.left_out.to_json(),
        about={
            "client": letterhead or {"id": args.client_id},
            "from_date": args.first,
            "to_date": args.last,
        },
    )


@dataclass
class _Account:
    """A client's account in one currency, over the days of the statement."""

    currency_code: str
    opening: Decimal = ZERO
    entries: list[Entry] = field(default_factory=list)
    ages: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(AGES, ZERO))
    pending: Decimal = ZERO
    credits: Decimal = ZERO

    @property
    def moved(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.entries or self.opening)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each entry, by day, with the balance after it."""
        balance, rows = self.opening, []
        for entry in sorted(self.entries, key=lambda each: (each.day, _ORDER.index(each.kind), each.number or "")):
            balance += entry.amount
            about = {"currency_code": self.currency_code, "date": entry.day, "kind": entry.kind, "number": entry.number}
            rows.append({**about, "amount": entry.amount, "balance": balance})
        return rows

    def to_json(self) -> dict[str, Any]:
        """The sums of the days, and the ages of what is owed at their end."""
        sums = dict.fromkeys(("invoiced", "received", "adjusted"), ZERO)
        for entry in self.entries:
            match entry.kind:
                case "payment" | "refund":
                    sums["received"] -= entry.amount
                case "adjustment":
                    sums["adjusted"] += entry.amount
                case _:
                    sums["invoiced"] += entry.amount
        owed = sum(self.ages.values(), ZERO)
        return {
            "currency_code": self.currency_code,
            "opening": self.opening,
            **sums,
            "closing": self.opening + sum((entry.amount for entry in self.entries), ZERO),
            **self.ages,
            "overdue": owed - self.ages["current"],
            "pending": self.pending,
            "credits": self.credits,
        }


class _Accounts:
    """A client's accounts, by currency."""

    def __init__(self, args: ClientStatement, today: Today) -> None:
        self.left_out = Omissions()
        self._args, self._today = args, today
        self._last = today.last if args.last == today.day else args.last  # up to today, wherever the business is
        self._accounts: dict[str, _Account] = {}

    def add(self, invoice: Invoice) -> None:
        """The next invoice of the list."""
        if self._args.currency_code not in (None, invoice.currency_code):
            code = invoice.currency_code
            self.left_out.add("invoice", f"in {code}" if code else "in an unknown currency")
            return
        if (standing := standing_in(invoice, self._today, self.left_out)) is None:
            return
        remark_on(invoice, self.left_out)
        entries = entries_of(invoice, standing, self._today.day, label(invoice), self.left_out)
        code = invoice.currency_code or UNKNOWN
        account = self._accounts.setdefault(code, _Account(code))
        account.opening += sum((entry.amount for entry in entries if entry.day < self._args.first), ZERO)
        account.entries += [entry for entry in entries if self._args.first <= entry.day <= self._last]
        if self._args.last < (invoice.date or self._args.last) <= self._last:
            self.left_out.add(
                "invoice", f"dated {invoice.date}, counted because it may be that day already", label(invoice)
            )
        self._age(account, invoice, standing_on(invoice, entries, self._last, self._today.day))

    def _age(self, account: _Account, invoice: Invoice, then: Standing) -> None:
        account.pending += then.pending
        account.credits += then.credit
        late = max((self._args.last - invoice.due_date).days, 0) if invoice.due_date else 0
        account.ages[age_of(late)] += then.owed

    def in_order(self) -> list[_Account]:
        """By currency."""
        return [self._accounts[code] for code in sorted(self._accounts)]


@rereads
async def _read(clientary: Clientary, args: ClientStatement) -> _Accounts:
    accounts = _Accounts(args, clientary.today())
    async for invoice in clientary.stream(Invoice, f"clients/{args.client_id}/invoices"):
        accounts.add(invoice)
    return accounts


TOOLS = (client_statement,)
