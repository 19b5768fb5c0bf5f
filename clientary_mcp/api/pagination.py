"""How a list that comes in pages becomes one: what an answer says of its pages, and which are still needed."""

from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any, Generic, TypeVar

from clientary_mcp.accounting.totals import totals_of
from clientary_mcp.errors import MalformedResponse
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import read_day, read_int
from tool_schemas.base.results import Page

RecordT = TypeVar("RecordT", bound=Record)

WHOLE_PAGE = 200
"""Records of a page of ours, where Clientary sends a list whole: a project may have thousands of hours."""

_AT_ONCE = 100
"""Pages asked for before looking again: a wrong page count must not send out a million requests."""


@dataclass
class ListResponse(Generic[RecordT]):
    """One answer of a list endpoint; what it does not tell is None."""

    records: list[RecordT]
    page_count: int | None = None
    page_size: int | None = None
    total_count: int | None = None
    from_date: date | None = None
    to_date: date | None = None

    @classmethod
    def read(cls, kind: type[RecordT], sent: Any) -> "ListResponse[RecordT]":
        """The records under `kind.plural`, or of a bare array; Unreadable for anything else."""
        about = sent if isinstance(sent, dict) else {}
        rows: Any = about.get(kind.plural) if isinstance(sent, dict) else sent
        try:
            if not isinstance(rows, list):
                raise TypeError("no list")
            records = [kind.read(row) for row in rows]
        except (TypeError, ValueError, AttributeError):
            raise MalformedResponse(f"Clientary answered something other than a list of {kind.plural}.") from None
        counts = [_or_none(read_int, about.get(key)) for key in ("page_count", "page_size", "total_count")]
        dates = [_or_none(read_day, about.get(key)) for key in ("from_date", "to_date")]
        listing = cls(records, *counts, *dates)
        if listing.page_count is None and records and (listing.total_count or 0) > len(records):
            listing.page_size = len(records)  # there are pages, they just are not counted for us
            listing.page_count = ceil((listing.total_count or 0) / len(records))
        return listing


class JoinedPages(Generic[RecordT]):
    """The pages of one list that were read so far, from page `first` on, each record once."""

    def __init__(self, first: int, listing: ListResponse[RecordT]) -> None:
        self._first, self._about = first, listing
        self._pages: list[list[RecordT]] = []
        self._seen = Ids()
        self._read = self._size = 0
        self._ended = self._recounted = False
        self.changed_meanwhile = False
        """Whether records may have come and gone in equal number while the pages were read."""
        self.add(listing)

    def add(self, listing: ListResponse[RecordT]) -> list[RecordT]:
        """The next page; the answer is what is new in it."""
        page = [record for record in listing.records if self._seen.add(record.id)]
        self._ended = not page  # also where page after page brings the same records
        self._recounted |= listing.total_count != self._about.total_count
        self._size = self._size if self._read else len(page)
        self._read += 1
        self._pages.append(page)
        return page

    def drain(self) -> list[RecordT]:
        """The records that were read and not let go yet: from now on they are the caller's alone."""
        pages, self._pages = self._pages, []
        return [record for page in pages for record in page]

    def missing(self, limit: int | None) -> range:
        """The pages to read next for `limit` records in all; none when there are enough or no more."""
        left = (self._about.page_count or 0) - self._last
        if left <= 0 or self._ended or (limit is not None and len(self._seen) >= limit):
            return range(0)
        size = self._size or 1  # what came, whatever page_size says
        needed = left if limit is None else ceil((limit - len(self._seen)) / size)
        return range(self._last + 1, self._last + 1 + min(left, needed, _AT_ONCE))

    def page(self) -> Page[RecordT]:
        """What was read, compared with what Clientary says there is."""
        total, found = self._about.total_count, len(self._seen)
        notice = None
        if self.inconsistent:
            counted = "more" if total is None else total
            notice = f"Clientary counts {counted} records and sent {found}: they change while being read. List again."
            if self.changed_meanwhile:
                notice = "Records came and went while the pages were read, so some may be missing. List again."
        elif not found and self._first > 1:
            notice = f"There is no page {self._first}: the last one is {self._about.page_count}."
        return Page(
            pages=self._pages,
            first_page=self._first,
            total_count=total,
            complete=not self._more and not self.inconsistent,
            next_page=self._last + 1 if self._more else None,
            from_date=self._about.from_date,
            to_date=self._about.to_date,
            notice=notice,
        )

    @property
    def pages_read(self) -> int:
        """How many pages were read."""
        return self._read

    @property
    def inconsistent(self) -> bool:
        """Whether all pages were read and are not what Clientary counts, or counted something else each time."""
        total = self._about.total_count
        whole = self._first == 1 and not self._more
        if total is None:
            return self.changed_meanwhile or (self._ended and self._last < (self._about.page_count or 0))
        return self.changed_meanwhile or self._recounted or (whole and len(self._seen) != total)

    @property
    def _more(self) -> bool:
        return self._last < (self._about.page_count or 0) and not self._ended

    @property
    def _last(self) -> int:
        return self._first + self._read - 1


class Ids:
    """A set of ids that stays small for millions of them, as long as they lie close together."""

    def __init__(self) -> None:
        self._blocks: dict[int, int] = {}
        self._count = 0

    def add(self, record_id: int) -> bool:
        """Put it in; False when it was there."""
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


def whole_list(listing: ListResponse[RecordT], first: int, limit: int | None) -> Page[RecordT]:
    """The answer of an endpoint without pages, in pages of ours, so that a long one can be read in parts."""
    records = listing.records
    pages = [records[start : start + WHOLE_PAGE] for start in range(0, len(records), WHOLE_PAGE)]
    needed = len(pages) if limit is None else ceil(limit / WHOLE_PAGE)
    more = first - 1 + needed < len(pages)
    return Page(
        pages=pages[first - 1 : first - 1 + needed],
        first_page=first,
        total_count=len(records),
        complete=not more,
        next_page=first + needed if more else None,
        from_date=listing.from_date,
        to_date=listing.to_date,
        total_amounts=totals_of(records) or None,
    )


def _or_none(reader: Any, sent: Any) -> Any:
    """A count or a day of the envelope; a strange one counts as not told."""
    try:
        return None if sent is None else reader(sent)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return None
