"""Every list as SQL on the sandbox's tables: its records, filters, orders and sums."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, agency
from tests.support.agent import Agent
from tests.support.plain_calendar import days_of_schedule

JsonObject = dict[str, Any]
Case = tuple[JsonObject, str]

_BOOKS = agency()

EVER = {"from_date": "2000-01-01", "to_date": TODAY.isoformat()}


@dataclass(frozen=True)
class Lists:
    """One list: its table, its parent, and the arguments that return all of it."""

    table: str
    parent: str | None = None
    given: JsonObject = field(default_factory=dict)


LISTS = {
    "list_clients": Lists("clients"),
    "list_contacts": Lists("contacts"),
    "list_client_contacts": Lists("contacts", "client_id"),
    "list_leads": Lists("leads"),
    "list_projects": Lists("projects", None, {"include_completed": True}),
    "list_client_projects": Lists("projects", "client_id"),
    "list_project_hours": Lists("hours", "project_id"),
    "list_hours": Lists("hours"),
    "list_tasks": Lists("tasks"),
    "list_project_tasks": Lists("tasks", "project_id"),
    "list_expenses": Lists("expenses", None, EVER),
    "list_client_expenses": Lists("expenses", "client_id", EVER),
    "list_project_expenses": Lists("expenses", "project_id", EVER),
    "list_invoices": Lists("invoices"),
    "list_client_invoices": Lists("invoices", "client_id"),
    "list_project_invoices": Lists("invoices", "project_id"),
    "list_recurring_schedule_invoices": Lists("invoices", "recurring_schedule_id"),
    "list_estimates": Lists("estimates"),
    "list_client_estimates": Lists("estimates", "client_id"),
    "list_project_estimates": Lists("estimates", "project_id"),
    "list_payments": Lists("payments"),
    "list_client_payment_profiles": Lists("payment_profiles", "client_id"),
    "list_recurring_schedules": Lists("recurring_schedules"),
    "list_staff": Lists("staff"),
}

CLIENT = "(SELECT name FROM clients WHERE clients.id = client_id)"
DOCUMENT = "number, title, note, summary, po"

# Table → the columns that `query` searches.
TEXTS = {
    "clients": "name, number, description, website, city",
    "contacts": f"name, title, email, phone, mobile, {CLIENT}",
    "leads": "name, number, description, website, city",
    "projects": f"name, number, description, {CLIENT}",
    "hours": "title, description",
    "tasks": "title, description",
    "expenses": "description",
    "invoices": f"{DOCUMENT}, {CLIENT}",
    "estimates": f"{DOCUMENT}, {CLIENT}",
    "payments": "note",
    "payment_profiles": "name, city",
    "recurring_schedules": f"{DOCUMENT}, {CLIENT}",
    "staff": "name, title, email, phone, mobile",
}


def having(table: str, *words: str) -> str:
    """The condition that every word occurs in the texts of a row."""
    texts = " || ' ' || ".join(f"coalesce({column}, '')" for column in TEXTS[table].split(", "))
    return " AND ".join(f"lower({texts}) LIKE '%{word}%'" for word in words)


def on_a_record(table: str, column: str, part: float) -> Any:
    """The value at this quantile of the records; one of them has exactly this value."""
    rows = _BOOKS.connection.execute(f"SELECT {column} FROM {table} WHERE {column} > '' OR {column} > 0 ORDER BY 1")  # noqa: S608 names written here
    values = [row[0] for row in rows]
    return values[int(part * len(values))]


def in_range(table: str, column: str) -> list[Case]:
    """From a date, until a date, and both, each the date of a record: a timestamp counts as its date."""
    day = f"substr({column}, 1, 10)"
    first, last = (on_a_record(table, day, part) for part in (0.25, 0.75))
    return [
        ({"from_date": first}, f"{day} >= '{first}'"),
        ({"to_date": last}, f"{day} <= '{last}'"),
        ({"from_date": first.replace("-", "/"), "to_date": last}, f"{day} BETWEEN '{first}' AND '{last}'"),
    ]


def in_period(column: str, word: str = "this_year", first: str = "2026-01-01", last: str = str(TODAY)) -> list[Case]:
    """A word for such a range. It stands last: what comes before it must be no date."""
    return [({"period": word}, f"substr({column}, 1, 10) BETWEEN '{first}' AND '{last}'")]


def in_status(*words: str) -> list[Case]:
    """Each status by its word; the words are in the order of their codes, `-` for an unused code."""
    return [({"status": word}, f"status = {code}") for code, word in enumerate(words) if word != "-"]


def in_statuses(one: str, other: str, codes: tuple[int, int], is_open: str) -> list[Case]:
    """Two words as a list and as a text, `open`, and `open` beside a word."""
    this, that = (f"status = {code}" for code in codes)
    return [
        ({"status": [one, other]}, f"({this} OR {that})"),
        ({"status": f"{other}, {one}"}, f"({this} OR {that})"),
        ({"status": "open"}, f"({is_open})"),
        ({"status": [one, "open"]}, f"({this} OR {is_open})"),
    ]


def _occurring(first: str, last: str) -> Case:
    """Schedules with an occurrence in the range; those that are not active, with their next one."""
    found = []
    for row in _BOOKS.connection.execute("SELECT * FROM recurring_schedules"):
        days = [day.isoformat() for day in days_of_schedule(dict(row), date.fromisoformat(last))]
        if any(first <= day <= last for day in (*(days if row["status"] == 0 else ()), row["next_date"])):
            found.append(row["id"])
    return {"from_date": first, "to_date": last}, f"id IN ({', '.join(map(str, found))})"


_BALANCE = on_a_record("invoices", "balance", 0.75)

OWED = f"(status IN (1, 2) AND (date IS NULL OR date <= '{TODAY}'))"
LATE = f"(status IN (1, 2) AND due_date < '{TODAY}' AND balance > 0)"

# Table → arguments and the matching condition.
FILTERS: dict[str, list[Case]] = {
    "clients": [
        *in_status("-", "active", "archived"),
        ({"status": "open"}, "status = 1"),
        *in_range("clients", "created_at"),
        ({"query": "ridge"}, ""),
        *in_period("created_at"),
    ],
    "contacts": [({"query": "director"}, ""), ({"query": "DIRECTOR  logistics"}, "")],
    "leads": [
        *in_range("leads", "created_at"),
        ({"query": "jasper"}, ""),
        *in_period("created_at", "last_quarter", "2026-07-01", "2026-09-30"),
    ],
    "projects": [
        *in_status("-", "active", "completed", "-", "billable"),
        *in_statuses("active", "completed", (1, 2), "status IN (1, 4)")[:3],
        ({"status": ["billable", "completed"]}, "status IN (2, 4)"),
        *in_range("projects", "end_date"),
        ({"query": "website redesign"}, ""),
    ],
    "hours": [
        ({"missing_description": True}, "description = ''"),
        ({"missing_description": False}, "description <> ''"),
        *in_range("hours", "date"),
        ({"user_id": 3}, "user_id = 3"),
        ({"billed": True}, "billed"),
        ({"billed": False, "user_id": 2}, "NOT billed AND user_id = 2"),
        ({"query": "Review"}, ""),
        *in_period("date"),
    ],
    "tasks": [
        *in_range("tasks", "due_date"),
        ({"assignee_id": 3}, "assignee_id = 3"),
        ({"complete": True}, "complete"),
        ({"complete": False}, "NOT complete"),
        ({"status": "open"}, "NOT complete"),
        ({"status": ["done"]}, "complete"),
        ({"due_before": "2026-11-10"}, "due_date < '2026-11-10'"),
        ({"query": "report marigold"}, ""),
    ],
    "expenses": [({"query": "train"}, "")],
    "invoices": [
        *in_status("draft", "sent", "viewed", "cancelled", "paid", "pending"),
        *in_statuses("sent", "draft", (1, 0), f"{OWED} AND balance > 0"),
        *in_range("invoices", "date"),
        ({"overdue": True}, LATE),
        ({"overdue": False}, f"NOT {LATE}"),
        ({"due_before": TODAY.isoformat()}, f"due_date < '{TODAY}'"),
        ({"min_balance": _BALANCE / 100}, f"balance >= {_BALANCE} AND {OWED}"),
        ({"min_balance": "0.01", "overdue": False}, f"balance >= 1 AND {OWED} AND NOT {LATE}"),
        ({"query": "125"}, ""),
        ({"query": "final invoice"}, ""),
        *in_period("date"),
    ],
    "estimates": [
        *in_status("draft", "sent", "viewed", "cancelled", "declined", "revised", "accepted", "archived"),
        *in_statuses("accepted", "sent", (6, 1), "status IN (1, 2, 5)"),
        *in_range("estimates", "date"),
        ({"query": "proposal"}, ""),
        *in_period("date"),
    ],
    "payments": [*in_range("payments", "received_on"), ({"query": "check paid"}, ""), *in_period("received_on")],
    "payment_profiles": [({"query": "hamburg"}, "")],
    "recurring_schedules": [
        *in_status("active", "paused", "stopped"),
        *in_statuses("stopped", "active", (2, 0), "status IN (0, 1)")[:3],
        *in_range("recurring_schedules", "next_date")[:2],
        _occurring("2026-12-10", "2026-12-24"),
        ({"query": "domain"}, ""),
    ],
    "staff": [({"query": "director"}, "")],
}

# The same for filters that one list alone has.
FILTERS_OF: dict[str, list[Case]] = {
    "list_invoices": [
        ({"amount": amount / 100}, f"{amount} IN (total_cost, balance)")
        for amount in (_BALANCE, on_a_record("invoices", "total_cost", 0.4))
    ],
}

_LAST_INVOICE = (
    f"(SELECT max(date) FROM invoices WHERE client_id = clients.id AND status NOT IN (0, 3) AND date <= '{TODAY}')"  # noqa: S608 ours
)

# Table → the word of `order`, and the same in SQL.
ORDERS: dict[str, dict[str, str]] = {
    "clients": {"quiet": f"coalesce({_LAST_INVOICE}, substr(created_at, 1, 10)), id"},
    "hours": {"newest": "date DESC, id DESC", "oldest": "date, id"},
    "invoices": {
        "newest": "date DESC, id DESC",
        "oldest": "date, id",
        "largest": "total_cost DESC, id DESC",
        "due": "due_date, id",
    },
    "estimates": {"newest": "date DESC, id DESC", "oldest": "date, id", "largest": "total_cost DESC, id DESC"},
}

OWN = "currency_code"
_OF_INVOICES = f"""CASE WHEN status = 3 THEN 'cancelled' WHEN status = 0 THEN 'drafts'
    WHEN date > '{TODAY}' THEN 'future' ELSE '' END"""
_OF_ESTIMATES = """CASE status WHEN 0 THEN 'drafts' WHEN 3 THEN 'cancelled' WHEN 4 THEN 'declined'
    WHEN 6 THEN 'accepted' WHEN 7 THEN 'archived' ELSE 'open' END"""
# Table → the source of the currency, the part of the row, and the summed columns; all in hundredths.
MONEY: dict[str, tuple[str, str, dict[str, str]]] = {
    "hours": (
        "(SELECT currency_code FROM projects WHERE projects.id = project_id)",
        f"CASE WHEN date > '{TODAY}' THEN 'future' ELSE '' END",
        {"hours": "hours", "cost": "cost"},
    ),
    "expenses": (
        "'the account''s'",
        f"CASE WHEN incurred_on > '{TODAY}' THEN 'future' ELSE '' END",
        {"amount": "amount"},
    ),
    "invoices": (
        OWN,
        _OF_INVOICES,
        {
            "total_cost": "total_cost",
            "balance": "CASE WHEN status IN (1, 2) AND balance > 0 THEN balance ELSE 0 END",
            "pending": "CASE WHEN status = 5 AND balance > 0 THEN balance ELSE 0 END",
            "credits": "CASE WHEN balance < 0 THEN -balance ELSE 0 END",
        },
    ),
    "estimates": (OWN, _OF_ESTIMATES, {"total_cost": "total_cost"}),
    "payments": ("(SELECT currency_code FROM invoices WHERE invoices.id = invoice_id)", "''", {"amount": "amount"}),
}
# Table → the parts of a row that are shown even if they are empty.
_ALWAYS = {"estimates": ("open", "accepted")}


def cases(tool: str) -> Iterator[Case]:
    """The filters of a list's table, with their conditions."""
    table = LISTS[tool].table
    for arguments, condition in FILTERS[table]:
        yield arguments, condition or having(table, *arguments["query"].lower().split())
    yield from FILTERS_OF.get(tool, ())


