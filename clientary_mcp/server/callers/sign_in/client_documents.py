"""Client ID metadata documents: clients that are known by the https address of a document that describes them.

Whoever signs in names the address, so it is fetched as one of a stranger: over https from a public address, which is
looked up once, without redirects, and no more than a few kilobytes within a few seconds.
"""

import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
from mcp.shared.auth import OAuthClientInformationFull
from pydantic_core import from_json

from clientary_mcp.durations import DAY, MINUTE
from clientary_mcp.server.callers.vault import digest
from clientary_mcp.state.key_values import KeyValues

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host, as texts; OSError if there are none."""

MOST_BYTES = 8 * 1024
_SECONDS = 5.0
_SHORTEST, _LONGEST = 5 * MINUTE, DAY
_FAILED_FOR = MINUTE
"""How long a document that cannot be used is not fetched again."""
_LAST_FOR = 30 * DAY
"""How long the last document of a host that cannot be reached counts."""
_AT_ONCE = 8
_LONGEST_ADDRESS = 500
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"\bno-(?:store|cache)\b", re.IGNORECASE)
_UNICAST, _NAT64 = ipaddress.ip_network("2000::/3"), ipaddress.ip_network("64:ff9b::/96")
"""What the internet uses of IPv6, and addresses of IPv4 within IPv6."""


async def resolve(host: str) -> Sequence[str]:
    """The addresses of a host, by the system's resolver.

    Hosts of strangers may be slow to look up. The few threads in which asyncio looks up all others are not for them.
    """
    look_up = partial(socket.getaddrinfo, host, 443, type=socket.SOCK_STREAM)
    found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True)
    return [str(each[4][0]) for each in found]


class ClientDocuments:
    """Reads documents, and keeps them for as long as they ask for. `network` and `resolve` are for tests."""

    def __init__(
        self, values: KeyValues, network: httpx.AsyncBaseTransport | None = None, resolve: Resolve = resolve
    ) -> None:
        self._values, self._network, self._resolve = values, network, resolve
        self._limiter: anyio.CapacityLimiter | None = None

    async def knows(self, address: str) -> bool:
        """Whether there is a document of that address already, or there can be none."""
        keys = (_key(address), _last_key(address))
        return not _is_client_id(address) or any([await self._values.get(key) is not None for key in keys])

    async def read(self, address: str) -> dict[str, Any] | None:
        """What the document at that address says of its client; None if there is none that can be used."""
        if not _is_client_id(address):
            return None
        kept = await self._values.get(_key(address))
        if kept is None:
            self._limiter = self._limiter or anyio.CapacityLimiter(_AT_ONCE)
            async with self._limiter:
                kept = await self._read_anew(address)
        return json.loads(kept) if kept else None

    async def _read_anew(self, address: str) -> str:
        """The document as its host has it now, or else as it was last; empty if there is none that can be used.

        A host that cannot be reached for a while ends nobody's sign-in; one that withdraws its document does.
        """
        last = _last_key(address)
        response = await self._fetched(address)
        if response is None:
            document, seconds = await self._values.get(last) or "", _FAILED_FOR
        else:
            document = _described(address, response) if response.status_code == 200 else ""
            seconds = _lifetime(response.headers) if document else _FAILED_FOR
            if document:
                await self._values.put(last, document, _LAST_FOR)
            else:
                await self._values.delete(last)
        await self._values.put(_key(address), document, seconds)
        return document

    async def _fetched(self, address: str) -> httpx.Response | None:
        """The host's answer; None if it gives none, or says that it cannot at the moment."""
        with suppress(httpx.HTTPError, OSError, ValueError), anyio.move_on_after(_SECONDS):
            host = urlsplit(address).hostname or ""
            addresses = await self._resolve(host)
            if addresses and all(map(_is_public, addresses)):
                response = await self._answer(address, host, addresses[0])
                return response if response.status_code != 429 and response.status_code < 500 else None
        return None

    async def _answer(self, address: str, host: str, ip: str) -> httpx.Response:
        """The answer from that address of the host, whose certificate must be the host's; without a longer body."""
        url = httpx.URL(address)
        headers = {
            "Host": url.netloc.decode(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        async with httpx.AsyncClient(
            transport=self._network, trust_env=False, follow_redirects=False, timeout=_SECONDS
        ) as client:
            request = client.build_request("GET", url.copy_with(host=ip), headers=headers)
            request.extensions["sni_hostname"] = host
            response = await client.send(request, stream=True)
            body = b""
            try:
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        body = b""
                        break
            finally:
                await response.aclose()
        return httpx.Response(response.status_code, headers=_of_caching(response.headers), content=body)


def _key(address: str) -> str:
    return f"oauth:cimd:{digest(address)}"


def _last_key(address: str) -> str:
    return f"oauth:cimd-last:{digest(address)}"


def _is_client_id(address: str) -> bool:
    """Whether an address may name a client: https with a path, and nothing that hides where it leads."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return (
        len(address) <= _LONGEST_ADDRESS
        and address.isascii()
        and address.isprintable()
        and " " not in address
        and "\\" not in address
        and parts.scheme == "https"
        and bool(parts.hostname)
        and parts.username is None
        and not parts.fragment
        and parts.path not in ("", "/")
        and not {".", ".."} & {*parts.path.split("/")}
    )


def _is_public(address: str) -> bool:
    """Whether an address is one of the public internet, and so is the one that it may contain."""
    with suppress(ValueError):
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address):
            inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
            if ip in _NAT64:
                inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
            if inner is None:
                return ip in _UNICAST and ip.is_global
            ip = inner
        return ip.is_global and not ip.is_multicast
    return False


def _described(address: str, response: httpx.Response) -> str:
    """What a document says of its client, as JSON; empty if it is another's, or none of a client without a secret."""
    with suppress(ValueError):
        document = from_json(response.content)  # unlike json, with a limit to the depth, and without broken Unicode
        if not isinstance(document, dict) or document.get("client_id") != address or "client_secret" in document:
            return ""
        methods = document.get("token_endpoint_auth_methods_supported")
        may_be_public = isinstance(methods, list) and "none" in methods
        if document.get("token_endpoint_auth_method", "none") != "none" and not may_be_public:
            return ""
        client = OAuthClientInformationFull.model_validate({**document, "token_endpoint_auth_method": "none"})
        return client.model_dump_json(exclude_none=True) if client.redirect_uris else ""
    return ""


def _of_caching(headers: httpx.Headers) -> dict[str, str]:
    """The headers that matter: a body that is encoded, although we asked for none, is never decoded."""
    return {"Cache-Control": headers.get("cache-control", "")}


def _lifetime(headers: httpx.Headers) -> float:
    """How many seconds a document may be kept: what it asks for, within our limits."""
    cache = headers.get("cache-control", "")
    asked = _MAX_AGE.search(cache)
    if _NOT_KEPT.search(cache) or asked is None:
        return _SHORTEST
    return min(max(float(asked[1]), _SHORTEST), _LONGEST)
