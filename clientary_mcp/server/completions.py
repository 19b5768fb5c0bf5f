"""Names that people begin to type, for the hosts that complete them."""

from typing import Literal

from clientary_mcp.api.session import Clientary
from tool_schemas.base.text import normalized
from tool_schemas.clients import Client
from tool_schemas.projects import Project

_A_MINUTE = 60.0
_LONGEST = 200
"""Characters of a name that is proposed: more is no name, and many of them would be no answer."""
_NAMED: dict[str, tuple[type[Client] | type[Project], str, dict[str, str]]] = {
    "client": (Client, "clients", {}),
    "project": (Project, "projects", {"filter": "all"}),
}


class NameCompleter:
    """Names of clients and projects that people begin to type; read once a minute at most."""

    def __init__(self, clientary: Clientary) -> None:
        self._clientary = clientary
        self._read: dict[str, tuple[float, list[str]]] = {}

    async def __call__(self, kind: Literal["client", "project"], text: str) -> list[str]:
        """Those that begin with the text, then those that hold it; both in the order of the alphabet."""
        typed = normalized(text)
        names = [(normalized(name), name) for name in await self._names(kind)]
        begin = [name for plain, name in names if plain.startswith(typed)]
        return begin + [name for plain, name in names if typed in plain and not plain.startswith(typed)]

    async def _names(self, kind: Literal["client", "project"]) -> list[str]:
        now = self._clientary.clock.now()
        when, names = self._read.get(kind, (0.0, []))
        if kind not in self._read or now - when > _A_MINUTE:
            record, path, query = _NAMED[kind]
            names = sorted((await self._clientary.sift(record, path, _AllNames, query)).names)
            self._read[kind] = now, names
        return names


class _AllNames:
    def __init__(self) -> None:
        self.names: set[str] = set()

    def add(self, record: Client | Project) -> None:
        if record.name and len(record.name) <= _LONGEST:
            self.names.add(record.name)
