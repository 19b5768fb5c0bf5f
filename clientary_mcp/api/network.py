"""The connections to the account: which certificates they trust, and whether they go through a proxy."""

import ssl
from functools import cache

import httpx

from clientary_mcp.settings import Settings


def new_network(settings: Settings) -> httpx.AsyncBaseTransport:
    """Connections to the account; over https through the proxy, if there is one.

    A proxy sees the name of the host and its own credentials: the API token is sent inside the encrypted tunnel. The
    number of connections is limited by `Pacing`, which also decides when a request that hangs no longer counts.
    """
    from clientary_mcp.api.http_core import HttpCore  # the sandbox needs no connections

    proxy = settings.proxy if settings.address.startswith("https://") else None
    return HttpCore(_certificates(), httpx.Proxy(proxy) if proxy else None, settings.concurrency)


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificate authorities; loading them is the slowest part of a start, so it is done once."""
    return httpx.create_ssl_context()
