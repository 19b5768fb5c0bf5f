"""Quotas on Redis: what was sent in the last hour, one sorted set for each kind, and one more for each caller.

quota:<kind>            ids of what was sent, by when
quota:<kind>:<caller>   the same of a caller that has limits of its own
"""

import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import ClientaryError, NotRemembered
from clientary_mcp.state.quotas import Limits
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.settling import settling

_COUNT = Script("""
local sending, hour = ARGV[1], tonumber(ARGV[2])
if sending ~= '' and redis.call('ZSCORE', KEYS[1], sending) then return false end
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - hour)
  local most = tonumber(ARGV[i + 2])
  if most == 0 then return {i - 1, -1} end
  local last = redis.call('ZRANGE', key, -most, -most, 'WITHSCORES')[2]
  if last then return {i - 1, last + hour - now} end
end
if sending == '' then return false end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, sending)
  redis.call('PEXPIRE', key, hour)
end
return false
""")
"""Which limit is reached, and in how many milliseconds it is no more; else nothing, and what is sent is counted.

More than the limit may have been sent, before it was lowered.
"""

_SPENT = Script("""
local counts = {}
for i, key in ipairs(KEYS) do counts[i] = redis.call('ZCOUNT', key, '(' .. (now - tonumber(ARGV[1])), '+inf') end
return counts
""")
"""How many were sent in the last hour, by limit."""

_TAKE_BACK = Script("for _, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[1]) end")


class RedisQuotas:
    """What was sent of one account, and what of it by the caller `by`."""

    def __init__(self, limits: Limits, connection: RedisConnection, account: str, by: str = "") -> None:
        self._limits, self._connection, self._account, self._by = limits, connection, account, by

    async def check(self, kinds: Iterable[str]) -> None:
        """BlockedByOwner when one more of these kinds would be too many; other kinds have no limit."""
        if limited := sorted(self._limits.account.keys() & set(kinds)):
            await self._count("", limited)

    @asynccontextmanager
    async def spend(self, kind: str | None) -> AsyncIterator[None]:
        """Count what is sent inside towards the quota of that kind, None for no quota, unless it has no effect."""
        if kind is None:
            yield
            return
        sending = secrets.token_hex(8)
        await self._count(sending, [kind])
        try:
            yield
        except ClientaryError as failure:
            if failure.effect in ("not sent", "unchanged"):
                keys = [key for key, *_ in self._counted(kind)]
                with suppress(NotRemembered), settling():  # after an hour it counts no more
                    await self._connection.run(_TAKE_BACK, keys, sending)
            raise

    async def left(self) -> Mapping[str, int]:
        """How many more of each kind may be sent now."""
        limits = [(kind, key, most) for kind in self._limits.account for key, most, _ in self._counted(kind)]
        counts = await self._connection.run(_SPENT, [key for _, key, _ in limits], milliseconds(HOUR))
        left: dict[str, int] = {}
        for (kind, _, most), spent in zip(limits, counts, strict=True):
            left[kind] = min(left.get(kind, most), max(most - spent, 0))
        return left

    async def _count(self, sending: str, kinds: Iterable[str]) -> None:
        counted = [(key, kind, most, own) for kind in kinds for key, most, own in self._counted(kind)]
        limits = [most for _, _, most, _ in counted]
        reached = await self._connection.run(_COUNT, [key for key, *_ in counted], sending, milliseconds(HOUR), *limits)
        if reached is not None:
            number, again_in = reached
            _, kind, _, own = counted[number]
            raise self._limits.reached(kind, None if again_in < 0 else again_in / 1_000, own=own)

    def _counted(self, kind: str) -> Iterator[tuple[str, int, bool]]:
        """Each limit: the key of what counts towards it, how many it allows, and whether it is the caller's own."""
        yield self._connection.key(self._account, "quota", kind), self._limits.account[kind], False
        if self._limits.caller is not None:
            yield self._connection.key(self._account, "quota", kind, self._by), self._limits.caller[kind], True
