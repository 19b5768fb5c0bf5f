"""The routes of signing in: metadata, the endpoints of OAuth, and the page."""

from functools import partial

from mcp.server.auth.handlers.metadata import MetadataHandler, ProtectedResourceMetadataHandler
from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from clientary_mcp.server.callers.credentials import check_credentials
from clientary_mcp.server.callers.sign_in.client_documents import MOST_BYTES, ClientDocuments
from clientary_mcp.server.callers.sign_in.clients import SCOPE, Clients
from clientary_mcp.server.callers.sign_in.consent import CHOICES, Check, Consent
from clientary_mcp.server.callers.sign_in.endpoints import Endpoint, Endpoints, unless_unreachable
from clientary_mcp.server.callers.sign_in.families import Families
from clientary_mcp.server.callers.sign_in.page import Page
from clientary_mcp.server.callers.sign_in.pending import PendingSignIns
from clientary_mcp.server.callers.sign_in.provider import PAGE, SignInProvider
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings.serving import Serving

AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
PROTECTED_RESOURCE = "/.well-known/oauth-protected-resource"

_MOST_OF_A_FORM = 64 * 1024


def sign_in_routes(
    serving: Serving,
    vault: Vault,
    *,
    persistent: bool,
    documents: ClientDocuments | None = None,
    check: Check | None = None,
) -> list[Route]:
    """The routes with which people sign in at `serving.public_url`.

    Without a `persistent` store, `/authorize` says that nobody can sign in. `documents` and `check` are for tests.
    """
    issuer = serving.public_url or ""
    clients = Clients(serving, vault.values, vault.ring, documents or ClientDocuments(vault.values))
    pending = PendingSignIns(vault.values)
    families = Families(vault, vault.values, vault.wall)
    provider = SignInProvider(issuer, clients, pending, families)
    page = Page(issuer, PAGE, tuple(CHOICES)[: 1 if serving.bounds.get("read_only") else None])
    endpoints = Endpoints(provider, vault, page, persistent=persistent)
    consent = Consent(serving, issuer, vault, pending, families, page, check or partial(check_credentials, serving))
    resource = ProtectedResourceMetadataHandler(_resource(issuer, provider.resource))
    return [
        _for_scripts(AUTHORIZATION_SERVER, MetadataHandler(_metadata(issuer)).handle, "GET"),
        _for_scripts(f"{PROTECTED_RESOURCE}/mcp", resource.handle, "GET"),
        _for_scripts(PROTECTED_RESOURCE, resource.handle, "GET"),
        Route("/authorize", _limited(endpoints.authorize, _MOST_OF_A_FORM), methods=["GET", "POST"]),
        _for_scripts("/token", endpoints.token, "POST"),
        _for_scripts("/register", endpoints.register, "POST", MOST_BYTES),
        _for_scripts("/revoke", endpoints.revoke, "POST"),
        Route(PAGE, consent.show, methods=["GET"]),
        Route(PAGE, _limited(consent.decide, _MOST_OF_A_FORM), methods=["POST"]),
    ]


def _metadata(issuer: str) -> OAuthMetadata:
    """What clients can know of the authorization server (RFC 8414)."""
    methods = ["none", "client_secret_post"]  # with client_secret_basic, the SDK's handlers want client_id in the form
    return OAuthMetadata.model_validate(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "registration_endpoint": f"{issuer}/register",
            "revocation_endpoint": f"{issuer}/revoke",
            "scopes_supported": [SCOPE],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "code_challenge_methods_supported": ["S256"],
            "client_id_metadata_document_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _resource(issuer: str, resource: str) -> ProtectedResourceMetadata:
    """What clients can know of the server that tokens are for (RFC 9728)."""
    return ProtectedResourceMetadata.model_validate(
        {
            "resource": resource,
            "authorization_servers": [issuer],
            "scopes_supported": [SCOPE],
            "resource_name": "Clientary",
        }
    )


def _limited(endpoint: Endpoint, most: int) -> ASGIApp:
    return RequestBodyLimitMiddleware(request_response(endpoint), most)


def _for_scripts(path: str, endpoint: Endpoint, method: str, most: int = _MOST_OF_A_FORM) -> Route:
    """A route that clients in browsers may use as well: it recognizes nobody by a cookie."""
    app = CORSMiddleware(
        _limited(unless_unreachable(endpoint), most),
        allow_origins=["*"],
        allow_methods=[method],
        allow_headers=["Authorization", "Content-Type", MCP_PROTOCOL_VERSION_HEADER],
    )
    return Route(path, app, methods=[method, "OPTIONS"])
