"""What the numbers in reports are, by the names of their columns; amounts are the rest."""

COUNTS = {
    *("clients", "count", "days", "days_overdue", "days_without_entries", "entries", "invoices"),
    *("occurrences_remaining", "payments", "schedules", "without_description", "working_days"),
}
HOURS = {"billable", "billed_hours", "capacity", "hours", "unbilled_hours"}
PERCENTAGES = {"billable_utilization", "percentage", "share", "utilization"}
AMOUNTS: dict[str, set[str]] = {"cash_forecast": {"invoices"}}
"""What is an amount in one report, though a count in the others."""
