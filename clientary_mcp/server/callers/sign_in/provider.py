"""The provider of the SDK's OAuth handlers: it refuses what must be refused, and leads people to the sign-in page."""

from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import urlencode, urlsplit

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationParams,
    AuthorizeError,
    IdentityAssertionParams,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.callers.sign_in.clients import Client, Clients
from clientary_mcp.server.callers.sign_in.families import Code, Families, Refresh
from clientary_mcp.server.callers.sign_in.pending import PendingSignIns

PAGE = "/sign-in"
_S256 = 43
"""Characters of a challenge, which is a SHA-256 digest."""
_LONGEST_STATE = 4_096


@dataclass(frozen=True)
class SignInProvider:
    """What the SDK's handlers ask for. `browser` is the secret of the cookie of whoever sends the request."""

    issuer: str
    clients: Clients
    pending: PendingSignIns
    families: Families
    browser: str = field(default="", repr=False)

    def of_browser(self, browser: str) -> Self:
        """The same for requests of one browser."""
        return replace(self, browser=browser)

    @property
    def resource(self) -> str:
        """The server that tokens are for."""
        return f"{self.issuer}/mcp"

    def is_ours(self, resource: str | None) -> bool:
        """Whether a resource is this server; tokens for none in particular are for this one alone."""
        try:
            return resource is None or _normal(resource) == _normal(self.resource)
        except ValueError:
            return False

    async def get_client(self, client_id: str) -> Client | None:
        """The client with that id."""
        return await self.clients.find(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration; RegistrationError if it can be of no use."""
        await self.clients.register(client_info)

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """The address of the page that asks the person; AuthorizeError, which is sent to the client."""
        if not self.is_ours(params.resource):
            raise AuthorizeError("invalid_target", f"This server issues tokens for {self.resource} alone.")
        if len(params.code_challenge) != _S256:
            raise AuthorizeError("invalid_request", "code_challenge must be one of S256.")
        if len(params.state or "") > _LONGEST_STATE:
            raise AuthorizeError("invalid_request", f"state may have {_LONGEST_STATE:,} characters.")
        params = params.model_copy(update={"resource": self.resource})
        try:
            pending_id = await self.pending.keep(client.client_id, client.client_name or "", params, self.browser)
        except NotRemembered:
            raise AuthorizeError("temporarily_unavailable", "Try again in a minute.") from None
        return f"{self.issuer}{PAGE}?{urlencode({'t': pending_id})}"

    async def load_authorization_code(self, client: OAuthClientInformationFull, authorization_code: str) -> Code | None:
        """What a code stands for."""
        return await self.families.find_code(authorization_code, client.client_id)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: Code
    ) -> OAuthToken:
        """The tokens for a code."""
        return await self.families.redeem(authorization_code, refreshes="refresh_token" in client.grant_types)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> Refresh | None:
        """What a refresh token stands for."""
        return await self.families.find_refresh(refresh_token, client.client_id)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: Refresh, scopes: list[str]
    ) -> OAuthToken:
        """The next tokens for a refresh token."""
        return await self.families.refresh(refresh_token)

    async def load_access_token(self, token: str) -> AccessToken | None:
        """Not asked for: the doors know the vault, and `/revoke` is ours."""
        return None

    async def revoke_token(self, token: AccessToken | Refresh) -> None:
        """Not asked for, as above."""

    async def exchange_identity_assertion(
        self, client: OAuthClientInformationFull, params: IdentityAssertionParams
    ) -> OAuthToken:
        """Not offered."""
        raise TokenError("unsupported_grant_type")


def _normal(url: str) -> tuple[object, ...]:
    """An address in a form in which the same ones are equal; ValueError if it is none."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/"), parts.query, parts.fragment
