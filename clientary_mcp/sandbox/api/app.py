"""The ASGI application: authentication and routes. It knows nothing about the fields of records."""

import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clientary_mcp.sandbox.api.gate import BASE, Account, Gate, documented_path
from clientary_mcp.sandbox.api.lists import listing
from clientary_mcp.sandbox.api.messages import send
from clientary_mcp.sandbox.api.replies import (
    RefusalError,
    UnknownRouteError,
    deleted,
    invalid,
    not_found,
    page_not_found,
    refuse,
    updated,
)
from clientary_mcp.sandbox.api.shapes import shape
from clientary_mcp.sandbox.api.writes import create, pay, reckon, update
from clientary_mcp.sandbox.controls.switches import Routes
from clientary_mcp.sandbox.store.resource import Resource
from clientary_mcp.sandbox.store.resources import (
    BY_PATH,
    CONTACTS,
    HOURS,
    PARENT_KEYS,
    PAYMENT_PROFILES,
    PAYMENTS,
    RESOURCES,
)
from clientary_mcp.sandbox.store.tables import Row

Handler = Callable[[Account, Request], Awaitable[Response]]


def application(sandbox: Account) -> Starlette:
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


def _row(sandbox: Account, resource: Resource, text: str) -> Row:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise not_found()
    row = sandbox.store.find(resource.table, int(text))
    if row is None:
        raise not_found()
    return row


def _parent(sandbox: Account, request: Request, parent: str) -> Row:
    return _row(sandbox, BY_PATH[parent], request.path_params["parent_id"])


def _record(sandbox: Account, resource: Resource, record_id: int) -> dict[str, Any]:
    rows = sandbox.store.select(resource.table, "id = ?", (record_id,))
    return shape(sandbox.store, sandbox.switches, resource, rows)[0]


def _allow(sandbox: Account, resource: Resource) -> None:
    if resource is HOURS and not sandbox.switches.allow_hours:
        raise RefusalError(403, "Forbidden")


def _allow_route(request: Request, plural: str, allowed: Routes) -> None:
    """Raise unless the account accepts this form of a path, for paths that are documented in two forms."""
    form = "plural" if request.url.path.startswith(f"{BASE}/{plural}") else "singular"
    if allowed not in {form, "both"}:
        raise UnknownRouteError


class Body(NamedTuple):
    """A request's body: the raw bytes and the parsed JSON, with exact numbers."""

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
    """The value under the wrapper key; empty when it is missing or not an object."""
    data = body.said.get(resource.wrapper)
    return data if isinstance(data, dict) else {}


def _note(sandbox: Account, request: Request, resource: Resource, record_id: int, received: bytes = b"") -> None:
    """Enter a write in the ledger: called at once after its transaction, with nothing in between to fail or wait."""
    path = documented_path(request.url.path)
    sandbox.ledger.note(request.method, path, resource.path, record_id, received, sandbox.store.latest)


async def _list(sandbox: Account, request: Request, resource: Resource, parent: str | None = None) -> Response:
    _allow(sandbox, resource)
    under = (parent, _parent(sandbox, request, parent)["id"]) if parent else None
    return JSONResponse(listing(sandbox.store, sandbox.switches, resource, request.query_params, under))


async def _get(sandbox: Account, request: Request, resource: Resource) -> Response:
    _allow(sandbox, resource)
    return JSONResponse(_record(sandbox, resource, _row(sandbox, resource, request.path_params["id"])["id"]))


async def _create(sandbox: Account, request: Request, resource: Resource, parent: str | None = None) -> Response:
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


def _allow_one_more(sandbox: Account, resource: Resource) -> None:
    if resource.path in sandbox.switches.plan_limit:
        raise RefusalError(426, f"Your plan's limit of {resource.path} has been reached")
    if resource is PAYMENT_PROFILES and sandbox.switches.without_stripe:
        raise RefusalError(422, "Stripe is not enabled", {"base": ["Stripe integration is not enabled"]})


def _allow_address(sandbox: Account, resource: Resource, data: Mapping[str, Any], own_id: int = 0) -> None:
    if resource is not CONTACTS or not sandbox.switches.unique_contact_emails:
        return
    address = str(data.get("email") or "").strip()
    if sandbox.store.count("contacts", "lower(email) = lower(?) AND id <> ?", (address, own_id)):
        raise invalid({"email": ["has already been taken"]})


async def _update(sandbox: Account, request: Request, resource: Resource) -> Response:
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


async def _delete(sandbox: Account, request: Request, resource: Resource, parent: str | None = None) -> Response:
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


async def _pay(sandbox: Account, request: Request, resource: Resource, parent: str) -> Response:
    body = await _body(request)
    invoice = _parent(sandbox, request, parent)
    _allow_one_more(sandbox, resource)
    with sandbox.connection:
        payment_id = pay(sandbox.store, invoice, _wrapped(body, resource), resource)
    _note(sandbox, request, resource, payment_id, body.received)
    return JSONResponse(_record(sandbox, resource, payment_id), 201)


async def _message(sandbox: Account, request: Request, resource: Resource) -> Response:
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
