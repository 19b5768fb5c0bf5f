"""What other sessions write meanwhile, the ids of created records, and the questions answered, on Redis.

writes          `[method, list, session, id]`, by when each write ends or ended; for an hour more
made:<list>     ids of records, by until when each is remembered
answered:<id>   the answer that counts
"""

import json
import secrets

from clientary_mcp.durations import HOUR
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.store import digest
from clientary_mcp.state.writes import Kind

_BEGIN = Script("""
local write, most, hour = unpack(ARGV)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - hour)
redis.call('ZADD', KEYS[1], now + most, write)
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), most + hour))
""")

_END = Script("redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])")

_MADE = Script("""
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

_IDS = Script("return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')")

_FIRST = Script("""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
""")


class RedisWrites:
    """The writes of all sessions of one account that are under way, or ended within the last hour."""

    def __init__(self, connection: RedisConnection, account: str) -> None:
        self._connection, self._key = connection, connection.key(account, "writes")

    async def now(self) -> float:
        """The time of Redis, in seconds."""
        seconds, microseconds = await self._connection.command("TIME")
        return int(seconds) + int(microseconds) // 1_000 / 1_000

    async def begin(self, kind: Kind, at_most: float, by: str) -> str:
        """Note a write, and return its name."""
        write = json.dumps([*kind, by, secrets.token_hex(8)])
        await self._connection.run(_BEGIN, [self._key], write, milliseconds(at_most), milliseconds(HOUR))
        return write

    async def end(self, write: int | str | None, after: float = 0.0) -> None:
        """Note that it is over, or will be after that many seconds."""
        self._connection.soon(_END, [self._key], str(write), milliseconds(after))

    async def of_others_since(self, moment: float, by: str) -> list[Kind]:
        """The writes of other sessions that were under way at some time since that moment."""
        rows = await self._connection.command("ZRANGEBYSCORE", self._key, milliseconds(moment), "+inf")
        writes = (json.loads(row) for row in rows)
        return [(method, plural) for method, plural, session, _ in writes if session != by]


class RedisMade:
    """The ids of records of one account that were created within the last hour."""

    def __init__(self, connection: RedisConnection, account: str) -> None:
        self._connection, self._account = connection, account

    async def add(self, plural: str, record_id: int) -> None:
        """Note a record that was created."""
        self._connection.soon(_MADE, [self._key(plural)], record_id, milliseconds(HOUR))

    async def ids(self, plural: str) -> set[int]:
        """The ids of that list's records."""
        return {int(row) for row in await self._connection.run(_IDS, [self._key(plural)])}

    def _key(self, plural: str) -> str:
        return self._connection.key(self._account, "made", plural)


class RedisAnswered:
    """The questions to users of one account that were answered."""

    def __init__(self, connection: RedisConnection, account: str) -> None:
        self._connection, self._account = connection, account

    async def first(self, question: str, seconds: float) -> bool:
        """Whether this is the first answer to a question that is valid for that long."""
        key = self._connection.key(self._account, "answered", digest(question))
        return bool(await self._connection.run(_FIRST, [key], secrets.token_hex(8), milliseconds(seconds)))
