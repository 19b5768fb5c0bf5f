"""Sends requests over httpcore2, which comes with the SDK: httpx's own transport on a faster core.

Its errors become httpx's of the same name. Those that mean *nothing was sent* are raised only before a connection is
made, and nothing is sent twice: a request leaves once, on a connection that was open a moment before.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore2
import httpx

_KEPT_FOR = 5.0  # seconds that a connection is kept for the next request, as by httpx
_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore2.TimeoutException: httpx.TimeoutException,
    httpcore2.PoolTimeout: httpx.PoolTimeout,
    httpcore2.ConnectTimeout: httpx.ConnectTimeout,
    httpcore2.ReadTimeout: httpx.ReadTimeout,
    httpcore2.WriteTimeout: httpx.WriteTimeout,
    httpcore2.NetworkError: httpx.NetworkError,
    httpcore2.ConnectError: httpx.ConnectError,
    httpcore2.ReadError: httpx.ReadError,
    httpcore2.WriteError: httpx.WriteError,
    httpcore2.ProxyError: httpx.ProxyError,
    httpcore2.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore2.ProtocolError: httpx.ProtocolError,
    httpcore2.LocalProtocolError: httpx.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx.RemoteProtocolError,
}
_RAISED = tuple(_ERRORS)


class HttpCore(httpx.AsyncBaseTransport):
    """Connections over HTTP/1.1, through the proxy if there is one, of which `most_idle` are kept.

    `certificates` are those that an account's, and an https proxy's, must be signed by. Raises
    `httpx.TransportError`s, as does the stream of a response.
    """

    def __init__(self, certificates: ssl.SSLContext, proxy: httpx.Proxy | None, most_idle: int) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=certificates,
            proxy=_proxy(proxy, certificates) if proxy else None,
            max_connections=None,
            max_keepalive_connections=most_idle,
            keepalive_expiry=_KEPT_FOR,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response, whose body is yet to be read; connection and request take no longer than the timeouts."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - as all of an `AsyncClient` are
        sent = httpcore2.Request(
            request.method,
            _url(request.url),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = await self._pool.handle_async_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response; its connection is free for the next request when it is closed."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._answer.stream
        assert isinstance(stream, AsyncIterable)  # noqa: S101 - as all of an asynchronous pool are
        with _errors_of_httpx():
            async for chunk in stream:
                yield chunk

    async def aclose(self) -> None:
        with _errors_of_httpx():
            await self._answer.aclose()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except _RAISED as error:
        kind = next(_ERRORS[each] for each in type(error).__mro__ if each in _ERRORS)
        raise kind(str(error)) from error


def _url(url: httpx.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _proxy(proxy: httpx.Proxy, certificates: ssl.SSLContext) -> httpcore2.Proxy:
    secure = certificates if proxy.url.scheme == "https" else None
    return httpcore2.Proxy(_url(proxy.url), auth=proxy.raw_auth, headers=proxy.headers.raw, ssl_context=secure)
