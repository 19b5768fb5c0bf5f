"""An MCP server for Clientary, and the asynchronous client that it is built on.

    from clientary_mcp import Clientary, Settings

    async with Clientary(Settings(subdomain="acme", api_token="…")) as clientary:
        client = await clientary.get(Client, "clients/12")

Names are imported when they are first used, so that starting the server costs nothing more.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import version

    from clientary_mcp.api.session import Clientary
    from clientary_mcp.errors import (
        BadArguments,
        BlockedByOwner,
        ClientaryError,
        DeadlineReached,
        ListChanged,
        MalformedResponse,
        MemoryLost,
        MemoryUnreachable,
        NotAllowed,
        NotDone,
        NotFound,
        NotRemembered,
        OutcomeUnknown,
        PartiallyDone,
        PlanLimit,
        RateLimited,
        Refused,
        SettingsError,
        TakenOver,
        TokenRejected,
        TooManyPages,
        Unavailable,
    )
    from clientary_mcp.settings import Settings

    __version__ = version("clientary-mcp")

__all__ = [
    "BadArguments",
    "BlockedByOwner",
    "Clientary",
    "ClientaryError",
    "DeadlineReached",
    "ListChanged",
    "MalformedResponse",
    "MemoryLost",
    "MemoryUnreachable",
    "NotAllowed",
    "NotDone",
    "NotFound",
    "NotRemembered",
    "OutcomeUnknown",
    "PartiallyDone",
    "PlanLimit",
    "RateLimited",
    "Refused",
    "Settings",
    "SettingsError",
    "TakenOver",
    "TokenRejected",
    "TooManyPages",
    "Unavailable",
    "__version__",
]

_MODULES = {"Clientary": "api.session", "Settings": "settings"}
"""Where a public name is defined; every other one is an error."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("clientary-mcp")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
