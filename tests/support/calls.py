"""A call of every report and job, for a mocked account in which everything is one record with id 7."""

from typing import Any

JsonObject = dict[str, Any]

COUNTS: JsonObject = {
    "project_id": 7,
    "user_id": 7,
    "assignee_id": 7,
    "project_type": 0,
    "budget_type": 1,
    "budget": 5,
    "status": 1,
    "date": "2023-10-02",
    "due_date": "2023-10-03",
    "incurred_on": "2023-10-02",
    "received_on": "2022-10-02",
    "next_date": "2023-12-01",
    "created_at": "2023-10-02T09:00:00Z",
    "updated_at": "2023-10-02T09:00:00Z",
    "time_interval": 3,
    "unlimited": True,
    "complete": False,
    "hours": 2,
    "amount": 5,
    "price": 5,
    "quantity": 1,
    "subtotal": 5,
}
"""What lets a record of any kind count in every report, on the day on which the clock of tests begins."""

REPORTS: list[tuple[str, JsonObject]] = [
    ("search", {"query": "Acme", "include_closed": True}),
    ("unbilled_report", {}),
    ("project_status", {"by_person": True, "threshold": 0}),
    ("profitability_report", {"project_id": 7, "default_cost_rate": 50}),
    ("profitability_report", {"client_id": 7, "period": "last_12_months"}),
    ("client_overview", {"client_id": 7}),
    ("sales_report", {"group_by": "client,project"}),
    ("sales_report", {"basis": "received", "from_date": "2022-01-01"}),
    ("expenses_report", {"group_by": "person,project"}),
    ("tax_report", {"period": "this_year"}),
    ("tax_report", {"basis": "received", "from_date": "2022-01-01"}),
    ("client_statement", {"client_id": 7}),
    ("estimates_report", {"group_by": "client,month"}),
    ("days_to_pay_report", {"from_date": "2022-01-01"}),
    ("get_account", {}),
    ("receivables_report", {}),
    ("receivables_report", {"group_by": "invoice", "as_of": "2023-10-31"}),
    ("recurring_revenue_report", {}),
    ("cash_forecast", {"by": "month", "use_history": True}),
    ("timesheet_report", {"from_date": "2023-10-01", "to_date": "2023-10-31"}),
    ("billing_check", {}),
    ("list_changes", {"since": "2023-01-01"}),
    ("export_records", {"tool": "list_invoices"}),
    ("export_records", {"tool": "receivables_report", "format": "jsonl"}),
    ("list_hours", {"detail": "full"}),
    ("list_invoices", {"detail": "full", "overdue": True, "order": "due"}),
]
"""Questions about many records."""

JOBS: list[tuple[str, JsonObject]] = [
    ("bill_project_hours", {"project_id": 7, "include_expenses": True}),
    ("create_invoice_from_estimate", {"estimate_id": 7, "due_date": "2023-12-20"}),
    ("convert_lead", {"lead_id": 7, "client_id": 7, "tasks": [{"title": "Call them"}]}),
    ("import_contacts", {"rows": [{"client_id": 7, "name": "Ann", "email": "ann@example.com"}, {"client": "Acme"}]}),
    ("send_payment_reminders", {"invoice_ids": [7]}),
    ("send_payment_reminders", {"min_days_overdue": 1}),
    ("allocate_payment", {"client_id": 7, "amount": 10}),
    (
        "reconcile_payments",
        {
            "rows": [{"date": "2023-10-31", "amount": 5, "currency_code": "USD"}],
            "choices": [{"row": 1, "invoice_ids": [7]}],
        },
    ),
    ("bulk_update", {"tool": "update_client", "ids": [7], "changes": {"city": "Bath"}}),
    ("api_request", {"method": "PUT", "path": "clients/7", "body": {"client": {"city": "Bath"}}}),
]
"""Calls that would do several things, or anything; without their confirmation."""
