"""Two ways to send requests, httpx's own and ours, for tests that compare how they fail."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from clientary_mcp.api.http_core import HttpCore

Make = Callable[..., httpx.AsyncBaseTransport]


def _of_httpx(certificates: ssl.SSLContext, proxy: httpx.Proxy | None) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=certificates, proxy=proxy)


BOTH: list[Make] = [_of_httpx, partial(HttpCore, most_idle=4)]
NAMES = ["httpx", "ours"]


@asynccontextmanager
async def over(
    make: Make, certificates: ssl.SSLContext | None = None, proxy: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends over one of the two."""
    trusted = certificates or ssl.create_default_context()
    of_proxy = httpx.Proxy(proxy, ssl_context=certificates if proxy.startswith("https:") else None) if proxy else None
    async with httpx.AsyncClient(transport=make(trusted, proxy=of_proxy), timeout=60) as client:
        yield client


async def failure(client: httpx.AsyncClient, url: str, **more: Any) -> httpx.TransportError:
    """The error of a POST, which leaves in one piece unless it has a body."""
    with pytest.raises(httpx.TransportError) as caught:
        await client.post(url, **more)
    return caught.value
