"""The slots of callers on Redis: how many calls of one caller run at the same time over all replicas.

A call takes its slot together with the place of its first request, so that it costs no packet of its own; a call that
makes no request needs none. See `RedisPace`.

calls:<caller>   names of the calls under way, by when their slots lapse
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from clientary_mcp.state.call_slots import LocalCallSlots
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds

_GRACE = 30.0
"""Seconds beyond a call's deadline after which its slot lapses, if it was not given back: its process may have died."""

_GIVE_BACK = Script("redis.call('ZREM', KEYS[1], ARGV[1])")

TAKE_SLOT = """
local function takes_slot(calls, call, most, lease)
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now)
  if redis.call('ZSCORE', calls, call) then return true end
  if redis.call('ZCARD', calls) >= tonumber(most) then return false end
  redis.call('ZADD', calls, now + lease, call)
  redis.call('PEXPIRE', calls, 2 * lease)
  return true
end
"""
"""Of a script: whether a call has a slot now."""


@dataclass(eq=False)
class Slot:
    """The slot of a call that is under way."""

    caller_id: str
    most: int
    """How many calls of that caller may run at the same time."""
    lease: int
    """Milliseconds until it lapses."""
    call: str = field(default_factory=lambda: secrets.token_hex(8))
    key: str = ""
    """Where it was asked for, perhaps in vain."""
    is_taken: bool = False


slot_of_call: ContextVar[Slot | None] = ContextVar("slot_of_call", default=None)
"""The slot of the call that a request is for."""


class RedisCallSlots:
    """So many slots for each caller over all replicas, given in the order of arrival within each.

    While Redis cannot be reached, so many in each process.
    """

    def __init__(self, connection: RedisConnection, most: int) -> None:
        self._connection, self._most = connection, most
        self._here = LocalCallSlots(most)

    @asynccontextmanager
    async def taken(self, caller_id: str, deadline: float) -> AsyncIterator[None]:
        """Let a call take one slot once it needs it, and give it back in the end."""
        async with self._here.taken(caller_id, deadline):  # whoever has to wait here need not ask Redis
            slot = Slot(caller_id, self._most, milliseconds(deadline + _GRACE))
            token = slot_of_call.set(slot)
            try:
                yield
            finally:
                slot_of_call.reset(token)
                if slot.key:
                    self._connection.soon(_GIVE_BACK, [slot.key], slot.call)
