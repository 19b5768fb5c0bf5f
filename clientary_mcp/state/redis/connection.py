"""The connection to the Redis that all replicas share: scripts, the heartbeat, and whether Redis can be reached.

Each process has a random name and keeps a key with it alive: for 15 s, renewed every 5 s. An owner whose key is gone
has ended. What it had claimed and not sent is free; what it had sent is of unknown outcome. A living process that
cannot renew its key (Redis is gone, or the process stood still) is taken for dead as well, and cannot know it. So every
take gives out a new fence, a number that only grows, and what is sent, settled or released afterwards must still hold
it: whoever lost a claim meanwhile is told TakenOver, and sends nothing. Fences begin with the time, so that they grow
also after Redis has lost its keys.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from redis import exceptions
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from clientary_mcp.errors import MemoryUnreachable, NotRemembered, SettingsError
from clientary_mcp.observe import observer
from clientary_mcp.state.redis.continuity import Continuity
from clientary_mcp.state.redis.fitness import check_fitness, is_persistent
from clientary_mcp.state.redis.riders import Rider, Riders
from clientary_mcp.state.redis.scripts import PREFIX, Argument, Script, account_of
from clientary_mcp.state.redis.store_clock import StoreClock
from clientary_mcp.state.redis.url import CONNECTIONS, SECONDS, client_of, close, without_login

logger = logging.getLogger(__name__)

AnswerT = TypeVar("AnswerT")

ALIVE = 15.0
"""Seconds after which a process that did not renew its key has ended."""

_RENEWED_EVERY, _RETRIED_EVERY = 5.0, 1.0
_UNHEALTHY_AFTER = 5.0
_FOR_REPLICA = 200
"""Milliseconds to wait until a replica of Redis has what was written."""

_GONE = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, OSError)
"""Errors of a Redis that cannot be reached; one that only reads has just become a replica of another."""


class RedisConnection:
    """One process's connection. `now` is its monotonic clock; `sleep` waits between beats.

    `wall` tells the time of what Redis holds; without it, Redis does.
    """

    def __init__(
        self,
        url: str,
        *,
        wall: Callable[[], float] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client_of(url)
        self._place = without_login(url)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._clock = StoreClock()
        self.wall, self._now, self._sleep = wall or self._clock, now, sleep
        self.owner = secrets.token_hex(8)
        """The random name of this process."""
        self.persistent = False
        """Whether Redis remembers beyond its own restart."""
        self.continuity = Continuity(now)
        self._holders = count()
        self._reached, self._failing = now(), False
        self._replicas = 0
        self._riders = Riders(self.flush, now)
        self._heartbeat: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and begin the heartbeat. SettingsError if Redis is not reached, does not let us in, or is unfit."""
        try:
            info = await self._answered(self._client.info)
            check_fitness(info, self._place)
            self.persistent = is_persistent(info)
            await self._renew()
        except AuthenticationError:
            await self.aclose()
            raise SettingsError(
                f"CLIENTARY_STORE: the Redis at {self._place} does not accept the user or the password."
            ) from None
        except (RedisError, OSError) as error:
            await self.aclose()
            refused = isinstance(error, ResponseError)
            why = f"refuses a command ({_reason(error)})" if refused else "cannot be reached"
            raise SettingsError(f"CLIENTARY_STORE: the Redis at {self._place} {why}.") from None
        except SettingsError:
            await self.aclose()
            raise
        self._heartbeat = asyncio.create_task(self._beat())

    async def aclose(self) -> None:
        """End the heartbeat, say that this process has ended, and close the connections."""
        await self._riders.aclose()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            with suppress(asyncio.CancelledError):
                await self._heartbeat
            self._heartbeat = None
            with suppress(RedisError, OSError):
                await self._answered(lambda: self._client.delete(_alive(self.owner)))
        with suppress(RedisError, OSError):
            await close(self._client)

    @property
    def healthy(self) -> bool:
        """Whether Redis was reached within the last seconds; while it is not asked for anything, the heartbeat asks."""
        return not self._failing or self._now() - self._reached <= _UNHEALTHY_AFTER

    @property
    def reachable(self) -> bool:
        """Whether Redis answered the last time it was asked; while it does not, the heartbeat asks."""
        return not self._failing

    def describe(self) -> str:
        """Where Redis is, without user or password."""
        return self._place

    async def info(self) -> Mapping[str, Any]:
        """What Redis says of itself; NotRemembered as for `run`."""
        info: Mapping[str, Any] = await self._remembering(self._client.info)
        return info

    def key(self, account: str, *parts: str) -> str:
        """A key of one account: `clientary:1:{account}:part:part`. All of an account's are of one slot of a cluster."""
        return f"{PREFIX}{{{account}}}:{':'.join(parts)}"

    def holder(self) -> str:
        """A new name of one who claims things in this process."""
        return f"{self.owner}.{next(self._holders)}"

    async def has_ended(self, holder: str) -> bool:
        """Whether the process of that holder has ended; one that cannot renew its key counts as ended."""
        owner = holder.partition(".")[0]
        return owner != self.owner and not await self.command("EXISTS", _alive(owner))

    async def run(self, script: Script, keys: Sequence[str], *arguments: Argument, lasting: bool = False) -> Any:
        """What a script returns; NotRemembered if Redis cannot be reached, or refuses it.

        With `lasting`, it is on a replica of Redis too before this returns, if there is one and it is quick enough.
        """

        async def once() -> Any:
            try:
                return await self._evaluate("EVALSHA", script.digest, keys, arguments, lasting)
            except NoScriptError:
                return await self._evaluate("EVAL", script.source, keys, arguments, lasting)

        with observer().script(_part(keys)):
            return await self._remembering(once)

    def soon(self, script: Script, keys: Sequence[str], *arguments: Argument, lost: str = "") -> None:
        """Run a script whose answer nobody needs: ahead of what is run next of its account, or within milliseconds.

        It travels in the packet of another, and those of one account are one command. While Redis cannot be reached it
        waits, with the last thousand of its kind: what it gives back must lapse by itself. `lost` is logged if it never
        runs.
        """
        self._riders.wait(Rider(script, keys, arguments, self._now(), lost))

    async def settle(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:
        """`run` a script that ends what this process holds; while Redis cannot be reached, it waits as with `soon`."""
        try:
            return await self.run(script, keys, *arguments)
        except MemoryUnreachable:
            self.soon(script, keys, *arguments)
            raise

    async def look(self) -> None:
        """See whether Redis has lost what it held; NotRemembered as for `run`."""
        self._seen(*await self.command(*self.continuity.look()))

    async def flush(self) -> None:
        """Run now what is to run soon, if Redis can be reached. Raises nothing."""
        with suppress(NotRemembered):
            while self._riders and self.reachable:  # a second time in full, if Redis has forgotten a script
                with observer().script("soon"):
                    await self._remembering(self._execute)

    async def command(self, *words: Argument) -> Any:
        """What a command returns that may be run twice; NotRemembered as for `run`."""
        with observer().script(str(words[0]).lower()):
            return await self._remembering(lambda: self._execute(*words))

    async def _evaluate(
        self, command: str, script: str, keys: Sequence[str], arguments: Sequence[Argument], lasting: bool
    ) -> Any:
        words = (command, script, len(keys), *keys, *arguments)
        if not (lasting and self._replicas):
            return await self._execute(*words, account=account_of(keys))
        async with self._client.pipeline(transaction=False) as pipe:  # WAIT counts for its own connection alone
            pipe.execute_command(*words)
            pipe.execute_command("WAIT", 1, _FOR_REPLICA)
            answer, reached = await pipe.execute(raise_on_error=False)
        if isinstance(answer, RedisError):
            raise answer
        if not isinstance(reached, int) or not reached:
            logger.warning("No replica of Redis has confirmed a claim within %s ms; the call goes on.", _FOR_REPLICA)
        return answer

    async def _execute(self, *words: Argument, account: str | None = None) -> Any:
        """What a command returns, on its own account or on any. What is to run soon leaves ahead of it, or alone."""
        parties = self._riders.board(account)
        if not parties:
            return await self._client.execute_command(*words) if words else None  # type: ignore[no-untyped-call]  # redis-py has no types there
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for party in parties:
                    pipe.execute_command(*party.words)
                if words:
                    pipe.execute_command(*words)
                answers = await pipe.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, _GONE):
                    raise answer
        except BaseException:  # cancelled, too: nobody knows whether they have arrived
            self._riders.stay(parties)
            raise
        self._riders.arrived(parties, answers)
        if words and isinstance(answers[-1], RedisError):
            raise answers[-1]
        return answers[-1]

    async def _remembering(self, ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        try:
            return await self._answered(ask)
        except (AuthenticationError, *_GONE):
            raise MemoryUnreachable() from None
        except RedisError as error:
            raise NotRemembered(f"Redis says {_reason(error)}") from None

    async def _answered(self, ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """What Redis answers, asked once more if there was no answer."""
        for last in (False, True):
            try:
                async with self._free, asyncio.timeout(SECONDS):
                    answer = await ask()
            except AuthenticationError:
                self._failing = True
                raise
            except _GONE:
                self._failing = True
                if last:
                    raise
                with suppress(RedisError, OSError):  # idle ones are as old as the one that broke
                    await self._client.connection_pool.disconnect(inuse_connections=False)
            except RedisError:
                self._reached, self._failing = self._now(), False
                raise
            else:
                self._reached, self._failing = self._now(), False
                return answer
        raise AssertionError("the second time returns or raises")

    async def _beat(self) -> None:
        while True:
            await self._sleep(_RETRIED_EVERY if self._failing else _RENEWED_EVERY)
            failed_before = self._failing
            try:
                await self._renew()
            except (RedisError, OSError) as error:
                if not failed_before:
                    logger.warning("The Redis at %s cannot be reached: %s.", self._place, type(error).__name__)
            else:
                if failed_before:
                    logger.warning("The Redis at %s can be reached again.", self._place)
                    await self.flush()

    async def _renew(self) -> None:
        """Keep this process's key alive, and see which time it is, how many replicas Redis has, and whether it has lost
        what it held.
        """

        async def once() -> Any:
            asked = self._clock.local()
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.set(_alive(self.owner), 1, px=round(ALIVE * 1_000))
                pipe.execute_command(*self.continuity.look())
                pipe.info("replication")
                pipe.time()
                *answers, there = await pipe.execute()
            self._clock.set(asked, *there)
            return answers

        _, seen, replication = await self._answered(once)
        self._seen(*seen)
        self._replicas = int(replication.get("connected_slaves", 0))

    def _seen(self, mark: str, lost: int) -> None:
        if self.continuity.seen(mark, lost):
            logger.warning("The Redis at %s has lost what it held: nothing is made for some minutes.", self._place)


def _alive(owner: str) -> str:
    return f"{PREFIX}alive:{owner}"


def _part(keys: Sequence[str]) -> str:
    """What a script is about: the first word of its first key, after the account if it is one's."""
    return keys[0].removeprefix(PREFIX).rpartition("}:")[2].partition(":")[0] if keys else "none"


def _reason(error: BaseException) -> str:
    """The first word of what Redis says, which names the kind of error and holds nothing of ours."""
    return (str(error).split() or [type(error).__name__])[0]
