"""Rows as JSON: the fields of the resource's table, and the keys derived from other rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.store import money
from clientary_mcp.sandbox.store.documents import INVOICES, LINES, RECURRING, SECTION_HEADER
from clientary_mcp.sandbox.store.fields import Field, plain_number, shown, wire_date
from clientary_mcp.sandbox.store.resource import Resource
from clientary_mcp.sandbox.store.resources import CLIENTS, HOURS, PAYMENT_PROFILES, RESOURCES
from clientary_mcp.sandbox.store.tables import Row, Store

Record = dict[str, Any]
Shaper = Callable[[Store, Switches, Sequence[Row], Sequence[Record]], None]

_AVATAR = "default_avatars/avatars/missing_original.jpg"
_PENDING = 5
OUTSTANDING = "status IN (1, 2, 5)"
"""Invoices that wait for money: sent, viewed or pending."""


def shape(store: Store, switches: Switches, resource: Resource, rows: Sequence[Row]) -> list[Record]:
    """Records of one resource, complete."""
    records = [_plain(resource, row, switches) for row in rows]
    if rows and (finish := _SHAPERS.get(resource.table)):
        finish(store, switches, rows, records)
    return records


def _plain(resource: Resource, row: Row, switches: Switches) -> Record:
    record: Record = {"id": row["id"]}
    for field in resource.fields:
        if field.shown == "always" or (field.shown == "extra" and switches.extra_keys):
            record[field.name] = shown(field, row[field.name], switches)
    for stamp in ("created_at", "updated_at"):
        if stamp in resource.stamps or switches.extra_keys:
            kind = Field(stamp, "pacific" if resource.stamp_offset else "timestamp")
            record[stamp] = shown(kind, row[stamp], switches)
    return record


def _predicate(name: str, switches: Switches, *, question: bool) -> str:
    asked = question if switches.predicate_keys == "documented" else switches.predicate_keys == "question"
    return f"{name}?" if asked else name


def _ids(rows: Sequence[Row], column: str = "id") -> set[int]:
    return {row[column] for row in rows if row[column] is not None}


def _by_id(store: Store, table: str, ids: set[int]) -> dict[int, Row]:
    return {row["id"]: row for row in store.select_in(table, "id", ids)}


def _clients(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    if not switches.extra_keys:
        return
    ids = _ids(rows)
    owed = {
        row["owner"]: row
        for row in store.select(
            "invoices",
            f"{OUTSTANDING} AND client_id IN ({', '.join('?' * len(ids))}) GROUP BY client_id",
            list(ids),
            columns="client_id AS owner, sum(balance) AS balance, count(*) AS n",
            order="client_id",
        )
    }
    unbilled = store.sums(
        "projects",
        "client_id",
        ids,
        "sum(EXISTS (SELECT 1 FROM hours WHERE project_id = projects.id AND NOT billed)) AS n",
    )
    contacts = store.sums("contacts", "client_id", ids, "count(*) AS n")
    for row, record in zip(rows, records, strict=True):
        key = row["id"]
        _status_word(record, switches)
        record["account"] = {"currency_code": row["currency_code"]}
        record["amount_outstanding"] = shown(_AMOUNT, owed[key]["balance"] if key in owed else 0, switches)
        record["pending_invoices"] = owed[key]["n"] if key in owed else 0
        record["unbilled_projects_count"] = unbilled[key]["n"] if key in unbilled else 0
        record["users_count"] = contacts[key]["n"] if key in contacts else 0
        record["notes_count"] = 0


def _leads(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    if not switches.extra_keys:
        return
    contacts = store.sums("contacts", "lead_id", _ids(rows), "count(*) AS n")
    for row, record in zip(rows, records, strict=True):
        _status_word(record, switches)
        record["users_count"] = contacts[row["id"]]["n"] if row["id"] in contacts else 0
        record["notes_count"] = 0


def _status_word(record: Record, switches: Switches) -> None:
    if switches.status_as_text:
        record["status"] = {1: "Active", 2: "Archived"}[record["status"]]


def _contacts(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    clients = _by_id(store, "clients", _ids(rows, "client_id"))
    for row, record in zip(rows, records, strict=True):
        record["avatar"] = _AVATAR
        if switches.extra_keys:
            client = clients.get(row["client_id"])
            record["client"] = client and {key: client[key] for key in ("id", "name", "number", "status")}
            record["is_client_user"] = client is not None
            record["role"] = "client"
            record["hourly_rate"] = None
            record["mini_avatar_url"] = record["thumb_avatar_url"] = f"/{_AVATAR}"


def _staff(_: Store, __: Switches, ___: Sequence[Row], records: Sequence[Record]) -> None:
    for record in records:
        record["avatar"] = _AVATAR


def _documented_client(client: Row | None, switches: Switches) -> Record | None:
    if client is None:
        return None
    names = [field for field in CLIENTS.fields if field.shown == "always"]
    return {"id": client["id"]} | {field.name: shown(field, client[field.name], switches) for field in names}


def _projects(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    ids = _ids(rows)
    clients = _by_id(store, "clients", _ids(rows, "client_id"))
    unbilled = "sum(iif(billed, 0, {})) AS unbilled_{}"
    sums = f"sum(hours) AS hours, sum(cost) AS cost, {unbilled.format('hours', 'hours')}"
    hours = store.sums("hours", "project_id", ids, f"{sums}, {unbilled.format('cost', 'cost')}")
    tasks = store.sums("tasks", "project_id", ids, "count(*) AS n, sum(NOT complete) AS todo")
    for row, record in zip(rows, records, strict=True):
        worked = hours.get(row["id"])
        record["worked_hours"] = plain_number(worked["hours"] if worked else 0)
        record["unbilled_hours"] = plain_number(worked["unbilled_hours"] if worked else 0)
        record["cost"] = shown(_AMOUNT, worked["cost"] if worked else 0, switches)
        if switches.nested_client_in_projects:
            record["client"] = _documented_client(clients.get(row["client_id"]), switches)
        else:
            record["client_id"] = row["client_id"]
        if switches.extra_keys:
            count = tasks.get(row["id"])
            record |= {
                "tasks_count": count["n"] if count else 0,
                "todo_tasks_count": count["todo"] if count else 0,
            }
            record |= _project_extras(row, worked, switches)


def _project_extras(row: Row, worked: Row | None, switches: Switches) -> Record:
    cost = worked["cost"] if worked else 0
    unbilled = worked["unbilled_cost"] if worked else 0
    used = (worked["hours"] if worked else 0) if row["budget_type"] == 0 else cost
    return {
        "title": row["name"],
        "note": None,
        "budget_enabled": row["budget"] is not None,
        "budget_percentage": money.rounded(used * 100, row["budget"]) if row["budget"] else 0,
        "billed_percentage": money.rounded((cost - unbilled) * 100, cost) if cost else 0,
        "unbilled_amount": shown(_AMOUNT, unbilled, switches),
        "comments": [],
        "parent_template_id": None,
    }


def _hours(_: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    for row, record in zip(rows, records, strict=True):
        record[_predicate("billed", switches, question=True)] = bool(row["billed"])


def _profiles(_: Store, __: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    for row, record in zip(rows, records, strict=True):
        record |= {"gateway": "stripe", "gateway_token": row["stripe_customer_id"]}


def _lines(store: Store, switches: Switches, table: str, rows: Sequence[Row]) -> dict[int, list[Record]]:
    lines = LINES[table]
    documents = {row["id"]: row for row in rows}
    found: dict[int, list[Record]] = defaultdict(list)
    for row in store.select_in(lines.table, lines.parent, documents):
        record: Record = {"id": row["id"]}
        record |= {field.name: shown(field, row[field.name], switches) for field in lines.fields}
        taxable = record.pop("taxable")
        record[_predicate("taxable", switches, question=table == RECURRING.table)] = taxable
        if table == RECURRING.table:
            record |= _schedule_line(row, documents[row[lines.parent]], switches)
        found[row[lines.parent]].append(record)
    return found


def _schedule_line(line: Row, schedule: Row, switches: Switches) -> Record:
    """Keys of schedules' lines that invoices' lines lack or spell differently."""
    taxed = line["taxable"] and line["item_type"] != SECTION_HEADER
    amount = money.cost(line["quantity"], line["price"]) if taxed else 0
    return {
        "recurring_schedule_id": schedule["id"],
        # The sample writes this price as text and this quantity with a fraction.
        "price": f"{Decimal(line['price']) / 100:.2f}",
        "quantity": line["quantity"] / 100,
        "total_tax": shown(_AMOUNT, money.percent(amount, schedule["tax"]), switches),
        _predicate("secondary_tax", switches, question=True): bool(taxed and schedule["tax2"]),
        _predicate("tertiary_tax", switches, question=True): bool(taxed and schedule["tax3"]),
    }


def _invoices(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    items = _lines(store, switches, "invoices", rows)
    payments: dict[int, list[Record]] = defaultdict(list)
    for payment in store.select_in("payments", "invoice_id", _ids(rows), order="received_on, id"):
        payments[payment["invoice_id"]].append(
            {
                "id": payment["id"],
                "amount": shown(_AMOUNT, payment["amount"], switches),
                "note": payment["note"],
                "received_on": wire_date(payment["received_on"], switches),
            }
        )
    for row, record in zip(rows, records, strict=True):
        schedule = row["recurring_schedule_id"]
        record["invoice_items"] = items[row["id"]]
        record["payments"] = payments[row["id"]]
        record["recurring_schedules"] = [{"id": schedule}] if schedule else []
        if switches.extra_keys:
            under_way = row["balance"] if row["status"] == _PENDING else 0
            record["pending_amount"] = shown(_AMOUNT, under_way, switches)
    _document_extras(store, switches, "invoices", rows, records)


def _estimates(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    items = _lines(store, switches, "estimates", rows)
    for row, record in zip(rows, records, strict=True):
        record["estimate_items"] = items[row["id"]]
    _document_extras(store, switches, "estimates", rows, records)


def _document_extras(
    store: Store, switches: Switches, table: str, rows: Sequence[Row], records: Sequence[Record]
) -> None:
    if not switches.extra_keys:
        return
    clients = _by_id(store, "clients", _ids(rows, "client_id"))
    projects = _by_id(store, "projects", _ids(rows, "project_id"))
    for row, record in zip(rows, records, strict=True):
        client, project = clients.get(row["client_id"]), projects.get(row["project_id"])
        taxes = row["total_tax"] + row["total_tax2"] + row["total_tax3"]
        record |= {
            "client": client and {"id": client["id"], "name": client["name"]},
            "client_view_url": f"https://sandbox.example.com/{table[0]}/{row['secret']}",
            "projects": [{"id": project["id"], "name": project["name"]}] if project else [],
            "associated_project_id": row["project_id"],
            "total_taxes": shown(_AMOUNT, taxes, switches),
            "non_taxable_subtotal": shown(_AMOUNT, row["subtotal"] - row["taxable_subtotal"], switches),
            "tax2_enabled": bool(row["tax2"]),
            "attachments": [],
            "comments": [],
            "recipients": record.get("recipients") or [],
        }


def _schedules(store: Store, switches: Switches, rows: Sequence[Row], records: Sequence[Record]) -> None:
    clients = _by_id(store, "clients", _ids(rows, "client_id"))
    items = _lines(store, switches, RECURRING.table, rows)
    for row, record in zip(rows, records, strict=True):
        record["client"] = _documented_client(clients.get(row["client_id"]), switches) or {}
        record["recurring_schedule_items"] = items[row["id"]]


_AMOUNT = Field("amount", "money")
_SHAPERS: dict[str, Shaper] = {
    CLIENTS.table: _clients,
    "leads": _leads,
    "contacts": _contacts,
    "staff": _staff,
    "projects": _projects,
    HOURS.table: _hours,
    PAYMENT_PROFILES.table: _profiles,
    INVOICES.table: _invoices,
    "estimates": _estimates,
    RECURRING.table: _schedules,
}
assert set(_SHAPERS) <= {resource.table for resource in RESOURCES}  # noqa: S101 a misspelt table would be ignored
