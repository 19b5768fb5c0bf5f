"""The connections to the account: which certificates they trust, and whether they go through a proxy."""

import ssl
from functools import cache, cached_property

import httpx

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings


def new_network(settings: Settings) -> httpx.AsyncBaseTransport:
    """Connections to the account; over https through the proxy, if there is one.

    A proxy sees the name of the host and its own credentials: the API token is sent inside the encrypted tunnel. The
    number of connections is limited by `Pacing`, which also decides when a request that hangs no longer counts.
    """
    return _Network(settings)


class _Network(httpx.AsyncBaseTransport):
    """Made ready by its first request: a server that starts does not wait for the certificates to be loaded."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _connections(self) -> httpx.AsyncBaseTransport:
        from clientary_mcp.api.http_core import HttpCore

        settings = self._settings
        proxy = settings.proxy if settings.address.startswith("https://") else None
        return HttpCore(_certificates(), httpx.Proxy(proxy) if proxy else None, settings.concurrency)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response, as `HttpCore` returns it; SettingsError where no certificates can be loaded."""
        return await self._connections.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections, if there are any."""
        if "_connections" in self.__dict__:
            await self._connections.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificate authorities; loading them takes long, so it is done once."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise SettingsError(f"The certificates in SSL_CERT_FILE cannot be loaded: {error.strerror}.") from error
