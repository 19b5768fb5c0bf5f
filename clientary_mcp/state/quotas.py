"""Limits e-mails, charges and deletes per hour, so that a runaway loop ends in a clear error."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from math import ceil

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import BlockedByOwner, ClientaryError
from clientary_mcp.settings import Settings
from tool_schemas.base.sentences import count_of

_NOUNS = {"delete": "delete", "mail": "e-mail", "money": "charge"}


class Quotas:
    """Counts what was sent in the last hour by kind (`delete`, `mail`, `money`), over all sessions of the process."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._now = now
        self._limits = {
            "delete": (settings.deletes_per_hour, "CLIENTARY_DELETES_PER_HOUR"),
            "mail": (settings.mails_per_hour, "CLIENTARY_MAILS_PER_HOUR"),
            "money": (settings.charges_per_hour, "CLIENTARY_CHARGES_PER_HOUR"),
        }
        self._sent: dict[str, deque[float]] = {kind: deque() for kind in self._limits}

    def check(self, kinds: Iterable[str]) -> None:
        """BlockedByOwner when one more of these kinds would be too many; other kinds have no limit."""
        for kind in self._limits.keys() & set(kinds):
            most, variable = self._limits[kind]
            sent = self._sent[kind]
            while sent and sent[0] <= self._now() - HOUR:
                sent.popleft()
            if len(sent) >= most:
                wait = ceil((sent[0] + HOUR - self._now()) / MINUTE) if sent else 0
                again = [f"Try again in {count_of(wait, 'minute')}."] if sent else []
                limit = count_of(most, _NOUNS[kind])
                raise BlockedByOwner(
                    f"The hourly limit of {limit} is reached.", *again, f"The owner can change {variable}."
                )

    @contextmanager
    def spend(self, kind: str | None) -> Iterator[None]:
        """Count what is sent inside towards the quota of that kind, None for no quota, unless it has no effect."""
        if kind is None:
            yield
            return
        self.check([kind])
        sent, stamp = self._sent[kind], self._now()
        sent.append(stamp)
        try:
            yield
        except ClientaryError as failure:
            if failure.effect in ("not sent", "unchanged"):
                with suppress(ValueError):  # after an hour it no longer counts anyway
                    sent.remove(stamp)
            raise
