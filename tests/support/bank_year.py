"""A made-up year of bank lines of a small business: what each of them pays, and whether that is certain."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.conftest import TODAY
from tests.support.quarry import Books

_FIRST_NAMES = (
    *("Aster", "Birch", "Cedar", "Dahlia", "Elder", "Fern", "Ginger", "Hazel"),
    *("Iris", "Juniper", "Kale", "Laurel", "Maple", "Nettle", "Oak"),
)
_KINDS = 3 * [("Foundry", "Ltd"), ("Bakery", "GmbH"), ("Shipping", "Inc"), ("Optics", "SARL"), ("Roofing", "BV")]

Payment = tuple[int, int]
"""The invoice, and the amount in cents."""


@dataclass
class Line:
    """One line, with the payments that it is, and whether anybody could be sure of them."""

    kind: str
    day: date
    cents: int
    payer: str
    text: str
    pays: list[Payment] = field(default_factory=list)
    certain: bool = False

    def row(self) -> dict[str, Any]:
        """As a German bank exports it."""
        sign, cents = ("-" if self.cents < 0 else ""), abs(self.cents)
        whole = f"{cents // 100:,}".replace(",", ".")
        return {
            "Buchungstag": f"{self.day:%d.%m.%Y}",
            "Betrag (EUR)": f"{sign}{whole},{cents % 100:02}",
            "Beguenstigter/Zahlungspflichtiger": self.payer,
            "Verwendungszweck": self.text,
        }


class Year(Books):
    """The account, and the lines of the year in the order of their days."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__()
        self._random = Random(seed)  # noqa: S311 - made-up money
        self._clients = [
            (self.add("clients", name=f"{first} {trade} {form}", currency_code="EUR", status=1), f"{first} {trade}")
            for first, (trade, form) in zip(_FIRST_NAMES, _KINDS, strict=True)
        ]
        self._number = 1000
        self.lines: list[Line] = []
        kinds = {
            self._by_number: 120, self._by_name: 50, self._two_by_number: 15, self._two_by_name: 10,
            self._transposed: 10, self._fee: 15, self._other_payer: 10, self._other_payer_and_text: 10, self._twice: 10,
            self._money_out: 25, self._something_else: 15,
        }  # fmt: skip
        for kind, count in kinds.items():
            for _ in range(count):
                kind()
        self.lines.sort(key=lambda line: line.day)

    def _invoice(self, client: int, day: date) -> tuple[int, str, int]:
        self._number += self._random.choice((1, 2, 7))
        number, cents = f"INV-2026-{self._number}", self._random.randrange(5_000, 2_000_000)
        sent = day - timedelta(days=20)
        return self.sold(number, cents, client_id=client, date=str(sent), due_date=str(day)), number, cents

    def _at_random(self) -> tuple[date, int, str]:
        day = TODAY - timedelta(days=self._random.randrange(5, 320))
        return day, *self._random.choice(self._clients)

    def _add(self, kind: str, day: date, payer: str, text: str, pays: list[Payment], **more: Any) -> None:
        cents = more.pop("cents", sum(amount for _, amount in pays))
        self.lines.append(Line(kind, day, cents, payer, text, pays, **more))

    def _by_number(self) -> None:
        day, client, name = self._at_random()
        invoice, number, cents = self._invoice(client, day)
        written = self._random.choice((number, number.lower(), number.replace("-", " "), f"Rechnung Nr. {number}"))
        self._add("number", day, name.upper(), f"{written} vom 3.1.26", [(invoice, cents)], certain=True)

    def _by_name(self) -> None:
        day, client, name = self._at_random()
        invoice, _, cents = self._invoice(client, day)
        self._add("name", day, f"{name} GmbH & Co. KG", "Danke", [(invoice, cents)], certain=True)

    def _two(self, kind: str, *, named: bool) -> None:
        day, client, name = self._at_random()
        (one, first, cents), (other, second, more) = self._invoice(client, day), self._invoice(client, day)
        text = f"{first} und {second}" if named else "Ihre Rechnungen"
        self._add(kind, day, name, text, [(one, cents), (other, more)], certain=True)

    def _two_by_number(self) -> None:
        self._two("two by number", named=True)

    def _two_by_name(self) -> None:
        self._two("two by name", named=False)

    def _transposed(self) -> None:
        day, client, name = self._at_random()
        invoice, number, cents = self._invoice(client, day)
        wrong = number[:-2] + number[-1] + number[-2]
        self._add("transposed", day, name, wrong, [(invoice, cents)])

    def _fee(self) -> None:
        day, client, name = self._at_random()
        invoice, number, cents = self._invoice(client, day)
        fee = cents // 60
        self._add("fee", day, name, number, [(invoice, cents - fee)])

    def _other_payer(self) -> None:
        day, client, _ = self._at_random()
        invoice, number, cents = self._invoice(client, day)
        self._add("other payer", day, "Holding 4711 Zug", f"Zahlung {number}", [(invoice, cents)], certain=True)

    def _other_payer_and_text(self) -> None:
        day, client, _ = self._at_random()
        invoice, _, cents = self._invoice(client, day)
        self._add("unnamed", day, "Peter Muster", "Zahlung", [(invoice, cents)])

    def _twice(self) -> None:
        day, client, name = self._at_random()
        invoice, number, cents = self._invoice(client, day)
        self._add("once", day, name, number, [(invoice, cents)], certain=True)
        self._add("again", day + timedelta(days=self._random.randrange(3)), name, number, [], cents=cents)

    def _money_out(self) -> None:
        day, client, name = self._at_random()
        _, number, cents = self._invoice(client, day)
        self._add("out", day, name, f"Erstattung {number}", [], cents=-cents)

    def _something_else(self) -> None:
        day, _, _ = self._at_random()
        self._add("else", day, "Finanzamt Mitte", "Steuer 2025", [], cents=self._random.randrange(100, 90_000))

    def batches(self) -> list[list[dict[str, Any]]]:
        """The rows, as many at a time as one call takes."""
        rows = [line.row() for line in self.lines]
        return [rows[start : start + 200] for start in range(0, len(rows), 200)]
