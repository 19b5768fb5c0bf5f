"""The account's tables, in memory, and the few ways to read and write their rows.

Columns carry the names of the wire's fields; see `fields.py` for the units that they are kept in.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from clientary_mcp.sandbox.store.documents import LINES
from clientary_mcp.sandbox.store.fields import Field
from clientary_mcp.sandbox.store.resources import RESOURCES

Row = sqlite3.Row

_TYPES = {
    "text": "TEXT",
    "date": "TEXT",
    "slash_date": "TEXT",
    "timestamp": "TEXT",
    "pacific": "TEXT",
    "json": "TEXT",
}


class Store:
    """Rows of one account. Names in its SQL come from our own tables; values are always bound."""

    def __init__(self, today: date) -> None:
        # Served on loopback, the app may run in another thread than the one that made it.
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.today = today
        self._writes = 0
        self.seconds: Callable[[], float] = lambda: self._writes
        """The account's clock: seconds since noon of its day. By default one passes with each write."""
        self._create_tables()

    def now(self) -> str:
        """The moment of a write."""
        self._writes += 1
        return self.latest

    @property
    def latest(self) -> str:
        """The moment of the latest write, or the present one if its clock does not depend on writes."""
        moment = datetime.combine(self.today, time(12), UTC) + timedelta(seconds=self.seconds())
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _create_tables(self) -> None:
        stamps = ["created_at TEXT NOT NULL", "updated_at TEXT NOT NULL"]
        for resource in RESOURCES:
            self._create_table(resource.table, resource.first_id, [*map(_column, resource.fields), *stamps])
            self._create_indexes(resource.table, [field.name for field in resource.fields if field.refers])
        for table, lines in LINES.items():
            parent = f"{lines.parent} INTEGER NOT NULL REFERENCES {table} (id) ON DELETE CASCADE"
            self._create_table(lines.table, lines.first_id, [parent, *map(_column, lines.fields)])
            self._create_indexes(lines.table, [lines.parent])
        self.connection.commit()

    def _create_table(self, table: str, first_id: int, columns: Sequence[str]) -> None:
        # AUTOINCREMENT: the id of a deleted record is never given again.
        self.connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(columns)})")
        self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, first_id - 1))

    def _create_indexes(self, table: str, columns: Iterable[str]) -> None:
        for column in columns:
            self.connection.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")

    def insert(self, table: str, values: Mapping[str, Any]) -> int:
        """Add a row and return its id."""
        columns = ", ".join(values)
        places = ", ".join("?" * len(values))
        cursor = self.connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608 names from our tables
            tuple(values.values()),
        )
        assert cursor.lastrowid is not None  # noqa: S101 an INSERT that did not raise has one
        return cursor.lastrowid

    def insert_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows that all have the same columns."""
        if rows:
            columns = ", ".join(rows[0])
            places = ", ".join(f":{column}" for column in rows[0])
            statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 names from our tables
            self.connection.executemany(statement, rows)

    def update(self, table: str, record_id: int, values: Mapping[str, Any]) -> None:
        """Change some columns of a row."""
        if values:
            changes = ", ".join(f"{column} = ?" for column in values)
            self.connection.execute(
                f"UPDATE {table} SET {changes} WHERE id = ?",  # noqa: S608 names from our tables
                (*values.values(), record_id),
            )

    def delete(self, table: str, record_id: int) -> None:
        """Remove a row, and what the schema says goes with it."""
        self.connection.execute(f"DELETE FROM {table} WHERE id = ?", (record_id,))  # noqa: S608 names from our tables

    def find(self, table: str, record_id: int) -> Row | None:
        """The row of that id."""
        found = self.select(table, "id = ?", (record_id,))
        return found[0] if found else None

    def select(
        self,
        table: str,
        where: str = "1",
        values: Sequence[Any] = (),
        *,
        columns: str = "*",
        order: str = "id",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Row]:
        """Rows that fulfil a condition."""
        statement = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 names from our tables
        return self.connection.execute(statement, (*values, limit, offset)).fetchall()

    def select_in(self, table: str, column: str, ids: Iterable[int], *, order: str = "id") -> list[Row]:
        """Rows whose column is one of the ids."""
        wanted = list(ids)
        return self.select(table, f"{column} IN ({', '.join('?' * len(wanted))})", wanted, order=order)

    def sums(self, table: str, column: str, ids: Iterable[int], sums: str) -> dict[int, Row]:
        """Aggregates for each of the ids that has any row."""
        wanted = list(ids)
        where = f"{column} IN ({', '.join('?' * len(wanted))}) GROUP BY {column}"
        rows = self.select(table, where, wanted, columns=f"{column} AS owner, {sums}", order=column)
        return {row["owner"]: row for row in rows}

    def count(self, table: str, where: str = "1", values: Sequence[Any] = ()) -> int:
        """How many rows fulfil a condition."""
        return int(self.select(table, where, values, columns="count(*) AS n", order="n")[0]["n"])


def _column(field: Field) -> str:
    reference = f" REFERENCES {field.refers} (id) ON DELETE {field.orphan}" if field.refers else ""
    return f"{field.name} {_TYPES.get(field.kind, 'INTEGER')}{reference}"
