"""Replicas whose clocks are an hour ahead or behind: what they share goes by the time of Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from mcp_types import InputRequiredResult

from clientary_mcp.durations import HOUR
from tests.server.callers.sign_in.served import answer_in
from tests.support.agent import Agent
from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import ADA, Deployment, deployed, unguessable
from tests.support.serving.hosts import HELLO, http_of
from tests.support.serving.people import Program, Visitor
from tests.support.serving.upstream import Upstream
from tests.support.users import QUESTION, YES, User, some, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.long]

RIGHT, AHEAD, BEHIND = range(3)
PUBLIC = "http://127.0.0.1:1"
"""Where the server would be for people; the tests ask each replica itself."""


@pytest.fixture(scope="module")
async def clocks(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A replica whose clock is right, one an hour ahead, and one an hour behind."""
    settings = {
        "CLIENTARY_CALLERS": "tokens,sign-in",
        "CLIENTARY_PUBLIC_URL": PUBLIC,
        "CLIENTARY_DELETES_PER_HOUR": "2",
    }
    off = {AHEAD: HOUR, BEHIND: -HOUR}
    directory, account = tmp_path_factory.mktemp("clocks"), Upstream(ADA)
    async with deployed(directory, [account], redis_server, settings, proxied=False, ahead=off) as deployment:
        yield deployment


@pytest.fixture
def account(clocks: Deployment) -> Upstream:
    (account,) = clocks.accounts
    account.reset()
    return account


@pytest.fixture
async def agents(clocks: Deployment, account: Upstream) -> AsyncIterator[list[Agent]]:
    """An agent at each replica, all of one caller."""
    token = await clocks.token()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(clocks.host(token, at=replica, elicitation_callback=User()))
            for replica in clocks.replicas
        ]


async def test_a_call_is_made_once_and_a_quota_counts_for_all(account: Upstream, agents: list[Agent]) -> None:
    name = unguessable()
    answers = [await agent.call("create_client", {"name": name}) for agent in agents]
    assert len(account.of("POST", "clients")) == 1
    told = ["the same call succeeded less than a minute ago" in text_of(answer) for answer in answers]
    assert told == [False, True, True]
    tasks = some(account.sandbox, "tasks", 6)
    for agent, task in zip(agents * 2, tasks, strict=True):
        await agent.call("delete_task", {"task_id": task, "confirm": True})
    assert len(account.sandbox.ledger.of("DELETE")) == 2


async def test_a_preview_is_confirmed_at_any_replica(account: Upstream, agents: list[Agent]) -> None:
    (client,) = some(account.sandbox, "clients")
    for number, agent in enumerate(agents):
        rows = [{"client_id": client, "name": "Ann", "email": f"{unguessable()}@example.com"}]
        shown = await agent.answer("import_contacts", rows=rows)
        other = agents[number - 1]
        await other.answer("import_contacts", rows=rows, confirm=True, preview_id=shown["preview_id"])
        again = await agent.answer("import_contacts", rows=rows, confirm=True, preview_id=shown["preview_id"])
        assert "This preview was carried out less than a minute ago" in again["message"]
    assert len(account.of("POST", f"clients/{client}/contacts")) == 3


async def test_who_is_asked_at_one_replica_answers_at_any(account: Upstream, agents: list[Agent]) -> None:
    (invoice,) = some(account.sandbox, "invoices", where="status = 1")
    for number, agent in enumerate(agents):
        mail = {"invoice_id": invoice, "recipients": ["ada@example.com"], "subject": unguessable(), "confirm": True}
        question = await agent.client.session.call_tool("send_invoice_message", mail, allow_input_required=True)
        assert isinstance(question, InputRequiredResult)
        answered = await agents[number - 1].client.session.call_tool(
            "send_invoice_message", mail, input_responses={QUESTION: YES}, request_state=question.request_state
        )
        assert not answered.is_error
    assert len(account.sandbox.sent_messages) == 3


class SignIn:
    """A person's sign-in, whose every step may be at another replica."""

    def __init__(self, clocks: Deployment) -> None:
        self._urls = [replica.url for replica in clocks.replicas]
        self._account = clocks.accounts[0].host
        self.client_id = ""
        self.tokens: dict[str, Any] = {}

    def _client(self, replica: int) -> Program:
        client = Program(self._urls[replica])
        client.client_id = self.client_id
        return client

    async def begin(self, page: int, redeem: int) -> None:
        """Sign in at one replica, and get the first tokens at another."""
        client = self._client(redeem)
        await client.register()
        self.client_id = client.client_id
        person = Visitor(self._urls[page], api_token=ADA, account=self._account)
        asked = await person.browser.get(self._client(page).asking(resource=f"{PUBLIC}/mcp"))
        shown = await person.browser.get(asked.headers["location"].replace(PUBLIC, self._urls[page]))
        code = answer_in(await person.fill(shown, **person.fills_in))["code"]
        self.tokens = (await client.redeems(code)).json()

    async def refresh(self, replica: int, token: str = "") -> dict[str, Any]:
        """What a refresh token brings there: the latest, or another."""
        return dict((await self._client(replica).refreshes(token or self.tokens["refresh_token"])).json())

    async def statuses(self) -> list[int]:
        """What the access token gets at each replica."""
        answers = []
        for url in self._urls:
            async with http_of(url, self.tokens["access_token"]) as http:
                answers.append((await http.post("/mcp", json=HELLO)).status_code)
        return answers


@pytest.mark.parametrize("first", [RIGHT, AHEAD, BEHIND])
async def test_tokens_of_one_replica_are_good_at_all(clocks: Deployment, first: int) -> None:
    sign_in, second = SignIn(clocks), (first + 1) % 3
    await sign_in.begin(first, second)
    assert await sign_in.statuses() == [200, 200, 200]
    sign_in.tokens = await sign_in.refresh(first)
    assert await sign_in.statuses() == [200, 200, 200]


@pytest.mark.parametrize("first", [RIGHT, AHEAD, BEHIND])
async def test_a_refresh_token_comes_again_at_another_replica_within_half_a_minute_and_no_later(
    clocks: Deployment, redis_server: RedisServer, first: int
) -> None:
    sign_in, second = SignIn(clocks), (first + 1) % 3
    await sign_in.begin(RIGHT, RIGHT)
    spent = sign_in.tokens["refresh_token"]
    await sign_in.refresh(first)
    assert "access_token" in await sign_in.refresh(second, spent)  # the answer may have got lost
    with redis_server.administrator() as redis:
        for key in redis.keys("clientary:1:used:*"):
            redis.set(key, float(redis.get(key)) - 60)  # a minute passes
    assert (await sign_in.refresh(second, spent))["error"] == "invalid_grant"