def scope(sandbox: Sandbox, tool: str) -> Case:
    """The arguments that a list needs and the condition for its rows: under a parent, the one with the most rows."""
    lists = LISTS[tool]
    if lists.parent is None:
        return lists.given, "1"
    (parent,) = sandbox.connection.execute(
        f"SELECT {lists.parent} FROM {lists.table} WHERE {lists.parent} > 0"  # noqa: S608 names written here
        f" GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchone()
    return {lists.parent: parent, **lists.given}, f"{lists.parent} = {parent}"


def ids(sandbox: Sandbox, table: str, condition: str, order: str = "id") -> list[int]:
    """The ids of the rows that match a condition."""
    rows = sandbox.connection.execute(f"SELECT id FROM {table} WHERE {condition} ORDER BY {order}")  # noqa: S608 ours
    return [row[0] for row in rows]


def sums(sandbox: Sandbox, tool: str, condition: str) -> list[JsonObject] | None:
    """The expected `total_amounts` of the rows that match a condition."""
    table = LISTS[tool].table
    if table not in MONEY:
        return None
    currency, part, columns = MONEY[table]
    if tool == "list_project_hours":
        currency = "'the project''s'"
    added = ", ".join(f"sum({column})" for column in columns.values())
    rows = sandbox.connection.execute(
        f"SELECT {currency} AS code, {part} AS part, count(*), {added} FROM {table} WHERE {condition}"  # noqa: S608 ours
        " GROUP BY 1, 2 ORDER BY 1"
    )
    found: dict[str, dict[str, JsonObject]] = {}
    for code, name, count, *amounts in rows:
        parts = found.setdefault(code, {part: _sums(table, part) for part in _ALWAYS.get(table, ("",))})
        parts[name] = _sums(table, name, count, *amounts)
    return [{"currency_code": code, **parts.pop("", {}), **parts} for code, parts in found.items()] or None


def _sums(table: str, part: str, count: int = 0, *cents: int) -> JsonObject:
    names = ("total_cost",) if table == "invoices" and part else tuple(MONEY[table][2])
    amounts = dict(zip(names, (Decimal(each) / 100 for each in cents or [0] * len(names)), strict=False))
    only_if_any = ("pending", "credits")
    return {"count": count} | {name: each for name, each in amounts.items() if each or name not in only_if_any}


def exactly(totals: list[JsonObject] | None) -> list[JsonObject] | None:
    """The sums of an answer, as decimals."""
    return totals and [_exact(row) for row in totals]


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    return Decimal(str(value)) if isinstance(value, float | int) else value


async def whole(agent: Agent, tool: str, limit: int = 1000, **arguments: Any) -> tuple[list[int], JsonObject]:
    """The ids of a list read until it is complete, and the first answer."""
    found: list[int] = []
    answer = first = await agent.answer(tool, **arguments, limit=limit)
    while True:
        found += [record["id"] for record in answer["records"]]
        if "next_offset" not in answer:
            assert answer["complete"] is True
            return found, first
        assert answer["complete"] is False
        answer = await agent.answer(tool, **arguments, limit=limit, offset=answer["next_offset"])
