"""Everything that serves callers, put together over one backend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from clientary_mcp.redaction import Secrets
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.audit import Audit
from clientary_mcp.server.callers.export_links import ExportLinks
from clientary_mcp.server.callers.identities import KEPT, Identities
from clientary_mcp.server.callers.offices import CallerOffices
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings import Settings, common_settings
from clientary_mcp.settings.serving import Serving
from clientary_mcp.state.backend import Backend
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import select_tools

if TYPE_CHECKING:
    from clientary_mcp.server.callers.sign_in.client_documents import ClientDocuments


@dataclass(frozen=True)
class Assembly:
    """What the application for callers is made of."""

    serving: Serving
    settings: Settings
    """What holds for all callers; its account and credential are nobody's."""
    server: ClientaryServer
    backend: Backend
    identities: Identities
    routes: list[Route]
    """Those of signing in, if it is a door, and of downloading exports."""


@asynccontextmanager
async def assembled(
    serving: Serving,
    backend: Backend,
    *,
    kept: float = KEPT,
    documents: "ClientDocuments | None" = None,
) -> AsyncIterator[Assembly]:
    """Everything over a backend that is open; at the end, all connections to accounts are closed.

    SettingsError if the settings leave no tool, or name what does not exist. What has a default is for tests.
    """
    vault = Vault(backend.values, backend.ring, backend.wall)
    identities = Identities(vault, serving, wall=backend.wall, kept=kept)
    settings = common_settings(serving)
    select_tools(ALL, settings)  # what the operator got wrong must not wait for the first caller
    Audit(settings.audit_log, Secrets(settings))
    links = None
    if settings.export_dir and serving.public_url:
        links = ExportLinks(settings.export_dir, serving.public_url, backend.ring, backend.wall)
    async with CallerOffices(serving, backend, identities, links=links) as offices:
        keys = backend.ring.derived("request state")
        server = ClientaryServer(offices, keys=keys, wall=backend.wall, log_level=settings.log_level)
        routes: list[Route] = []
        if "sign-in" in serving.callers:
            from clientary_mcp.server.callers.sign_in.routes import sign_in_routes

            routes = sign_in_routes(serving, vault, persistent=backend.persistent, documents=documents)
        if links:
            routes.append(links.route())
        yield Assembly(serving, settings, server, backend, identities, routes)
