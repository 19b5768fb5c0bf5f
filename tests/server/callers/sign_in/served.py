"""A server that people sign in to, and the people: their browsers, over ASGI and without a socket."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clientary_mcp.errors import NotAllowed, TokenRejected, Unavailable
from clientary_mcp.server.callers.sign_in.client_documents import ClientDocuments
from clientary_mcp.server.callers.sign_in.routes import sign_in_routes
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings.accounts import read_accounts
from clientary_mcp.settings.serving import Serving

ISSUER = "https://mcp.agency.example"
ACME, BETA = "https://acme.clientary.com", "https://beta.clientary.com"
TOKENS = {"t0ken-of-anna": ACME, "t0ken-of-bob": BETA}
DOCUMENT = "https://claude.ai/oauth/client.json"
CALLBACK = "http://127.0.0.1:33418/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def serving(**given: Any) -> Serving:
    """The settings of the server."""
    bounds = {"keys": ("k" * 32,), "store": "memory", **given.pop("bounds", {})}
    return Serving(
        callers=frozenset({"sign-in"}),
        public_url=given.pop("public_url", ISSUER),
        accounts=read_accounts("acme, beta"),
        bounds=bounds,
        **given,
    )


async def accepts(account: str, api_token: str) -> None:
    """What the accounts say of a token."""
    if api_token == "down":
        raise Unavailable("Clientary returned a server error (503).")
    if api_token == "limited":
        raise NotAllowed("The owner of the API token is not allowed to do this.")
    if TOKENS.get(api_token) != account:
        raise TokenRejected("Clientary rejected the API token.")


def streamed(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An answer that arrives as it would over a connection."""
    return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)


def documents_at(
    vault: Vault, pages: Mapping[str, object], asked: list[httpx.Request] | None = None
) -> ClientDocuments:
    """Documents on the internet, by their addresses."""

    async def resolve(_: str) -> Sequence[str]:
        return ["160.79.104.10"]

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        page = pages.get(f"https://{request.headers['host']}{request.url.raw_path.decode()}")
        return streamed(b"", 404) if page is None else streamed(json.dumps(page).encode())

    return ClientDocuments(vault.values, httpx.MockTransport(answer), resolve)


def application(vault: Vault, settings: Serving | None = None, **given: Any) -> Starlette:
    """The routes of signing in, and a resource that tells whose token it got."""
    settings = settings or serving()

    async def resource(request: Request) -> Response:
        held = await vault.holder(request.headers.get("authorization", "").removeprefix("Bearer "), ("access",))
        if held is None:
            where = f"{settings.public_url}/.well-known/oauth-protected-resource/mcp"
            return Response(status_code=401, headers={"WWW-Authenticate": f'Bearer resource_metadata="{where}"'})
        caller, grant = held
        told = {"account": caller.account, "name": caller.name, "may": grant.privileges.to_json()}
        return JSONResponse({**told, "resource": grant.resource, "client_id": grant.client_id})

    published = {
        DOCUMENT: {"client_id": DOCUMENT, "client_name": "Claude", "redirect_uris": ["http://localhost/callback"]}
    }
    given = {"persistent": True, "check": accepts, "documents": documents_at(vault, published), **given}
    return Starlette(routes=[Route("/mcp", resource), *sign_in_routes(settings, vault, **given)])


class Form(HTMLParser):
    """The fields of a page's form, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form and its fields."""
        given = dict(attrs)
        if tag == "form":
            self.action = given["action"] or ""
        elif tag == "input" and (given["type"] != "radio" or "checked" in given):
            self.fields[given["name"] or ""] = given.get("value") or ""


class Person:
    """A person with a browser of their own."""

    def __init__(self, app: Starlette, address: str = "203.0.113.7", issuer: str = ISSUER) -> None:
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 50_000)), base_url=issuer)

    async def visit(self, url: str) -> httpx.Response:
        """Go to an address, and follow redirects as long as they stay at the server."""
        response = await self.browser.get(url)
        while response.has_redirect_location and response.headers["location"].startswith(str(self.browser.base_url)):
            response = await self.browser.get(response.headers["location"])
        return response

    async def fill(self, page: httpx.Response, **given: str) -> httpx.Response:
        """Fill in the form of a page, as Anna if nothing else is given, and press the button."""
        form = Form(page.text)
        usual = {"account": "acme", "token": "t0ken-of-anna", "name": "Anna", "decision": "allow"}
        return await self.browser.post(form.action, data={**form.fields, **usual, **given})

    async def signs_in(self, url: str, **given: str) -> dict[str, str]:
        """Sign in at the address that a client led to. Returns what the client is told."""
        return answer_in(await self.fill(await self.visit(url), **given))


def answer_in(response: httpx.Response) -> dict[str, str]:
    """What a redirect tells the client."""
    assert response.status_code in (302, 303), response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


class Raw:
    """A client that sends what it is told to, right or wrong."""

    def __init__(self, app: Starlette, address: str = "203.0.113.7") -> None:
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 50_000)), base_url=ISSUER)
        self.client_id = ""

    async def register(self, **given: Any) -> httpx.Response:
        """Register as a public client."""
        usual = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "Raw"}
        response = await self.http.post("/register", json={**usual, **given})
        self.client_id = response.json().get("client_id", "")
        return response

    def asking(self, **given: str) -> str:
        """The address to which a client leads people."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "s1",
            "resource": f"{ISSUER}/mcp",
            **given,
        }
        return str(httpx.URL("/authorize", params={name: value for name, value in asked.items() if value}))

    async def redeems(self, code: str, **given: str) -> httpx.Response:
        """Ask for tokens with a code."""
        asked = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self._asks("/token", {**asked, "code": code, **given})

    async def refreshes(self, token: str, **given: str) -> httpx.Response:
        """Ask for new tokens."""
        return await self._asks("/token", {"grant_type": "refresh_token", "refresh_token": token, **given})

    async def revokes(self, token: str, **given: str) -> httpx.Response:
        """End a sign-in."""
        return await self._asks("/revoke", {"token": token, **given})

    async def status_with(self, token: str) -> int:
        """What the resource answers to an access token."""
        return (await self.http.get("/mcp", headers={"Authorization": f"Bearer {token}"})).status_code

    async def _asks(self, path: str, form: dict[str, str]) -> httpx.Response:
        return await self.http.post(path, data={"client_id": self.client_id, **form})
