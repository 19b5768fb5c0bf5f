"""The unbilled report: hours with their value, and expenses on no invoice, per group and currency."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.billable_time import prepaid_of
from clientary_mcp.accounting.grouping import Facts, Grouping, Key, Value
from clientary_mcp.accounting.money import ZERO, rounded
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.unbilled_work import NOUNS, Days, Item, Unbilled, read_unbilled
from clientary_mcp.tools.support.lookups import Party, names_in, parties, person_name, project_name, staff_names
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import Mention, count_of, in_order
from tool_schemas.hours import HourEntry
from tool_schemas.reports.unbilled import UnbilledReport

_BASIS = (
    "amount is the value of the unbilled hours: each entry at its own rate, else at its project's, rounded to the"
    " currency's unit. expenses are those on no invoice; Clientary records no currency for expenses: the project's is"
    " assumed, otherwise the client's. What an invoice of a job here bills is not unbilled, by the ledger or the"
    " invoice's note, whatever Clientary shows."
)
_FIXED = (
    "Hours on fixed-price projects are listed in fixed_price, without an amount; expenses of such projects are in the"
    " rows."
)
_VOIDED = "{} that Clientary shows as billed count as unbilled: only cancelled or deleted invoices bill them."
_PREPAID = "The projects in prepaid tell of work that was paid beforehand: their hours may be paid already."


@reads("reports", mentions=Mention("bill_project_hours makes the invoice.", "bill_project_hours"), picture="unbilled")
async def unbilled_report(clientary: Clientary, args: UnbilledReport) -> Report:
    """What is not invoiced yet: unbilled hours with their value, and unbilled expenses; fixed-price projects are
    separate."""
    days = Days(args.from_date, args.to_date, clientary.today())
    read = await read_unbilled(clientary, args, days)
    found = _Rows(args, read)
    found.known = await parties(clientary, found.unknown_clients())
    if found.grouping.has("person"):
        found.staff = await staff_names(clientary)
    rows, fixed = found.priced(), found.at_fixed_price()
    found.tell_future()
    prepaid = found.prepaid()
    return Report(
        rows=[found.row(key, rows[key]) for key in found.in_order(rows)],
        basis=in_order(
            f"{days} {_BASIS}",
            _FIXED if fixed else None,
            _VOIDED.format(count_of(read.voided, "record")) if read.voided else None,
            _PREPAID if prepaid else None,
            clientary.today().sentence,
            read.idle.sentence,
        ),
        totals=found.totals(rows),
        left_out=[*read.hidden, *read.left_out.to_json()],
        about={
            "from_date": args.from_date,
            "to_date": days.last,
            "fixed_price": [found.row_at_fixed_price(key, fixed[key]) for key in found.in_order(fixed)] or None,
            "prepaid": prepaid or None,
        },
    )


@dataclass
class Figures:
    """Sums in one currency, with the number of records and their first and last day."""

    records: int = 0
    hours: Decimal = ZERO
    amount: Decimal = ZERO
    expenses: Decimal = ZERO
    first_date: date | None = None
    last_date: date | None = None

    def add(self, item: Item) -> None:
        """Add a piece of work."""
        of_hours, amount = item.kind is HourEntry, item.amount or ZERO
        own = (amount, ZERO) if of_hours else (ZERO, amount)
        self.merge(Figures(1, item.hours or ZERO, *own, item.day, item.day))

    def merge(self, other: "Figures") -> None:
        """Add the other's sums."""
        self.records += other.records
        self.hours += other.hours
        self.amount += other.amount
        self.expenses += other.expenses
        self.first_date = min(filter(None, (self.first_date, other.first_date)), default=None)
        self.last_date = max(filter(None, (self.last_date, other.last_date)), default=None)


Sums = dict[Key, Figures]


