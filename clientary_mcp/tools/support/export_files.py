"""Export files in the owner's directory: nowhere else, never overwriting, and in constant memory.

Rows are stored as they arrive, and converted to the requested format once all columns are known.
"""

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal

from clientary_mcp.errors import BadArguments, BlockedByOwner
from tool_schemas.base.models import Record
from tool_schemas.base.results import as_text

Format = Literal["csv", "jsonl", "xlsx"]
Row = dict[str, Any]

FIRST_ROWS = 3
_MOST_IN_A_SHEET = 1_048_575
_MOST_BYTES = 50 * 1024 * 1024
_NAME = re.compile(r"[a-z_]+-[0-9-]+\.(csv|jsonl|xlsx)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NO_DIRECTORY = (
    "Exports are not available: CLIENTARY_EXPORT_DIR is not set. The owner has to set it to an existing directory."
)


class Rows:
    """Rows to be exported, and their columns."""

    def __init__(self, file: TextIOWrapper, columns: Sequence[str]) -> None:
        self._file, self._main = file, columns
        self.restart()

    def restart(self) -> None:
        """Forget everything: the list changed while it was read."""
        self._file.seek(0)
        self._file.truncate()
        self.columns: dict[str, None] = dict.fromkeys(self._main)
        self.first: list[Row] = []
        self.count = 0

    def add(self, record: Record, currency_code: str | None = None) -> None:
        """The next record, in full."""
        shown = record.to_json()
        if record.money and currency_code is not None:
            shown.setdefault("currency_code", currency_code)
        self.add_row(shown)

    def add_row(self, row: Row) -> None:
        """The next row, of a report."""
        self.columns.update(dict.fromkeys(row))
        self._file.write(as_text(row) + "\n")
        self.count += 1
        if len(self.first) < FIRST_ROWS:
            self.first.append({name: row[name] for name in self._main or row if name in row})

    def read(self) -> Iterator[Row]:
        """All rows again, in their order."""
        self._file.flush()
        self._file.seek(0)
        return (json.loads(line) for line in self._file)


class Exports:
    """The owner's directory for exports."""

    def __init__(self, directory: Path | None) -> None:
        if directory is None:
            raise BlockedByOwner(_NO_DIRECTORY)
        self._directory = directory

    @contextmanager
    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """A temporary store for rows, with the columns that come first; deleted on exit."""
        part = self._directory / f".export-{os.urandom(8).hex()}.part"
        try:
            with open(part, "x+", encoding="utf-8", opener=_private) as file:
                yield Rows(file, columns)
        except OSError as error:
            raise BlockedByOwner(f"The export cannot be written to CLIENTARY_EXPORT_DIR: {error.strerror}.") from None
        finally:
            with suppress(OSError):
                part.unlink()

    def write(self, rows: Rows, stem: str, form: Format) -> str:
        """Write the rows as a file of that format; returns its name in the directory."""
        path = self._free(stem, form)
        try:
            _WRITERS[form](path, rows)
        except BaseException:
            path.unlink(missing_ok=True)  # a partial file must not pass for a complete one
            raise
        return path.name

    def read(self, name: str) -> bytes:
        """A file of this directory; BadArguments for any other name, and for one too large to be read at once."""
        path = self._directory / name
        if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise BadArguments(f"Export {name[:80]!r} does not exist.")
        if path.stat().st_size > _MOST_BYTES:
            raise BadArguments(f"{name} is too large to be returned; the owner can open it in CLIENTARY_EXPORT_DIR.")
        return path.read_bytes()

    def _free(self, stem: str, form: Format) -> Path:
        """Create a new, empty file; never overwrites one."""
        for number in range(1, 10_000):
            path = self._directory / (f"{stem}.{form}" if number == 1 else f"{stem}-{number}.{form}")
            with suppress(FileExistsError):
                os.close(_private(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                return path
        raise BlockedByOwner("CLIENTARY_EXPORT_DIR holds too many exports of this name. The owner can clear it.")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def check(form: Format) -> None:
    """BadArguments when files of that format cannot be written here."""
    if form == "xlsx" and find_spec("xlsxwriter") is None:
        raise BadArguments(
            "xlsx needs the optional extra: pip install 'clientary-mcp[xlsx]'. csv and jsonl work without it."
        )


def _cell(value: Any) -> Any:
    """The text of one cell: nested values as JSON, and no text that a spreadsheet would run as a formula."""
    if isinstance(value, dict | list):
        return as_text(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(map(_cell, rows.columns))
        table.writerows([_cell(row.get(column)) for column in rows.columns] for row in rows.read())


def _write_jsonl(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(as_text(row) + "\n" for row in rows.read())


def _write_xlsx(path: Path, rows: Rows) -> None:
    import xlsxwriter  # type: ignore[import-untyped]  # brings no types; loaded here because it is an optional extra

    if rows.count > _MOST_IN_A_SHEET:
        raise BadArguments(
            f"A sheet holds {_MOST_IN_A_SHEET:,} rows, and this export has {rows.count:,}. Use csv or jsonl."
        )
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options | {"tmpdir": str(path.parent)}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, list(rows.columns))
        for number, row in enumerate(rows.read(), start=1):
            for place, column in enumerate(rows.columns):
                if (value := row.get(column)) is not None:
                    sheet.write(number, place, as_text(value) if isinstance(value, dict | list) else value)


_WRITERS: dict[Format, Callable[[Path, Rows], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "xlsx": _write_xlsx,
}
