"""How many mails, charges and deletes may leave in an hour: a runaway loop ends in a clear refusal."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from math import ceil

from clientary_mcp.errors import (
    BlockedByOwner,
    NotAllowed,
    NotDone,
    NotFound,
    PlanLimit,
    RateLimited,
    Refused,
    Unavailable,
)
from clientary_mcp.settings import Settings

_HOUR = 3600.0


class Quotas:
    """Counts what left in the last hour, over all sessions of the process; by kind: `delete`, `mail`, `money`."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._now = now
        self._caps = {
            "delete": (settings.deletes_per_hour, "CLIENTARY_DELETES_PER_HOUR"),
            "mail": (settings.mails_per_hour, "CLIENTARY_MAILS_PER_HOUR"),
            "money": (settings.charges_per_hour, "CLIENTARY_CHARGES_PER_HOUR"),
        }
        self._left: dict[str, deque[float]] = {kind: deque() for kind in self._caps}

    def check(self, kinds: Iterable[str]) -> None:
        """Withheld when one more of these kinds would be too many; other kinds have no cap."""
        for kind in self._caps.keys() & set(kinds):
            most, variable = self._caps[kind]
            left = self._left[kind]
            while left and left[0] <= self._now() - _HOUR:
                left.popleft()
            if len(left) >= most:
                wait = ceil((left[0] + _HOUR - self._now()) / 60) if left else 0
                minutes = f" The next is possible in {wait} minute{'s' if wait > 1 else ''}." if left else ""
                raise BlockedByOwner(
                    f"Nothing was sent: the owner allows {most} of this kind ({kind}) in an hour.{minutes}"
                    f" The owner can change {variable}."
                )

    @contextmanager
    def spend(self, kind: str | None) -> Iterator[None]:
        """One of that kind leaves, None for what has no cap; it does not count where it took no effect."""
        if kind is None:
            yield
            return
        self.check([kind])
        left, stamp = self._left[kind], self._now()
        left.append(stamp)
        try:
            yield
        except (Refused, NotFound, NotAllowed, PlanLimit, RateLimited, NotDone, Unavailable):
            with suppress(ValueError):  # what took an hour no longer counts anyway
                left.remove(stamp)
            raise
