"""Key-values on Redis: what callers sign in with, over all replicas. The vault seals what may not be read there.

The keys of the vault stand beside those of accounts, which begin with a brace.
"""

import re

from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import PREFIX, Script, milliseconds

_AT_ONCE = 1_000

_COUNT = Script("""
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
""")


class RedisKeyValues:
    """Texts by key. NotRemembered where Redis cannot be reached.

    Whatever is asked again because its answer was lost errs on the safe side: an event counts twice, `take` finds
    nothing, and `put` with `only_new` reports that there was a value.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def get(self, key: str) -> str | None:
        """The value; None if there is none, or it has expired."""
        value: str | None = await self._connection.command("GET", PREFIX + key)
        return value

    async def get_all(self, *keys: str) -> list[str | None]:
        """The values of several keys, asked for at once."""
        values: list[str | None] = await self._connection.command("MGET", *(PREFIX + key for key in keys))
        return values

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """Keep a value for so long, None for good; with `only_new` only if there is none. Whether it was kept."""
        if seconds is not None and seconds <= 0:
            return False
        words: list[str | int] = [] if seconds is None else ["PX", max(1, milliseconds(seconds))]
        words += ["NX"] if only_new else []
        return bool(await self._connection.command("SET", PREFIX + key, value, *words))

    async def take(self, key: str) -> str | None:
        """The value, which is gone afterwards: of several that take it, one gets it."""
        value: str | None = await self._connection.command("GETDEL", PREFIX + key)
        return value

    async def delete(self, *keys: str) -> None:
        """Forget values."""
        if keys:
            await self._connection.command("DEL", *(PREFIX + key for key in keys))

    async def count(self, key: str, seconds: float) -> int:
        """Count an event, and return how many there were since the first, which is forgotten after so many seconds."""
        return int(await self._connection.run(_COUNT, [PREFIX + key], max(1, milliseconds(seconds))))

    async def keys(self, prefix: str) -> list[str]:
        """The keys that begin with a text, in alphabetical order."""
        pattern = re.sub(r"([*?\[\]^\\])", r"\\\1", PREFIX + prefix) + "*"
        found: set[str] = set()
        cursor = 0
        while True:
            cursor, keys = await self._connection.command("SCAN", cursor, "MATCH", pattern, "COUNT", _AT_ONCE)
            found.update(key.removeprefix(PREFIX) for key in keys)
            if not int(cursor):
                return sorted(found)
