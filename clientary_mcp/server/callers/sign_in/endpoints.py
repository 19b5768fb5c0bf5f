"""The endpoints of OAuth: the SDK's handlers, and what they leave to a server.

They bind a sign-in to its browser, add `iss` to every redirect (RFC 9207), and answer 503 where the store cannot be
reached, since clients take any 4xx for the end of a sign-in.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import wraps

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.provider import construct_redirect_uri
from mcp.server.auth.settings import ClientRegistrationOptions
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.callers.sign_in.browser import Browser, address_of
from clientary_mcp.server.callers.sign_in.clients import SCOPE
from clientary_mcp.server.callers.sign_in.page import Page
from clientary_mcp.server.callers.sign_in.provider import PAGE, SignInProvider
from clientary_mcp.server.callers.vault import Vault

Endpoint = Callable[[Request], Awaitable[Response]]

_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Endpoints:
    """`/authorize`, `/token`, `/register` and `/revoke`. `persistent` is whether the store outlives a restart."""

    def __init__(self, provider: SignInProvider, vault: Vault, page: Page, *, persistent: bool) -> None:
        self._provider, self._vault, self._page, self._persistent = provider, vault, page, persistent
        self.browser = Browser(provider.issuer)
        self._authenticator = ClientAuthenticator(provider)
        self._token = TokenHandler(provider, self._authenticator)
        self._register = RegistrationHandler(provider, ClientRegistrationOptions(enabled=True, default_scopes=[SCOPE]))

    async def authorize(self, request: Request) -> Response:
        """Lead the person to the page, or back to the client with an error; a page where nobody can be led back to."""
        if not self._persistent:
            return self._page.problem(request, "not_set_up", 503)
        browser = self.browser.secret_of(request) or secrets.token_urlsafe(32)
        try:
            may_begin = await self._provider.pending.may_begin(address_of(request))
            if not (may_begin and await self._may_name_client(request)):
                return self._page.problem(request, "too_many", 429)
            response = await AuthorizationHandler(self._provider.of_browser(browser)).handle(request)
        except NotRemembered:
            return self._page.problem(request, "store", 503)
        location = response.headers.get("location")
        if location is None:
            if "text/html" not in request.headers.get("accept", ""):
                return response
            detail = json.loads(bytes(response.body)).get("error_description", "")
            return self._page.problem(request, "refused", response.status_code, detail)
        if location.startswith(f"{self._provider.issuer}{PAGE}?"):
            self.browser.remember(response, browser)
        else:
            response.headers["location"] = construct_redirect_uri(location, iss=self._provider.issuer)
        return response

    async def token(self, request: Request) -> Response:
        """Tokens for a code or a refresh token."""
        resource = (await request.form()).get("resource")
        if resource is not None and not (isinstance(resource, str) and self._provider.is_ours(resource)):
            return _error(400, "invalid_target", f"This server issues tokens for {self._provider.resource} alone.")
        if not await self._may_name_client(request):
            return _too_many()
        response: Response = await self._token.handle(request)
        return response

    async def register(self, request: Request) -> Response:
        """The id of a client that describes itself."""
        if not await self._provider.pending.may_register(address_of(request)):
            return _too_many()
        response = await self._register.handle(request)
        response.headers.update(_NOT_KEPT)
        return response

    async def revoke(self, request: Request) -> Response:
        """End the sign-in that a token of the client comes from (RFC 7009); 200 also if there is none.

        The SDK's handler asks public clients for a secret, which they do not have.
        """
        if not await self._may_name_client(request):
            return _too_many()
        try:
            client = await self._authenticator.authenticate_request(request)
        except AuthenticationError as failure:
            return _error(401, "invalid_client", failure.message)
        token = (await request.form()).get("token")
        if not isinstance(token, str):
            return _error(400, "invalid_request", "token is missing.")
        grant = await self._vault.grant(token, ("access", "refresh"))
        if grant is not None and grant.client_id == client.client_id:
            await self._vault.end_family(grant.family)
        return Response(status_code=200, headers=_NOT_KEPT)

    async def _may_name_client(self, request: Request) -> bool:
        """Whether the request may name its client: one with a document that is new here counts as a registration."""
        given = request.query_params if request.method == "GET" else await request.form()
        client_id = given.get("client_id")
        if not isinstance(client_id, str) or await self._provider.clients.knows(client_id):
            return True
        return await self._provider.pending.may_register(address_of(request))


def unless_unreachable(endpoint: Endpoint) -> Endpoint:
    """The endpoint, which answers 503 where the store cannot be reached."""

    @wraps(endpoint)
    async def reached(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NotRemembered:
            answer = _error(503, "temporarily_unavailable", "Try again in a minute.")
            answer.headers["Retry-After"] = "60"
            return answer

    return reached


def _too_many() -> Response:
    answer = _error(429, "temporarily_unavailable", "Too many clients were registered from this address.")
    answer.headers["Retry-After"] = "3600"
    return answer


def _error(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, _NOT_KEPT)
