"""SIGTERM for a replica that is busy: every call is answered, nothing is unknown, and it ends in time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import mcp_types
import pytest
from anyio.abc import TaskGroup
from mcp import MCPError

from tests.resilience.outcomes import Answer
from tests.support.agent import Agent
from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import ADA, BOB, Deployment, deployed, unguessable
from tests.support.serving.hosts import HELLO
from tests.support.serving.upstream import Arrival, Upstream
from tests.support.users import YES, some

pytestmark = [pytest.mark.anyio, pytest.mark.long]

CALLS, OF_EACH = 50, 10
DRAIN = 3


class User:
    """A user of an older client, who answers when the test lets them."""

    def __init__(self) -> None:
        self.asked, self.ready = anyio.Event(), anyio.Event()

    async def __call__(self, _: object, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        self.asked.set()
        await self.ready.wait()
        return YES


@pytest.fixture
async def busy(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Deployment]:
    """One replica, which serves on for some seconds after SIGTERM."""
    account = Upstream(ADA, BOB, *(f"person-{number}" for number in range(OF_EACH)))
    given = {"CLIENTARY_DRAIN_SECONDS": str(DRAIN), "CLIENTARY_MAILS_PER_HOUR": "1000", "CLIENTARY_CONCURRENCY": "64"}
    async with deployed(tmp_path, [account], redis_server, given, replicas=1, proxied=False) as deployment:
        yield deployment


class Work:
    """Writes and mails under way, and what was told of them."""

    def __init__(self, account: Upstream) -> None:
        self.account = account
        self.answers: list[Answer] = []
        self.released = anyio.Event()

    async def hold(self, _: Arrival) -> None:
        """Keep a request of the account waiting."""
        await self.released.wait()

    async def write(self, agent: Agent) -> None:
        """A write that nobody else makes."""
        self.answers.append(Answer.of(await agent.call("create_lead", {"name": unguessable()})))

    async def mail(self, agent: Agent, invoice: int) -> None:
        """A mail, for which a person is asked."""
        letter = {"invoice_id": invoice, "recipients": ["ada@example.com"], "subject": unguessable(), "confirm": True}
        self.answers.append(Answer.of(await agent.call("send_invoice_message", letter)))

    async def begin(self, writers: list[Agent], senders: list[Agent], users: list[User], tasks: TaskGroup) -> None:
        """Return once every write is at the account, and every user is asked."""
        for agent in (*writers, *senders):
            await agent.client.list_tools()  # which results are checked against, later on
        for sender, invoice in zip(senders, some(self.account.sandbox, "invoices", OF_EACH, "status = 1"), strict=True):
            tasks.start_soon(self.mail, sender, invoice)
        for user in users:
            await user.asked.wait()
        self.account.reset()
        self.account.before = self.hold
        for number in range(CALLS):
            tasks.start_soon(self.write, writers[number % OF_EACH])
        await self.account.until(lambda: len(self.account.arrivals) >= CALLS)


async def test_calls_questions_and_sessions_end_well(busy: Deployment) -> None:
    (account,), (replica,) = busy.accounts, busy.replicas
    work, users = Work(account), [User() for _ in range(OF_EACH)]
    async with AsyncExitStack() as stack:
        writers, senders = list[Agent](), list[Agent]()
        for number, user in enumerate(users):
            token = await busy.token(f"person-{number}")
            writers.append(await stack.enter_async_context(busy.host(token, at=replica)))
            older = busy.host(token, "legacy", at=replica, elicitation_callback=user)
            senders.append(await stack.enter_async_context(older))
        async with anyio.create_task_group() as tasks:
            await work.begin(writers, senders, users, tasks)
            replica.terminate()
            await replica.says("draining")
            work.released.set()
            for user in users:
                user.ready.set()
        assert await replica.ended(DRAIN + 10) == 0
    assert [answer.outcome for answer in work.answers] == ["done"] * (CALLS + OF_EACH)
    assert len(account.of("POST", "leads")) == CALLS
    assert len(account.sandbox.sent_messages) == OF_EACH


async def test_a_listener_does_not_keep_it_alive(busy: Deployment) -> None:
    (replica,) = busy.replicas
    token = await busy.token()
    async with busy.host(token, at=replica) as agent, busy.http(token, at=replica) as http:
        with pytest.raises(MCPError):
            async with agent.client.listen(tools_list_changed=True):
                pass
        http.headers["Mcp-Session-Id"] = (await http.post("/mcp", json=HELLO)).headers["mcp-session-id"]
        async with http.stream("GET", "/mcp") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            replica.terminate()
            assert await replica.ended(DRAIN + 5) == 0
