"""Which open invoices bank lines pay: each line with what it pays, why, and how sure that is.

Lines are decided in rounds, the best evidence first, so that a line with weaker evidence takes nothing from one that
names its invoice. What is recorded already is found first. Only a match of which there is no other reading is certain.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain, combinations
from typing import Literal

from clientary_mcp.accounting.bank.evidence import Names, Numbers, has_digits_of
from clientary_mcp.accounting.bank.lines import BankLine
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import owed_of
from clientary_mcp.accounting.money import ZERO
from tool_schemas.base.text import normalized
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment

DAYS_APART = 3
"""Days between a line and a recorded payment of the same amount that are the same money."""
_LONGEST_NOTE = 200
_TOGETHER, _MOST = 3, 40
"""Invoices that may be paid together without being all of a client's, and how many may be tried so."""
_FEE = Decimal("0.05")
"""The part of what is owed up to which a bank may have taken a fee off."""
_SHOWN = 5

Outcome = Literal["to record", "already recorded", "to choose", "unmatched"]


@dataclass(frozen=True)
class Part:
    """What a line pays of one invoice; with the id of the payment where it is recorded already."""

    invoice: Invoice
    amount: Decimal
    payment: Payment | None = None


@dataclass(frozen=True)
class Match:
    """What becomes of a line, and why; `parts` are what it pays, or what it may pay where that is to be chosen."""

    outcome: Outcome
    why: str
    parts: list[Part] = field(default_factory=list)
    likely: bool = False
    """Whether there is just one candidate to choose."""

    @property
    def new(self) -> list[Part]:
        """What is to be recorded."""
        return [part for part in self.parts if part.payment is None] if self.outcome == "to record" else []


@dataclass(frozen=True)
class _Evidence:
    line: BankLine
    invoices: set[int]
    """Those whose numbers it has."""
    similar: set[int]
    """Those whose numbers it may have instead."""
    clients: set[int]
    """Those that it names."""

    @property
    def client(self) -> int | None:
        return next(iter(self.clients)) if len(self.clients) == 1 else None

    def contradicts(self, invoice: Invoice) -> bool:
        return bool(self.clients) and invoice.client_id not in self.clients


def note_of_line(line: BankLine) -> str:
    """The note of the payments that a line becomes."""
    return " ".join(line.words.split())[:_LONGEST_NOTE]


