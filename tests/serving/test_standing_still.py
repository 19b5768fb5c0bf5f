"""A process that stands still is taken for dead, and wakes up; and Redis forgets all while a write is under way."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.resilience.outcomes import Answer
from tests.resilience.test_processes import confirmed
from tests.support.held_account import HeldAccount, When
from tests.support.quarry import OCTOBER, Books, october
from tests.support.redis_server import RedisServer
from tests.support.stdio_servers import StdioServer, stdio_servers

pytestmark = [pytest.mark.anyio, pytest.mark.long]

ALIVE = "clientary:1:alive:*"


class Machines:
    """Two processes of one owner that share a Redis, as on two machines."""

    def __init__(self, account: HeldAccount, redis: RedisServer, sleeper: StdioServer, other: StdioServer) -> None:
        self.account, self._redis, self.sleeper, self.other = account, redis, sleeper, other

    async def stand_still(self) -> None:
        """Stop the first, and let Redis forget that it lives, as it would after 15 seconds."""
        self.sleeper.signal(signal.SIGSTOP)
        with self._redis.administrator() as redis:
            redis.delete(*redis.keys(ALIVE))
            with anyio.fail_after(20):
                while not redis.keys(ALIVE):  # noqa: ASYNC110 - the other renews its own
                    await anyio.sleep(0.05)


@asynccontextmanager
async def machines(books: Books, redis: RedisServer, log: Path) -> AsyncIterator[Machines]:
    account = HeldAccount(books.sandbox)
    shared = {"CLIENTARY_STORE": redis.url, "CLIENTARY_KEYS": "k" * 40}
    async with account.listening(), stdio_servers(2, account.port, log, **shared) as (sleeper, other):
        yield Machines(account, redis, sleeper, other)


async def bill(server: StdioServer, job: dict[str, Any]) -> Answer:
    return Answer.of(await confirmed(server, "bill_project_hours", job))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_who_wakes_up_while_cancelling_takes_no_marks_away_that_another_has_set(
    own_redis: RedisServer, tmp_path: Path, when: When
) -> None:
    books = Books()
    entries = october(books)
    job = {"project_id": books.project, **OCTOBER, "group_by": "entry", "allow_duplicate": True}
    async with machines(books, own_redis, tmp_path / "log") as both:
        await bill(both.other, job)
        (invoice,) = books.rows("SELECT id FROM invoices")
        hold = both.account.hold("PUT", "hours/*", when)

        async def cancel() -> None:
            cancelled = await both.sleeper.call("update_invoice", {"invoice_id": invoice["id"], "status": "cancelled"})
            assert "unbilled again" not in Answer.of(cancelled).text

        async with anyio.create_task_group() as group:
            group.start_soon(cancel)
            await hold.arrived.wait()
            await both.stand_still()
            if when == "after":
                hold.released.set()
            assert (await bill(both.other, job)).outcome == "done"
            both.sleeper.signal(signal.SIGCONT)
            hold.released.set()
        assert [books.billed_times(entry) for entry in entries] == [1, 1, 1]
        unmarked = books.rows("SELECT id FROM hours WHERE billed = 0 AND id IN (?, ?, ?)", *entries)
        assert len(unmarked) == (when == "before")  # the one whose request had left


async def test_what_is_under_way_when_redis_forgets_all_is_not_done_twice(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    books, answers = Books(), list[Answer]()
    call = {"name": "Quarry Prints"}
    async with machines(books, own_redis, tmp_path / "log") as both:
        hold = both.account.hold("POST", "clients")

        async def create() -> None:
            answers.append(Answer.of(await both.sleeper.call("create_client", call)))

        async with anyio.create_task_group() as group:
            group.start_soon(create)
            await hold.arrived.wait()
            with own_redis.administrator() as redis:
                redis.flushall()
            refused = Answer.of(await both.other.call("create_client", call))
            await hold.release()
        assert refused.outcome == "not done"
        assert "this server's shared memory has lost what it held" in refused.text
        assert [answer.outcome for answer in answers] == ["done"]
        assert len(books.rows("SELECT id FROM clients WHERE name = ?", call["name"])) == 1
