"""Reads the lists of an account into the store of a backup, each from where an earlier run left it."""

from contextlib import aclosing
from typing import Any

from clientary_mcp.api.call import Query
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import Stream
from clientary_mcp.cli.backup_store import BackupStore
from clientary_mcp.cli.progress import Progress
from clientary_mcp.errors import DeadlineReached, ListChanged, NotAllowed, NotFound, RateLimited, TokenRejected
from clientary_mcp.tools.support.formatting import plural_name
from tool_schemas.base.models import Record


def resource_name(kind: type[Record]) -> str:
    """`recurring_schedules`: what files and views with records of a kind are called."""
    return plural_name(kind).replace(" ", "_")


class Lists:
    """The lists of one account, as far as they were read."""

    def __init__(self, clientary: Clientary, store: BackupStore, progress: Progress) -> None:
        self._clientary = clientary
        self.store, self.progress = store, progress
        self._refused: set[type[Record]] = set()

    async def read(self, kind: type[Record], path: str, query: Query | None = None) -> None:
        """Read what is missing of a list; twice at most, if it changes meanwhile."""
        number = self.store.open_list(resource_name(kind), path)
        if self.store.state(number) != "begun":
            return
        if kind in self._refused:
            self.store.settle(number, "refused")
            return
        try:
            await self._read_or_again(number, kind, path, query)
        except TokenRejected:
            raise
        except NotAllowed:
            self._refused.add(kind)
            self.store.settle(number, "refused")
        except NotFound:  # the record that the list is of was deleted meanwhile, or the account knows no such list
            self.store.clear(number)
            self.store.settle(number, "whole", 0)

    async def check(self, kind: type[Record], path: str, query: Query | None = None) -> None:
        """Read a list again if Clientary counts other records in it than were read."""
        number = self.store.open_list(resource_name(kind), path)
        if self.store.state(number) == "refused":
            return
        first = await self._stream(kind, path, query).peek()
        if first.total_count not in (None, self.store.count(number)):
            self.store.clear(number)
            await self.read(kind, path, query)

    async def _read_or_again(self, number: int, kind: type[Record], path: str, query: Query | None) -> None:
        for last in (False, True):
            try:
                total = await self._read_all(number, kind, path, query)
            except ListChanged:
                if last:
                    self.store.settle(number, "changed")
                else:
                    self.store.clear(number)
            else:
                self.store.settle(number, "whole", total)
                return

    async def _read_all(self, number: int, kind: type[Record], path: str, query: Query | None) -> int:
        """Read a list in as many calls as it takes, as long as each of them gets on; returns how many it has."""
        while True:
            held = self.store.count(number)
            try:
                return await self._read_on(number, kind, path, query, held)
            except (DeadlineReached, RateLimited):
                if self.store.count(number) <= held:
                    raise

    async def _read_on(self, number: int, kind: type[Record], path: str, query: Query | None, held: int) -> int:
        """Read a list from the last record on that the store holds; ListChanged if that is no longer in its place."""
        expected, place = self.store.last(number), max(held - 1, 0)
        stream = self._stream(kind, path, query, offset=place)
        try:
            async with aclosing(stream.__aiter__()) as records:
                async for record in records:
                    if expected not in (None, record.id):
                        break
                    expected = None
                    self.store.add(number, record.id, record.to_json())
                    place += 1
                    if path == kind.plural:
                        first = stream.first_page
                        self.progress.tell(resource_name(kind), place, first.total_count if first else None)
        finally:
            self.store.commit()
        found = self.store.count(number)
        if expected is not None or (stream.count is not None and stream.count != found):
            raise ListChanged(f"The list at {path} changed while it was read.")
        return found

    def _stream(self, kind: type[Record], path: str, query: Query | None, offset: int = 0) -> Stream[Any]:
        return self._clientary.within(self._clientary.new_call()).stream(kind, path, query, offset=offset)
