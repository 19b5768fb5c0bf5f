"""Questions as people word them, and the calls that answer them; `scripts/asked.py` asks them on the embedded account.

To add one, add an entry to the module of its topic: its words, its calls in order, what to show of the last answer,
and the lists that somebody with one tool per endpoint would have to read to the end.
"""

from collections.abc import Mapping

from scripts.questions import changed, others, owed, sold, worked
from scripts.questions.question import Question

QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "Money owed and expected": owed.QUESTIONS,
    "Sales, taxes, expenses, estimates": sold.QUESTIONS,
    "Work, budgets, profit": worked.QUESTIONS,
    "Clients, records, order": others.QUESTIONS,
    "Changes": changed.QUESTIONS,
}
