"""Calls one tool of a server with callers, as a script of yours would. For example:

    python3 scripts/ask.py http://127.0.0.1:8000/mcp list_clients '{"limit": 1}'

With a caller's token in the variable TOKEN it is that caller; without one it signs in through the browser.
"""

import asyncio
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl


class SignIn(OAuthClientProvider):
    """What a host does for its user. A host also keeps the tokens; here they are forgotten at the end."""

    def __init__(self, server: str) -> None:
        self._page = HTTPServer(("127.0.0.1", 0), _Back)
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None
        back = AnyUrl(f"http://127.0.0.1:{self._page.server_port}/back")
        asked = OAuthClientMetadata(client_name="ask.py", redirect_uris=[back], token_endpoint_auth_method="none")  # noqa: S106 - no secret
        super().__init__(server, asked, self, self._show, self._wait)

    async def _show(self, address: str) -> None:
        print(f"Open this in a browser:\n{address}", file=sys.stderr, flush=True)

    async def _wait(self) -> AuthorizationCodeResult:
        with self._page:
            await asyncio.to_thread(self._page.handle_request)
        return AuthorizationCodeResult(**_Back.answer)

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens of the sign-in."""
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep new tokens."""
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """What the server registered this program as."""
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep that."""
        self._client = client_info


class _Back(BaseHTTPRequestHandler):
    """Where the browser comes back to."""

    answer: dict[str, str]

    def do_GET(self) -> None:
        """Note the answer."""
        _Back.answer = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Done. You can close this page.")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def main(server: str, tool: str, arguments: dict[str, Any]) -> None:
    """Make the call, and print the answer's text."""
    if token := os.environ.get("TOKEN"):
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=90)
    else:
        http = httpx2.AsyncClient(auth=SignIn(server), timeout=90)
    async with http, Client(streamable_http_client(server, http_client=http)) as client:
        for part in (await client.call_tool(tool, arguments)).content:
            print(getattr(part, "text", part))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
