"""The pace on Redis: all replicas of a server share the places and the rate of an account.

pace     places, gap, next, hold, good, refused_at, refused_start: what LocalPace keeps, times in milliseconds of Redis;
         wanted: until when somebody waits for a place
places   names of the requests under way, by when their places are given to others
"""

import math
import random
import secrets
from math import inf

import anyio

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.call_slots import no_slot
from clientary_mcp.state.pace import (
    ANSWERS_PER_PLACE,
    FEWEST_PLACES,
    FIRST_GAP,
    LONGEST_GAP,
    LONGEST_HOLD,
    NO_PLACE,
    NO_TURN,
    RECOVERY,
    WAITING_FOR_PLACE,
    Lines,
    LocalPace,
    NoTurnInTime,
    Turn,
    Waiter,
    is_recent,
    least_gap,
    longest_held,
)
from clientary_mcp.state.redis.call_slots import TAKE_SLOT, Slot, slot_of_call
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.polling import polled
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.settling import settling

_POLLED_EVERY = 0.003, 0.012
"""Seconds. The place that a process gave back is polled for too: else it would always be that process's next request
that gets it, and never another's."""

_WANTED = 0.025
"""Seconds for which a request that had no place is taken to wait for one: longer than it sleeps between two tries."""

_SLOT_POLLED_EVERY = 0.02, 0.08

_NO_SLOT, _FULL, _LATE = "no slot", "full", "late"

_BEGIN = Script(f"""
{TAKE_SLOT}
local member, most, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local held, left, is_new = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local pace = redis.call('HMGET', KEYS[1], 'places', 'gap', 'next', 'hold', 'refused_at', 'wanted')
local refused = pace[5] and now - pace[5] or -1
if KEYS[3] and not takes_slot(KEYS[3], unpack(ARGV, 7)) then return {{'no slot', 0, 0, refused}} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local lease = redis.call('ZSCORE', KEYS[2], member)
if lease then return {{'', lease - held, lease - held - now, refused}} end
local is_full = redis.call('ZCARD', KEYS[2]) >= math.min(tonumber(pace[1]) or most, most)
if is_full or is_new and now < (tonumber(pace[6]) or 0) then
  redis.call('HSET', KEYS[1], 'wanted', now + {milliseconds(_WANTED)})
  redis.call('PEXPIRE', KEYS[1], 3600000)
  return {{'full', 0, 0, refused}}
end
local gap, hold = math.max(tonumber(pace[2]) or 0, least), tonumber(pace[4]) or 0
local free = math.max(now, tonumber(pace[3]) or 0)
local start = math.max(free, hold)
if start > now and start - now >= left then return {{'late', 0, start - now, refused}} end
redis.call('HSET', KEYS[1], start > free and 'hold' or 'next', start + gap)
redis.call('ZADD', KEYS[2], start + held, member)
redis.call('PEXPIRE', KEYS[1], 3600000)
redis.call('PEXPIRE', KEYS[2], 3600000)
return {{'', start, start - now, refused}}
""")
"""Why there is no turn, or nothing; its start and the milliseconds until then; those since the last 429, or -1.

With a third key the first request of a call takes the slot of its call, too.

`LocalPace` does the same in one process. While requests wait for a place, in whatever process, a new one gets none: it
would be faster than all of them, above all in the process that gave the place back. A place given to a request is a
lease: it lapses when it is given to another.

With a third key the first request of a call takes the slot of its call, too.
"""

_DONE = Script(f"""
local member, outcome, start, asked = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local most, fewest, least = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local held = redis.call('ZREM', KEYS[2], member) == 1
if outcome == '' or outcome == 'accepted' and not held then return end
local pace = redis.call('HMGET', KEYS[1], 'places', 'gap', 'hold', 'good', 'refused_at', 'refused_start')
local places, gap = math.min(tonumber(pace[1]) or most, most), math.max(tonumber(pace[2]) or 0, least)
local hold, good = tonumber(pace[3]) or 0, tonumber(pace[4]) or 0
local refused_at, refused_start = tonumber(pace[5]) or -1, tonumber(pace[6]) or -1
if outcome == 'refused' then
  hold = math.max(hold, now + asked)
  if start >= refused_at then
    good, places = 0, math.max(fewest, math.floor(places / 2))
    gap = math.min(math.max(2 * gap, {milliseconds(FIRST_GAP)}), {milliseconds(LONGEST_GAP)})
  end
  redis.call('HSET', KEYS[1], 'refused_at', now, 'refused_start', start)
else
  if start > refused_start and least == 0 then hold = 0 end
  good = good + 1
  gap = math.max(least, gap > {milliseconds(FIRST_GAP) // 10} and math.floor(gap * {RECOVERY}) or 0)
  if good % {ANSWERS_PER_PLACE} == 0 and places < most then places = places + 1 end
end
redis.call('HSET', KEYS[1], 'places', places, 'gap', gap, 'hold', hold, 'good', good)
redis.call('PEXPIRE', KEYS[1], 3600000)
""")
"""Run again it changes nothing: the place is gone then, and a second 429 of the same start does not count."""


