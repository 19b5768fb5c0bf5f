"""Taking what one session alone may have, also from a session whose process has ended."""

import secrets
from collections.abc import Sequence

from clientary_mcp.errors import MemoryUnreachable
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Argument, Script
from clientary_mcp.state.settling import settling


async def take(connection: RedisConnection, script: Script, keys: Sequence[str], *arguments: Argument) -> int | None:
    """The fence of what was taken; None if somebody else has it, or it is not what it was.

    The script gets two more arguments first: the id of this take, and the fence of a holder that has ended. It returns
    `{'taken', fence}`, `{'busy', holder, fence}` or `{'changed'}`.
    """
    attempt, ended = secrets.token_hex(8), ""
    with settling():  # a take that is cancelled on the way would be nobody's, until its lease lapses
        while True:
            outcome, *rest = await connection.run(script, keys, attempt, ended, *arguments)
            if outcome == "taken":
                return int(rest[0])
            if outcome != "busy" or not await connection.has_ended(rest[0]):
                return None
            ended = rest[1]
    raise MemoryUnreachable
