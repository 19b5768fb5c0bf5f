"""A host of MCP servers with the SDK's own OAuth client."""

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl


class OAuthHost:
    """It keeps its registration and tokens, and leads a person to an address, where they sign in: `signs_in` returns
    what the redirect back says."""

    def __init__(
        self,
        url: str,
        signs_in: Callable[[str], Awaitable[dict[str, str]]],
        document: str | None = None,
        **metadata: Any,
    ) -> None:
        self.url, self._signs_in = url, signs_in
        self.tokens: OAuthToken | None = None
        self.registration: OAuthClientInformationFull | None = None
        self.sign_ins = 0
        self.told: dict[str, str] = {}
        """What the last redirect back to it said."""
        asked = {"client_name": "Host", "scope": "clientary", "token_endpoint_auth_method": "none", **metadata}
        redirect = [AnyUrl("http://localhost:40123/callback")]
        self.auth = OAuthClientProvider(
            f"{url}/mcp",
            OAuthClientMetadata(redirect_uris=redirect, **asked),
            self,
            self._leads,
            self._called_back,
            client_metadata_url=document,
        )

    async def _leads(self, url: str) -> None:
        self.sign_ins += 1
        self.told = await self._signs_in(url)

    async def _called_back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**self.told)

    async def get_tokens(self) -> OAuthToken | None:
        """What the SDK's client asks for."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """What the SDK's client keeps."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """As above."""
        return self.registration

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """As above."""
        self.registration = client_info
