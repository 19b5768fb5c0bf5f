"""Lists as their arguments ask for them: Clientary's own pages, or where it can't narrow or order, all of them read."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from heapq import nlargest, nsmallest
from math import ceil
from typing import Generic, TypeVar

from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_of, totals_of
from clientary_mcp.api.call import Query
from clientary_mcp.api.pagination import ListResponse
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.sieves import Sink
from tool_schemas.base.filters import ListFilters, rank
from tool_schemas.base.models import Record
from tool_schemas.base.results import Page

RecordT = TypeVar("RecordT", bound=Record)

_PAGE_SIZE = 50
"""Records of a page of ours, where no fewer were asked for: so that as many pages as fit can be shown."""

_SPARE = 250
"""Records that are kept beyond those that will be shown, before they are put in order again."""


async def listed(
    clientary: Clientary, kind: type[RecordT], path: str, args: ListFilters, query: Query | None = None
) -> Page[RecordT]:
    """A list as its arguments ask for it, with its sums per currency where it is about money."""
    if whole(clientary, args):
        return (await clientary.sift(kind, path, keeping(clientary, args), query)).page()
    page = await clientary.collect(kind, path, limit=args.limit, page=args.page, query=query)
    if kind.money and page.total_amounts is None:
        page.total_amounts = totals_of(page.records)
        return say_of_what(page)
    return page


def whole(clientary: Clientary, args: ListFilters) -> bool:
    """Whether it takes the whole list to answer."""
    return args.narrows or clientary.sink is not None


def say_of_what(page: Page[RecordT]) -> Page[RecordT]:
    """The page; where its sums are those of a part, it says so."""
    if page.total_amounts and (not page.complete or page.first_page > 1):
        read = len(page.records)
        page.notice = noted(page, f"total_amounts adds up the {read} records read; with any filter, all that match.")
    return page


def noted(page: Page[RecordT], remark: str) -> str:
    """The page's notice, with one more remark."""
    return f"{page.notice} {remark}" if page.notice else remark


def keeping(clientary: Clientary, args: ListFilters) -> Callable[[], "Kept[RecordT]"]:
    """What makes something for a whole list to go through: the answer, or the way to the sink."""

    def make() -> Kept[RecordT]:
        return Kept(args, clientary.today(), clientary.sink)

    return make


class Kept(Generic[RecordT]):
    """The records that are wanted, in pages of ours; of those that are not shown only the number and the sums.

    Where there is a sink, every wanted record goes there and none is kept.
    """

    def __init__(self, args: ListFilters, today: date, sink: Sink | None) -> None:
        self._args, self._today, self._sink = args, today, sink
        self._order = args.order_by()
        self._size = min(args.limit, _PAGE_SIZE)
        self._start = (args.page - 1) * self._size
        self._end = self._start + ceil(args.limit / self._size) * self._size
        self._records: list[RecordT] = []
        self._count = 0
        self._lacking: Counter[str] = Counter()
        self._range: tuple[date | None, date | None] = None, None
        self.totals = Totals()
        if sink is not None:
            sink.restart()

    def opened(self, listing: ListResponse[RecordT]) -> None:
        """The first page of the list, which may tell the range of days that the list is of."""
        self._range = listing.from_date, listing.to_date

    def add(self, record: RecordT, currency_code: str | int | None = None) -> None:
        """The next record of the whole list, and what stands for its currency where it tells none."""
        if not self._args.wants(record, self._today):
            self._lacking.update(
                name for name in self._args.looks_at(type(record)) if getattr(record, name, None) is None
            )
            return
        self._count += 1
        self.totals.add_record(record, currency_code)
        if self._sink is not None:
            told = isinstance(currency_code, str) and currency_code != UNKNOWN
            self._sink.add(record, str(currency_code) if told else currency_of(record))
        elif self._order is not None:
            self._records.append(record)
            if len(self._records) >= 2 * self._end + _SPARE:
                self._records = self._first()
        elif self._start < self._count <= self._end:
            self._records.append(record)

    def _first(self) -> list[RecordT]:
        if self._order is None:
            return self._records
        field, highest = self._order
        best = nlargest if highest else nsmallest
        return best(self._end, self._records, key=lambda record: rank(record, field, highest_first=highest))

    def page(self) -> Page[RecordT]:
        """The pages that were asked for."""
        records = self._records if self._order is None else self._first()[self._start :]
        pages = [records[start : start + self._size] for start in range(0, len(records), self._size)]
        first, more = self._args.page, self._count > self._end and self._sink is None
        return Page(
            pages=pages,
            first_page=first,
            total_count=self._count,
            complete=not more,
            next_page=first + len(pages) if more else None,
            from_date=self._range[0],
            to_date=self._range[1],
            total_amounts=self.totals.to_json() or None,
            notice=self._notice(),
        )

    def _notice(self) -> str | None:
        if self._lacking:
            lacking = ", ".join(f"{count} have no {name}" for name, count in sorted(self._lacking.items()))
            return f"Of all records {lacking}: these can't match."
        if self._args.page > 1 and self._count <= self._start and self._sink is None:
            return f"There is no page {self._args.page}: {self._count} records match."
        return None
