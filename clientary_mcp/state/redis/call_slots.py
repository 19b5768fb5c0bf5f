"""The slots of callers on Redis: how many calls of one caller run at the same time over all replicas.

calls   of each caller, the names of the calls under way, by when their slots lapse
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.call_slots import LocalCallSlots, no_slot
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.polling import polled
from clientary_mcp.state.redis.scripts import Script, milliseconds

_MOST_ALONE = 4
"""Slots of a caller in each process while Redis cannot be reached."""

_GRACE = 30.0
"""Seconds beyond a call's deadline after which its slot lapses, if it was not given back: its process may have died."""

_POLLED_EVERY = 0.02, 0.08

_TAKE = Script("""
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[3])
return 1
""")

_GIVE_BACK = Script("redis.call('ZREM', KEYS[1], ARGV[1])")


class RedisCallSlots:
    """So many slots for each caller over all replicas, given in the order of arrival within each."""

    def __init__(self, connection: RedisConnection, most: int) -> None:
        self._connection, self._most = connection, most
        self._here, self._alone = LocalCallSlots(most), LocalCallSlots(min(most, _MOST_ALONE))

    @asynccontextmanager
    async def taken(self, caller_id: str, deadline: float) -> AsyncIterator[None]:
        """Hold one slot. While Redis cannot be reached, each process has some of its own."""
        key, call = self._connection.key(caller_id, "calls"), secrets.token_hex(8)
        async with self._here.taken(caller_id, deadline):  # whoever has to wait here need not ask Redis
            if not await self._shared(key, call, deadline):
                async with self._alone.taken(caller_id, deadline):
                    yield
                return
            try:
                yield
            finally:
                self._connection.soon(_GIVE_BACK, [key], call)

    async def _shared(self, key: str, call: str, deadline: float) -> bool:
        """Whether a slot of all replicas was taken: False if Redis is not reached, RateLimited if none is free in time.

        The slot of a call that is cancelled meanwhile lapses.
        """
        lease = milliseconds(deadline + _GRACE)

        async def take() -> bool:
            return bool(await self._connection.run(_TAKE, [key], call, self._most, lease))

        if not self._connection.reachable:
            return False
        try:
            with anyio.fail_after(deadline):
                await polled(take, *_POLLED_EVERY)
        except TimeoutError:
            raise no_slot(self._most) from None
        except NotRemembered:
            return False
        return True
