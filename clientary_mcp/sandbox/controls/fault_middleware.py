"""How each fault is carried out in ASGI, behind a real server or in the same process."""

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import formatdate
from http import HTTPStatus

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.sandbox.controls.faults import Fault, Faults


@dataclass
class Answer:
    """An answer on its way: the account's own, before a fault garbles or withholds it."""

    start: Message = field(default_factory=lambda: {"status": HTTPStatus.OK, "headers": []})
    body: bytes = b""

    @property
    def status(self) -> int:
        """Its status; 200 as long as nobody answered."""
        return int(self.start["status"])

    async def take(self, message: Message) -> None:
        """What the app sends; a `Send`."""
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def give(self, send: Send) -> None:
        """Send all of it."""
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})

    def with_body(self, body: bytes) -> Response:
        """The same answer with another body."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.start["headers"]}
        headers.pop("content-length", None)
        return Response(body, self.status, headers)


class Dropped(Exception):
    """The connection is closed without an answer, or in the middle of the one that is `begun`.

    With a client in the same process it comes out of the app as it is; see `network.py`. A server closes the
    connection when it leaves the app.
    """

    def __init__(self, begun: Answer | None = None) -> None:
        super().__init__("the connection was dropped" + (" in the middle of the answer" if begun else ""))
        self.begun = begun


async def fail(fault: Fault, faults: Faults, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request as the fault has it; `app` is who would have answered."""
    answer, body = Answer(), b""
    if fault.takes_effect:
        await app(scope, receive, answer.take)
    elif fault.kind != "slow":
        body = await _hear(receive)
    match fault.kind:
        case "drop":
            await _drop(send)
        case "late":
            task = asyncio.create_task(_carry_out(fault, faults, app, scope, body))
            faults.late.add(task)  # a loop keeps no hold of its tasks
            task.add_done_callback(faults.late.discard)
            await _drop(send)
        case "silent":
            await _keep_silent(receive)
        case "slow":
            await faults.sleep(fault.seconds)
            await (answer.give(send) if fault.after else app(scope, receive, send))
        case "truncated":
            await _break_off(answer, send)
        case "half":
            await answer.with_body(answer.body[: len(answer.body) // 2])(scope, receive, send)
        case "empty":
            await answer.with_body(b"")(scope, receive, send)
        case "redirect":
            await RedirectResponse("/login", HTTPStatus.FOUND)(scope, receive, send)
        case "html":
            status = HTTPStatus.OK if answer.status == HTTPStatus.NO_CONTENT else answer.status
            await _page("Welcome", status)(scope, receive, send)
        case 429 | 500 | 502 | 503 | 504:
            await _trouble(HTTPStatus(fault.kind), fault.retry_after, faults.wall())(scope, receive, send)


async def _hear(receive: Receive) -> bytes:
    """Take in the whole request, so that what happens next is not taken for a fault of its body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _carry_out(fault: Fault, faults: Faults, app: ASGIApp, scope: Scope, body: bytes) -> None:
    """Let the request take effect when nobody waits for its answer any more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    await faults.sleep(fault.seconds)
    await app(scope, receive, Answer().take)


async def _drop(send: Send) -> None:
    # A server that has seen no answer begin sends a 500 of its own when the app fails. One that refuses to write the
    # beginning counts it as begun all the same, and closes the connection with nothing written.
    with suppress(Exception):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"no name of a header", b"")]})
    raise Dropped


async def _keep_silent(receive: Receive) -> None:
    """Wait until the client is gone: it hangs up, or is cancelled when it is in the same process."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Dropped


async def _break_off(answer: Answer, send: Send) -> None:
    """Send as much as a closing connection lets through: half of the body, or nothing when there is none."""
    if not answer.body:
        await _drop(send)
    begun = Answer(answer.start, answer.body[: len(answer.body) // 2])
    await send(begun.start)
    await send({"type": "http.response.body", "body": begun.body, "more_body": True})
    raise Dropped(begun)


def _trouble(status: HTTPStatus, retry_after: int | timedelta | None, now: float) -> Response:
    page = _page(f"{status.value} {status.phrase}", status)
    if retry_after is not None:
        page.headers["Retry-After"] = _retry_after(retry_after, now)
    return page


def _page(title: str, status: int) -> Response:
    head = f"<head><title>{title}</title></head>"
    return HTMLResponse(f"<!DOCTYPE html><html>{head}<body><h1>{title}</h1></body></html>", status)


def _retry_after(wait: int | timedelta, now: float) -> str:
    """Seconds, or a date that is no earlier than asked for: dates have no fractions."""
    if isinstance(wait, timedelta):
        return formatdate(math.ceil(now + wait.total_seconds()), usegmt=True)
    return str(wait)
