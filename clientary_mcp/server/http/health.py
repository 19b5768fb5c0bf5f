"""Whether the process lives, and whether it may get traffic: for proxies, containers and those who watch them."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from clientary_mcp.server.http.drain import Drain

LIVE, READY = "/health", "/ready"

Readiness = Callable[[], Awaitable[str | None]]
"""Why no traffic should come, as one word: `draining`, `store`, `exports` or `keys`; None where it may."""


class Probes:
    """Answers both questions before anything else does: a probe has no token, and may use any host name."""

    def __init__(self, app: ASGIApp, problem: Readiness) -> None:
        self._app = app
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, and pass on everything else."""
        if scope["type"] != "http" or scope["path"] not in (LIVE, READY):
            await self._app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET, HEAD"})(scope, receive, send)
        else:
            problem = await self._problem() if scope["path"] == READY else None
            word = "alive" if scope["path"] == LIVE else problem or "ready"
            answer = PlainTextResponse(f"{word}\n", 503 if problem else 200, {"Cache-Control": "no-store"})
            await answer(scope, receive, send)


def readiness(drain: Drain, *problems: Readiness) -> Readiness:
    """The first problem: the drain, then these in their order."""

    async def first() -> str | None:
        if drain.begun:
            return "draining"
        for problem in problems:
            if (word := await problem()) is not None:
                return word
        return None

    return first


def exports_to(directory: Path | None) -> Readiness:
    """`exports` where no file can be written to this directory; without one, nothing is exported."""

    async def problem() -> str | None:
        if directory is None:
            return None
        # In a thread, since a network volume may hang: then there is no answer, and the probe gives up.
        writable = await anyio.to_thread.run_sync(_can_write, directory, abandon_on_cancel=True)
        return None if writable else "exports"

    return problem


def _can_write(directory: Path) -> bool:
    """Whether a file can be made there; it has no name where the system allows that, and is gone at once."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.write(file.fileno(), b".")
    except OSError:
        return False
    return True
