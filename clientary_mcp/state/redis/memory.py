"""The memory of one account on Redis: what all replicas of a server share."""

from copy import copy

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Actions, RecentActions
from clientary_mcp.state.billed import Billed
from clientary_mcp.state.claims import Claims
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.pace import Pace
from clientary_mcp.state.previews import Previews
from clientary_mcp.state.quotas import Limits, Quotas
from clientary_mcp.state.redis.actions import RedisActions
from clientary_mcp.state.redis.billed import RedisBilled
from clientary_mcp.state.redis.claims import RedisClaims
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.ledger import RedisLedger
from clientary_mcp.state.redis.pace import RedisPace
from clientary_mcp.state.redis.previews import RedisPreviews
from clientary_mcp.state.redis.quotas import RedisQuotas
from clientary_mcp.state.redis.trail import RedisTrail
from clientary_mcp.state.redis.writes import RedisAnswered, RedisMade, RedisWrites
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.state.trail import Trail
from clientary_mcp.state.writes import Answered, MadeHere, SharedWrites


class RedisMemory:
    """The memory of one account. Sessions of several callers may share it in one process: see `of`."""

    outlives_process = True

    def __init__(self, settings: Settings, connection: RedisConnection, account: str, ring: KeyRing) -> None:
        self._settings, self._connection, self._account = settings, connection, account
        hours = settings.undo_hours
        self._actions = RedisActions(connection, account, ring, hours * HOUR) if hours else RecentActions()
        self.caller = ""
        self.actions: Actions = self._actions
        self.claims: Claims = RedisClaims(connection, account)
        self.quotas: Quotas = RedisQuotas(Limits.of(settings), connection, account)
        self.ledger: Ledger = RedisLedger(connection, account)
        self.billed: Billed = RedisBilled(connection, account)
        self.previews: Previews = RedisPreviews(connection, account)
        self.writes: SharedWrites = RedisWrites(connection, account)
        self.made: MadeHere = RedisMade(connection, account)
        self.answered: Answered = RedisAnswered(connection, account)
        self.pace: Pace = RedisPace(connection, account, settings.concurrency, settings.requests_per_second)
        self.trail: Trail | None = RedisTrail(connection, account, ring)

    def of(self, caller: str, settings: Settings) -> "RedisMemory":
        """The same memory for a session of a caller."""
        view, place = copy(self), (self._connection, self._account)
        view.caller = caller
        view.claims = RedisClaims(*place, caller)
        view.quotas = RedisQuotas(Limits.of(self._settings, settings), *place, caller)
        view.previews = RedisPreviews(*place, caller)
        view.actions = self._actions.of(caller)
        return view

    def describe(self) -> str:
        """Where Redis is, without user or password."""
        return self._connection.describe()

    async def check(self) -> str | None:
        """Why nothing can be remembered; None if it works."""
        try:
            await self._connection.command("PING")
        except NotRemembered as error:
            return str(error)
        return None

    def rest(self) -> bool:
        """True: all of it is on Redis."""
        return True

    async def aclose(self) -> None:
        """Nothing: the connection serves all accounts, and who opened it closes it."""


def redis_memory(settings: Settings, connection: RedisConnection, account_id: str, ring: KeyRing) -> Memory:
    """The memory of the account with that id, on an open connection; `ring` seals what can be read of records."""
    return RedisMemory(settings, connection, account_id, ring)