class Matcher:
    """The invoices and payments of an account, as the lines use them up."""

    def __init__(
        self, invoices: Iterable[Invoice], payments: Iterable[Payment], names: Mapping[int | None, str], today: Today
    ) -> None:
        self._invoices = {invoice.id: invoice for invoice in invoices}
        self.owed = {each.id: owed for each in self._invoices.values() if (owed := owed_of(each, today))}
        self._recorded = [payment for payment in payments if payment.invoice_id in self._invoices]
        self._numbers, self._names = Numbers(self._invoices.values()), Names(names)
        self._paid_by: dict[int, int] = {}

    def currencies(self) -> set[str]:
        """The currencies of the open invoices."""
        return {code for each in self.owed if (code := self._invoices[each].currency_code)}

    def match(self, lines: Sequence[BankLine], chosen: Mapping[int, Sequence[int]]) -> dict[int, Match]:
        """The match of each line, by its row; every one of them has a currency."""
        known = {line.row: self._evidence(line) for line in sorted(lines, key=lambda line: line.day)}
        matches: dict[int, Match] = {}
        for row, ids in chosen.items():
            if row in known:
                matches[row] = self._settle(row, self._chosen(known[row].line, ids))
        rounds: tuple[Callable[[_Evidence], Match | None], ...] = (
            self._recorded_with_note, self._recorded_by_number, self._recorded_by_name, self._recorded_somewhere,
            self._by_number, self._by_name, self._part_by_number,
        )  # fmt: skip
        before = -1
        while before < (before := len(matches)):  # what one line pays may leave another with one reading alone
            for decide in rounds:
                for row, evidence in known.items():
                    if row not in matches and (match := decide(evidence)):
                        matches[row] = self._settle(row, match)
        return matches | {row: self._open(each) for row, each in known.items() if row not in matches}

    def _evidence(self, line: BankLine) -> _Evidence:
        named = self._numbers.named_in(line.words)
        clients = self._names.named_in(line.payer) or self._names.named_in(line.words)
        return _Evidence(line, named, self._numbers.similar_in(line.words) - named, clients)

    def _settle(self, row: int, match: Match) -> Match:
        """The match, with what it pays used up."""
        if match.outcome in ("to record", "already recorded"):
            for part in match.parts:
                self._paid_by.setdefault(part.invoice.id, row)
                if part.payment is not None:
                    self._recorded.remove(part.payment)
                else:
                    self.owed[part.invoice.id] -= part.amount
        return match

    # What is recorded already

    def _near(self, line: BankLine) -> list[Part]:
        """The recorded payments of those days and that currency, the nearest first."""
        found = [
            (apart, Part(invoice, payment.amount, payment))
            for payment in self._recorded
            if payment.amount is not None
            and payment.received_on is not None
            and (apart := abs((payment.received_on - line.day).days)) <= DAYS_APART
            and (invoice := self._invoices[payment.invoice_id or 0]).currency_code == line.currency_code
        ]
        return [part for _, part in sorted(found, key=lambda each: each[0])]

    def _all_recorded(self, line: BankLine, parts: list[Part], why: str) -> Match | None:
        """The line as recorded by one of these payments, or by several of them of the same day."""
        for part in parts:
            if part.amount == line.amount:
                return Match("already recorded", why, [part])
        same_day = [part for part in parts if part.payment and part.payment.received_on == line.day]
        sets = _sets(same_day, line.amount)
        return Match("already recorded", why, sets[0]) if sets else None

    def _recorded_with_note(self, each: _Evidence) -> Match | None:
        parts = self._noted(each.line)
        return self._all_recorded(each.line, parts, "recorded with the same note") if parts else None

    def _noted(self, line: BankLine) -> list[Part]:
        """What was recorded for a line with its own note."""
        note = normalized(note_of_line(line))
        near = self._near(line) if note else []
        return [part for part in near if part.payment and normalized(part.payment.note or "") == note]

    def _recorded_by_number(self, each: _Evidence) -> Match | None:
        parts = [part for part in self._near(each.line) if part.invoice.id in each.invoices]
        return self._all_recorded(each.line, parts, "recorded for the invoice it names")

    def _recorded_by_name(self, each: _Evidence) -> Match | None:
        if each.invoices:
            return None
        parts = [part for part in self._near(each.line) if part.invoice.client_id in each.clients]
        return self._all_recorded(each.line, parts, "recorded for the client it names")

    def _recorded_somewhere(self, each: _Evidence) -> Match | None:
        if each.invoices or each.clients:
            return None
        parts = [part for part in self._near(each.line) if part.amount == each.line.amount]
        return Match("already recorded", "the same amount is recorded in those days", parts[:1]) if parts else None

    # What is to be recorded

    def _chosen(self, line: BankLine, ids: Sequence[int]) -> Match:
        """The line on the chosen invoices, in their order, less what an earlier call recorded of it."""
        if recorded := self._all_recorded(
            line, [part for part in self._near(line) if part.invoice.id in ids], "chosen"
        ):
            return recorded
        parts, left = [], line.amount
        noted = {part.invoice.id: part for part in self._noted(line)}
        for each in dict.fromkeys(ids):
            if each not in self._invoices:
                return Match("unmatched", f"invoice {each} does not exist")
            if (there := noted.get(each)) and there.amount <= left:
                part = there
            else:
                part = Part(self._invoices[each], min(left, self.owed.get(each, ZERO)))
            if self._invoices[each].currency_code != line.currency_code:
                return Match("unmatched", f"invoice {each} is in {self._invoices[each].currency_code or 'no currency'}")
            left -= part.amount
            parts += [part] if part.amount else []
        if left:
            return Match("unmatched", "the amount is more than what is owed on the chosen invoices")
        return Match("to record", "chosen", parts)

    def _open_parts(self, line: BankLine, ids: Iterable[int]) -> list[Part]:
        """What is owed on these invoices in the line's currency, and what an earlier call recorded of the line."""
        noted = {
            part.invoice.id: part for part in self._noted(line) if part.payment and part.payment.received_on == line.day
        }
        wanted = [self._invoices[each] for each in ids]
        return [
            Part(invoice, owed) if owed else noted[invoice.id]
            for invoice in wanted
            if invoice.currency_code == line.currency_code
            and ((owed := self.owed.get(invoice.id, ZERO)) or invoice.id in noted)
        ]

    def _by_number(self, each: _Evidence) -> Match | None:
        parts = self._open_parts(each.line, sorted(each.invoices))
        if not parts or len(parts) < len(each.invoices) or any(each.contradicts(part.invoice) for part in parts):
            return None
        if sum(part.amount for part in parts) != each.line.amount:
            return None
        if any(part.amount == one.amount for part in parts for one in self._similar(each)):
            return None
        why = "it names the invoice and pays exactly its balance"
        return Match("to record", why if len(parts) == 1 else "it names the invoices and pays exactly their sum", parts)

    def _similar(self, each: _Evidence) -> list[Part]:
        """What is owed on the invoices that a line may name instead."""
        similar = self._open_parts(each.line, each.similar)
        return [part for part in similar if not each.contradicts(part.invoice)]

    def _by_name(self, each: _Evidence) -> Match | None:
        if each.client is None or each.invoices:
            return None
        sets = _sets(self._of_client(each), each.line.amount)
        if len(sets) != 1:
            return None
        (parts,) = sets
        what = "the balance of one of its invoices" if len(parts) == 1 else f"the sum of {len(parts)} of its invoices"
        return Match("to record", f"it names the client and pays exactly {what}", parts)

    def _of_client(self, each: _Evidence) -> list[Part]:
        """What the client that a line names owed on that day."""
        ids = [
            one.id
            for one in self._invoices.values()
            if one.client_id == each.client and (one.date is None or one.date <= each.line.day)
        ]
        return self._open_parts(each.line, ids)

    def _part_by_number(self, each: _Evidence) -> Match | None:
        parts = self._open_parts(each.line, each.invoices)
        if len(each.invoices) != 1 or len(parts) != 1 or each.client != parts[0].invoice.client_id:
            return None
        (part,) = parts
        if (
            part.payment
            or part.amount - each.line.amount <= part.amount * _FEE
            or _sets(self._of_client(each), each.line.amount)
        ):
            return None
        return Match(
            "to record", "it names the client and the invoice, and pays a part", [Part(part.invoice, each.line.amount)]
        )

    # What stays open

    def _open(self, each: _Evidence) -> Match:
        """The line with its candidates."""
        line, candidates, why = each.line, dict[int, Part](), list[str]()

        def offer(reason: str, parts: Iterable[Part]) -> None:
            new = [part for part in parts if part.payment is None and part.invoice.id not in candidates]
            candidates.update({part.invoice.id: part for part in new[:_SHOWN]})
            why.extend([reason] if new else [])

        named = self._open_parts(line, sorted(each.invoices))
        offer(_against(sum((part.amount for part in named), ZERO), line.amount), named)
        every = self._open_parts(line, list(self.owed))
        exact = [part for part in every if part.amount == line.amount]
        offer("its digits are those of an invoice's number in another order",
              [part for part in exact if has_digits_of(part.invoice.number, line.words)])  # fmt: skip
        offer("the balance is the same", exact)
        if each.client is not None and not exact:
            offer("it names the client", sorted(self._of_client(each), key=_age))
        if not candidates:
            return Match("unmatched", self._nothing_open(each))
        return Match("to choose", "; ".join(why), list(candidates.values())[:_SHOWN], likely=len(candidates) == 1)

    def _nothing_open(self, each: _Evidence) -> str:
        paid = sorted(each.invoices)
        if paid and (row := self._paid_by.get(paid[0])):
            return f"nothing more is owed on the invoice it names: row {row} pays it"
        if paid:
            return "nothing is owed on the invoice it names"
        return "nothing open fits" if not each.clients else "nothing is owed by the client it names"


