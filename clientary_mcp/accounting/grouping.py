"""The rows of a report: what a record is grouped by, the columns that say so, and which row comes first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from clientary_mcp.accounting.days import named_day
from clientary_mcp.accounting.money import ZERO

PERIODS = ("day", "week", "month", "quarter", "year")
"""The words that group by time."""
_ID_OF = {"client": "client_id", "project": "project_id", "person": "user_id"}
"""The words that group by a record, and the column of its id."""

Value = int | str | tuple[int, int] | None
"""What a word stands for in a row: an id, a period, a status; or two ids, where one alone does not tell rows apart."""


class Key(NamedTuple):
    """What a row stands for: a value for each word that it is grouped by, and a currency."""

    currency_code: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Facts:
    """What a record can be grouped by."""

    day: date | None = None
    client_id: int | None = None
    project_id: int | tuple[int, int] | None = None
    """With its client's id before it where what is on no project has a row for each client."""
    user_id: int | None = None
    status: str | None = None
    invoice: int | None = None
    description: str | None = None


@dataclass
class Names:
    """The names of what rows are grouped by, by id."""

    clients: Mapping[int | None, str] = field(default_factory=dict)
    projects: Mapping[int | None, str] = field(default_factory=dict)
    people: Mapping[int | None, str] = field(default_factory=dict)

    def of(self, word: str, value: Value) -> str:
        """The name of a client, a project or a person; `client 12` where it is not known."""
        known = {"client": self.clients, "project": self.projects, "person": self.people}[word]
        return known.get(value if isinstance(value, int) else None) or f"{word} {value}"


class Grouping:
    """Makes the rows of a report that is grouped by such words: `client,month`."""

    def __init__(self, group_by: str) -> None:
        self._words = [word for word in group_by.split(",") if word != "currency"]  # every row has one currency

    def has(self, word: str) -> bool:
        """Whether rows are grouped by this word."""
        return word in self._words

    @property
    def period(self) -> str | None:
        """The finest word for time, where rows are grouped by time alone."""
        alone = all(word in PERIODS for word in self._words)
        return min(self._words, key=PERIODS.index, default=None) if alone else None

    def parts(self, key: Key) -> Iterable[tuple[str, Value]]:
        """The words, each with what it stands for in a row."""
        return zip(self._words, key.values, strict=True)

    def key(self, facts: Facts, currency_code: str) -> Key:
        """The row that a record belongs to."""
        return Key(currency_code, tuple(_value(word, facts) for word in self._words))

    def all_periods(self, first: date, last: date, currency_codes: Iterable[str]) -> list[Key]:
        """A row for every period of these days in each currency, where rows are grouped by time alone."""
        if self.period is None:
            return []
        days = (first + timedelta(number) for number in range((last - first).days + 1))
        found = dict.fromkeys(tuple(named_day(word, day) for word in self._words) for day in days)
        return [Key(code, values) for code in currency_codes for values in found]

    def ids(self, word: str, keys: Iterable[Key]) -> set[int]:
        """The ids that rows have for a word."""
        if word not in self._words:
            return set()
        place = self._words.index(word)
        return {value for key in keys if isinstance(value := key.values[place], int)}

    def columns(self, key: Key, names: Names) -> dict[str, Any]:
        """The columns that say what a row stands for, with its currency last."""
        found: dict[str, Any] = {}
        for word, value in self.parts(key):
            if word in _ID_OF:
                found |= {_ID_OF[word]: value, word: names.of(word, value)}
            elif word != "invoice":  # the rest of its row says which one it is
                found[word] = value
        return {**found, "currency_code": key.currency_code}

    def in_order(
        self, amounts: Mapping[Key, Decimal], *others: Mapping[Key, Decimal], names: Names | None = None
    ) -> list[Key]:
        """The rows: by currency, and in it by time from the first on, by anything else from the largest on.

        Where the amounts are the same, other amounts of the rows decide, then their names, then their ids.
        """
        sums = [_sums_of_parts(each) for each in (amounts, *others)]
        return sorted(amounts, key=lambda key: self._rank(key, sums, names))

    def _rank(self, key: Key, sums: Iterable[Mapping[Key, Decimal]], names: Names | None) -> tuple[Any, ...]:
        rank: list[Any] = [key.currency_code]
        for depth, (word, value) in enumerate(self.parts(key), 1):
            if word not in PERIODS:
                rank += [-each[Key(key.currency_code, key.values[:depth])] for each in sums]
            name = names.of(word, value) if names and word in _ID_OF else ""
            rank += [value is None, name, value if value is not None else 0]
        return tuple(rank)


class Table:
    """Sums in columns, a row for each group."""

    def __init__(self, group_by: str, columns: tuple[str, ...]) -> None:
        self.grouping = Grouping(group_by)
        self._columns = columns
        self._sums: dict[Key, dict[str, Decimal]] = {}

    def add(self, facts: Facts, currency_code: str, *amounts: Decimal | int) -> Key:
        """Add a record: its amounts, one for each column; returns its row."""
        key = self.grouping.key(facts, currency_code)
        sums = self._row(key)
        for name, amount in zip(self._columns, amounts, strict=True):
            sums[name] += amount
        return key

    def fill(self, first: date, last: date) -> None:
        """Have a row for every period of these days, where rows are grouped by time alone."""
        for key in self.grouping.all_periods(first, last, {key.currency_code for key in self._sums}):
            self._row(key)

    def ids(self, word: str) -> set[int]:
        """The ids that the rows have for a word."""
        return self.grouping.ids(word, self._sums)

    def rows(
        self, names: Names, by: str, beside: Mapping[Key, Mapping[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """The rows, in the order that `Grouping.in_order` says, the largest by one of the columns.

        `beside` has more columns for some of them.
        """
        keys, more = self.grouping.in_order({key: sums[by] for key, sums in self._sums.items()}), beside or {}
        return [{**self.grouping.columns(key, names), **self._sums[key], **more.get(key, {})} for key in keys]

    def totals(self) -> list[dict[str, Any]]:
        """The sums of all rows in each currency."""
        totals: dict[str, dict[str, Any]] = {}
        for key, sums in sorted(self._sums.items(), key=lambda row: row[0].currency_code):
            total = totals.setdefault(key.currency_code, {"currency_code": key.currency_code, **self._zeros()})
            for name, amount in sums.items():
                total[name] += amount
        return list(totals.values())

    def _row(self, key: Key) -> dict[str, Decimal]:
        return self._sums.setdefault(key, self._zeros())

    def _zeros(self) -> dict[str, Decimal]:
        return dict.fromkeys(self._columns, ZERO)


def _sums_of_parts(amounts: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """The sums of rows that have the first word in common, then of those that have the first two, and so on."""
    sums: dict[Key, Decimal] = {}
    for key, amount in amounts.items():
        for depth in range(len(key.values)):
            part = Key(key.currency_code, key.values[: depth + 1])
            sums[part] = sums.get(part, ZERO) + amount
    return sums


def _value(word: str, facts: Facts) -> Value:
    if word in PERIODS:
        return None if facts.day is None else named_day(word, facts.day)
    value: Value = getattr(facts, _ID_OF.get(word, word))
    return value
