"""Every tool, in the order in which agents see them: one module a resource, one short function a tool."""

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
    recurring_schedules,
    staff,
    tasks,
)

ALL = (
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
