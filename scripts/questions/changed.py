"""Questions that change something: each is shown first, but for the draft that is copied."""

from scripts.questions.question import ACTION, FIRST, INVOICES, INVOICES_IN_FULL, PROJECTS, Question, search

_PREVIEW = "{message}"
_RAISED = "{record}: {before[rate]:money} becomes {after[rate]:money}"

QUESTIONS = (
    Question(
        "Raise our hourly rates by 5 % on all open projects.",
        (
            (
                "bulk_update",
                {
                    "tool": "update_project",
                    "where": [{"name": "status", "value": "open"}],
                    "changes": [{"name": "rate", "value": "+5%"}],
                },
            ),
        ),
        "steps",
        _RAISED,
        (PROJECTS,),
    ),
    Question(
        "Cedar Furniture said yes: make that lead a client.",
        (search("Cedar Furniture", "lead"), ("convert_lead", {"lead_id": FIRST})),
        "",
        _PREVIEW,
        ("list_leads",),
    ),
    Question(
        "Add Ana Silva, ana.silva@beacon-furniture.example.net, to the contacts of Beacon Furniture.",
        (
            (
                "import_contacts",
                {
                    "rows": [
                        {
                            "name": "Ana Silva",
                            "email": "ana.silva@beacon-furniture.example.net",
                            "client": "Beacon Furniture",
                        }
                    ]
                },
            ),
        ),
        "",
        _PREVIEW,
        ("list_clients", "list_contacts"),
    ),
    Question(
        "Juniper Robotics gets the same invoice as last month.",
        (
            ("list_invoices", {"query": "Juniper Robotics", "period": "last_month"}),
            ("copy_invoice", {"invoice_id": FIRST}),
        ),
        "",
        "{status} {number} of {date}, due {due_date}: {total_cost:money}",
        (INVOICES_IN_FULL,),
    ),
    Question(
        "Undo that.",
        (("undo", {}), ("undo", {"action_id": ACTION})),
        "",
        _PREVIEW,
        (INVOICES,),
    ),
)
