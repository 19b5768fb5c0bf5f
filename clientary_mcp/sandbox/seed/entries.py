"""Rows of a new account before they are written, and the random choices that they are made from."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from clientary_mcp.sandbox.seed.names import FAMILY, GIVEN
from clientary_mcp.sandbox.store.documents import LINES
from clientary_mcp.sandbox.store.fields import TODAY, Field
from clientary_mcp.sandbox.store.resources import RESOURCES
from clientary_mcp.sandbox.store.tables import Store

Entry = dict[str, Any]


class Books:
    """Every row so far, by table; ids are given here, so that rows can refer to each other."""

    def __init__(self, today: date, seed: int) -> None:
        self.today = today
        self.dice = random.Random(seed)  # noqa: S311 the same every time is what it is for
        self.rows: dict[str, list[Entry]] = {}
        self._next_id: dict[str, int] = {}
        self._blank: dict[str, Entry] = {}
        for resource in RESOURCES:
            self._open(resource.table, resource.first_id, resource.fields)
        for lines in LINES.values():
            self._open(lines.table, lines.first_id, lines.fields)
        self._people: set[tuple[str, str]] = set()

    def _open(self, table: str, first_id: int, fields: Sequence[Field]) -> None:
        self.rows[table] = []
        self._next_id[table] = first_id
        self._blank[table] = {field.name: None if field.default is TODAY else field.default for field in fields}

    def add(self, table: str, **values: Any) -> Entry:
        """A new row with defaults for what is not given; it may still be changed."""
        entry = {"id": self._next_id[table], **self._blank[table], **values}
        self._next_id[table] += 1
        self.rows[table].append(entry)
        return entry

    def dated(self, table: str, created: date, updated: date | None = None, **values: Any) -> Entry:
        """A new row with the timestamps of its days."""
        minute = self.dice.randrange(180)
        return self.add(
            table,
            created_at=self.stamp(created, minute),
            updated_at=self.stamp(max(created, updated or created), minute),
            **values,
        )

    @staticmethod
    def stamp(day: date, minute: int) -> str:
        """A moment of that day's morning: the account's own writes begin at noon."""
        return f"{day.isoformat()}T{8 + minute // 60:02d}:{minute % 60:02d}:00Z"

    def ago(self, most: int, least: int = 0) -> date:
        """A day between so many and so many days ago."""
        return self.today - timedelta(days=self.dice.randint(least, most))

    def between(self, first: date, last: date) -> date:
        """A day from first to last, or first when that is the later one."""
        return first + timedelta(days=self.dice.randint(0, max(0, (last - first).days)))

    def workday(self, first: date, last: date) -> date:
        """A day between, of those that people work on where there is one."""
        day = self.between(first, last)
        friday = day - timedelta(days=max(0, day.weekday() - 4))
        return friday if friday >= first else day

    def chance(self, share: float) -> bool:
        """Whether something that happens to this share happens."""
        return self.dice.random() < share

    def person(self) -> tuple[str, str]:
        """A new given and family name."""
        while True:
            name = self.dice.choice(GIVEN), self.dice.choice(FAMILY)
            if name not in self._people:
                self._people.add(name)
                return name

    def shares(self, total: int, weights: Sequence[float], least: int = 0) -> list[int]:
        """The total in whole parts by weight, none less than the least."""
        spare, weight = total - least * len(weights), sum(weights)
        parts = [least + int(spare * each / weight) for each in weights]
        for index in range(total - sum(parts)):
            parts[index % len(parts)] += 1
        return parts

    def write(self, store: Store) -> None:
        """Put all rows into the account's tables, those that are referred to first."""
        for resource in RESOURCES:
            store.insert_many(resource.table, self.rows[resource.table])
        for lines in LINES.values():
            store.insert_many(lines.table, self.rows[lines.table])
