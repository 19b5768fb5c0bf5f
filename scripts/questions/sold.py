"""Questions about sales, taxes, expenses and estimates."""

from scripts.questions.question import FIRST, INVOICES, INVOICES_IN_FULL, PROJECTS, Question, search

_SALES = "{net:money} net, {gross:money} gross, {invoices:invoice}"
_TAX = "{tax_label} {rate:g} %: {tax:money} on {taxable:money}"

QUESTIONS = (
    Question(
        "How much did we invoice last month?",
        (("sales_report", {"period": "last_month", "group_by": "currency"}),),
        "rows",
        _SALES,
        (INVOICES_IN_FULL,),
    ),
    Question(
        "How did sales develop this year?",
        (("sales_report", {}),),
        "rows",
        "{month}: " + _SALES,
        (INVOICES_IN_FULL,),
    ),
    Question(
        "Who were our largest clients last year?",
        (("sales_report", {"period": "last_year", "group_by": "client"}),),
        "rows",
        "{client}: {net:money}, {share:g} %",
        (INVOICES_IN_FULL,),
    ),
    Question(
        "How much money came in last quarter?",
        (("sales_report", {"period": "last_quarter", "basis": "received", "group_by": "currency"}),),
        "rows",
        "{received:money} in {payments:payment}",
        ("list_payments", INVOICES),
    ),
    Question("What VAT do I declare for last quarter?", (("tax_report", {}),), "rows", _TAX, (INVOICES_IN_FULL,)),
    Question(
        "And if I pay tax on what I received?",
        (("tax_report", {"basis": "received"}),),
        "rows",
        _TAX,
        (INVOICES_IN_FULL, "list_payments"),
    ),
    Question(
        "What did we spend this fiscal year, and on what?",
        (("expenses_report", {}),),
        "rows",
        "{project}: {amount:money}",
        ("list_expenses", PROJECTS),
    ),
    Question(
        "Which clients' expenses are not billed yet?",
        (("expenses_report", {"group_by": "client", "billed": False}),),
        "rows",
        "{client}: {unbilled:money}",
        ("list_expenses", PROJECTS, "list_clients"),
    ),
    Question(
        "How many of our estimates are accepted?",
        (("estimates_report", {}),),
        "",
        "{win_rate_count:g} % of those decided, after {mean_days_to_decision:g} days on average",
        ("list_estimates",),
    ),
    Question(
        "Which estimates are still waiting for an answer?",
        (("list_estimates", {"status": "open", "order": "largest"}),),
        "records",
        "{number} for {client}, {status}: {total_cost:money}",
        ("list_estimates",),
    ),
    Question(
        "Bill 30 % of estimate 573 as a deposit, due at the end of the year.",
        (
            search("573", "estimate"),
            ("create_invoice_from_estimate", {"estimate_id": FIRST, "percent": 30, "due_date": "2026-12-31"}),
        ),
        "",
        "{message}",
        ("list_estimates",),
    ),
    Question(
        "What do our retainers bring a month?",
        (("recurring_revenue_report", {}),),
        "totals",
        "{per_month:money} from {schedules:schedule}",
        ("list_recurring_schedules",),
    ),
    Question(
        "Who was our last payment from?",
        (("list_payments", {"limit": 1}),),
        "records",
        "{client}: {amount:money} on {received_on}, invoice {invoice_number}",
        ("list_payments", INVOICES),
    ),
)
