"""How many mails, charges and deletes may leave in an hour: a runaway loop ends in a clear refusal."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil

from clientary_mcp.errors import Busy, NotAllowed, NotDone, NotFound, PlanLimit, Refused, Unavailable, Withheld
from clientary_mcp.settings import Settings
from clientary_mcp.verbs import Effect

_HOUR = 3600.0


class Caps:
    """Counts what left in the last hour, over all sessions of the process."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._now = now
        self._caps = {
            "delete": (settings.deletes_per_hour, "CLIENTARY_DELETES_PER_HOUR"),
            "mail": (settings.mails_per_hour, "CLIENTARY_MAILS_PER_HOUR"),
            "money": (settings.charges_per_hour, "CLIENTARY_CHARGES_PER_HOUR"),
        }
        self._left: dict[str, deque[float]] = {kind: deque() for kind in self._caps}

    def check(self, effect: Effect) -> None:
        """Withheld when one more would be too many."""
        for kind in self._counted(effect):
            most, variable = self._caps[kind]
            left = self._left[kind]
            while left and left[0] <= self._now() - _HOUR:
                left.popleft()
            if len(left) >= most:
                wait = ceil((left[0] + _HOUR - self._now()) / 60) if left else 0
                minutes = f" The next is possible in {wait} minute{'s' if wait > 1 else ''}." if left else ""
                raise Withheld(
                    f"Nothing was sent: the owner allows {most} of this kind ({kind}) in an hour.{minutes}"
                    f" The owner can change {variable}."
                )

    @contextmanager
    def counted(self, effect: Effect) -> Iterator[None]:
        """One more leaves; it does not count where Clientary refused it."""
        self.check(effect)  # once more: others may have gone while a person thought
        kinds = self._counted(effect)
        for kind in kinds:
            self._left[kind].append(self._now())
        try:
            yield
        except (Refused, NotFound, NotAllowed, PlanLimit, Busy, NotDone, Unavailable):
            for kind in kinds:
                self._left[kind].pop()
            raise

    def _counted(self, effect: Effect) -> list[str]:
        """Only what happens at once counts: a payment that is merely recorded, or a schedule, does not."""
        gated = effect.reaches_others or "delete" in effect.kinds
        return [kind for kind in self._caps if kind in effect.kinds and gated]
