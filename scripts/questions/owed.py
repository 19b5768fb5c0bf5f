"""Questions about money that is owed and expected."""

from scripts.questions.question import FIRST, INVOICES, INVOICES_IN_FULL, Question, search

_BEACON = search("Beacon Furniture", "client")
_OWED = "{total:money}, of which {overdue:money} overdue"
_PREVIEW = "{message}"

QUESTIONS = (
    Question("Who owes us money?", (("receivables_report", {}),), "rows", "{client}: " + _OWED, (INVOICES,)),
    Question("How much is owed to us in all?", (("receivables_report", {}),), "totals", _OWED, (INVOICES,)),
    Question(
        "Who owes more than 20,000 that is over 30 days late?",
        (("receivables_report", {"min_total": 20000.01, "min_days_overdue": 31}),),
        "rows",
        "{client}: {total:money}, oldest due {oldest_due_date}",
        (INVOICES,),
    ),
    Question(
        "What was owed to us at the end of September?",
        (("receivables_report", {"as_of": "2026-09-30"}),),
        "totals",
        _OWED,
        (INVOICES_IN_FULL,),
    ),
    Question(
        "Which invoice has been unpaid the longest?",
        (("list_invoices", {"overdue": True, "order": "due", "limit": 1}),),
        "records",
        "{number} of {client}: {balance:money}, due {due_date}",
        (INVOICES,),
    ),
    Question(
        "How long do our clients take to pay?",
        (("days_to_pay_report", {}),),
        "totals",
        "{currency_code}: {mean_days:g} days on average, {late_share:g} % late",
        (INVOICES_IN_FULL,),
    ),
    Question(
        "Who pays late by habit?",
        (("days_to_pay_report", {}),),
        "rows",
        "{client}: {mean_days_late:g} days late on average, {late_share:g} % of {paid:invoice} late",
        (INVOICES_IN_FULL,),
    ),
    Question(
        "How much money will come in over the next weeks?",
        (("cash_forecast", {"until": "2026-12-31"}),),
        "rows",
        "week of {week}: {expected:money}",
        (INVOICES, "list_recurring_schedules"),
    ),
    Question(
        "And by month, if everybody pays as late as they usually do?",
        (("cash_forecast", {"by": "month", "use_history": True}),),
        "rows",
        "{month}: {expected:money}",
        (INVOICES_IN_FULL, "list_recurring_schedules"),
    ),
    Question(
        "Make a statement of account for Beacon Furniture.",
        (_BEACON, ("client_statement", {"client_id": FIRST})),
        "totals",
        "invoiced {invoiced:money}, received {received:money}, closing balance {closing:money}",
        ("list_clients", INVOICES_IN_FULL),
    ),
    Question(
        "Remind everybody who is more than 60 days late.",
        (("send_payment_reminders", {"min_days_overdue": 61}),),
        "",
        _PREVIEW,
        (INVOICES, "list_contacts"),
    ),
    Question(
        "Beacon Furniture transferred 5,000. Put it on their oldest invoices.",
        (_BEACON, ("allocate_payment", {"client_id": FIRST, "amount": 5000})),
        "steps",
        "{amount:money} on invoice {number}, which then has {balance_after:money} left",
        ("list_clients", INVOICES),
    ),
    Question(
        "Our bank shows 3,422.25 USD on 26 November, “inv 1241”. Which invoice is that?",
        (
            (
                "reconcile_payments",
                {"rows": [{"date": "2026-11-26", "amount": "3422.25", "currency_code": "USD", "text": "inv 1241"}]},
            ),
        ),
        "steps",
        "{number} of {client}, {sure}: {why}",
        (INVOICES, "list_payments"),
    ),
    Question(
        "Somebody says they paid us 3,422.25. What for?",
        (("list_invoices", {"amount": 3422.25}),),
        "records",
        "invoice {number} to {client} of {date}, {total_cost:money}, of which {balance:money} is open",
        (INVOICES,),
    ),
)
