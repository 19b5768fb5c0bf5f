"""The ASGI application: who may ask, which route leads where, and nothing about what records are."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .failing import fail
from .lists import listing
from .messages import send
from .replies import RefusalError, UnknownRouteError, deleted, invalid, not_found, page_not_found, refuse, updated
from .resources import BY_PATH, CONTACTS, HOURS, PARENT_KEYS, PAYMENT_PROFILES, PAYMENTS, RESOURCES, Resource
from .shapes import shape
from .store import Row
from .switches import Routes
from .writes import create, pay, reckon, update

if TYPE_CHECKING:
    from .account import Sandbox

Handler = Callable[["Sandbox", Request], Awaitable[Response]]

BASE = "/api/v2"


class Gate:
    """Every request passes here first: noted, struck by a fault or not, refused unless it may be answered as JSON."""

    def __init__(self, app: ASGIApp, sandbox: "Sandbox") -> None:
        self.app = app
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on without its `.json`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(datetime.fromisoformat(self.sandbox.store.latest), usegmt=True)
                message["headers"] = [*message.get("headers", []), (b"date", now.encode())]
            await send(message)

        path, query = scope["path"], scope["query_string"].decode("latin-1")
        self.sandbox.requests.append((scope["method"], f"{path}?{query}" if query else path))
        if (faults := self.sandbox.faults) and (fault := faults.strike(scope["method"], _short(_bare(path)))):
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
        return scheme.lower() == "basic" and user == password == self.sandbox.token


def _bare(path: str) -> str:
    return path.rstrip("/").removesuffix(".json")


def _short(bare: str) -> str:
    """The path as the documentation names it: `invoices/20101/payments`."""
    return bare.removeprefix(f"{BASE}/")


def application(sandbox: "Sandbox") -> Starlette:
    """The app that answers for an account."""

    async def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, RefusalError)  # noqa: S101 that is what it is registered for
        return refuse(refusal, sandbox.switches)

    async def lost(_: Request, __: Exception) -> Response:
        return page_not_found()

    routes = [Route(BASE + path, partial(handler, sandbox), methods=[method]) for method, path, handler in _table()]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Gate, sandbox=sandbox)],
        exception_handlers={RefusalError: refused, UnknownRouteError: lost, HTTPException: lost},
    )
    app.router.redirect_slashes = False
    return app


def _table() -> list[tuple[str, str, Handler]]:
    """Method, path and handler of every route."""
    table: list[tuple[str, str, Handler]] = []
    for resource in RESOURCES:
        one, many = f"/{resource.path}/{{id}}", f"/{resource.path}"
        for verb, method, path in (
            ("list", "GET", many),
            ("get", "GET", one),
            ("create", "POST", many),
            ("update", "PUT", one),
            ("delete", "DELETE", one),
        ):
            if verb in resource.verbs:
                table.append((method, path, partial(_HANDLERS[verb], resource=resource)))
        for parent, verbs in resource.under.items():
            nested = f"/{parent}/{{parent_id}}/{resource.path}"
            for verb in sorted(verbs):
                method, path = _NESTED[verb][0], nested + _NESTED[verb][1]
                handler = _HANDLERS["pay" if resource is PAYMENTS and verb == "create" else verb]
                table.append((method, path, partial(handler, resource=resource, parent=parent)))
    # The documentation prints these two paths in the singular.
    table.append(("POST", "/task", partial(_create, resource=BY_PATH["tasks"])))
    table.append(("PUT", "/invoice/{id}", partial(_update, resource=BY_PATH["invoices"])))
    for path in ("invoices", "estimates"):
        table.append(("POST", f"/{path}/{{id}}/messages", partial(_message, resource=BY_PATH[path])))
    return table


_NESTED = {"list": ("GET", ""), "create": ("POST", ""), "delete": ("DELETE", "/{id}")}


def _row(sandbox: "Sandbox", resource: Resource, text: str) -> Row:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise not_found()
    row = sandbox.store.find(resource.table, int(text))
    if row is None:
        raise not_found()
    return row


def _parent(sandbox: "Sandbox", request: Request, parent: str) -> Row:
    return _row(sandbox, BY_PATH[parent], request.path_params["parent_id"])


def _record(sandbox: "Sandbox", resource: Resource, record_id: int) -> dict[str, Any]:
    rows = sandbox.store.select(resource.table, "id = ?", (record_id,))
    return shape(sandbox.store, sandbox.switches, resource, rows)[0]


def _allow(sandbox: "Sandbox", resource: Resource) -> None:
    if resource is HOURS and not sandbox.switches.allow_hours:
        raise RefusalError(403, "Forbidden")


def _allow_route(request: Request, plural: str, allowed: Routes) -> None:
    """Raise unless this form of a path, of which two are told, is one the account knows."""
    form = "plural" if request.url.path.startswith(f"{BASE}/{plural}") else "singular"
    if allowed not in {form, "both"}:
        raise UnknownRouteError


class Body(NamedTuple):
    """A request's body: as it came, and what it says, numbers exact."""

    received: bytes
    said: dict[str, Any]


