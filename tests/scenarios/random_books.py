"""Random accounts in the embedded account's tables, with whatever happens to books in years.

Always the same for a seed. Amounts are in cents, in yen without any. Whatever can be missing is missing now and then.
"""

from datetime import date, timedelta
from random import Random
from typing import Any

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY
from tests.support.long import covering
from tests.support.tables import put
from tests.tools.reports.test_sales import FORMS

DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
STEPS = {"EUR": 1, "USD": 1, "JPY": 100, "KWD": 100_000}
"""Prices are multiples of these: no tax of a dinar needs the third decimal, which the tables do not have."""
UNITS = {"EUR": 1, "USD": 1, "JPY": 100, "KWD": 1}
LABELS = ("VAT", "City tax", "")

CASES = covering(
    [(form, first + place) for first in range(0, 60, 6) for place, form in enumerate(FORMS)], lambda form, _: (form,)
)
"""Forms of the wire and seeds: every form with an account of its own; with more of them in the long run."""


def rounded(amount: int, divisor: int, unit: int) -> int:
    """The quotient as whole units, half away from zero."""
    units = (2 * abs(amount) + divisor * unit) // (2 * divisor * unit)
    return units * unit if amount >= 0 else -units * unit


def random_books(form: str, seed: int) -> Sandbox:
    """The account of a seed, on a form of the wire."""
    return _Books(Random(f"books {seed}"), FORMS[form]).sandbox  # noqa: S311 - nothing secret


