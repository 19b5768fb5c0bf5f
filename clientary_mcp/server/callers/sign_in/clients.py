"""Clients of OAuth: those that registered themselves, and where a sign-in may send people back to."""

import json
from urllib.parse import urlsplit

from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, OAuthClientInformationFull
from pydantic import AnyUrl

from clientary_mcp.durations import DAY
from clientary_mcp.server.callers.sign_in.client_documents import ClientDocuments
from clientary_mcp.server.callers.vault import digest
from clientary_mcp.settings.address import is_loopback
from clientary_mcp.settings.serving import Serving
from clientary_mcp.state.key_values import KeyValues
from clientary_mcp.state.sealing import KeyRing

SCOPE = "clientary"
"""The one scope: what a token allows is decided by privileges."""

_KEPT_FOR = 30 * DAY
"""How long a registration is kept after its last use."""
_NO_PROGRAMS = ("about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "vbscript", "ws", "wss")
"""Schemes that lead to no program of the person's, or run what they contain."""


class Client(OAuthClientInformationFull):
    """A client whose redirects are all allowed."""

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """The address to send people back to: a registered one, on loopback with any port (RFC 8252, section 7.3)."""
        if redirect_uri is not None and any(_same(redirect_uri, registered) for registered in self.redirect_uris or ()):
            return redirect_uri
        if redirect_uri is not None and str(redirect_uri) not in map(str, self.redirect_uris or ()):
            raise InvalidRedirectUriError(
                f"The address {redirect_uri} is not registered for this client, or CLIENTARY_CLIENTS does not allow it."
            )
        return super().validate_redirect_uri(redirect_uri)

    def validate_scope(self, requested_scope: str | None) -> list[str] | None:
        """The one scope there is, whatever a client asks for: the answer names it, as RFC 6749, section 3.3 has it."""
        return [SCOPE]


class Clients:
    """The clients that may ask people to sign in."""

    def __init__(self, serving: Serving, values: KeyValues, ring: KeyRing, documents: ClientDocuments) -> None:
        self._allowed, self._values, self._ring, self._documents = serving.clients, values, ring, documents

    async def find(self, client_id: str) -> Client | None:
        """The client with that id, which is the address of its document or was given when it registered itself."""
        if client_id.startswith("https://"):
            described = await self._documents.read(client_id)
        else:
            described = await self._registered(client_id)
        if described is None:
            return None
        redirects = [uri for uri in described.get("redirect_uris", ()) if self.allows(uri)]
        return Client.model_validate({**described, "redirect_uris": redirects, "scope": SCOPE})

    async def knows(self, client_id: str) -> bool:
        """Whether finding a client takes nothing new to be fetched."""
        return not client_id.startswith("https://") or await self._documents.knows(client_id)

    async def register(self, client: OAuthClientInformationFull) -> None:
        """Keep a registration; RegistrationError if none of its redirects is allowed."""
        if not any(self.allows(str(uri)) for uri in client.redirect_uris or ()):
            raise RegistrationError(
                "invalid_redirect_uri",
                "None of redirect_uris is on loopback, or at a host that CLIENTARY_CLIENTS of this server lists.",
            )
        client.scope = SCOPE
        await self._keep(client.client_id, client.model_dump_json(exclude_none=True))

    def allows(self, uri: str) -> bool:
        """Whether a sign-in may send people back to that address: https at an allowed host, or a program of theirs."""
        try:
            parts = urlsplit(uri)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.fragment or host in ("", "*") or "\\" in uri:
            return False
        if is_loopback(host):
            return parts.scheme in ("http", "https")
        if parts.scheme == "https":
            return host in self._allowed or "*" in self._allowed
        return parts.scheme not in ("http", *_NO_PROGRAMS) and host in self._allowed

    async def _registered(self, client_id: str) -> dict[str, object] | None:
        sealed = await self._values.get(_key(client_id))
        opened = sealed and self._ring.unseal(sealed, f"client {client_id}")
        if not opened:
            return None
        await self._keep(client_id, opened.decode())
        registered: dict[str, object] = json.loads(opened)
        return registered

    async def _keep(self, client_id: str, registration: str) -> None:
        """Keep a registration from now on; it may hold the client's secret, so it is sealed."""
        await self._values.put(
            _key(client_id), self._ring.seal(registration.encode(), f"client {client_id}"), _KEPT_FOR
        )


def is_own_program(uri: str) -> bool:
    """Whether an address leads to a program on the person's own machine."""
    parts = urlsplit(uri)
    return parts.scheme not in ("http", "https") or is_loopback(parts.hostname or "")


def _key(client_id: str) -> str:
    return f"oauth:client:{digest(client_id)}"


def _same(uri: AnyUrl, registered: AnyUrl) -> bool:
    """Whether two addresses are the same, but for the port on loopback."""
    if uri == registered:
        return True
    one, other = urlsplit(str(uri)), urlsplit(str(registered))
    on_loopback = one.scheme == "http" and is_loopback(one.hostname or "") and one.username is None
    return on_loopback and one._replace(netloc="") == other._replace(netloc="") and one.hostname == other.hostname
