"""Scripts that Redis runs as a whole: what they decide cannot change between the decision and the act."""

from hashlib import sha1

Argument = str | int | float

PREFIX = "clientary:1:"
"""Before every key; the number is the version of the schema."""

_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""


class Script:
    """A script in Lua. It finds the time of Redis, in milliseconds, in `now`.

    Whatever it changes it changes once, however often it is run with the same member id: so it may be run again when
    its answer was lost. All its keys are one account's, and so of one slot.
    """

    def __init__(self, body: str) -> None:
        self.source = _CLOCK + body
        self.digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        """What EVALSHA calls it."""


def milliseconds(seconds: float) -> int:
    """What scripts count in."""
    return round(seconds * 1_000)
