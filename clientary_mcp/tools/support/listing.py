"""Lists as their arguments request them: Clientary's own pages, or the whole list where it cannot filter or sort."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from heapq import nlargest, nsmallest
from typing import Any, Generic, TypeVar

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_of, totals_of
from clientary_mcp.api.call import Query
from clientary_mcp.api.pagination import ListResponse
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.support.names import Names
from tool_schemas.base.filters import ListFilters, rank
from tool_schemas.base.models import Record
from tool_schemas.base.results import Page
from tool_schemas.base.sentences import count_of, in_order

RecordT = TypeVar("RecordT", bound=Record)

OF_A_PAGE = ("limit", "offset", "order", "detail")
"""The arguments of a list that say what a page of it shows, and not which records it contains."""

_SPARE = 250
"""Records kept beyond those that will be shown, before they are sorted again."""


class Listing(Generic[RecordT]):
    """A list as a tool's arguments request it: one page of it, or all of it as a stream.

    Path and query as for `Clientary.stream`.
    """

    def __init__(
        self,
        clientary: Clientary,
        kind: type[RecordT],
        args: ListFilters,
        path: str | None = None,
        query: Query | None = None,
    ) -> None:
        self._clientary, self._kind, self._args, self._path, self._query = clientary, kind, args, path, query
        self.names = Names(clientary, kind)
        """What its records refer to."""
        self.count = 0
        """How many records matched, after the last reading of the whole list."""
        self.totals = Totals()
        """Their sums per currency."""
        self.first_page: ListResponse[Any] | None = None
        """The first page that was read, which may state the range of dates."""
        self.remark: str | None = None
        """What has to be known of the whole list."""
        self._lacking: Counter[str] = Counter()

    async def named_page(self) -> Page[RecordT]:
        """The page, with names beside ids."""
        page = await self.page()
        for record in page.records:
            self.names.want(record)
        if remark := await self.names.read():
            add_notice(page, remark)
        page.beside = self.names.beside
        return page

    async def page(self) -> Page[RecordT]:
        """The records from `offset` on, with their sums per currency where they are about money."""
        if self._reads_all:
            page = await self._filtered()
            add_sums(page, self.totals)
            return page
        page = await self._own_page()
        if self._kind.money:
            add_sums(page, totals_of(page.whole_list or page.records, self._clientary.today()))
            if not page.whole_list:
                note_scope(page)
        return page

    async def stream(self) -> AsyncIterator[tuple[RecordT, str | None]]:
        """Every record that matches, whatever `limit` and `offset`, with the currency of its amounts if known."""
        async for record, code in self._matching():
            known = code if isinstance(code, str) and code != UNKNOWN else None
            yield record, known or currency_of(record)

    @property
    def notice(self) -> str | None:
        """What has to be known of the whole list, and a remark on records that the filters could not judge."""
        excluded = [
            f"{count_of(count, 'record')} without {name} {'was' if count == 1 else 'were'} excluded."
            for name, count in sorted(self._lacking.items())
        ]
        return " ".join(in_order(self.remark, excluded)) or None

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The first and last day of the list: what Clientary says it used, or else what was requested."""
        used, asked = (_days_in(each) for each in (self.first_page, self._args))
        return used[0] or asked[0], used[1] or asked[1]

    @property
    def _reads_all(self) -> bool:
        """Whether a page of it takes reading all of it."""
        return self._args.narrows

    def _wants(self, record: RecordT, today: Today) -> bool:
        """Whether a record matches."""
        return self._args.wants(record)

    async def _rows(self) -> AsyncIterator[tuple[RecordT, str | int | None]]:
        """The records of the whole list, each with a placeholder for its currency where it has none itself."""
        stream = self._clientary.stream(self._kind, self._path, self._query)
        async for record in stream:
            yield record, None
        self.first_page = stream.first_page

    async def _own_page(self) -> Page[RecordT]:
        return await self._clientary.collect(
            self._kind, self._path, limit=self._args.limit, offset=self._args.offset, query=self._query
        )

    async def _matching(self) -> AsyncIterator[tuple[RecordT, str | int | None]]:
        """The rows that match; the others are counted where they lack a field that decides."""
        self.count, self.totals, self._lacking = 0, Totals(), Counter()
        today = self._clientary.today()
        async for record, code in self._rows():
            if self._wants(record, today):
                self.count += 1
                self.totals.add_record(record, today, code)
                yield record, code
            else:
                decisive = self._args.deciding_fields(type(record))
                self._lacking.update(name for name in decisive if getattr(record, name, None) is None)

    @rereads
    async def _filtered(self) -> Page[RecordT]:
        """A page of the records that match; of the others only the number and the sums are kept."""
        order, offset = self._args.order_by(), self._args.offset
        end = offset + self._args.limit
        records: list[RecordT] = []
        async for record, _ in self._matching():
            if order is not None or offset < self.count <= end:
                records.append(record)
            if order is not None and len(records) >= 2 * end + _SPARE:
                records = _first(records, end, *order)
        if order is not None:
            records = _first(records, end, *order)[offset:]
        first_day, last_day = self.days
        past = f"Offset {offset:,} is past the end: {self.count:,} records match." if offset and not records else None
        return Page(
            records,
            offset=offset,
            more=self.count > end,
            total_count=self.count,
            complete=self.count <= end,
            from_date=first_day,
            to_date=last_day,
            notice=self.notice or past,
        )


def _days_in(given: object) -> tuple[date | None, date | None]:
    return getattr(given, "from_date", None), getattr(given, "to_date", None)


def add_sums(page: Page[Any], totals: Totals) -> None:
    """Show the sums of the list on a page, and say what they had to leave out."""
    page.total_amounts = totals.to_json() or None
    page.notice = in_order(page.notice, totals.left_out.to_json()) or None


def note_scope(page: Page[Any]) -> None:
    """Add a notice where the sums cover only part of a list."""
    if page.total_amounts and (page.more or not page.complete or page.offset):
        read = len(page.records)
        add_notice(page, f"total_amounts adds up the {read} records read; with any filter, all that match.")


def add_notice(page: Page[Any], remark: str) -> None:
    """Append a sentence to the notice of a page."""
    page.notice = in_order(page.notice, remark)


def _first(records: list[RecordT], count: int, field: str, highest: bool) -> list[RecordT]:
    """The first so many in an order."""
    best = nlargest if highest else nsmallest
    return best(count, records, key=lambda record: rank(record, field, highest_first=highest))
