"""The time of Redis: what replicas share must not depend on the clocks of their machines, one of which may be wrong."""

import logging
import time
from collections.abc import Callable

from clientary_mcp.durations import MINUTE, in_minutes

logger = logging.getLogger(__name__)


class StoreClock:
    """Tells it between two answers of Redis, by the clock of this machine and how far off that is."""

    def __init__(self, local: Callable[[], float] = time.time) -> None:
        self.local = local
        self._ahead = 0.0
        """Seconds by which Redis is ahead of this machine."""

    def __call__(self) -> float:
        """The time in seconds since 1970."""
        return self.local() + self._ahead

    def set(self, asked: float, seconds: int, microseconds: int) -> None:
        """Set it to what Redis answered just now; it was `asked` at that time of this machine."""
        was_wrong, self._ahead = self._is_wrong, seconds + microseconds / 1e6 - (asked + self.local()) / 2
        if self._is_wrong and not was_wrong:
            how_much, where = in_minutes(abs(self._ahead)), "behind" if self._ahead > 0 else "ahead of"
            logger.warning("The clock of this machine is %s %s that of Redis, which counts.", how_much, where)

    @property
    def _is_wrong(self) -> bool:
        return abs(self._ahead) >= MINUTE
