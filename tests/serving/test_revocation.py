"""How access ends on every replica: by the operator, and by Clientary; here within moments instead of half a minute."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import anyio
import pytest

from tests.conftest import agency
from tests.support.agent import Era
from tests.support.processes import PATIENCE
from tests.support.redis_server import RedisServer
from tests.support.serving.assembled import Assembled, bearer, serving
from tests.support.serving.deployment import ADA, BOB
from tests.support.serving.hosts import HELLO, LIST
from tests.support.serving.people import Host, Visitor
from tests.support.serving.upstream import Arrival, Upstream

pytestmark = pytest.mark.anyio

SOON = 0.2


@pytest.fixture
async def account() -> AsyncIterator[Upstream]:
    """The account of Ada and of Bob."""
    async with Upstream(ADA, BOB, sandbox=agency()).listening() as account:
        yield account


@pytest.fixture
async def replicas(account: Upstream, redis_server: RedisServer) -> AsyncIterator[list[Assembled]]:
    """Two servers over one Redis, that look soon whether callers are still there."""
    settings = {"CLIENTARY_STORE": redis_server.url, "CLIENTARY_PUBLIC_URL": "http://localhost"}
    async with AsyncExitStack() as stack:
        servers = [serving([account], "tokens,sign-in", settings, kept=SOON) for _ in range(2)]
        yield [await stack.enter_async_context(server) for server in servers]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once that holds, which is looked at again and again."""
    with anyio.fail_after(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - another process brings it about
            await anyio.sleep(SOON / 4)


class Busy:
    """Somebody with a call under way and an open stream at a server, in sessions of the older era."""

    def __init__(self, server: Assembled, token: str) -> None:
        self._server, self._headers = server, bearer(token)
        self.listens, self.ended = False, list[str]()

    async def status(self) -> int:
        """What a new session gets."""
        async with self._server.http(self._headers) as http:
            return (await http.post("/mcp", json=HELLO)).status_code

    async def listen(self) -> None:
        """Open a stream, until it ends."""
        async with self._server.http(self._headers) as http:
            session = {"Mcp-Session-Id": (await http.post("/mcp", json=HELLO)).headers["mcp-session-id"]}
            async with http.stream("GET", "/mcp", headers=session) as stream:
                self.listens = True
                async for _ in stream.aiter_bytes():
                    pass
        self.ended.append("stream")

    async def call(self) -> None:
        """Call a tool, which gets no answer."""
        async with self._server.http(self._headers) as http:
            session = {"Mcp-Session-Id": (await http.post("/mcp", json=HELLO)).headers["mcp-session-id"]}
            assert '"result"' not in (await http.post("/mcp", json=LIST, headers=session)).text
        self.ended.append("call")


@pytest.mark.long
async def test_a_caller_who_is_removed_is_out_of_every_replica_while_calls_run(
    replicas: list[Assembled], account: Upstream
) -> None:
    (caller, token), (_, other) = await replicas[0].enroll(ADA), await replicas[0].enroll(BOB)
    removed, remaining = [Busy(server, token) for server in replicas], Busy(replicas[0], other)

    async def held(arrival: Arrival) -> None:
        if arrival.path == "staff":  # such a call stays under way
            await anyio.sleep_forever()

    async def out() -> bool:
        return [await each.status() for each in removed] == [401, 401]

    account.before = held
    async with anyio.create_task_group() as tasks:
        for each in (*removed, remaining):
            tasks.start_soon(each.listen)
            tasks.start_soon(each.call)
        await account.until(lambda: len(account.of("GET", "staff")) == 3)
        await account.until(lambda: all(each.listens for each in (*removed, remaining)))
        assert "was removed" in await replicas[0].command("callers", "remove", caller.id)
        await until(out)
        await account.until(lambda: [sorted(each.ended) for each in removed] == [["call", "stream"]] * 2)
        assert remaining.ended == []
        assert await remaining.status() == 200
        tasks.cancel_scope.cancel()


@pytest.mark.long
async def test_limits_that_are_lowered_hold_soon_and_for_open_sessions(replicas: list[Assembled], era: Era) -> None:
    caller, token = await replicas[0].enroll(ADA)
    async with replicas[0].agent(bearer(token), era) as agent:
        await agent.answer("create_client", name="Before")
        await replicas[0].command("callers", "limit", caller.id, "--read-only")

        async def limited() -> bool:
            offered = await agent.client.list_tools(cache_mode="bypass")
            return "create_client" not in {tool.name for tool in offered.tools}

        await until(limited)
        assert "There is no tool" in await agent.refusal("create_client", name="After")


async def test_a_token_that_clientary_rejects_leads_to_a_new_sign_in(account: Upstream, era: Era) -> None:
    async with serving([account], "sign-in") as server:
        person = Visitor(server.url, ADA, account.host)
        host = Host(server.url, person)
        async with host.agent(era) as agent:
            await agent.answer("list_clients", limit=1)
            account.tokens.remove(ADA)
            told = await agent.refusal("list_clients", limit=1)
            assert told.startswith("Clientary rejected the API token.")
            assert "sign in to this server again" in told
            assert host.tokens is not None
            async with server.http(bearer(host.tokens.access_token)) as http:
                assert (await http.post("/mcp", json=HELLO)).status_code == 401
            account.tokens.add("generated-anew")
            person.fills_in["token"] = "generated-anew"
        async with host.agent(era) as agent:
            await agent.answer("list_clients", limit=1)
        assert host.sign_ins == 2
        assert account.arrivals[-1].credential == "generated-anew"
