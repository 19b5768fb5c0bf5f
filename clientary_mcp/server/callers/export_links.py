"""Links to exports: each opens one file of one caller for an hour, for whoever has it, on any replica."""

import json
from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from clientary_mcp.durations import HOUR
from clientary_mcp.state.sealing import KeyRing

_ABOUT = "export link"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class ExportLinks:
    """Makes links to files below `root`, which all replicas share, and serves them at `public_url`."""

    def __init__(self, root: Path, public_url: str, ring: KeyRing, wall: Callable[[], float]) -> None:
        self._root, self._public_url, self._ring, self._wall = root, public_url, ring, wall

    def to(self, directory: Path, name: str) -> str:
        """A link to a file in a directory below the root, valid for an hour from now."""
        content = json.dumps([str((directory / name).relative_to(self._root)), self._wall() + HOUR])
        return f"{self._public_url}/exports/{self._ring.seal(content.encode(), _ABOUT)}"

    def route(self) -> Route:
        """Where the links lead."""
        return Route("/exports/{sealed}", self._download, methods=["GET"])

    async def _download(self, request: Request) -> Response:
        content = self._ring.unseal(request.path_params["sealed"], _ABOUT)
        if content is None:
            return PlainTextResponse("This link leads nowhere.", 404, _HEADERS)
        name, until = json.loads(content)
        path = self._root / name
        if self._wall() > until or not await anyio.to_thread.run_sync(path.is_file):
            return PlainTextResponse("This link has expired. Ask for the export again.", 410, _HEADERS)
        kind = guess_type(path.name)[0] or "application/octet-stream"
        return FileResponse(path, filename=path.name, media_type=kind, headers=_HEADERS)