class _Books:
    """An account that is being filled."""

    def __init__(self, chance: Random, switches: Switches) -> None:
        self._chance = chance
        self.sandbox = Sandbox(TODAY, filled=False, switches=switches)
        self._staff = [self._put("staff", name=name) for name in ("Ada", "Ben")]
        self._clients = [
            self._put("clients", name=f"Client {number}", status=self._one(1, 1, 2), currency_code=self._one(*STEPS))
            for number in range(5)
        ]
        self._projects = [
            self._put(
                "projects", name=f"Project {number}", client_id=self._one(*self._clients, None),
                currency_code=self._one(*STEPS, None), status=self._one(1, 1, 2, 4), rate=5_000,
            )
            for number in range(5)
        ]  # fmt: skip
        self._invoices = [self._invoice(number) for number in range(70)]
        for number in range(40):
            self._estimate(number)
            self._expense()
        for number in range(25):
            self._schedule(number)
        for _ in range(60):
            self._hours()

    def _put(self, table: str, **values: Any) -> int:
        return put(self.sandbox, table, **values)

    def _one(self, *choices: Any) -> Any:
        return self._chance.choice(choices)

    def _day(self, first: str = "2025-01-01", last: str = "2027-02-01") -> str:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
        return (begin + timedelta(days=self._chance.randint(0, (end - begin).days))).isoformat()

    def _after(self, day: str | None, least: int, most: int) -> str:
        begin = date.fromisoformat(day or TODAY.isoformat())
        return (begin + timedelta(days=self._chance.randint(least, most))).isoformat()

    def _maybe(self) -> bool:
        return self._chance.random() < 0.5

    def _often(self, value: Any) -> Any:
        """The value, now and then nothing."""
        return value if self._chance.random() < 0.93 else None

    def _document(self, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The sums and taxes of a document, and its lines."""
        step, unit = STEPS[code], UNITS[code]
        lines, amounts = [], []
        for _ in range(self._chance.randint(1, 4)):
            quantity = self._one(100, 150, 225, 300)
            price = self._one(1, 1, 1, -1) * self._chance.randint(1, 9_000) * step
            lines.append({"title": "Work", "quantity": quantity, "price": price, "taxable": self._maybe()})
            amounts.append(rounded(quantity * price, 100, unit))
        taxed = sum(amount for amount, line in zip(amounts, lines, strict=True) if line["taxable"])
        rates = [self._one(0, 0, 5, 10), self._one(0, 0, 20), self._one(0, 0, 0, 5)]
        if self._chance.random() < 0.1:
            rates = [0, 0, 0]
        compound = self._maybe()
        first = rounded(taxed * rates[0], 100, unit)
        second = rounded((taxed + (first if compound else 0)) * rates[1], 100, unit)
        third = rounded(taxed * rates[2], 100, unit)
        percents = {f"tax{place}": rate * 1_000 for place, rate in zip(("", 2, 3), rates, strict=True)}
        labels = {f"tax{place}_label": label for place, label in zip(("", 2, 3), LABELS, strict=True)}
        return {
            "currency_code": code, "subtotal": sum(amounts), "taxable_subtotal": taxed, "total_tax": first,
            "total_tax2": second, "total_tax3": third, "total_cost": sum(amounts) + first + second + third,
            "compound_tax": compound, **percents, **labels,
        }, lines  # fmt: skip

    def _lines(self, table: str, parent: str, number: int, lines: list[dict[str, Any]], item_type: int) -> None:
        for line in lines:
            values = {**line, parent: number, "item_type": item_type}
            with self.sandbox.connection:
                self.sandbox.store.insert(table, values)

    def _invoice(self, number: int) -> int:
        code = self._one(*STEPS)
        sums, lines = self._document(code)
        status, day = self._one(DRAFT, SENT, SENT, VIEWED, CANCELLED, PAID, PAID, PENDING), self._often(self._day())
        due = self._often(self._after(day, -3, 60))
        payments = self._payments(sums["total_cost"], UNITS[code], status)
        paid = sum(payments)
        invoice = self._put(
            "invoices", **sums, number=f"N{number:02}", status=status, date=day, due_date=due,
            client_id=self._one(*self._clients), project_id=self._one(*self._projects, None, None),
            balance=sums["total_cost"] - paid, total_payments=paid,
        )  # fmt: skip
        self._lines("invoice_items", "invoice_id", invoice, lines, 3)
        for amount in payments:
            received = self._after(day, 0, 120)
            fee = self._one(0, 0, UNITS[code] * 7)
            self._put("payments", invoice_id=invoice, amount=amount, received_on=received, transaction_fee_amount=fee)
        return invoice

    def _payments(self, total: int, unit: int, status: int) -> list[int]:
        """Nothing, a part, the whole in up to three parts, or more than that."""
        if total <= 0:
            return []
        paid = {PAID: total}.get(status) or self._one(0, 0, total // 3, total)
        if self._chance.random() < 0.1:
            paid += 4_200 * unit
        parts, left = [], paid // unit * unit
        for _ in range(self._one(0, 0, 1, 2)):
            part = left // self._chance.randint(2, 4) // unit * unit
            parts.append(part)
            left -= part
        return [part for part in (*parts, left) if part]

    def _estimate(self, number: int) -> None:
        sums, lines = self._document(self._one(*STEPS))
        day = self._often(self._day())
        estimate = self._put(
            "estimates", **sums, number=f"E{number:02}", status=self._chance.randrange(8), date=day,
            client_id=self._one(*self._clients, None), project_id=self._one(*self._projects, None),
            expiration_date=self._one(None, self._after(day, 10, 90)),
            updated_at=f"{self._after(day, 0, 80)}T12:00:00Z",
        )  # fmt: skip
        self._lines("estimate_items", "estimate_id", estimate, lines, 3)

    def _expense(self) -> None:
        self._put(
            "expenses", amount=self._chance.randint(-2_000, 90_000) * 100, incurred_on=self._day(),
            client_id=self._one(*self._clients, None, None), project_id=self._one(*self._projects, None),
            invoice_id=self._one(*self._invoices[:20], *[None] * 20), user_id=self._one(*self._staff),
        )  # fmt: skip

    def _hours(self) -> None:
        self._put(
            "hours", project_id=self._one(*self._projects), user_id=self._one(*self._staff, None), title="Work",
            date=self._often(self._day()), hours=self._chance.randint(1, 32) * 25,
            rate=self._one(None, None, 7_200, 0), billed=self._chance.random() < 0.3,
        )  # fmt: skip

    def _schedule(self, number: int) -> None:
        sums, lines = self._document(self._one(*STEPS))
        unlimited = self._maybe()
        schedule = self._put(
            "recurring_schedules", **sums, client_id=self._one(*self._clients), title=f"Plan {number}",
            next_date=self._day("2026-10-25", "2027-06-01"), time_interval=number % 11 + 1,
            due_period=self._one(0, 14, 30), unlimited=unlimited,
            occurrences_remaining=None if unlimited else self._chance.randint(0, 6), status=self._one(0, 0, 0, 1, 2),
        )  # fmt: skip
        self._lines("recurring_schedule_items", "recurring_schedule_id", schedule, lines, 1)
