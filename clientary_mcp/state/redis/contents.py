"""What Redis holds of each account: counted, and forgotten, for an operator who asks."""

import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import PREFIX, Script

_TABLES = {
    "claim": "claims",
    "step": "ledger",
    "billed": "billed",
    "turn": "turns",
    "quota": "spent",
    "preview": "previews",
    "answered": "answered",
    "writes": "writes",
    "made": "made",
    "action": "actions",
    "trail": "trail",
}
"""The table of `Store` that holds on SQLite what keys of that kind hold here."""

_PARTS = {"made-by", "billed-order", "actions"}
"""Kinds of keys that belong to others, and go with them."""

_SIZES = {"zset": "ZCARD", "stream": "XLEN", "hash": "HLEN"}
_AT_ONCE = 1_000

_FORGET_CLAIM = Script("""
local row = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'lease')
if row[1] and row[2] ~= ARGV[1] and tonumber(row[3]) > now then return {row[1], row[2]} end
redis.call('DEL', KEYS[1])
return false
""")
"""Delete a claim, unless a call is at work on it whose fence is not that of one that has ended."""

_FORGET_ENDED = Script("redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)")


async def contents(connection: RedisConnection) -> dict[str, dict[str, int]]:
    """How much is remembered of each account, by its id and the tables of `Store`."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    async for account, kind, key in _keys(connection, "*"):
        if table := _TABLES.get(kind):
            found[account][table] += await _size(connection, kind, key)
    return {account: {table: counts[table] for table in _TABLES.values()} for account, counts in sorted(found.items())}


async def forget(connection: RedisConnection, account_id: str) -> None:
    """Delete what is remembered of an account, but for calls, jobs and writes that a living process is at work on."""
    async for _, kind, key in _keys(connection, account_id):
        if kind == "claim":
            await _forget_claim(connection, key)
        elif kind == "writes":
            await connection.run(_FORGET_ENDED, [key])
        elif kind in _PARTS or (kind in _TABLES and kind != "turn"):  # a turn lapses with its lease
            await connection.command("DEL", key)


async def _forget_claim(connection: RedisConnection, key: str) -> None:
    ended = ""
    while holder := await connection.run(_FORGET_CLAIM, [key], ended):
        if not await connection.has_ended(holder[0]):
            return
        ended = holder[1]


async def _size(connection: RedisConnection, kind: str, key: str) -> int:
    """How many things a key holds; 0 for what counts with another key."""
    about = key.partition("}:")[2].split(":")
    if (kind == "quota" and len(about) > 2) or (kind == "preview" and about[-1] == "done"):
        return 0
    if kind == "billed" and len(about) == 1:
        return 0
    if kind not in ("quota", "writes", "made", "trail", "billed"):
        return 1
    command = _SIZES.get(await connection.command("TYPE", key))
    return int(await connection.command(command, key)) if command else 0


async def _keys(connection: RedisConnection, account: str) -> AsyncIterator[tuple[str, str, str]]:
    """The account, the kind and the name of each key of that account, or of all with `*`."""
    cursor = 0
    seen: set[str] = set()
    while True:
        cursor, keys = await connection.command("SCAN", cursor, "MATCH", f"{PREFIX}{{{account}}}:*", "COUNT", _AT_ONCE)
        for key in sorted({*keys} - seen):
            if match := re.fullmatch(re.escape(PREFIX) + r"\{([0-9a-f]{16})\}:([a-z-]+)(:.*)?", key, re.DOTALL):
                yield match[1], match[2], key
        seen |= {*keys}
        if not int(cursor):
            return
