"""People who sign in at a server at a real address, and the hosts that lead them there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.server.callers.sign_in.served import Person, Raw
from tests.support.agent import Agent, Era
from tests.support.oauth_host import OAuthHost
from tests.support.processes import PATIENCE


def _http(url: str) -> httpx.AsyncClient:
    """A client that leaves no connection open."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False, limits=limits)


class Visitor(Person):
    """A person with a browser of their own, who comes to the address of a server."""

    def __init__(self, url: str, api_token: str, account: str, name: str = "", choice: str = "all") -> None:
        self.browser = _http(url)
        self.fills_in = {"account": account, "token": api_token, "name": name or api_token, "choice": choice}


class Program(Raw):
    """A client at the address of a server that sends what it is told to, right or wrong."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = _http(url)
        self.client_id = ""

    def asking(self, **given: str) -> str:
        """The address to which it leads people."""
        return super().asking(**{"resource": f"{self.url}/mcp", **given})


class Host(OAuthHost):
    """A host that a visitor uses, at the address of a server."""

    def __init__(self, url: str, person: Visitor, document: str | None = None, **metadata: Any) -> None:
        super().__init__(url, lambda page: person.signs_in(page, **person.fills_in), document, **metadata)

    @asynccontextmanager
    async def agent(self, era: Era = "auto", **how: Any) -> AsyncIterator[Agent]:
        """An agent of the person, who is asked to sign in where that is needed."""
        http = httpx2.AsyncClient(auth=self.auth, timeout=PATIENCE, trust_env=False)
        async with (
            http,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=http), mode=era, **how) as client,
        ):
            yield Agent(client)
