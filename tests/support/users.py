"""Sessions with an owner's settings, clients and agents, and a user who answers questions."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import mcp_types
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.session import ElicitationFnT

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime

YES = mcp_types.ElicitResult(action="accept", content={"agree": True})
QUESTION = "owner_agrees"
Reply = mcp_types.ElicitResult | mcp_types.ErrorData


def configured(sandbox: Sandbox, time: FakeTime | None = None, **settings: Any) -> Clientary:
    """A session with a sandbox account under its owner's settings."""
    chosen = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC", **settings)
    return Clientary(chosen, Network(sandbox), time.clock if time else None)


class User:
    """The user of the client, who answers every question the same way; records the questions."""

    def __init__(self, reply: Reply = YES, meanwhile: Callable[[], Any] = lambda: None) -> None:
        self.questions: list[str] = []
        self.reply, self._meanwhile = reply, meanwhile

    async def __call__(self, context: ClientRequestContext, params: mcp_types.ElicitRequestParams) -> Reply:
        self.questions.append(params.message)
        self._meanwhile()
        return self.reply


def host(server: ClientaryServer, era: Era = "auto", user: ElicitationFnT | None = None, name: str = "test") -> Client:
    """A client with this name, which can ask the user, if there is one."""
    about = mcp_types.Implementation(name=name, version="1")
    return Client(server, mode=era, elicitation_callback=user, client_info=about)


@asynccontextmanager
async def connect(clientary: Clientary, era: Era = "auto", user: ElicitationFnT | None = None) -> AsyncIterator[Agent]:
    """An agent on that session."""
    async with clientary, host(ClientaryServer(clientary), era, user) as client:
        yield Agent(client)


def writes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """The requests that would have changed something."""
    return [(method, path) for method, path in sandbox.requests if method != "GET"]


def text_of(result: mcp_types.CallToolResult) -> str:
    """The text of an answer."""
    (content,) = result.content
    assert isinstance(content, mcp_types.TextContent)
    return content.text


OWED = "status IN (1, 2) AND balance > 100000"


def some(sandbox: Sandbox, table: str, count: int = 1, where: str = "1") -> list[int]:
    """The ids of the first records of a table."""
    query = f"SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT {count}"  # noqa: S608 our names
    rows = sandbox.connection.execute(query)
    return [row[0] for row in rows]
