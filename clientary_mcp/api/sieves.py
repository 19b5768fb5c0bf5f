"""Protocols for lists that are longer than memory: records are handed on one by one."""

from typing import Any, Protocol, runtime_checkable

from clientary_mcp.api.pagination import ListResponse


class Sieve(Protocol):
    """What keeps of a list's records only what is needed, however many there are.

    One that has a method `opened` is shown the first page before its records come.
    """

    def add(self, record: Any, /) -> None:
        """The next record."""


class Sink(Protocol):
    """Where the records of a list go that is longer than an answer, or than the memory."""

    def restart(self) -> None:
        """A list begins: what came before it is void."""

    def add(self, record: Any, currency_code: str | None, /) -> None:
        """The next record, and the currency of its amounts where that is known."""


@runtime_checkable
class Opened(Protocol):
    """A sieve that wants to know what the first page says of the whole list."""

    def opened(self, first: ListResponse[Any], /) -> None:
        """The first page, before its records."""
