"""The way from httpx to an account in the same process: an ASGI transport on which connections can break.

The one module of the sandbox that knows httpx.
"""

from collections.abc import AsyncIterator

import anyio
import httpx

from clientary_mcp.sandbox.account import Sandbox
from clientary_mcp.sandbox.controls.fault_middleware import Dropped


class Network(httpx.AsyncBaseTransport):
    """Requests reach the account without a socket, and fail as they would with one.

    A dropped connection and a body that breaks off are `httpx.RemoteProtocolError`, as over sockets. Without an answer
    it waits until the read timeout of the request (`httpx.ReadTimeout`) or its cancellation.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._app = httpx.ASGITransport(sandbox.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The account's answer, or what is left of it."""
        if self._sandbox.faults is None:
            return await self._app.handle_async_request(request)
        try:
            with anyio.fail_after(request.extensions.get("timeout", {}).get("read")):
                return await self._app.handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer", request=request) from None
        except Dropped as dropped:
            if dropped.begun is None:
                raise httpx.RemoteProtocolError("no answer: the connection was closed", request=request) from None
            begun = dropped.begun
            stream = _BreakingOff(begun.body, request)
            return httpx.Response(begun.start["status"], headers=begun.start["headers"], stream=stream)


class _BreakingOff(httpx.AsyncByteStream):
    """A body whose connection is closed before its end."""

    def __init__(self, begun: bytes, request: httpx.Request) -> None:
        self._begun = begun
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begun
        raise httpx.RemoteProtocolError("the body broke off: the connection was closed", request=self._request)
