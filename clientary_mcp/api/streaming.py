"""Lists as streams of records: pages are read concurrently, and memory stays flat however long a list is."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Generic, ParamSpec, TypeVar

from clientary_mcp.api.call import Call
from clientary_mcp.api.concurrency import ReadAhead
from clientary_mcp.api.pagination import JoinedPages, ListResponse
from clientary_mcp.api.write_tracker import Snapshot, WritesInFlight
from clientary_mcp.errors import ListChanged, NotFound, Refused
from tool_schemas.base.models import Record
from tool_schemas.base.results import Page

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")
P = ParamSpec("P")

ReadPage = Callable[[int], Awaitable[ListResponse[RecordT]]]

_AHEAD = 8
"""Pages that may be read before their records are wanted, for each request that may be in flight."""

_MOST_PAGES = 100
"""Pages requested before their contents are checked: a wrong page count must not cause a million requests."""

_SWAPPED = "Records were added and removed while the pages were read, so some may be missing. Call again."
_UNSEEN = (
    "This server's shared memory can't be reached, so what its other processes wrote meanwhile is not known: if they"
    " added and removed records, some may be missing."
)


class Stream(Generic[RecordT]):
    """The records of a list, in Clientary's order, each once; all of them, or `limit` from `offset` on.

    Iterating raises ListChanged at its end when the list was not the same from the first page to the last: see
    `rereads`. The attributes describe the latest iteration.
    """

    def __init__(
        self,
        kind: type[RecordT],
        path: str,
        read: ReadPage[RecordT],
        writes: WritesInFlight,
        call: Call,
        *,
        concurrency: int,
        page_size: int | None,
        offset: int = 0,
        limit: int | None = None,
        read_ahead: bool = True,
    ) -> None:
        self._kind, self._path, self._writes = kind, path, writes
        self._read: ReadPage[RecordT] = partial(_counted, read, call)
        self._page_size, self._offset, self._limit = page_size, offset, limit
        self._concurrency, self._call = concurrency, call
        self._ahead = min(_AHEAD * concurrency, _MOST_PAGES) if read_ahead else 1
        self.first_page: ListResponse[RecordT] | None = None
        """The first page that was read: it has the record count and the range of dates."""
        self.more = False
        """Whether the list continues after the last record yielded."""
        self.count: int | None = None
        """How many records the list has, if that is known."""
        self.on_first_page = False
        """Whether the list is not paged, so that the first page contains all of it."""
        self.problem: str | None = None
        """How the pages read so far are inconsistent, in a sentence for agents."""
        self.caution: str | None = None
        """Why nobody knows whether they are, in a sentence for agents."""
        self._peeked: tuple[Snapshot, ListResponse[RecordT]] | None = None

    async def __aiter__(self) -> AsyncGenerator[RecordT, None]:
        """Read the list. The next pages are read while records are yielded; the caller may stop at any of them."""
        mark, peeked = self._peeked or (await self._writes.snapshot(), None)
        self._peeked = None
        number, skipped, page = await self._open(peeked)
        self.first_page, pages = page, JoinedPages(number, page)
        end = None if self._limit is None else skipped + self._limit
        place, left = 0, True
        async with ReadAhead(self._read, self._concurrency) as following:
            while left:
                records, self.problem = pages.add(page), pages.problem
                for record in records:
                    if place >= skipped and (end is None or place < end):
                        yield record
                    place += 1
                if pages.pages_read == 1:
                    self._call.pages_known += 1 + len(pages.missing(end))
                if left := bool(missing := pages.missing(end)[: self._ahead]):
                    page = await self._next(following, missing, pages)
        self.count, self.on_first_page = pages.count, pages.only_first
        self.more = pages.more or (end is not None and place > end)
        swapped = pages.pages_read > 1 and await self._writes.changed_since(mark, self._kind.plural)
        self.problem = _SWAPPED if swapped else pages.problem
        self.caution = _UNSEEN if swapped is None else None
        self.check()

    def check(self) -> None:
        """ListChanged if the pages read so far show that the list changed: for who stops before its end."""
        if self.problem:
            raise ListChanged(f"The list at {self._path} changed while it was read. Try again in a minute.")

    async def peek(self) -> ListResponse[RecordT]:
        """The first page alone, read now; iterating next goes on from it."""
        mark = await self._writes.snapshot()
        page = await self._read(1)
        self._peeked = mark, page
        return page

    async def _next(
        self, following: ReadAhead[ListResponse[RecordT]], numbers: range, pages: JoinedPages[RecordT]
    ) -> ListResponse[RecordT]:
        """The next page; an empty one where a list that states no pages has none with that number."""
        try:
            return await following.result(numbers)
        except (NotFound, Refused):
            if not pages.may_go_on:
                raise
            return ListResponse([])

    async def _open(self, peeked: ListResponse[RecordT] | None) -> tuple[int, int, ListResponse[RecordT]]:
        """The number of the page that contains the first record, how many records precede it there, and the page.

        Only the pages themselves show the page size. The documented size is a first guess, checked against the page
        that it leads to; the first page always shows it.
        """
        size = self._page_size or self._offset + 1
        number = self._offset // size + 1
        page = peeked if peeked and number == 1 else await self._read(number)
        if number > 1 and not page.confirms(number, size):
            number, page = 1, peeked or await self._read(1)
        if page.page_count is None:
            return 1, self._offset, page
        if number == 1 and page.page_count > 1 and 0 < len(page.records) <= self._offset:
            size = len(page.records)
            number = self._offset // size + 1
            page = replace(page, records=(await self._read(number)).records)
        return number, self._offset - (number - 1) * size, page


async def _counted(read: ReadPage[RecordT], call: Call, number: int) -> ListResponse[RecordT]:
    """A page, counted for its call; TooManyPages where there are more of them than its deadline allows."""
    with call.reading_page():
        return await read(number)


def rereads(read: Callable[P, Awaitable[ResultT]]) -> Callable[P, Awaitable[ResultT]]:
    """Run a function that reads lists again when one of them changed meanwhile; a second ListChanged is raised.

    The function must start afresh each time. If such functions call each other, no list is read a third time.
    """

    @wraps(read)
    async def run(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        try:
            return await read(*args, **kwargs)
        except ListChanged as changed:
            if changed.read_twice:
                raise
        try:
            return await read(*args, **kwargs)
        except ListChanged as changed:
            changed.read_twice = True
            raise

    return run


def page_of(stream: Stream[RecordT], records: list[RecordT], offset: int) -> Page[RecordT]:
    """A page of what was read of a list."""
    assert stream.first_page is not None  # noqa: S101 - reading fails unless a page was read
    first = stream.first_page
    total = stream.count
    notice = stream.problem or stream.caution
    if notice is None and offset and not records:
        notice = f"Offset {offset:,} is past the end of the list" + (
            "." if total is None else f" of {total:,} records."
        )
    return Page(
        records,
        offset=offset,
        more=stream.more,
        total_count=total,
        complete=not stream.more and stream.problem is None,
        from_date=first.from_date,
        to_date=first.to_date,
        whole_list=first.records if stream.on_first_page else None,
        notice=notice,
    )
