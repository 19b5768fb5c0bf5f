"""Time that passes only when somebody waits for it, so that no test does."""

from datetime import date, datetime, time

from clientary_mcp.api.call import Clock


class FakeTime:
    """A clock for the session, which begins at noon of a day, and the waits that it was asked for."""

    def __init__(self, today: date = date(2023, 11, 14)) -> None:
        self.waits: list[float] = []
        self._now = 1_000.0
        noon = datetime.combine(today, time(12)).astimezone().timestamp()
        self.clock = Clock(now=lambda: self._now, wall=lambda: noon + self._now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += seconds
