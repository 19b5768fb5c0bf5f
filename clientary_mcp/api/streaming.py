"""Whole lists as streams of records: pages are read side by side, and memory stays flat however long a list is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial, wraps
from typing import Generic, ParamSpec, TypeVar

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.pagination import JoinedPages, ListResponse
from clientary_mcp.api.write_tracker import WritesInFlight
from clientary_mcp.errors import ListChanged
from tool_schemas.base.models import Record

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")
P = ParamSpec("P")

ReadPage = Callable[[int], Awaitable[ListResponse[RecordT]]]

_BATCH = 8
"""Pages read before their records are handed on, for each request that may be under way."""


class Stream(Generic[RecordT]):
    """The records of a whole list, in Clientary's order, each once.

    Iterating raises ListChanged when the list was not the same from the first page to the last: see `rereads`.
    """

    def __init__(
        self, kind: type[RecordT], path: str, read: ReadPage[RecordT], writes: WritesInFlight, concurrency: int
    ) -> None:
        self._kind, self._path, self._read = kind, path, read
        self._writes, self._concurrency = writes, concurrency
        self.first_page: ListResponse[RecordT] | None = None
        """The first page, which says how many records there are and of which days; None until it was read."""

    async def __aiter__(self) -> AsyncIterator[RecordT]:
        """Read the list. Nothing is under way while a record is handed on, so the caller may stop at any of them."""
        mark = self._writes.snapshot()
        self.first_page = await self._read(1)
        joined = JoinedPages(1, self.first_page)
        for record in joined.drain():
            yield record
        while missing := joined.missing(None)[: _BATCH * self._concurrency]:
            for listing in await gather((partial(self._read, number) for number in missing), self._concurrency):
                joined.add(listing)
            for record in joined.drain():
                yield record
        swapped = joined.pages_read > 1 and self._writes.changed_since(mark, self._kind.plural)
        if joined.inconsistent or swapped:
            raise ListChanged(f"The list at {self._path} changed while it was read. Try again in a minute.")


def rereads(read: Callable[P, Awaitable[ResultT]]) -> Callable[P, Awaitable[ResultT]]:
    """Run a function that reads lists once more when one of them changed meanwhile; a second ListChanged is raised.

    The function starts from nothing each time. It marks the innermost function that reads a list, or lists would be
    read four times.
    """

    @wraps(read)
    async def run(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        try:
            return await read(*args, **kwargs)
        except ListChanged:
            return await read(*args, **kwargs)

    return run
