"""Limits e-mails, charges and deletes per hour, so that a runaway loop ends in a clear error."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Protocol

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import BlockedByOwner, ClientaryError, NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.store import Store
from tool_schemas.base.sentences import count_of

if TYPE_CHECKING:
    import sqlite3

_NOUNS = {"delete": "delete", "mail": "e-mail", "money": "charge"}
_VARIABLES = {
    "delete": "CLIENTARY_DELETES_PER_HOUR",
    "mail": "CLIENTARY_MAILS_PER_HOUR",
    "money": "CLIENTARY_CHARGES_PER_HOUR",
}


class Quotas(Protocol):
    """Counts what was sent in the last hour by kind (`delete`, `mail`, `money`), over all sessions of the account.

    A caller may have limits of its own, for what it sent itself.
    """

    async def check(self, kinds: Iterable[str]) -> None:
        """BlockedByOwner when one more of these kinds would be too many; other kinds have no limit."""

    def spend(self, kind: str | None) -> AbstractAsyncContextManager[None]:
        """Count what is sent inside towards the quota of that kind, None for no quota, unless it has no effect."""

    async def left(self) -> Mapping[str, int]:
        """How many more of each kind may be sent now."""


@dataclass(frozen=True)
class Limits:
    """How much may be sent per hour, by kind: of the account, and of one caller, None for the single owner."""

    account: Mapping[str, int]
    caller: Mapping[str, int] | None = None

    @classmethod
    def of(cls, account: Settings, caller: Settings | None = None) -> "Limits":
        """The limits that the settings of the server and of one caller say."""
        return cls(_limits(account), None if caller is None else _limits(caller))

    def reached(self, kind: str, again_in: float | None, *, own: bool) -> BlockedByOwner:
        """The error for a limit that is reached, the caller's `own` or the account's, for that many seconds.

        None for a limit of zero, which stays reached.
        """
        most = ((self.caller or {}) if own else self.account)[kind]
        again = [] if again_in is None else [f"Try again in {count_of(ceil(again_in / MINUTE), 'minute')}."]
        whose = "" if self.caller is None else " for this caller" if own else " for all callers of this account"
        return BlockedByOwner(
            f"The hourly limit of {count_of(most, _NOUNS[kind])}{whose} is reached.",
            *again,
            f"Whoever runs this server can change {'it' if own else _VARIABLES[kind]}.",
            because="cap",
        )


def _limits(settings: Settings) -> dict[str, int]:
    return {
        "delete": settings.deletes_per_hour,
        "mail": settings.mails_per_hour,
        "money": settings.charges_per_hour,
    }


class StoredQuotas:
    """What was sent, in the store; `by` is the caller's id."""

    def __init__(self, limits: Limits, store: Store, by: str = "") -> None:
        self._limits, self._store, self._by = limits, store, by

    async def check(self, kinds: Iterable[str]) -> None:
        """BlockedByOwner when one more of these kinds would be too many; other kinds have no limit."""
        if limited := sorted(self._limits.account.keys() & set(kinds)):
            with self._store.transaction() as db:
                for kind in limited:
                    self._check(db, kind)

    @asynccontextmanager
    async def spend(self, kind: str | None) -> AsyncIterator[None]:
        """Count what is sent inside towards the quota of that kind, None for no quota, unless it has no effect."""
        if kind is None:
            yield
            return
        with self._store.transaction() as db:
            self._check(db, kind)
            now = self._store.now()
            query = "INSERT INTO spent (kind, at, until, caller) VALUES (?, ?, ?, ?)"
            row = db.execute(query, (kind, now, now + HOUR, self._by)).lastrowid
        try:
            yield
        except ClientaryError as failure:
            if failure.effect in ("not sent", "unchanged"):
                with suppress(NotRemembered), self._store.transaction() as db:  # after an hour it counts no more
                    db.execute("DELETE FROM spent WHERE id = ?", (row,))
            raise

    async def left(self) -> Mapping[str, int]:
        """How many more of each kind may be sent now."""
        kinds = self._limits.account
        if not self._store.exists:
            return {kind: min(most for _, most, *_ in self._counted(kind)) for kind in kinds}
        with self._store.transaction() as db:
            return {kind: min(self._left(db, kind)) for kind in kinds}

    def _left(self, db: "sqlite3.Connection", kind: str) -> Iterator[int]:
        """What each limit leaves."""
        for _, most, which, *values in self._counted(kind):
            query = f"SELECT count(*) FROM spent WHERE kind = ? AND until > ? {which}"  # noqa: S608 - our words
            ((spent,),) = db.execute(query, (kind, self._store.now(), *values))
            yield max(most - spent, 0)

    def _check(self, db: "sqlite3.Connection", kind: str) -> None:
        now = self._store.now()
        for own, most, which, *values in self._counted(kind):
            query = f"SELECT at FROM spent WHERE kind = ? AND until > ? {which} ORDER BY at DESC LIMIT ?"  # noqa: S608 - our words
            newest = db.execute(query, (kind, now, *values, most)).fetchall()
            if len(newest) >= most:  # older ones do not count: there are some where the limit was lowered
                raise self._limits.reached(kind, newest[-1][0] + HOUR - now if newest else None, own=own)

    def _counted(self, kind: str) -> Iterator[tuple[bool, int, str, *tuple[str, ...]]]:
        """Each limit: whether it is the caller's own, how many it allows, and which rows count towards it."""
        yield False, self._limits.account[kind], ""
        if self._limits.caller is not None:
            yield True, self._limits.caller[kind], "AND caller = ?", self._by
