"""The middleware that every request passes first, and the part of the account that the API uses."""

import base64
import binascii
from collections import deque
from datetime import date, datetime
from email.utils import format_datetime
from sqlite3 import Connection
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.sandbox.api.messages import Message as Mail
from clientary_mcp.sandbox.api.replies import (
    RefusalError,
    refuse,
)
from clientary_mcp.sandbox.controls.fault_middleware import fail
from clientary_mcp.sandbox.controls.faults import Faults
from clientary_mcp.sandbox.controls.ledger import Ledger
from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.store.tables import Store

BASE = "/api/v2"


class Account(Protocol):
    """The account behind the app: its tables, its behaviour, and its logs."""

    token: str
    today: date
    store: Store
    switches: Switches
    faults: Faults | None
    ledger: Ledger
    requests: deque[tuple[str, str]]
    sent_messages: list[Mail]

    @property
    def connection(self) -> Connection: ...


class Gate:
    """Logs every request, applies faults, and refuses requests that do not authenticate or do not accept JSON."""

    def __init__(self, app: ASGIApp, sandbox: Account) -> None:
        self.app = app
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on without its `.json`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start" and self.sandbox.switches.date_header:
                now = format_datetime(datetime.fromisoformat(self.sandbox.store.latest), usegmt=True)
                message["headers"] = [*message.get("headers", []), (b"date", now.encode())]
            await send(message)

        path, query = scope["path"], scope["query_string"].decode("latin-1")
        self.sandbox.requests.append((scope["method"], f"{path}?{query}" if query else path))
        if (faults := self.sandbox.faults) and (fault := faults.strike(scope["method"], documented_path(_bare(path)))):
            await fail(fault, faults, self._answer, scope, receive, dated)
        else:
            await self._answer(scope, receive, dated)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, bare = scope["path"], _bare(scope["path"])
        refused = self._turned_away(Headers(scope=scope), scope["method"], as_json=path.endswith(".json"))
        if refused:
            await refused(scope, receive, send)
        else:
            await self.app({**scope, "path": bare, "raw_path": bare.encode()}, receive, send)

    def _turned_away(self, headers: Headers, method: str, *, as_json: bool) -> Response | None:
        if not self._is_owner(headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="Application"'}
            return PlainTextResponse("HTTP Basic: Access denied.\n", 401, challenge)
        if not as_json and "application/json" not in headers.get("accept", ""):
            return HTMLResponse("<!DOCTYPE html><html><body><h1>406 Not Acceptable</h1></body></html>", 406)
        if method in {"POST", "PUT"} and headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return refuse(RefusalError(415, "Unsupported Media Type"), self.sandbox.switches)
        return None

    def _is_owner(self, authorization: str) -> bool:
        scheme, _, credentials = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and user == password and f"{user}-".startswith(f"{self.sandbox.token}-")


def _bare(path: str) -> str:
    return path.rstrip("/").removesuffix(".json")


def documented_path(bare: str) -> str:
    """The path as the documentation names it: `invoices/20101/payments`."""
    return bare.removeprefix(f"{BASE}/")