class _Rows:
    """The rows of all unbilled work."""

    def __init__(self, args: UnbilledReport, found: Unbilled) -> None:
        self.grouping = Grouping(args.group_by)
        self.known: dict[int, Party] = {}
        self.staff: dict[int, str] = {}
        self._args, self._found, self._projects = args, found, found.projects
        self._names = names_in(found.projects.values())

    def unknown_clients(self) -> set[int | None]:
        """The clients whose name is missing in their projects, or whose currency is that of expenses on no project."""
        unknown: set[int | None] = set()
        for item in [*self._found.items, *self._found.future]:
            project = self._projects.get(item.project_id or 0)
            if project is None:
                unknown.add(item.client_id)
            elif not project.client_name:
                unknown.add(project.client_id)
        return unknown

    def priced(self) -> Sums:
        """The rows: hours that have a rate, and all expenses."""
        items = (item for item in self._found.items if not self._is_fixed(item))
        return self._large_enough((self._key(item, self._currency_of(item)), item) for item in items)

    def at_fixed_price(self) -> Sums:
        """The hours of fixed-price projects, which have no value and so no currency."""
        hours = (replace(item, amount=None) for item in self._found.items if self._is_fixed(item))
        return self._large_enough((self._key(item, ""), item) for item in hours)

    def tell_future(self) -> None:
        """Tell the work of days to come apart, with its sums."""
        for item in self._found.future:
            sums = {} if item.hours is None else {"hours": item.hours}
            if item.amount is not None and not self._is_fixed(item):
                code = self._currency_of(item)
                sums[code] = rounded(item.amount, code)
            self._found.left_out.add(NOUNS[item.kind], "dated in the future", sums=sums)

    def prepaid(self) -> list[dict[str, Any]]:
        """The projects in the rows that tell of work which was paid beforehand."""
        worked = {item.project_id for item in self._found.items if item.kind is HourEntry}
        projects = [project for project in self._projects.values() if project.id in worked and prepaid_of(project)]
        return [
            {"project_id": project.id, "project": project_name(project), **prepaid_of(project)} for project in projects
        ]

    def _is_fixed(self, item: Item) -> bool:
        project = self._projects.get(item.project_id or 0)
        return item.kind is HourEntry and project is not None and project.project_type == "fixed"

    def _client_of(self, item: Item) -> int | None:
        project = self._projects.get(item.project_id or 0)
        return project.client_id if project else item.client_id

    def _currency_of(self, item: Item) -> str:
        payer = self._projects.get(item.project_id or 0) or self.known.get(self._client_of(item) or 0)
        return (payer and payer.currency_code) or UNKNOWN

    def _key(self, item: Item, currency_code: str) -> Key:
        client_id = self._client_of(item)
        project = (client_id or 0, item.project_id or 0)
        return self.grouping.key(Facts(item.day, client_id, project, item.user_id), currency_code)

    def _large_enough(self, items: Iterable[tuple[Key, Item]]) -> Sums:
        found: Sums = {}
        for key, item in items:
            found.setdefault(key, Figures()).add(item)
        least = self._args.min_hours
        if least is None:
            return found
        enough = {key: figures for key, figures in found.items() if figures.hours >= least}
        remark = f"with fewer than {least:,f} unbilled hours"
        self._found.left_out.add("row", remark, count=len(found) - len(enough))
        return enough

    def in_order(self, sums: Sums) -> list[Key]:
        """Per currency by money, then by hours."""
        money = {key: figures.amount + figures.expenses for key, figures in sums.items()}
        return self.grouping.in_order(money, {key: figures.hours for key, figures in sums.items()})

    def row(self, key: Key, figures: Figures) -> dict[str, Any]:
        """A row: what it stands for, and the figures."""
        return {**self._named(key), "currency_code": key.currency_code, **self._sums(figures), **_days_of(figures)}

    def totals(self, rows: Sums) -> list[dict[str, Any]]:
        """The sums of the rows per currency."""
        sums: dict[str, Figures] = {}
        for key, figures in rows.items():
            sums.setdefault(key.currency_code, Figures()).merge(figures)
        return [{"currency_code": code, "count": sums[code].records, **self._sums(sums[code])} for code in sorted(sums)]

    def _sums(self, figures: Figures) -> dict[str, Decimal]:
        """What is visible of the sums: what is not would look like zero."""
        hours = {} if self._found.hours_hidden else {"hours": figures.hours, "amount": figures.amount}
        return hours if self._found.expenses_hidden else {**hours, "expenses": figures.expenses}

    def row_at_fixed_price(self, key: Key, figures: Figures) -> dict[str, Any]:
        """The same without money."""
        return {**self._named(key), "hours": figures.hours, **_days_of(figures)}

    def _named(self, key: Key) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for word, value in self.grouping.parts(key):
            named |= self._columns(word, value)
        return named

    def _columns(self, word: str, value: Value) -> dict[str, Any]:
        match word, value:
            case "client", int() | None:
                return {"client_id": value, "client": self._client(value)}
            case "project", (client_id, project_id):
                of_client = self._columns("client", client_id or None)
                return {**of_client, "project_id": project_id or None, **self._project(project_id)}
            case "person", int() | None:
                return {"user_id": value, "person": person_name(value, self.staff)}
            case _:
                return {word: value}

    def _project(self, project_id: int) -> dict[str, Any]:
        project = self._projects.get(project_id)
        unknown = f"project {project_id}" if project_id else "no project"
        return {"project": project_name(project) if project else unknown, "status": project and project.status}

    def _client(self, client_id: int | None) -> str:
        if client_id is None:
            return "no client"
        return self._names.get(client_id) or self.known[client_id].name


def _days_of(figures: Figures) -> dict[str, date | None]:
    return {"first_date": figures.first_date, "last_date": figures.last_date}


TOOLS = (unbilled_report,)
