"""Simulated time that passes only when code waits, so that no test sleeps."""

from datetime import UTC, date, datetime, time

from clientary_mcp.api.call import Clock


class FakeTime:
    """A clock for the session, starting at noon of a given date in UTC, and the requested waits."""

    def __init__(self, today: date = date(2023, 11, 14)) -> None:
        self.waits: list[float] = []
        self._now = 1_000.0
        noon = datetime.combine(today, time(12), UTC).timestamp()
        self.clock = Clock(now=lambda: self._now, wall=lambda: noon + self._now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += seconds
