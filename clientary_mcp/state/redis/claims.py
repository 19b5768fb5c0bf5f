"""Claims on Redis: one hash for each call, until it is forgotten.

claim:<digest of the call>   owner, fence, take, state, since, lease, detail, by; `was`: what was known before
made-by:<list>:<record>      the claim of the call that made it
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from clientary_mcp.durations import DAY
from clientary_mcp.errors import NotRemembered, TakenOver
from clientary_mcp.state.claims import Claim
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.fencing import IF_TAKEN, NEXT_FENCE, STILL_THERE, take
from clientary_mcp.state.redis.scripts import Argument, Script, milliseconds
from clientary_mcp.state.store import digest

_STILL_OURS = 100.0
"""Seconds in which a request that was noted must leave. A replica that takes this process for dead, since it is cut off
from Redis, may make the call itself two minutes after that note, and no sooner."""

_FIND = Script("""
local row = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'state', 'since', 'lease', 'detail', 'by')
if not row[1] then return false end
local owner, fence, state, since, lease, detail, by = unpack(row)
return {owner, fence, state, now - since, lease - now, redis.call('PTTL', KEYS[1]), detail, by}
""")

_TAKE = Script(f"""
{STILL_THERE}
{NEXT_FENCE}
local attempt, ended, _, holder, lease, known, by, day = unpack(ARGV)
local row = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'take', 'state', 'lease', 'since', 'detail', 'by')
if row[3] == attempt then return {{'taken', row[2]}} end
local there = ''
if row[1] then
  if row[1] ~= holder and row[2] ~= ended and tonumber(row[5]) > now then return {{'busy', row[1], row[2]}} end
  if row[4] ~= 'claimed' then there = row[2] .. ' ' .. row[4] end
end
if there ~= known then return {{'changed'}} end
local fence = next_fence(KEYS[2])
redis.call('HSET', KEYS[1], 'owner', holder, 'fence', fence, 'take', attempt, 'lease', now + lease)
if known == '' then
  redis.call('HSET', KEYS[1], 'state', 'claimed', 'since', now, 'detail', '{{}}', 'by', by)
  redis.call('HDEL', KEYS[1], 'was')
  redis.call('PEXPIRE', KEYS[1], day)
else  -- what is known stays, until a request is sent
  local state = row[4] == 'done' and 'done' or 'unknown'
  local left = redis.call('PTTL', KEYS[1])
  local was = cjson.encode({{state, row[6], string.format('%.0f', now + left), row[7], row[8], row[2]}})
  redis.call('HSET', KEYS[1], 'state', state, 'was', was)
  redis.call('PEXPIRE', KEYS[1], math.max(left, lease))
end
return {{'taken', fence}}
""")

_SENT = Script(f"""
{IF_TAKEN}
local _, lease, detail, by, day = unpack(ARGV)
redis.call('HSET', KEYS[1], 'state', 'sent', 'since', now, 'lease', now + lease, 'detail', detail, 'by', by)
redis.call('PEXPIRE', KEYS[1], day)
return 'held'
""")

_DONE = Script(f"""
{IF_TAKEN}
local _, left, detail = unpack(ARGV)
redis.call('HSET', KEYS[1], 'state', 'done', 'lease', 0, 'detail', detail)
redis.call('HDEL', KEYS[1], 'was')
redis.call('PEXPIRE', KEYS[1], left)
if KEYS[2] and tonumber(left) > 0 then redis.call('SET', KEYS[2], KEYS[1], 'PX', left) end
return 'held'
""")

_UNKNOWN = Script(f"""
{IF_TAKEN}
redis.call('HSET', KEYS[1], 'state', 'unknown', 'lease', 0)
redis.call('HDEL', KEYS[1], 'was')
redis.call('PEXPIREAT', KEYS[1], redis.call('HGET', KEYS[1], 'since') + ARGV[2])
return 'held'
""")

_RELEASE = Script(f"""
{IF_TAKEN}
local was = redis.call('HGET', KEYS[1], 'was')
if not was then
  redis.call('DEL', KEYS[1])
  return 'held'
