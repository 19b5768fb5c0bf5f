"""Previews on Redis, each for a day.

preview:<digest of the id>        call, by, at, items, ended
preview:<digest of the id>:done   the items that were carried out, each with the id of the record that it made
"""

import json
from collections.abc import Mapping

from clientary_mcp.durations import DAY
from clientary_mcp.state.previews import Listed, new_preview_id
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.store import digest

_KEEP = Script("""
local call, by, items, day = unpack(ARGV)
redis.call('HSET', KEYS[1], 'call', call, 'by', by, 'items', items, 'at', now)
redis.call('PEXPIRE', KEYS[1], day)
""")

_FIND = Script("""
local row = redis.call('HMGET', KEYS[1], 'by', 'call', 'items', 'at', 'ended')
if row[1] ~= ARGV[1] then return false end
return {row[2], row[3], now - row[4], row[5] and now - row[5], redis.call('HGETALL', KEYS[2])}
""")

_CARRIED_OUT = Script("""
local by, whole = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[1], 'by') ~= by then return end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
if whole == '1' then redis.call('HSET', KEYS[1], 'ended', now) end
redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
""")


class RedisPreviews:
    """The previews of one caller."""

    def __init__(self, connection: RedisConnection, account: str, by: str = "") -> None:
        self._connection, self._account, self._by = connection, account, by

    async def keep(self, call: str, items: Mapping[str, str]) -> str:
        """Keep what a preview listed. Returns the id that confirms it."""
        preview_id, listed = new_preview_id(), json.dumps(dict(items))
        keys = self._keys(preview_id)[:1]
        await self._connection.run(_KEEP, keys, digest(call), self._by, listed, milliseconds(DAY))
        return preview_id

    async def find(self, preview_id: str) -> Listed | None:
        """What the preview with that id listed; None if the caller has none, or it has expired."""
        row = await self._connection.run(_FIND, self._keys(preview_id), self._by)
        if row is None:
            return None
        call, items, ago, ended, done = row
        wall = self._connection.wall()
        carried_out = {
            json.loads(item): int(made) if made else None for item, made in zip(done[::2], done[1::2], strict=True)
        }
        return Listed(
            call, wall - ago / 1_000, json.loads(items), carried_out, None if ended is None else wall - ended / 1_000
        )

    async def carried_out(self, preview_id: str, done: Mapping[str, int | None], *, whole: bool) -> None:
        """Note what a call carried out, and whether that was the last of it."""
        pairs = [text for item, made in done.items() for text in (json.dumps(item), "" if made is None else str(made))]
        await self._connection.run(_CARRIED_OUT, self._keys(preview_id), self._by, int(whole), *pairs)

    def _keys(self, preview_id: str) -> list[str]:
        name = digest(preview_id)[:16]  # what comes from an agent is no part of a key
        return [self._connection.key(self._account, "preview", *parts) for parts in ((name,), (name, "done"))]
