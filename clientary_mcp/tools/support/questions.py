"""The tools that answer what is a question rather than a name: `unpaid invoices`, `profit`, `who owes us`."""

from collections.abc import Iterable

from tool_schemas.base.sentences import Mention

_ANSWERS = (
    (
        "forecast forecasts cash cashflow liquidity expected",
        Mention("cash_forecast tells what money to expect when.", "cash_forecast"),
    ),
    ("statement statements", Mention("client_statement draws up a client's account.", "client_statement")),
    (
        "dso slow slowest pay pays",
        Mention("days_to_pay_report tells how long clients take to pay.", "days_to_pay_report"),
    ),
    ("won lost win", Mention("estimates_report tells which estimates were won and lost.", "estimates_report")),
    (
        "unpaid overdue outstanding owed owe owes owing due receivable receivables debtor debtors late",
        Mention("receivables_report lists what clients owe.", "receivables_report"),
    ),
    (
        "unbilled uninvoiced billable",
        Mention("unbilled_report lists what is yet to be billed.", "unbilled_report"),
    ),
    (
        "timesheet timesheets worked utilization",
        Mention("timesheet_report adds up hours by person and project.", "timesheet_report"),
    ),
    (
        "profit profits profitable profitability margin margins cost costs",
        Mention("profitability_report compares income with costs.", "profitability_report"),
    ),
    ("budget budgets", Mention("project_status compares projects with their budgets.", "project_status")),
    (
        "mrr arr recurring subscription subscriptions retainer retainers",
        Mention("recurring_revenue_report adds up what schedules bring.", "recurring_revenue_report"),
    ),
    (
        "change changes changed recent recently activity new news",
        Mention("list_changes lists what changed since a day.", "list_changes"),
    ),
    (
        "mistake mistakes wrong forgotten inconsistent check",
        Mention("billing_check finds what is wrong or forgotten in the billing.", "billing_check"),
    ),
    ("overview summary", Mention("client_overview sums up one client.", "client_overview")),
    ("payment payments paid received", Mention("list_payments lists payments.", "list_payments")),
    ("expense expenses spent", Mention("list_expenses lists expenses.", "list_expenses")),
    ("hour hours time", Mention("list_hours lists hours.", "list_hours")),
    (
        "recurring schedule schedules",
        Mention("list_recurring_schedules lists recurring schedules.", "list_recurring_schedules"),
    ),
    (
        "invoice invoices bill bills billed invoiced revenue sales turnover",
        Mention("list_invoices lists invoices, by status and day, and adds them up.", "list_invoices"),
    ),
    (
        "estimate estimates quote quotes",
        Mention("list_estimates lists estimates, also by day.", "list_estimates"),
    ),
    ("client clients customer customers", Mention("list_clients lists clients.", "list_clients")),
    ("project projects", Mention("list_projects lists projects.", "list_projects")),
    ("task tasks todo todos", Mention("list_tasks lists tasks.", "list_tasks")),
)
"""The likeliest first."""

_BESIDE = (
    "a all any are been by can client clients day days did do does draft drafts each every find for from get give had"
    " has have how i in invoice invoices is it last list many me money month much my need new not of on open our owner"
    " per project projects quarter report reports sent show since so status still tell that the their there they this"
    " to today total us was we week were what when which who whose with year yesterday yet"
)
"""Words that stand beside those in questions; any other word may be part of a name."""


def answers_to(words: Iterable[str]) -> list[Mention]:
    """The tool that answers a question of these words, in a sentence; none for what may be a name."""
    asked = {*words}
    meant = asked | {f"un{word}" for word in asked if "not" in asked}  # who has not paid: what is unpaid
    answering = [(meant & {*each.split()}, tool) for each, tool in _ANSWERS]
    if asked.difference(_BESIDE.split(), *(met for met, _ in answering)):
        return []
    return [tool for met, tool in answering if met][:1]