class RedisPace:
    """The pace of one account over all replicas.

    While Redis cannot be reached, reads have one place in each process, and writes are refused.
    """

    def __init__(self, connection: RedisConnection, account: str, concurrency: int, per_second: float) -> None:
        self.connection, self._account = connection, account
        self._keys = [connection.key(account, "pace"), connection.key(account, "places")]
        self._most, self._fewest = concurrency, min(FEWEST_PLACES, concurrency)
        self._least_gap = math.ceil(least_gap(per_second) * 1_000)
        self._alone = LocalPace(1, per_second)
        self._lines, self._queue = Lines(), anyio.Lock()
        self._refused_at = -inf

    async def begin(self, waiter: Waiter, *, writes: bool) -> Turn:
        """Wait for a place, and take the next turn of all replicas."""
        if writes or self.connection.reachable:
            try:
                return await self._shared(waiter)
            except NotRemembered:
                if writes:
                    raise
        return await self._alone.begin(waiter, writes=False)

    async def done(self, turn: Turn, waiter: Waiter, accepted: bool | None, hold: float = 0.0) -> None:
        """Give the place back, and adapt, for all replicas. If Redis is not reached, the place lapses."""
        if accepted is False:
            self._refused_at = waiter.clock.now()
        if not turn.member:
            await self._alone.done(turn, waiter, accepted, hold)
        else:
            outcome = "" if accepted is None else "accepted" if accepted else "refused"
            asked = milliseconds(min(hold, LONGEST_HOLD))
            limits = (self._most, self._fewest, self._least_gap)
            self.connection.soon(_DONE, self._keys, turn.member, outcome, milliseconds(turn.start), asked, *limits)
            if accepted is False:  # the next request, of whatever replica, must know of it
                with settling():
                    await self.connection.flush()

    def limited(self, waiter: Waiter) -> bool:
        """Whether a response within the last minute, as far as is known of all replicas, was a 429."""
        return is_recent(self._refused_at, waiter)

    async def _shared(self, waiter: Waiter) -> Turn:
        """A turn by the clock of Redis. The place of one that is cancelled meanwhile lapses."""
        turn, slot = Turn(member=secrets.token_hex(8)), slot_of_call.get()
        if slot and not slot.is_taken:
            if await self._with_slot(slot, turn, waiter):
                return turn
        elif not self._queue.locked() and await self._reserve(turn, waiter, is_new=True):
            return turn
        is_first = not self._queue.locked()
        with anyio.move_on_after(waiter.left):
            await waiter.report(None, WAITING_FOR_PLACE)
            with waiter.waiting():
                async with self._lines.of(waiter.caller), self._queue:
                    if is_first:  # it has only just been told that there is none
                        await anyio.sleep(random.uniform(*_POLLED_EVERY))  # noqa: S311 - keeps no secret
                    await polled(lambda: self._reserve(turn, waiter), *_POLLED_EVERY)
            return turn
        raise NoTurnInTime(NO_PLACE)

    async def _with_slot(self, slot: Slot, turn: Turn, waiter: Waiter) -> bool:
        """Whether the first request of a call had a place at once; RateLimited if the call has no slot in time.

        A call that waits for its slot does so outside the queue, where it would keep other callers waiting, and joins
        the queue's end afterwards.
        """
        slot.key = self.connection.key(self._account, "calls", slot.caller_id)
        if not self._queue.locked() and await self._reserve(turn, waiter, slot, is_new=True):
            return True

        async def attempt() -> bool:
            await self._reserve(turn, waiter, slot, places=0)
            return slot.is_taken

        if not slot.is_taken:
            with anyio.move_on_after(waiter.left), waiter.waiting():
                await polled(attempt, *_SLOT_POLLED_EVERY)
            if not slot.is_taken:
                raise no_slot(slot.most)
        return False

    async def _reserve(
        self,
        turn: Turn,
        waiter: Waiter,
        slot: Slot | None = None,
        *,
        places: int | None = None,
        is_new: bool = False,
    ) -> bool:
        """Whether there was a place for the request; NoTurnInTime if its time comes too late.

        With a `slot` it takes that first; of no `places`, the slot alone.
        """
        keys, most = self._keys, self._most if places is None else places
        of_slot: tuple[str | int, ...] = ()
        if slot:
            keys, of_slot = [*keys, slot.key], (slot.call, slot.most, slot.lease)
        times = (milliseconds(longest_held(waiter)), milliseconds(waiter.left))
        limits = (most, self._least_gap, *times, int(is_new))
        answer = await self.connection.run(_BEGIN, keys, turn.member, *limits, *of_slot)
        problem, start, wait, since_refused = answer
        if slot:
            slot.is_taken = problem != _NO_SLOT
        if since_refused >= 0:
            self._refused_at = max(self._refused_at, waiter.clock.now() - since_refused / 1_000)
        if problem == _LATE:
            raise NoTurnInTime(NO_TURN, wait / 1_000)
        turn.start, turn.wait = start / 1_000, wait / 1_000
        return problem not in (_FULL, _NO_SLOT)
