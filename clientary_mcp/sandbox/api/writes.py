"""Creating and updating records: which bodies are accepted, which are refused, and what a write changes besides."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clientary_mcp.sandbox.api.replies import Errors, invalid, not_found
from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.store import money
from clientary_mcp.sandbox.store.documents import LINES, SECTION_HEADER
from clientary_mcp.sandbox.store.fields import TODAY, Field, InvalidError, flag, is_blank, stored
from clientary_mcp.sandbox.store.resource import Lines, Resource
from clientary_mcp.sandbox.store.tables import Row, Store

Values = dict[str, Any]

FIXED_PRICE = 2
DRAFT, SENT, PAID = 0, 1, 4
AUTOBILL = 2


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line of a body: to be added (no id), changed, or taken out (no values)."""

    line_id: int | None
    values: Values | None


def create(store: Store, resource: Resource, data: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Store a new record; `given` are columns that come from the path."""
    errors: Errors = {}
    values = _checked(store, resource.table, resource.fields, data, None, errors) | dict(given)
    lines = _checked_lines(store, resource, data, None, errors)
    _complete(store, resource, values, None, errors)
    if errors:
        raise invalid(errors)
    now = store.now()
    record_id = store.insert(resource.table, values | {"created_at": now, "updated_at": now})
    _write_lines(store, resource, record_id, lines)
    reckon(store, resource.table, record_id)
    return record_id


def update(store: Store, switches: Switches, resource: Resource, row: Row, data: Mapping[str, Any]) -> None:
    """Change the fields that the body names and no others."""
    errors: Errors = {}
    data = _renamed(switches, resource, data, errors)
    values = _checked(store, resource.table, resource.fields, data, row, errors)
    if "billed" in data and resource.table == "hours":
        values["billed"] = data["billed"]
    lines = _checked_lines(store, resource, data, row, errors)
    _complete(store, resource, values, row, errors)
    if errors:
        raise invalid(errors)
    store.update(resource.table, row["id"], values | {"updated_at": store.now()})
    _write_lines(store, resource, row["id"], lines)
    reckon(store, resource.table, row["id"])


def _renamed(switches: Switches, resource: Resource, data: Mapping[str, Any], errors: Errors) -> Mapping[str, Any]:
    """The body with the flags whose key is an open question under the column's name, or without them."""
    keys: tuple[str, ...]
    if resource.table == "tasks":
        column, every = "complete", ("complete", "completed")
        keys = every if switches.task_completion_key == "both" else (switches.task_completion_key,)
    elif resource.table == "hours":
        column, every = "billed", ("billed", "billed?")
        keys = (switches.billed_key,) if switches.billed_key else ()
    else:
        return data
    renamed = {key: value for key, value in data.items() if key not in every}
    for key in keys:
        if key in data:
            try:
                renamed[column] = flag(data[key])
            except InvalidError as reason:
                errors[key] = [str(reason)]
    return renamed


def _checked(
    store: Store,
    table: str,
    fields: Iterable[Field],
    data: Mapping[str, Any],
    row: Row | None,
    errors: Errors,
) -> Values:
    """The columns that the body sets, or all of them when there is no row yet."""
    values: Values = {}
    for field in fields:
        if field.writable and field.name in data:
            try:
                values[field.name] = _value(store, table, field, data[field.name], row)
            except InvalidError as reason:
                errors[field.name] = [str(reason)]
        elif row is None:
            if field.required and field.writable:
                errors[field.name] = ["can't be blank"]
            values[field.name] = store.today.isoformat() if field.default is TODAY else field.default
    return values


def _value(store: Store, table: str, field: Field, given: Any, row: Row | None) -> Any:
    if is_blank(given):
        if field.required:
            raise InvalidError("can't be blank")
        if field.kind in {"flag", "percent"} or field.among:
            return field.default
    value = stored(field, given)
    if field.among and value not in field.among:
        raise InvalidError("is not included in the list")
    if field.refers and value is not None and store.find(field.refers, value) is None:
        raise InvalidError("must exist")
    if field.unique and value:
        others = store.select(table, f"{field.name} = ?", (value,), columns="id")
        if any(row is None or other["id"] != row["id"] for other in others):
            raise InvalidError("has already been taken")
    return value


def _checked_lines(
    store: Store, resource: Resource, data: Mapping[str, Any], document: Row | None, errors: Errors
) -> list[LineChange]:
    lines = LINES.get(resource.table)
    if lines is None or (given := data.get(lines.attributes)) is None:
        return []
    # Rails takes an array, or a hash whose keys do not matter.
    entries: Sequence[Any] = list(given.values()) if isinstance(given, dict) else given
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid({lines.attributes: ["is invalid"]})
    return [_checked_line(store, lines, entry, document, errors) for entry in entries]


def _checked_line(
    store: Store, lines: Lines, entry: Mapping[str, Any], document: Row | None, errors: Errors
) -> LineChange:
    line: Row | None = None
    if not is_blank(entry.get("id")):
        line = _line_of(store, lines, entry["id"], document)
        if str(entry.get("_destroy", "")).lower() in {"1", "true"}:
            return LineChange(line["id"], None)
    problems: Errors = {}
    values = _checked(store, lines.table, lines.fields, entry, line, problems)
    if (values["item_type"] if "item_type" in values else line and line["item_type"]) == SECTION_HEADER:
        for name in ("quantity", "price"):
            problems.pop(name, None)
            if values.get(name) is None and (line is None or name in values):
                values[name] = 0
    errors |= {f"{lines.table}.{name}": messages for name, messages in problems.items()}
    return LineChange(line["id"] if line else None, values)


def _line_of(store: Store, lines: Lines, given: Any, document: Row | None) -> Row:
    try:
        line = store.find(lines.table, stored(Field("id", "integer"), given))
    except InvalidError:
        line = None
    if line is None or document is None or line[lines.parent] != document["id"]:
        raise not_found()
    return line


def _write_lines(store: Store, resource: Resource, document_id: int, changes: Iterable[LineChange]) -> None:
    for change in changes:
        lines = LINES[resource.table]
        if change.line_id is None:
            store.insert(lines.table, {lines.parent: document_id} | (change.values or {}))
        elif change.values is None:
            store.delete(lines.table, change.line_id)
        else:
            store.update(lines.table, change.line_id, change.values)


def _complete(store: Store, resource: Resource, values: Values, row: Row | None, errors: Errors) -> None:
    """Fill in what follows from the values, and check what concerns more than one of them."""
    if errors:
        return
    match resource.table:
        case "projects":
            _complete_project(store, values, row)
        case "hours":
            _complete_hours(store, values, row)
        case "tasks":
            if "complete" in values and not (row and row["complete"] and values["complete"]):
                values["completed_at"] = store.now() if values["complete"] else None
        case "invoices" | "estimates" | "recurring_schedules":
            if row is None or "number" in values:
                values["number"] = values.get("number") or next_number(store, resource.table)
            if row is None and resource.table != "recurring_schedules":
                values["secret"] = secret(resource.table, values["number"])
            if resource.table == "recurring_schedules":
                _complete_schedule(store, values, row, errors)
        case _:
            pass


def _complete_project(store: Store, values: Values, row: Row | None) -> None:
    if not values.get("currency_code") and (row is None or "currency_code" in values):
        client_id = values.get("client_id", row and row["client_id"])
        client = store.find("clients", client_id) if client_id else None
        values["currency_code"] = client["currency_code"] if client else "USD"


def _complete_hours(store: Store, values: Values, row: Row | None) -> None:
    if values.get("rate") is None and (row is None or "rate" in values):
        project = store.find("projects", values["project_id"] if row is None else row["project_id"])
        assert project is not None  # noqa: S101 hours go with their project
        owner = store.find("staff", values["user_id"] if row is None else row["user_id"])
        # A fixed price is no hourly rate: hours then cost what the person does.
        fixed = project["project_type"] == FIXED_PRICE
        values["rate"] = (owner["hourly_rate"] if owner else 0) if fixed else project["rate"]
    hours, rate = (values[name] if name in values else row and row[name] for name in ("hours", "rate"))
    values["cost"] = money.cost(hours or 0, rate or 0)


def _complete_schedule(store: Store, values: Values, row: Row | None, errors: Errors) -> None:
    if values.get("unlimited") is None and (row is None or "unlimited" in values):
        values["unlimited"] = values.get("occurrences_remaining") is None
    now = {name: values[name] if name in values else row and row[name] for name in _SCHEDULE_CHARGE}
    if now["action"] == AUTOBILL:
        profile = store.find("payment_profiles", now["payment_profile_id"]) if now["payment_profile_id"] else None
        if profile is None:
            errors["payment_profile_id"] = ["can't be blank"]
        elif profile["client_id"] != now["client_id"]:
            errors["payment_profile_id"] = ["is invalid"]


_SCHEDULE_CHARGE = ("action", "payment_profile_id", "client_id")


def next_number(store: Store, table: str) -> str:
    """The number after the largest so far."""
    largest = store.select(table, columns="max(CAST(number AS INTEGER)) AS n", order="n")[0]["n"]
    return str((largest or 0) + 1)


def secret(table: str, number: str) -> str:
    """The part of a document's public address that nobody guesses."""
    return hashlib.sha256(f"{table}/{number}".encode()).hexdigest()[:32]


def reckon(store: Store, table: str, record_id: int) -> None:
    """Bring a document's totals, and an invoice's balance and status, up to date."""
    if table not in LINES:
        return
    row = store.find(table, record_id)
    assert row is not None  # noqa: S101 it was just written
    lines = LINES[table]
    items = store.select(lines.table, f"{lines.parent} = ?", (record_id,))
    taxes = money.Taxes(row["tax"], row["tax2"], row["tax3"], bool(row["compound_tax"]))
    sums = money.totals(
        (money.Line(i["quantity"], i["price"], bool(i["taxable"]), i["item_type"]) for i in items), taxes
    )
    values: Values = {name: getattr(sums, name) for name in sums.__slots__}
    if table == "invoices":
        paid = store.select("payments", "invoice_id = ?", (record_id,), order="received_on, id")
        values["total_payments"] = sum(payment["amount"] for payment in paid)
        values["balance"] = sums.total_cost - values["total_payments"]
        values |= _settled(row, values, paid)
    store.update(table, record_id, values)


def _settled(row: Row, values: Values, paid: Sequence[Row]) -> Values:
    """Status after payments or totals changed: paid when nothing is left, sent again when something is."""
    if values["balance"] == row["balance"] and values["total_payments"] == row["total_payments"]:
        return {}
    if paid and values["balance"] <= 0:
        return {"status": PAID, "paid_date": paid[-1]["received_on"]}
    if row["status"] == PAID and row["total_payments"]:
        return {"status": SENT, "paid_date": None}
    return {}


def pay(store: Store, invoice: Row, data: Mapping[str, Any], resource: Resource) -> int:
    """Record a payment, or charge the whole balance to a stored profile."""
    errors: Errors = {}
    if is_blank(data.get("payment_profile_id")):
        values = _checked(store, resource.table, resource.fields, data, None, errors)
        if not errors and values["amount"] <= 0:
            errors["amount"] = ["must be greater than 0"]
    else:
        values = _charge(store, invoice, data["payment_profile_id"], resource, errors)
    if errors:
        raise invalid(errors)
    now = store.now()
    values |= {"invoice_id": invoice["id"], "created_at": now, "updated_at": now}
    payment_id = store.insert(resource.table, values)
    reckon(store, "invoices", invoice["id"])
    store.update("invoices", invoice["id"], {"updated_at": now})
    return payment_id


def _charge(store: Store, invoice: Row, profile_id: Any, resource: Resource, errors: Errors) -> Values:
    try:
        profile = store.find("payment_profiles", stored(Field("id", "integer"), profile_id))
    except InvalidError:
        profile = None
    if profile is None or profile["client_id"] != invoice["client_id"]:
        errors["payment_profile_id"] = ["is invalid"]
    elif invoice["balance"] <= 0:
        errors["base"] = ["Invoice has no outstanding balance"]
    values = _checked(store, resource.table, resource.fields, {"amount": 0}, None, {})
    count = store.count(resource.table)
    token = hashlib.sha256(f"{invoice['id']}/{profile_id}/{count}".encode()).hexdigest()
    # What a card costs: 2.9 % and 30 cents.
    fee = money.rounded(invoice["balance"] * 29, 1000) + 30
    return values | {
        "amount": invoice["balance"],
        "transaction_fee_amount": fee,
        "transaction_id": f"ch_{token[:24]}",
    }
