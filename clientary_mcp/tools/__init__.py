"""All tools, in the order in which agents see them: one module per resource, one short function per tool."""

from clientary_mcp.tools import (
    clients,
    contacts,
    estimates,
    expenses,
    hours,
    invoices,
    leads,
    payment_profiles,
    payments,
    projects,
    raw,
    recurring_schedules,
    staff,
    tasks,
)
from clientary_mcp.tools.reports import (
    cash_forecast,
    client_overview,
    client_statement,
    days_to_pay,
    estimate_outcomes,
    list_changes,
    profitability,
    project_status,
    receivables,
    recurring_revenue,
    sales,
    search,
    taxes,
    timesheet,
    unbilled,
)
from clientary_mcp.tools.reports import expenses as expenses_report
from clientary_mcp.tools.reports.account import telling
from clientary_mcp.tools.reports.billing_check import checking
from clientary_mcp.tools.reports.export_records import exporting
from clientary_mcp.tools.workflows import (
    allocate_payment,
    bill_project_hours,
    convert_lead,
    copy_invoice,
    import_contacts,
    invoice_from_estimate,
    payment_reminders,
    reconcile_payments,
)
from clientary_mcp.tools.workflows.bulk_update import bulk_updating
from clientary_mcp.tools.workflows.undo import undoing

_RESOURCES = (
    *clients.TOOLS,
    *contacts.TOOLS,
    *leads.TOOLS,
    *projects.TOOLS,
    *hours.TOOLS,
    *tasks.TOOLS,
    *expenses.TOOLS,
    *invoices.TOOLS,
    *estimates.TOOLS,
    *payments.TOOLS,
    *payment_profiles.TOOLS,
    *recurring_schedules.TOOLS,
    *staff.TOOLS,
)

_REPORTS = (
    *search.TOOLS,
    *unbilled.TOOLS,
    *project_status.TOOLS,
    *profitability.TOOLS,
    *client_overview.TOOLS,
    *sales.TOOLS,
    *taxes.TOOLS,
    *expenses_report.TOOLS,
    *client_statement.TOOLS,
    *estimate_outcomes.TOOLS,
    *days_to_pay.TOOLS,
    *receivables.TOOLS,
    *recurring_revenue.TOOLS,
    *cash_forecast.TOOLS,
    *timesheet.TOOLS,
    checking((*_RESOURCES, *bill_project_hours.TOOLS)),
    *list_changes.TOOLS,
)

_ALL_BUT_UNDO = (
    *_RESOURCES,
    *_REPORTS,
    exporting((*_RESOURCES, *_REPORTS)),
    *bill_project_hours.TOOLS,
    *invoice_from_estimate.TOOLS,
    *copy_invoice.TOOLS,
    *convert_lead.TOOLS,
    *import_contacts.TOOLS,
    *payment_reminders.TOOLS,
    *allocate_payment.TOOLS,
    *reconcile_payments.TOOLS,
    bulk_updating((*_RESOURCES, *_REPORTS)),
)

_ALL_BUT_RAW = (*_ALL_BUT_UNDO, undoing(_ALL_BUT_UNDO))

ALL = (*_ALL_BUT_RAW, telling((*_ALL_BUT_RAW, *raw.TOOLS)), *raw.TOOLS)
