"""Questions about work, budgets and profit."""

from scripts.questions.question import FIRST, HOURS, INVOICES_IN_FULL, PROJECTS, Question, search

_BOOKING = search("Meridian Booking System", "project")
_PREVIEW = "{message}"
_TASKS = "{title} ({project}, {person}, due {due_date})"

QUESTIONS = (
    Question(
        "What have we not billed yet?",
        (("unbilled_report", {}),),
        "totals",
        "{hours:hour} worth {amount:money}, and {expenses:money} in expenses",
        (PROJECTS, HOURS, "list_expenses"),
    ),
    Question(
        "Which clients have more than 20 unbilled hours?",
        (("unbilled_report", {"group_by": "client", "min_hours": 20.01}),),
        "rows",
        "{client}: {hours:hour}, {amount:money}",
        (PROJECTS, HOURS),
    ),
    Question(
        "Draft the November invoice for the Meridian Booking System.",
        (_BOOKING, ("bill_project_hours", {"project_id": FIRST, "from_date": "2026-11-01", "to_date": "2026-11-30"})),
        "",
        _PREVIEW,
        (PROJECTS, HOURS),
    ),
    Question(
        "Bill everything that Mapleton Physiotherapy has open.",
        (search("Mapleton Physiotherapy", "client"), ("bill_project_hours", {"client_id": FIRST})),
        "",
        _PREVIEW,
        ("list_clients", PROJECTS, HOURS),
    ),
    Question(
        "How many hours are left in the Waypoint Style Guide?",
        (search("Waypoint Style Guide", "project"), ("project_status", {"project_id": FIRST})),
        "rows",
        "{remaining:g} of {budget:g} {budget_type}, {percentage:g} % used",
        (PROJECTS,),
    ),
    Question(
        "Which projects are close to their budget?",
        (("project_status", {"threshold": 80}),),
        "rows",
        "{project}: {percentage:g} %",
        (PROJECTS, HOURS),
    ),
    Question(
        "Did we earn anything on the Oakhurst Analytics Setup, at 50 an hour?",
        (
            search("Oakhurst Analytics Setup", "project"),
            ("profitability_report", {"project_id": FIRST, "default_cost_rate": 50}),
        ),
        "rows",
        "margin {margin:money}: invoiced {invoiced:money}, labor {labour:money}, expenses {expenses:money}",
        (PROJECTS, HOURS, "list_expenses", INVOICES_IN_FULL),
    ),
    Question(
        "Which projects earned the most this year, at 50 an hour?",
        (("profitability_report", {"period": "this_year", "default_cost_rate": 50}),),
        "rows",
        "{project}: {margin:money}",
        (PROJECTS, HOURS, "list_expenses", INVOICES_IN_FULL),
    ),
    Question(
        "How busy was everybody last month, at 40 hours a week?",
        (("timesheet_report", {"period": "last_month", "capacity_hours": 40}),),
        "people",
        "{person}: {utilization:g} % of capacity",
        (PROJECTS, HOURS, "list_staff"),
    ),
    Question(
        "Who worked how much last week?",
        (("timesheet_report", {"period": "last_week"}),),
        "people",
        "{person}: {hours:hour}",
        (PROJECTS, HOURS, "list_staff"),
    ),
    Question(
        "Did anybody forget to log time in October?",
        (("timesheet_report", {"period": "last_month"}),),
        "people",
        "{person}: {days_without_entries} of {working_days:working day} without an entry",
        (PROJECTS, HOURS, "list_staff"),
    ),
    Question(
        "Which entries of November lack a description?",
        (("list_hours", {"missing_description": True, "from_date": "2026-11-01"}),),
        "records",
        "{date} {person}: {title}, {hours:hour}",
        (PROJECTS, HOURS),
    ),
    Question(
        "What has to be done by the end of next week?",
        (("list_tasks", {"complete": False, "due_before": "2026-12-05"}),),
        "records",
        _TASKS,
        ("list_tasks",),
    ),
)