async def _body(request: Request) -> Body:
    received = await request.body()
    try:
        said = json.loads(received, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusalError(400, "Bad Request")
    return Body(received, said)


def _no_number(name: str) -> None:
    raise ValueError(name)


def _wrapped(body: Body, resource: Resource) -> Mapping[str, Any]:
    """What stands under the wrapper key; nothing when it is missing or is no object."""
    data = body.said.get(resource.wrapper)
    return data if isinstance(data, dict) else {}


def _note(sandbox: "Sandbox", request: Request, resource: Resource, record_id: int, received: bytes = b"") -> None:
    """Enter a write in the ledger: called at once after its transaction, with nothing in between to fail or wait."""
    path = _short(request.url.path)
    sandbox.ledger.note(request.method, path, resource.path, record_id, received, sandbox.store.latest)


async def _list(sandbox: "Sandbox", request: Request, resource: Resource, parent: str | None = None) -> Response:
    _allow(sandbox, resource)
    under = (parent, _parent(sandbox, request, parent)["id"]) if parent else None
    return JSONResponse(listing(sandbox.store, sandbox.switches, resource, request.query_params, under))


async def _get(sandbox: "Sandbox", request: Request, resource: Resource) -> Response:
    _allow(sandbox, resource)
    return JSONResponse(_record(sandbox, resource, _row(sandbox, resource, request.path_params["id"])["id"]))


async def _create(sandbox: "Sandbox", request: Request, resource: Resource, parent: str | None = None) -> Response:
    body = await _body(request)
    _allow(sandbox, resource)
    if resource.path == "tasks":
        _allow_route(request, "tasks", sandbox.switches.task_routes)
    given = {PARENT_KEYS[parent]: _parent(sandbox, request, parent)["id"]} if parent else {}
    _allow_one_more(sandbox, resource)
    _allow_address(sandbox, resource, _wrapped(body, resource))
    with sandbox.connection:
        record_id = create(sandbox.store, resource, _wrapped(body, resource), given)
    _note(sandbox, request, resource, record_id, body.received)
    return JSONResponse(_record(sandbox, resource, record_id), 201)


def _allow_one_more(sandbox: "Sandbox", resource: Resource) -> None:
    if resource.path in sandbox.switches.plan_limit:
        raise RefusalError(426, f"Your plan's limit of {resource.path} has been reached")
    if resource is PAYMENT_PROFILES and sandbox.switches.without_stripe:
        raise RefusalError(422, "Stripe is not enabled", {"base": ["Stripe integration is not enabled"]})


def _allow_address(sandbox: "Sandbox", resource: Resource, data: Mapping[str, Any], own_id: int = 0) -> None:
    if resource is not CONTACTS or not sandbox.switches.unique_contact_emails:
        return
    address = str(data.get("email") or "").strip()
    if sandbox.store.count("contacts", "lower(email) = lower(?) AND id <> ?", (address, own_id)):
        raise invalid({"email": ["has already been taken"]})


async def _update(sandbox: "Sandbox", request: Request, resource: Resource) -> Response:
    body = await _body(request)
    _allow(sandbox, resource)
    if resource.path == "invoices":
        _allow_route(request, "invoices", sandbox.switches.invoice_update_routes)
    row = _row(sandbox, resource, request.path_params["id"])
    if not (data := _wrapped(body, resource)):
        raise RefusalError(400, f"param is missing or the value is empty: {resource.wrapper}")
    _allow_address(sandbox, resource, data, row["id"])
    with sandbox.connection:
        update(sandbox.store, sandbox.switches, resource, row, data)
    _note(sandbox, request, resource, row["id"], body.received)
    return updated(_record(sandbox, resource, row["id"]), sandbox.switches)


async def _delete(sandbox: "Sandbox", request: Request, resource: Resource, parent: str | None = None) -> Response:
    _allow(sandbox, resource)
    owner = _parent(sandbox, request, parent) if parent else None
    row = _row(sandbox, resource, request.path_params["id"])
    if parent and owner and row[PARENT_KEYS[parent]] != owner["id"]:
        raise not_found()
    with sandbox.connection:
        sandbox.store.delete(resource.table, row["id"])
        now = sandbox.store.now()
        if resource is PAYMENTS and owner:
            reckon(sandbox.store, "invoices", owner["id"])
            sandbox.store.update("invoices", owner["id"], {"updated_at": now})
    _note(sandbox, request, resource, row["id"])
    return deleted(sandbox.switches)


async def _pay(sandbox: "Sandbox", request: Request, resource: Resource, parent: str) -> Response:
    body = await _body(request)
    invoice = _parent(sandbox, request, parent)
    _allow_one_more(sandbox, resource)
    with sandbox.connection:
        payment_id = pay(sandbox.store, invoice, _wrapped(body, resource), resource)
    _note(sandbox, request, resource, payment_id, body.received)
    return JSONResponse(_record(sandbox, resource, payment_id), 201)


async def _message(sandbox: "Sandbox", request: Request, resource: Resource) -> Response:
    body = await _body(request)
    document = _row(sandbox, resource, request.path_params["id"])
    with sandbox.connection:
        message = send(sandbox.store, sandbox.switches, resource, document, body.said)
    sandbox.sent_messages.append(message)
    _note(sandbox, request, resource, document["id"], body.received)
    return Response(status_code=200)


_HANDLERS: Mapping[str, Callable[..., Awaitable[Response]]] = {
    "list": _list,
    "get": _get,
    "create": _create,
    "update": _update,
    "delete": _delete,
    "pay": _pay,
}
