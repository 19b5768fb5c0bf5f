"""Completes the names of clients and projects while a user types them."""

from typing import Literal

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.durations import MINUTE
from tool_schemas.base.text import normalized
from tool_schemas.clients import Client
from tool_schemas.projects import Project

_LONGEST = 200
"""Characters of a name that is suggested; longer ones are left out."""
_NAMED: dict[str, type[Client] | type[Project]] = {"client": Client, "project": Project}


class NameCompleter:
    """Suggests names of clients and projects, which are read at most once a minute."""

    def __init__(self, clientary: Clientary) -> None:
        self._clientary = clientary
        self._read: dict[str, tuple[float, list[str]]] = {}

    async def __call__(self, kind: Literal["client", "project"], text: str) -> list[str]:
        """The names that begin with the text, then those that only contain it, each group in alphabetical order."""
        typed = normalized(text)
        names = [(normalized(name), name) for name in await self._names(kind)]
        begin = [name for plain, name in names if plain.startswith(typed)]
        return begin + [name for plain, name in names if typed in plain and not plain.startswith(typed)]

    async def _names(self, kind: Literal["client", "project"]) -> list[str]:
        now = self._clientary.clock.now()
        when, names = self._read.get(kind, (0.0, []))
        if kind not in self._read or now - when > MINUTE:
            names = await _read_names(self._clientary, _NAMED[kind])
            self._read[kind] = now, names
        return names


@rereads
async def _read_names(clientary: Clientary, kind: type[Client] | type[Project]) -> list[str]:
    names = {record.name async for record in clientary.stream(kind) if record.name}
    return sorted(name for name in names if len(name) <= _LONGEST)
