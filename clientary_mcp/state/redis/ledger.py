"""The ledger of jobs on Redis.

turn:<digest of the job>    owner, fence, take; until its lease lapses
step:<digest of the step>   state, since; for a day
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio

from clientary_mcp.durations import DAY
from clientary_mcp.errors import ClientaryError, NotRemembered, TakenOver, Unavailable
from clientary_mcp.state.ledger import BETWEEN_TRIES, TAKEN, Check, Step, Wait
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.fencing import IF_TAKEN, NEXT_FENCE, STILL_THERE, take
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.settling import settling
from clientary_mcp.state.store import digest

_TAKE_TURN = Script(f"""
{STILL_THERE}
{NEXT_FENCE}
local attempt, ended, _, holder, lease = unpack(ARGV)
local row = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'take')
if row[3] == attempt then return {{'taken', row[2]}} end
if row[1] and row[1] ~= holder and row[2] ~= ended then return {{'busy', row[1], row[2]}} end
local fence = next_fence(KEYS[2])
redis.call('HSET', KEYS[1], 'owner', holder, 'fence', fence, 'take', attempt)
redis.call('PEXPIRE', KEYS[1], lease)
return {{'taken', fence}}
""")

_END_TURN = Script(f"""
{IF_TAKEN}
redis.call('DEL', KEYS[1])
""")

_SEND_STEPS = Script("""
local day, turns = ARGV[1], #ARGV - 1
for i = 1, turns do
  if redis.call('HGET', KEYS[i], 'fence') ~= ARGV[i + 1] then return 0 end
end
for i = turns + 1, #KEYS do
  redis.call('HSET', KEYS[i], 'state', 'sent', 'since', now)
  redis.call('PEXPIRE', KEYS[i], day)
end
return 1
""")
"""Note steps as sent, while all of the turns are still ours. The keys of the turns come first."""

_KEEP_STEPS = Script("""
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'state', 'done') end
end
""")

_FIND_STEP = Script("""
local row = redis.call('HMGET', KEYS[1], 'state', 'since')
return row[1] and {row[1], now - row[2]}
""")


class RedisLedger:
    """The ledger of one account. All sessions of a process that share the memory share this, too: see `turn`."""

    def __init__(self, connection: RedisConnection, account: str) -> None:
        self._connection, self._account = connection, account
        self._holder = connection.holder()
        self._locks: dict[str, anyio.Lock] = {}
        self._turns: dict[str, int] = {}
        """The fences of the turns that this process has taken and not yet ended, by key."""

    @asynccontextmanager
    async def turn(self, job: str, wait: Wait, lease: float) -> AsyncIterator[Check]:
        """Run calls for the same job one at a time, over all processes; Unavailable if the turn comes too late."""
        lock, key = self._locks.setdefault(job, anyio.Lock()), self._key("turn", job)
        keys = [key, self._connection.key(self._account, "fence")]
        try:
            async with lock:
                while True:
                    fence = await take(self._connection, _TAKE_TURN, _END_TURN, keys, self._holder, milliseconds(lease))
                    if fence is not None:
                        break
                    if not await wait(BETWEEN_TRIES, "another process works on the same job"):
                        raise Unavailable(TAKEN, "Try again in a minute.", effect="not sent")
                self._turns[key] = fence
                try:
                    yield partial(self._check, key, fence)
                finally:
                    del self._turns[key]
                    with suppress(NotRemembered), settling():  # then it ends when Redis is back, or with its lease
                        await self._connection.settle(_END_TURN, [key], fence)
        finally:
            if not lock.statistics().tasks_waiting and not lock.locked():
                self._locks.pop(job, None)

    async def _check(self, key: str, fence: int) -> None:
        if await self._connection.command("HGET", key, "fence") != str(fence):
            raise TakenOver(TAKEN)

    async def find(self, step: str) -> Step | None:
        """The step with that name, if it was sent in the last day and had an effect or may have had one."""
        row = await self._connection.run(_FIND_STEP, [self._key("step", step)])
        return None if row is None else Step(row[0], self._connection.wall() - row[1] / 1_000)

    @asynccontextmanager
    async def step(self, *steps: str, keep: bool = False) -> AsyncIterator[None]:
        """One write of a job: noted before it is sent, and kept if its outcome is unknown, or with `keep`."""
        keys, turns = [self._key("step", step) for step in steps], self._turns.copy()
        day = milliseconds(DAY)
        if not await self._connection.run(_SEND_STEPS, [*turns, *keys], day, *turns.values(), lasting=True):
            raise TakenOver(TAKEN)  # this process stood still for so long that another one took its turn
        try:
            yield
        except ClientaryError as failure:
            if failure.effect != "unknown":
                await self._settled(_FORGET_STEPS, keys)
            raise
        await self._settled(_KEEP_STEPS if keep else _FORGET_STEPS, keys)

    async def _settled(self, script: Script, keys: Sequence[str]) -> None:
        """Note an outcome; if that fails, the steps stay sent, which is the safe side."""
        with suppress(NotRemembered), settling():
            await self._connection.run(script, keys)

    def _key(self, kind: str, name: str) -> str:
        return self._connection.key(self._account, kind, digest(name))


_FORGET_STEPS = Script("for _, key in ipairs(KEYS) do redis.call('DEL', key) end")