def _sets(parts: Sequence[Part], amount: Decimal) -> list[list[Part]]:
    """Up to two sets of these, each of an invoice of its own, that come to an amount."""
    found: list[list[Part]] = []
    some_of_each = _some_of_each_amount(parts)
    sizes = range(1, _TOGETHER + 1) if len(some_of_each) <= _MOST else (1,)
    sets = (some for size in sizes for some in _of_size(size, some_of_each, amount))
    whole = len(parts) > sizes[-1] and sum(part.amount for part in parts) == amount
    for some in chain(sets, [[*parts]] if whole else []):
        found.append(some)
        if len(found) > 1:
            break
    return found


def _of_size(size: int, parts: Sequence[Part], amount: Decimal) -> Iterator[list[Part]]:
    """The sets of so many parts that come to an amount: all but the last are tried, and the last is looked up."""
    places: dict[Decimal, list[int]] = {}
    for place, part in enumerate(parts):
        places.setdefault(part.amount, []).append(place)
    for first in combinations(range(len(parts)), size - 1):
        rest = amount - sum((parts[place].amount for place in first), ZERO)
        for last in places.get(rest, ()):
            if not first or last > first[-1]:
                yield [parts[place] for place in (*first, last)]


def _some_of_each_amount(parts: Iterable[Part]) -> list[Part]:
    """As many parts of the same amount as are needed to see that there are several ways to take them."""
    alike: Counter[Decimal] = Counter()
    some = []
    for part in parts:
        alike[part.amount] += 1
        some += [part] if alike[part.amount] <= _TOGETHER + 1 else []
    return some


def _against(owed: Decimal, amount: Decimal) -> str:
    if amount > owed:
        return "it names the invoice and pays more than is owed"
    if owed - amount <= owed * _FEE and amount != owed:
        return "it names the invoice and pays a little less: a fee may have been taken off"
    return "it names the invoice"


def _age(part: Part) -> tuple[date, int]:
    return part.invoice.date or date.max, part.invoice.id
