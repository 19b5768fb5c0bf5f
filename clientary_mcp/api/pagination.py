"""Joins the pages of a list: what each response says about paging, which pages are needed, whether they agree."""

from dataclasses import dataclass
from datetime import date
from math import ceil, inf
from typing import Any, Generic, TypeVar

from clientary_mcp.errors import MalformedResponse
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import read_day, read_int

RecordT = TypeVar("RecordT", bound=Record)

_USUAL_PAGES = (10, 20, 30, 50, 100)


@dataclass
class ListResponse(Generic[RecordT]):
    """One response of a list endpoint; what it does not contain is None."""

    records: list[RecordT]
    page_count: int | None = None
    page_size: int | None = None
    total_count: int | None = None
    from_date: date | None = None
    to_date: date | None = None

    @classmethod
    def read(cls, kind: type[RecordT], sent: Any) -> "ListResponse[RecordT]":
        """The records under `kind.plural`, or of a bare array; MalformedResponse for anything else."""
        about = sent if isinstance(sent, dict) else {}
        rows: Any = about.get(kind.plural) if isinstance(sent, dict) else sent
        try:
            if not isinstance(rows, list):
                raise TypeError("no list")
            records = [kind.read(row) for row in rows]
        except (TypeError, ValueError, AttributeError):
            raise MalformedResponse(f"Clientary returned something other than a list of {kind.plural}.") from None
        counts = [_or_none(read_int, about.get(key)) for key in ("page_count", "page_size", "total_count")]
        dates = [_or_none(read_day, about.get(key)) for key in ("from_date", "to_date")]
        listing = cls(records, *counts, *dates)
        if listing.page_count is None and records and (listing.total_count or 0) > len(records):
            listing.page_size = len(records)  # the list is paged, but the response does not count the pages
            listing.page_count = ceil((listing.total_count or 0) / len(records))
        return listing

    @property
    def may_go_on(self) -> bool:
        """Whether this may be a page of a longer list although it states neither pages nor a count."""
        stated = self.page_count is not None or self.total_count is not None
        return not stated and len(self.records) in {*_USUAL_PAGES, self.page_size} and bool(self.records)

    @property
    def pages(self) -> float:
        """How many pages the list has, of which this is the first; infinity where that is not known."""
        return inf if self.may_go_on else self.page_count or 1

    def confirms(self, number: int, size: int) -> bool:
        """Whether this, as page `number`, confirms a page size of `size`."""
        if self.page_count is None:
            return False
        if number < self.page_count:
            return len(self.records) == size
        return self.total_count == (number - 1) * size + len(self.records)


class JoinedPages(Generic[RecordT]):
    """What the pages of a list contained so far, from page `first` on; `about` is a page that describes the list.

    A list that states neither pages nor a count may be paged all the same. If the first page has a usual length, the
    next one is read, and so on until one is shorter or has nothing new.
    """

    def __init__(self, first: int, about: ListResponse[RecordT]) -> None:
        self._first, self._about = first, about
        self._seen = Ids()
        self._read = self._size = 0
        self._ended = self._recounted = False
        self.may_go_on = about.may_go_on
        """Whether the list may go on although it states no pages."""

    def add(self, listing: ListResponse[RecordT]) -> list[RecordT]:
        """Add the next page, and return the records that no earlier page contained."""
        new = [record for record in listing.records if self._seen.add(record.id)]
        self._ended = not new  # also if page after page repeats the same records
        self._recounted |= listing.total_count != self._about.total_count
        self._size = self._size if self._read else len(new)
        self.may_go_on &= bool(new) and len(listing.records) >= self._size
        self._read += 1
        return new

    def missing(self, wanted: int | None) -> range:
        """The pages still to be read to have `wanted` records, or all of them; empty if there are enough or no more."""
        if self.may_go_on and (wanted is None or len(self._seen) <= wanted):
            return range(self._last + 1, self._last + 2)
        left = (self._about.page_count or 0) - self._last
        if left <= 0 or self._ended or (wanted is not None and len(self._seen) >= wanted):
            return range(0)
        size = self._size or 1  # the actual size, whatever page_size says
        needed = left if wanted is None else ceil((wanted - len(self._seen)) / size)
        return range(self._last + 1, self._last + 1 + min(left, needed))

    @property
    def count(self) -> int | None:
        """How many records the list has: as it states, or if it states no pages, as found when all of it was read."""
        if self._about.page_count is not None:
            return self._about.total_count
        return None if self.may_go_on else len(self._seen)

    @property
    def only_first(self) -> bool:
        """Whether the list states no pages, and its first page contained all of it."""
        return self._about.page_count is None and self.count == self._size

    @property
    def pages_read(self) -> int:
        """How many pages were read."""
        return self._read

    @property
    def more(self) -> bool:
        """Whether pages are left."""
        return self._last < (self._about.page_count or 0) and not self._ended

    @property
    def problem(self) -> str | None:
        """How the pages contradict each other or the count; None if they do not, or the list is not paged."""
        total, found = self._about.total_count, len(self._seen)
        if self._about.page_count is None:
            return None
        if total is None:
            differs = self._ended and self._last < self._about.page_count
        else:
            differs = self._recounted or (self._first == 1 and not self.more and found != total)
        if self._recounted:
            why = "Clientary's count of the records changed from page to page"
        else:
            why = f"Clientary reports {'more' if total is None else f'{total:,}'} records but returned {found:,}"
        return f"{why}: the list changed while it was read. Call again." if differs else None

    @property
    def _last(self) -> int:
        return self._first + self._read - 1


class Ids:
    """A set of ids as bitmaps: it stays small for millions of ids, as long as they are close together."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        self._count = 0

    def add(self, record_id: int) -> bool:
        """Add an id; False if it was present."""
        block, bit = record_id >> 10, 1 << (record_id & 1023)
        held = self._blocks.get(block, 0)
        if held & bit:
            return False
        self._blocks[block] = held | bit
        self._count += 1
        return True

    def __contains__(self, record_id: int) -> bool:
        return bool(self._blocks.get(record_id >> 10, 0) & (1 << (record_id & 1023)))

    def __len__(self) -> int:
        return self._count


def _or_none(reader: Any, sent: Any) -> Any:
    """A count or date beside the records; None if it cannot be read."""
    try:
        return None if sent is None else reader(sent)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return None
