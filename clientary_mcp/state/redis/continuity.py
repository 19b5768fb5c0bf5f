"""Whether Redis still holds what it held, or has begun anew: without its file, or emptied.

mark   random; it is gone only if everything is
lost   when a server noticed that, for those that start afterwards

What was under way then is not known any more, and could be done a second time. So nothing is taken for as long as
somebody may have held it before.
"""

import secrets
from collections.abc import Callable
from math import inf

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import MemoryLost
from clientary_mcp.state.redis.scripts import PREFIX, Argument, Script, milliseconds

MARK, _LOST = PREFIX + "mark", PREFIX + "lost"

_LOOK = Script("""
local new, known, hour = unpack(ARGV)
redis.call('SET', KEYS[1], new, 'NX')
local mark = redis.call('GET', KEYS[1])
if known ~= '' and mark ~= known then redis.call('SET', KEYS[2], string.format('%.0f', now), 'NX', 'PX', hour) end
local lost = redis.call('GET', KEYS[2])
return {mark, lost and now - lost or -1}
""")


class Continuity:
    """What one process knows of it. `now` is its monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.mark = ""
        self._lost_at = -inf

    def look(self) -> tuple[Argument, ...]:
        """The command that looks; its answer is for `seen`."""
        return "EVAL", _LOOK.source, 2, MARK, _LOST, secrets.token_hex(8), self.mark, milliseconds(HOUR)

    def seen(self, mark: str, lost: int) -> bool:
        """Note which mark was seen, and that all was lost so many milliseconds ago, -1 for never. Whether it is new."""
        is_new = bool(self.mark) and mark != self.mark
        self.mark = mark
        if lost >= 0:
            self._lost_at = self._now() - lost / 1_000
        return is_new

    def check(self, lease: float) -> None:
        """MemoryLost if somebody may hold something for so many seconds, and Redis has lost that."""
        left = self._lost_at + lease - self._now()
        if left > 0:
            raise MemoryLost(left / MINUTE)