end
local state, since, ends, detail, by, fence = unpack(cjson.decode(was))
redis.call('HSET', KEYS[1], 'fence', fence, 'state', state, 'since', since, 'lease', 0)
redis.call('HSET', KEYS[1], 'detail', detail, 'by', by)
redis.call('HDEL', KEYS[1], 'was', 'take')
redis.call('PEXPIREAT', KEYS[1], ends)
return 'held'
""")
"""What was known holds again with its own fence: whoever sent that, and was taken for dead, may still say how it ended.
"""

_DELETED = Script("""
local claim = redis.call('GET', KEYS[1])
if claim and redis.call('HGET', claim, 'detail') == ARGV[1] then redis.call('DEL', claim) end
return redis.call('DEL', KEYS[1])
""")

_DAY = milliseconds(DAY)


@dataclass(frozen=True)
class _Found(Claim):
    """A claim as Redis has it."""

    version: str = field(default="", compare=False)
    """The fence and the state, which `take` compares."""


class RedisClaims:
    """The claims of one account, made by one session of the caller `by`."""

    def __init__(self, connection: RedisConnection, account: str, by: str = "") -> None:
        self._connection, self._account, self._by = connection, account, by
        self._holder = connection.holder()
        self._fences: dict[str, int] = {}
        """The fences of what this session has claimed and not settled, by the key of the call."""

    async def find(self, key: str) -> Claim | None:
        """The earlier call with that key; None if there is none, or it can be made."""
        row = await self._connection.run(_FIND, [self._claim(key)])
        if row is None:
            return None
        owner, fence, state, ago, lease, left, detail, by = row
        wall = self._connection.wall()
        times, version = (wall - ago / 1_000, wall + left / 1_000), f"{fence} {state}"
        if owner != self._holder and lease > 0 and not await self._connection.has_ended(owner):
            return _Found("busy", *times, detail, by, version)
        if state == "claimed":
            return None
        return _Found("done" if state == "done" else "unknown", *times, detail, by, version)

    async def take(self, key: str, lease: float, known: Claim | None) -> bool:
        """Claim a call; False if another session was faster."""
        version = known.version if isinstance(known, _Found) else ""
        keys = [self._claim(key), self._fence]
        fence = await take(
            self._connection, _TAKE, _RELEASE, keys, self._holder, milliseconds(lease), version, self._by, _DAY
        )
        if fence is None:
            return False
        self._fences[key] = fence
        return True

    async def sent(self, key: str, seen: Iterable[int], lease: float) -> float:
        """Note that the request leaves now; TakenOver if another session took the call over."""
        begun = self._connection.wall()
        detail = json.dumps({"seen": sorted(seen)})
        fence, words = self._fences.get(key, 0), (milliseconds(lease), detail, self._by, _DAY)
        _check(await self._connection.run(_SENT, [self._claim(key)], fence, *words, lasting=True))
        return begun + min(lease, _STILL_OURS)

    async def done(self, key: str, seconds: float, plural: str | None = None, made: int | None = None) -> None:
        """Keep for that long that the call succeeded, and which record it made, if any."""
        record = [] if made is None else [self._made_by(plural, made)]
        await self._settle(_DONE, key, milliseconds(seconds), _detail(plural, made), more=record)

    async def unknown(self, key: str) -> None:
        """Keep that the outcome is unknown, for a day from when it was sent."""
        await self._settle(_UNKNOWN, key, _DAY)

    async def release(self, key: str, known: Claim | None) -> None:
        """Forget a call that had no effect; what was `known` of an earlier one holds again: Redis has it."""
        fence = self._fences.pop(key, 0)
        await self._connection.settle(_RELEASE, [self._claim(key)], fence)

    async def deleted(self, plural: str, record_id: int) -> None:
        """Forget the call that made a record, since the same call would make it anew."""
        try:
            await self._connection.run(_DELETED, [self._made_by(plural, record_id)], _detail(plural, record_id))
        except NotRemembered:
            return

    async def _settle(self, script: Script, key: str, *arguments: Argument, more: Iterable[str] = ()) -> None:
        """Note the outcome of a claim, which must still be this session's."""
        _check(await self._connection.settle(script, [self._claim(key), *more], self._fences.pop(key, 0), *arguments))

    @property
    def _fence(self) -> str:
        return self._connection.key(self._account, "fence")

    def _claim(self, key: str) -> str:
        return self._connection.key(self._account, "claim", digest(key))

    def _made_by(self, plural: str | None, record_id: int) -> str:
        return self._connection.key(self._account, "made-by", plural or "", str(record_id))


def _check(outcome: str) -> None:
    """Raise what keeps a call from going on whose claim is no longer this session's."""
    if outcome == "taken":
        raise TakenOver
    if outcome == "gone":
        raise NotRemembered("what it held of this call is gone")


def _detail(plural: str | None, made: int | None) -> str:
    return json.dumps({"made": made, "list": plural})
