"""Questions about clients, records and order."""

from scripts.questions.question import FIRST, HOURS, INVOICES, INVOICES_IN_FULL, PROJECTS, Question, search

_BEACON = search("Beacon Furniture", "client")

QUESTIONS = (
    Question(
        "Which account is this, and how much is in it?",
        (("get_account", {}),),
        "",
        "{counts[clients]} clients, {counts[projects]} projects, {counts[invoices]} invoices; fiscal years start on"
        " {fiscal_year_start}",
        ("list_clients", PROJECTS, INVOICES),
    ),
    Question(
        "Which clients have we never invoiced, or not for the longest time?",
        (("list_clients", {"order": "quiet", "limit": 3}),),
        "records",
        "{name}",
        ("list_clients", INVOICES),
    ),
    Question(
        "Beacon Furniture is calling: what should I know?",
        (_BEACON, ("client_overview", {"client_id": FIRST})),
        "rows",
        "{open:money} open on {open_invoices:invoice}, {overdue:money} of it overdue",
        ("list_clients", "list_contacts", INVOICES_IN_FULL, PROJECTS, "list_estimates"),
    ),
    Question(
        "Whose address is hugo.falk@beacon-furniture.example.net?",
        (("search", {"query": "hugo.falk@beacon-furniture.example.net"}),),
        "rows",
        "{name}, a {type}",
        ("list_contacts",),
    ),
    Question(
        "What is invoice 1372?",
        (search("1372", "invoice"),),
        "rows",
        "{client}: {total_cost:money}, {status}",
        (INVOICES,),
    ),
    Question(
        "What has changed since yesterday?",
        (("list_changes", {"since": "2026-11-26"}),),
        "rows",
        "{type} {name} {change}",
        ("list_clients", "list_leads", "list_contacts", PROJECTS, INVOICES, "list_estimates", "list_tasks"),
    ),
    Question(
        "Is anything wrong with our billing?",
        (("billing_check", {}),),
        "rows",
        "{label}: {what}",
        (INVOICES_IN_FULL, PROJECTS, HOURS, "list_expenses", "list_contacts", "list_recurring_schedules"),
    ),
    Question(
        "Which leads came in last?",
        (("list_leads", {"limit": 3}),),
        "records",
        "{name} from {city}",
        ("list_leads",),
    ),
    Question(
        "Which recurring invoices go out in December?",
        (("list_recurring_schedules", {"status": "active", "from_date": "2026-12-01", "to_date": "2026-12-31"}),),
        "records",
        "{title} for {client} on {next_date}: {total_cost:money}",
        ("list_recurring_schedules",),
    ),
)
