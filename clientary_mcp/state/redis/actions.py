"""What was changed, sealed, on Redis: with `CLIENTARY_UNDO_HOURS` alone.

actions:<caller>                 ids of actions, by when each ended
action:<digest of caller, id>    sealed, taken: who takes it back
"""

import json
import logging
import secrets
from dataclasses import asdict

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.actions import MOST, Action
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.state.store import digest

logger = logging.getLogger(__name__)

_ADD = Script("""
local id, at, sealed, kept, most = unpack(ARGV)
redis.call('HSET', KEYS[2], 'sealed', sealed)
redis.call('PEXPIRE', KEYS[2], kept)
redis.call('ZADD', KEYS[1], at, id)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - most)
redis.call('PEXPIRE', KEYS[1], kept)
""")

_READ = Script("""
local rows = {}
for i, key in ipairs(KEYS) do rows[i] = redis.call('HMGET', key, 'sealed', 'taken') end
return rows
""")

_TAKE = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSETNX', KEYS[1], 'taken', ARGV[1])
return redis.call('HGET', KEYS[1], 'taken') == ARGV[1] and 1 or 0
""")


class RedisActions:
    """The actions of one caller of one account in the last hours."""

    def __init__(self, connection: RedisConnection, account: str, ring: KeyRing, seconds: float, by: str = "") -> None:
        self._connection, self._account, self._ring = connection, account, ring
        self._seconds, self._by = seconds, by

    def of(self, caller: str) -> "RedisActions":
        """The actions of another caller."""
        return RedisActions(self._connection, self._account, self._ring, self._seconds, caller)

    async def add(self, action: Action) -> None:
        """Remember an action for some hours. It has happened, so a store that fails is only logged."""
        sealed = self._ring.seal(json.dumps(asdict(action)).encode(), self._about(action.id))
        keys, kept = [self._list, self._key(action.id)], milliseconds(self._seconds)
        try:
            await self._connection.run(_ADD, keys, action.id, action.at, sealed, kept, MOST)
        except NotRemembered as error:
            logger.warning("A change cannot be taken back later, since it could not be stored: %s", error)

    async def recent(self) -> list[Action]:
        """The actions remembered, newest first."""
        return await self._read(await self._connection.command("ZREVRANGE", self._list, 0, -1))

    async def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""
        return next(iter(await self._read([action_id])), None)

    async def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already, by whatever process."""
        return bool(await self._connection.run(_TAKE, [self._key(action_id)], secrets.token_hex(8)))

    async def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""
        await self._connection.command("HDEL", self._key(action_id), "taken")

    async def _read(self, ids: list[str]) -> list[Action]:
        """Those of the actions that are still there, and sealed with a key that we have."""
        if not ids:
            return []
        rows = await self._connection.run(_READ, [self._key(action_id) for action_id in ids])
        found = []
        for action_id, (sealed, taken) in zip(ids, rows, strict=True):
            if sealed and (detail := self._ring.unseal(sealed, self._about(action_id))):
                found.append(Action.from_json(json.loads(detail), taken_back=taken is not None))
        return found

    @property
    def _list(self) -> str:
        return self._connection.key(self._account, "actions", self._by)

    def _key(self, action_id: str) -> str:
        return self._connection.key(self._account, "action", digest(f"{self._by} {action_id}"))

    def _about(self, action_id: str) -> str:
        return f"action {self._account} {self._by} {action_id}"
