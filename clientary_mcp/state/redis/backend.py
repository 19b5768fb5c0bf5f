"""The backend on Redis, which all replicas of a server share."""

from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.backend import Problem
from clientary_mcp.state.call_slots import CallSlots
from clientary_mcp.state.identity import identify, identity_key, is_shared
from clientary_mcp.state.key_values import KeyValues
from clientary_mcp.state.memories import Memories
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.call_slots import RedisCallSlots
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.contents import contents, forget
from clientary_mcp.state.redis.fitness import facts
from clientary_mcp.state.redis.key_values import RedisKeyValues
from clientary_mcp.state.redis.memory import redis_memory
from clientary_mcp.state.sealing import KeyRing


class RedisBackend:
    """One connection for all accounts."""

    def __init__(self, url: str, ring: KeyRing) -> None:
        self.ring = ring
        self._connection = RedisConnection(url)
        self.wall = self._connection.wall
        self.values: KeyValues = RedisKeyValues(self._connection)
        self.identity = b""
        self._memories = Memories(lambda settings, account: redis_memory(settings, self._connection, account, ring))

    @property
    def persistent(self) -> bool:
        """Whether Redis remembers beyond its own restart."""
        return self._connection.persistent

    async def open(self, *, serves: bool = True, makes: bool = True) -> None:
        """Connect; SettingsError if Redis is not reached or unfit, or its keys are others."""
        await self._connection.open()
        try:
            self.identity = await identity_key(self.values, self.ring)
        except BaseException:
            await self._connection.aclose()
            raise

    def memory(self, settings: Settings) -> Memory:
        """The memory of an account."""
        return self._memories.take(identify(self.identity, settings.address), settings)

    def release(self, settings: Settings) -> None:
        """End one use of it."""
        self._memories.give_back(identify(self.identity, settings.address))

    def slots(self, most: int) -> CallSlots:
        """Slots over all replicas."""
        return RedisCallSlots(self._connection, most)

    async def problem(self) -> Problem | None:
        """Whether Redis has been out of reach for some seconds, or others use keys that are not ours."""
        if not self._connection.healthy:
            return "store"
        try:
            return None if await is_shared(self.values, self.ring, self.identity) else "keys"
        except NotRemembered:
            return None  # it has only just gone, and may be back at once

    def describe(self) -> str:
        """Where Redis is, without user or password."""
        return self._connection.describe()

    async def facts(self) -> dict[str, str]:
        """What Redis says of itself, and how many servers use it."""
        servers = await self.values.keys("alive:")
        return {**facts(await self._connection.info()), "servers": str(len(servers) - 1)}

    async def contents(self) -> dict[str, dict[str, int]]:
        """What Redis holds of each account."""
        return await contents(self._connection)

    async def forget(self, account_id: str) -> None:
        """Delete the keys of an account."""
        await forget(self._connection, account_id)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()
