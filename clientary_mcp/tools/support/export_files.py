"""Export files in the owner's directory: nowhere else, never overwriting, and in constant memory.

Rows are stored as they arrive, and converted to the requested format once all columns are known.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from clientary_mcp.errors import BadArguments, BlockedByOwner
from clientary_mcp.tools.support.names import Names
from clientary_mcp.tools.support.spreadsheets import LONGEST_CELL, Row, Table, write_csv, write_xlsx
from tool_schemas.base.results import as_text
from tool_schemas.base.sentences import count_of

Format = Literal["csv", "jsonl", "xlsx"]

FIRST_ROWS = 3
_MOST_IN_A_SHEET = 1_048_575
_MOST_BYTES = 50 * 1024 * 1024
_NAME = re.compile(r"[a-z_]+-[0-9-]+(\.[a-z_]+)?\.(csv|jsonl|xlsx)")
_NO_DIRECTORY = (
    "Exports are not available: CLIENTARY_EXPORT_DIR is not set. Whoever runs this server can set it to an existing"
    " directory."
)


class Rows:
    """Rows to be exported, and their columns."""

    def __init__(self, file: TextIOWrapper, columns: Sequence[str]) -> None:
        self._file, self._main = file, columns
        self.names: Names | None = None
        """Names to be put beside ids, once they are known."""
        self.restart()

    def restart(self) -> None:
        """Forget everything: the list changed while it was read."""
        self._file.seek(0)
        self._file.truncate()
        self._columns: dict[str, None] = dict.fromkeys(self._main)
        self._first: list[Row] = []
        self.count = 0

    def add(self, row: Row) -> None:
        """The next row."""
        self._columns.update(dict.fromkeys(row))
        self._file.write(as_text(row) + "\n")
        self.count += 1
        if len(self._first) < FIRST_ROWS:
            self._first.append(row)

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in their order."""
        return self.names.columns(self._columns) if self.names else list(self._columns)

    @property
    def first(self) -> list[Row]:
        """The main columns of the first rows."""
        return [self._finished({name: row[name] for name in self._main or row if name in row}) for row in self._first]

    def read(self) -> Iterator[Row]:
        """All rows again, in their order."""
        self._file.flush()
        self._file.seek(0)
        return (self._finished(json.loads(line)) for line in self._file)

    def _finished(self, row: Row) -> Row:
        return self.names.beside(row) if self.names else row


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

    def write(self, rows: Rows, stem: str, form: Format, parts: Iterable[Table] = ()) -> tuple[list[str], str | None]:
        """Write the rows in that format, and the other parts beside them: as sheets of a workbook, else as files.

        Returns the names of the files in the directory, that of the rows first, and a remark on texts that are too
        long for a cell.
        """
        if form == "xlsx" and rows.count > _MOST_IN_A_SHEET:
            raise BadArguments(
                f"A sheet holds {_MOST_IN_A_SHEET:,} rows, and this export has {rows.count:,}. Use csv or jsonl."
            )
        tables = [Table("rows", rows.columns, rows.read), *parts]
        path = self._free(stem, form)
        paths = [path] if form == "xlsx" else [path, *(_beside(path, table.name) for table in tables[1:])]
        try:
            long = write_xlsx(path, tables) if form == "xlsx" else sum(map(_WRITERS[form], paths, tables))
        except BaseException:
            for each in paths:
                each.unlink(missing_ok=True)  # a partial file must not pass for a complete one
            raise
        remark = _TOO_LONG[form].format(count_of(long, "text"), LONGEST_CELL) if long else None
        return [each.name for each in paths], remark

    def read(self, name: str) -> bytes:
        """A file of this directory; BadArguments for any other name, and for one too large to be read at once."""
        path = self._directory / name
        if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise BadArguments(f"Export {name[:80]!r} does not exist.")
        if path.stat().st_size > _MOST_BYTES:
            raise BadArguments(f"{name} is too large to be returned; it is in CLIENTARY_EXPORT_DIR on this server.")
        return path.read_bytes()

    def _free(self, stem: str, form: Format) -> Path:
        """Create a new, empty file; never overwrites one."""
        for number in range(1, 10_000):
            name = stem if number == 1 else f"{stem}-{number}"
            path = self._directory / f"{name}.{form}"
            if any(self._directory.glob(f"{name}.*.{form}")):  # left by a file that was taken away
                continue
            with suppress(FileExistsError):
                os.close(_private(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                return path
        raise BlockedByOwner(
            "CLIENTARY_EXPORT_DIR holds too many exports of this name. Whoever runs this server can clear it."
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def check(form: Format) -> None:
    """BadArguments when files of that format cannot be written here."""
    if form == "xlsx" and find_spec("xlsxwriter") is None:
        raise BadArguments(
            "xlsx needs the optional extra: pip install 'clientary-mcp[xlsx]'. csv and jsonl work without it."
        )


def _beside(path: Path, part: str) -> Path:
    """Create an empty file for a part of the export at `path`: `….csv` has its totals in `….totals.csv`."""
    beside = path.with_suffix(f".{part}{path.suffix}")
    os.close(_private(str(beside), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    return beside


def _write_jsonl(path: Path, table: Table) -> int:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(as_text(row) + "\n" for row in table.read())
    return 0


_WRITERS: dict[Format, Callable[[Path, Table], int]] = {"csv": write_csv, "jsonl": _write_jsonl}
_TOO_LONG: dict[Format, str] = {
    "csv": "{} in the file are longer than the {:,} characters that a cell holds in Excel, which cuts them.",
    "xlsx": "{} longer than the {:,} characters that a cell holds were cut; csv and jsonl have them whole.",
}
