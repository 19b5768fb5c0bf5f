"""A sample call for each gated tool: a record of the sandbox and the name that users know it by."""

import json
import re
from typing import Any

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL

GATED = [tool.name for tool in ALL if tool.gated and tool.name != "undo"]
"""All but the one that is about an earlier call of the same process; its tests are its own."""
JOBS = [tool.name for tool in ALL if tool.resource == "workflows" and tool.is_job and tool.name != "undo"]
ADDRESSED = [tool.name for tool in ALL if tool.gated and tool.arguments.addresses()]
"""Those that take the id of the record that they are about; the others take it in a list or a path."""
EVERYTHING = frozenset({"all", "raw"})
"""The toolsets that offer every tool."""

# A record for each gated tool: its arguments, and as `label` the name that users know it by.
RECORDS = {
    "delete_client": "SELECT client_id, name AS label FROM invoices JOIN clients c ON c.id = client_id"
    " WHERE client_id IN (SELECT client_id FROM estimates) AND client_id IN (SELECT client_id FROM projects)"
    " GROUP BY client_id HAVING count(*) > 30 ORDER BY count(*) DESC",
    "delete_contact": "SELECT id AS contact_id, name AS label FROM contacts WHERE client_id > 0",
    "delete_lead": "SELECT lead_id, name AS label FROM estimates JOIN leads l ON l.id = lead_id"
    " WHERE lead_id IN (SELECT lead_id FROM contacts)",
    "delete_project": "SELECT project_id, name AS label FROM tasks JOIN projects p ON p.id = project_id"
    " WHERE p.status = 1 AND project_id IN (SELECT project_id FROM invoices)",
    "delete_hour_entry": "SELECT id AS hour_entry_id, title AS label FROM hours",
    "delete_task": "SELECT id AS task_id, title AS label FROM tasks WHERE NOT complete",
    "delete_expense": "SELECT id AS expense_id, description AS label FROM expenses",
    "delete_invoice": "SELECT id AS invoice_id, number AS label FROM invoices WHERE status = 1 AND total_payments > 0",
    "send_invoice_message": "SELECT id AS invoice_id, number AS label FROM invoices WHERE balance NOT IN"
    " (0, total_cost)",
    "delete_estimate": "SELECT id AS estimate_id, number AS label FROM estimates WHERE status = 1",
    "send_estimate_message": "SELECT id AS estimate_id, number AS label FROM estimates WHERE status = 0",
    "charge_payment_profile": "SELECT i.id AS invoice_id, p.id AS payment_profile_id, i.number AS label FROM invoices i"
    " JOIN payment_profiles p ON p.client_id = i.client_id WHERE balance > 0 AND i.status IN (1, 2)",
    "delete_payment": "SELECT invoice_id, p.id AS payment_id, p.note AS label FROM payments p"
    " JOIN invoices i ON i.id = invoice_id WHERE balance > 0 AND balance <> amount AND p.note <> ''",
    "delete_payment_profile": "SELECT client_id, p.id AS payment_profile_id, p.name AS label FROM payment_profiles p"
    " WHERE p.id IN (SELECT payment_profile_id FROM recurring_schedules)",
    "delete_recurring_schedule": "SELECT recurring_schedule_id, s.title AS label FROM invoices"
    " JOIN recurring_schedules s ON s.id = recurring_schedule_id WHERE s.status = 0",
    "bill_project_hours": "SELECT project_id, name AS label FROM hours JOIN projects p ON p.id = project_id"
    " WHERE project_type = 0 AND NOT billed AND client_id > 0 GROUP BY project_id HAVING count(*) > 2",
    "create_invoice_from_estimate": "SELECT id AS estimate_id, number AS label FROM estimates WHERE client_id > 0"
    " AND lead_id IS NULL",
    "convert_lead": "SELECT lead_id, l.name AS label FROM contacts JOIN leads l ON l.id = lead_id",
    "import_contacts": "SELECT json_array(json_object('client_id', id, 'name', 'Ann', 'email', 'ann@example.com'))"
    " AS rows, name AS label FROM clients",
    "send_payment_reminders": "SELECT json_array(id) AS invoice_ids, number AS label FROM invoices"
    " WHERE status IN (1, 2) AND balance > 0 AND due_date < '2026-10-01' AND client_id IN"
    " (SELECT client_id FROM contacts) AND client_id NOT IN (SELECT client_id FROM invoices i"
    " JOIN payments ON invoice_id = i.id WHERE received_on > '2026-11-01')",
    "allocate_payment": "SELECT client_id, min(balance) / 100.0 AS amount, c.name AS label FROM invoices i"
    " JOIN clients c ON c.id = client_id WHERE i.status IN (1, 2) AND balance > 0 AND i.currency_code = 'EUR'"
    " GROUP BY client_id HAVING count(*) = 1",
    "reconcile_payments": "SELECT json_array(json_object('invoice_ids', json_array(id), 'row', 1)) AS choices,"
    " json_array(json_object('date', '2026-11-19', 'amount', balance / 100.0, 'currency_code', 'EUR')) AS rows,"
    " number AS label FROM invoices WHERE status = 1 AND balance > 0 AND currency_code = 'EUR'",
    "bulk_update": "SELECT 'update_lead' AS tool, json_array(id) AS ids, json_object('city', 'Bath') AS changes,"
    " name AS label FROM leads WHERE coalesce(city, '') <> 'Bath'",
    "api_request": "SELECT 'PUT' AS method, 'leads/' || id AS path, name AS label FROM leads",
}
MORE: dict[str, dict[str, Any]] = {
    "send_invoice_message": {"recipients": ["ann@example.com", "bo@example.com"]},
    "send_estimate_message": {"recipients": ["ann@example.com"]},
    "create_invoice_from_estimate": {"due_date": "2026-12-20"},
    "convert_lead": {"tasks": [{"title": "Call them"}, {"title": "Write to them"}]},
    "api_request": {"body": {"lead": {"city": "Bath"}}},
}


def record_for(sandbox: Sandbox, tool: str) -> tuple[dict[str, Any], str]:
    """Arguments of a call on an existing record, and the name that users know it by."""
    row = dict(sandbox.connection.execute(RECORDS[tool]).fetchone())
    label = row.pop("label")
    return row | MORE.get(tool, {}), label


def id_name(tool: str) -> str:
    """The argument that takes the id of the record that a call is about."""
    if tool == "charge_payment_profile":
        return "invoice_id"
    addresses = next(each.arguments.addresses() for each in ALL if each.name == tool)
    own = f"{kind_of(tool)}_id"
    return own if own in addresses else next(iter(addresses))


def own_id(tool: str, arguments: dict[str, Any]) -> int:
    """The id of the record that a call is about; the first number of a call that takes it in a list or a path."""
    if tool in ADDRESSED:
        return int(arguments[id_name(tool)])
    (number, *_) = re.findall(r"\d+", json.dumps(arguments))
    return int(number)


def kind_of(tool: str) -> str:
    """`invoice` for delete_invoice and send_invoice_message."""
    return tool.partition("_")[2].removesuffix("_message")
