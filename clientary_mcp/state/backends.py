"""Which backend `CLIENTARY_STORE` names."""

from collections.abc import Callable
from pathlib import Path

from clientary_mcp.errors import SettingsError
from clientary_mcp.state.backend import Backend, LocalBackend
from clientary_mcp.state.sealing import KeyRing


def backend_for(store: str, keys: tuple[str, ...], wall: Callable[[], float]) -> Backend:
    """The backend, not open yet; SettingsError if what it needs is not installed. Redis tells the time by itself."""
    ring = KeyRing(keys)
    if not store.startswith("redis"):
        return LocalBackend(Path(store.removeprefix("file:")) if store.startswith("file:") else None, ring, wall)
    try:
        from clientary_mcp.state.redis.backend import RedisBackend
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise SettingsError("CLIENTARY_STORE names Redis: install clientary-mcp[redis] for that.") from None
    return RedisBackend(store, ring)
