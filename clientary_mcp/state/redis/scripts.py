"""Scripts that Redis runs as a whole: what they decide cannot change between the decision and the act."""

from hashlib import sha1

Argument = str | int | float

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


NEXT_FENCE = """
local function next_fence(counter)
  redis.call('SET', counter, string.format('%.0f', now), 'NX')  -- so that it grows also after Redis has lost it
  local fence = redis.call('INCR', counter)
  redis.call('PEXPIRE', counter, 172800000)  -- two days: longer than anything that is claimed
  return fence
end
"""
"""Of a script that takes something: the number that tells this take from all others of the account."""


def milliseconds(seconds: float) -> int:
    """What scripts count in."""
    return round(seconds * 1_000)
