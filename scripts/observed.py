"""The running program's messages, prompts, resources and instructions, for the documentation to quote.

Nothing here is written by hand: each message is the one that a user or an agent gets in that situation.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx
import mcp_types
from mcp import Client

from clientary_mcp import Clientary, ClientaryError, Settings
from clientary_mcp.api.call import Clock
from clientary_mcp.cli.check import report
from clientary_mcp.errors import MemoryUnreachable
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer

_ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t0ken"}
_HTTP = ("--transport", "http")
_CALLERS = {
    "CLIENTARY_CALLERS": "tokens",
    "CLIENTARY_ACCOUNTS": "acme",
    "CLIENTARY_KEYS": "k" * 32,
    "CLIENTARY_STORE": "memory",
}
_WRONG_STARTS: Mapping[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "no-address": ((), {}),
    "no-token": ((), {"CLIENTARY_SUBDOMAIN": "acme"}),
    "whole-address": ((), _ACCOUNT | {"CLIENTARY_SUBDOMAIN": "acme.clientary.com"}),
    "unknown-setting": ((), _ACCOUNT | {"CLIENTARY_READONLY": "true"}),
    "owner-beside-callers": (_HTTP, _ACCOUNT | _CALLERS),
    "callers-on-stdio": ((), _CALLERS),
    "store-out-of-reach": (_HTTP, _CALLERS | {"CLIENTARY_STORE": "redis://127.0.0.1:9/0"}),
    "open-host": (("--sandbox", "--transport", "http", "--host", "0.0.0.0"), {}),  # noqa: S104 - refused
}
"""Starts that end with status 2: the arguments and the settings."""

_INVOICE = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "USD"}
_FAILURES: Mapping[str, tuple[str, dict[str, Any], Callable[[httpx.Request], httpx.Response]]] = {
    "not-allowed": ("list_staff", {}, lambda _: httpx.Response(403)),
    "not-found": ("get_client", {"client_id": 5}, lambda _: httpx.Response(404)),
    "rate-limited": ("list_staff", {}, lambda _: httpx.Response(429)),
    "redirected": ("list_staff", {}, lambda _: httpx.Response(301, headers={"Location": "https://example.com"})),
    "unreachable": ("list_staff", {}, lambda request: _fail(httpx.ConnectError("refused", request=request))),
    "outcome-unknown": ("create_invoice", _INVOICE, lambda request: _lose(request)),
    "misspelt": ("create_client", {"name": "Acme", "nam": "Acme"}, lambda _: httpx.Response(404)),
}
"""Calls that fail: the tool, its arguments, and how the account behaves."""


@dataclass(frozen=True)
class Observed:
    """The texts of a server with every feature enabled, and the messages of failing starts and calls."""

    instructions: str
    prompts: list[mcp_types.Prompt]
    resources: dict[str, str]
    """What each address holds."""
    messages: dict[str, str]


@cache
def observed() -> Observed:
    """Run the program and collect its texts."""
    return anyio.run(_observe)


async def _observe() -> Observed:
    messages = {name: _start(*start) for name, start in _WRONG_STARTS.items()}
    messages["wrong-token"] = await _refusal_of_the_token()
    messages["memory-out-of-reach"] = MemoryUnreachable().message()
    messages["cannot-ask"] = await _failure_to_ask()
    for name, (tool, arguments, account) in _FAILURES.items():
        messages[name] = await _failure(tool, arguments, account)
    with TemporaryDirectory() as folder:
        files = {"CLIENTARY_EXPORT_DIR": folder, "CLIENTARY_AUDIT_LOG": f"{folder}/audit.jsonl"}
        settings = Settings.from_environment(_ACCOUNT | files)
        async with Client(ClientaryServer(Clientary(settings))) as client:
            fixed = (await client.list_resources()).resources
            templates = (await client.list_resource_templates()).resource_templates
            return Observed(
                instructions=client.instructions or "",
                prompts=(await client.list_prompts()).prompts,
                resources={str(part.uri): part.description or "" for part in fixed}
                | {part.uri_template: part.description or "" for part in templates},
                messages=messages,
            )


def _start(arguments: tuple[str, ...], settings: dict[str, str]) -> str:
    """What the command writes to stderr."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "clientary_mcp", *arguments],
        env=others | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 2:
        raise ValueError(f"status {done.returncode} in place of 2: {done.stderr}")
    return done.stderr.strip()


async def _refusal_of_the_token() -> str:
    """What `clientary-mcp check` prints for a token that the account does not know."""
    settings = Settings.from_environment(_ACCOUNT)
    async with Clientary(settings, httpx.ASGITransport(Sandbox().app)) as clientary:
        try:
            async for _ in report(clientary):
                pass
        except ClientaryError as error:
            return str(error)
    raise ValueError("the token was accepted")


async def _failure(tool: str, arguments: dict[str, Any], account: Callable[[httpx.Request], httpx.Response]) -> str:
    """The error of a call on an account that behaves this way; waits take no time."""
    clientary = Clientary(Settings.from_environment(_ACCOUNT), httpx.MockTransport(account), Clock(sleep=_at_once))
    async with clientary, Client(ClientaryServer(clientary)) as client:
        return await _refusal(client, tool, **arguments)


async def _failure_to_ask() -> str:
    """The error for a client that declares elicitation and then cannot ask its user."""
    sandbox = Sandbox()

    async def no_handler(context: object, params: object) -> mcp_types.ErrorData:
        return mcp_types.ErrorData(code=mcp_types.METHOD_NOT_FOUND, message="no handler")

    settings = Settings.from_environment(
        {"CLIENTARY_BASE_URL": "http://localhost", "CLIENTARY_API_TOKEN": sandbox.token}
    )
    clientary = Clientary(settings, Network(sandbox))
    async with clientary, Client(ClientaryServer(clientary), mode="legacy", elicitation_callback=no_handler) as client:
        return await _refusal(client, "delete_client", client_id=1201, confirm=True)


async def _refusal(client: Client, tool: str, **arguments: Any) -> str:
    """The text of a call that fails."""
    result = await client.call_tool(tool, arguments)
    (text,) = result.content
    if not result.is_error or not isinstance(text, mcp_types.TextContent):
        raise ValueError(f"{tool} did not fail")
    return text.text


async def _at_once(seconds: float) -> None:
    """Do not wait."""


def _fail(error: httpx.TransportError) -> httpx.Response:
    raise error


def _lose(request: httpx.Request) -> httpx.Response:
    """Lose the response to a write, and answer everything after it with server errors."""
    return httpx.Response(500) if request.method == "GET" else _fail(httpx.ReadError("lost", request=request))
