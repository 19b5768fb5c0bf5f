"""Taking what one session alone may have, also from a session whose process has ended."""

import secrets
from collections.abc import Sequence

from clientary_mcp.errors import MemoryUnreachable
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.continuity import MARK
from clientary_mcp.state.redis.scripts import Argument, Script
from clientary_mcp.state.settling import settling

NEXT_FENCE = """
local function next_fence(counter)
  redis.call('SET', counter, string.format('%.0f', now), 'NX')  -- so that it grows also after Redis has lost it
  local fence = redis.call('INCR', counter)
  redis.call('PEXPIRE', counter, 172800000)  -- two days: longer than anything that is claimed
  return fence
end
"""
"""Of a script that takes something: the number that tells this take from all others of the account."""

STILL_THERE = "if redis.call('GET', KEYS[3]) ~= ARGV[3] then return {'lost'} end"
"""Of a script that takes something: Redis has not lost what it held, among which may be what is taken here."""

IF_TAKEN = """
local held = redis.call('HMGET', KEYS[1], 'fence', 'take')
if held[1] ~= ARGV[1] and held[2] ~= ARGV[1] then return held[1] and 'taken' or 'gone' end
"""
"""Of a script that changes what was taken: it is still that of the take with this fence, or with this id."""


async def take(
    connection: RedisConnection,
    script: Script,
    give_back: Script,
    keys: Sequence[str],
    holder: str,
    lease: int,
    *arguments: Argument,
) -> int | None:
    """The fence of what was taken; None if somebody else has it, or it is not what it was.

    `keys` are that of what is taken and that of the fences; `holder` takes it for `lease` milliseconds. The script gets
    three more arguments first: the id of this take, the fence of a holder that has ended, and what it needs to know
    whether all is `STILL_THERE`. It returns `{'taken', fence}`, `{'busy', holder, fence}`, `{'changed'}` or `{'lost'}`.
    `give_back` gets the two keys, and the id.
    """
    attempt, ended = secrets.token_hex(8), ""
    with settling():  # a take that is cancelled on the way would be nobody's, until its lease lapses
        while True:
            memory = connection.continuity
            memory.check(lease / 1_000)
            asked = (attempt, ended, memory.mark, holder, lease, *arguments)
            try:
                outcome, *rest = await connection.run(script, [*keys, MARK], *asked)
            except MemoryUnreachable:
                connection.soon(give_back, keys, attempt)  # Redis may have run it
                raise
            if outcome == "taken":
                return int(rest[0])
            if outcome == "lost":
                await connection.look()
                continue
            if outcome != "busy" or not await connection.has_ended(rest[0]):
                return None
            ended = rest[1]
    raise MemoryUnreachable
