"""What agents may look up instead of guessing: the states of records, and how money is counted. Text alone."""

STATUSES = """\
# States of records

- Client: active, archived (hidden, keeps everything; the reversible way to be rid of one).
- Project: active, billable (open as well), completed (closed, keeps everything).
- Task: complete or not.
- Invoice: draft (nobody has seen it), sent, viewed (the client opened it), paid, cancelled (void, kept), pending (a
  payment is under way).
- Estimate: draft, sent, viewed, accepted, declined, revised, cancelled, archived.
- Recurring schedule: active, paused, stopped. What it does on its day: draft, send, or autobill (charges the stored
  card).

*Overdue* is no state. An invoice is overdue when it is sent or viewed, its due_date has passed, and its balance is
above zero. Due today is not overdue. Drafts and cancelled invoices are owed by nobody; pending ones are counted apart.

Setting a state mails nothing and moves no money. Money received is recorded with a payment, not by setting paid.
"""

MONEY = """\
# How money is counted

- An amount is in its record's currency_code. Amounts in different currencies are never added; every total is per
  currency.
- subtotal is the sum of the lines, each rounded to the cent; total_cost adds the taxes; balance is what is still owed.
- Taxes are percentages on the taxable lines, each rounded on its own. With compound_tax the second tax is also taken on
  the first.
- Hours are decimal: 1.5 is ninety minutes. An entry is worth hours times its own rate, else the project's, rounded to
  the cent. On a fixed-price project, rate is the whole price, and hours are worth nothing more.
- A budget is in hours or in money, as budget_type says. No budget is not a budget of zero.
- Expenses and payments tell no currency: a payment is in its invoice's, an expense is taken to be in its project's.
- Profit needs what people cost, which Clientary does not know: a report on profit has to be given it.
"""
