"""Time that passes only when somebody waits for it, so that no test does."""

from clientary_mcp.transport import Clock


class FakeTime:
    """A clock for the session, and the waits that it was asked for."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._now = 1_000.0
        self.clock = Clock(now=lambda: self._now, wall=lambda: 1_700_000_000.0 + self._now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += seconds
