"""The sign-in page in a real browser: the whole way through it, and whether everybody can use it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.state.key_values import StoredKeyValues
from clientary_mcp.state.sealing import KeyRing
from tests.server.callers.sign_in.served import CHALLENGE, application, serving
from tests.support.chromium import Chromium


class NotingOrigins:
    """Notes which origin the browser names when it sends the form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.origins: list[str | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["method"] == "POST" and scope["path"] == "/sign-in":
            self.origins.append(Request(scope).headers.get("origin"))
        await self._app(scope, receive, send)


class Site:
    """A server, and a client at another port, which listens for people who come back."""

    def __init__(self, issuer: str, redirect: str) -> None:
        vault = Vault(StoredKeyValues(None, time.time), KeyRing(["k" * 32]), time.time)
        self.server = NotingOrigins(application(vault, serving(public_url=issuer)))
        self.client = Starlette(routes=[Route("/callback", self._called_back)])
        self.issuer, self._redirect = issuer, redirect
        self.asking = ""

    def register(self) -> None:
        """Register the client, and note the address to which it leads people."""
        asked = {"redirect_uris": [self._redirect], "token_endpoint_auth_method": "none", "client_name": "Host"}
        client_id = httpx.post(f"{self.issuer}/register", json=asked, trust_env=False).json()["client_id"]
        given = {"response_type": "code", "client_id": client_id, "redirect_uri": self._redirect, "state": "s1"}
        challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        self.asking = f"{self.issuer}/authorize?{urlencode({**given, **challenge})}"

    async def _called_back(self, request: Request) -> Response:
        return HTMLResponse(f"<title>back</title>{'code' in request.query_params}")


@contextmanager
def listening(app: ASGIApp, on: socket.socket) -> Iterator[None]:
    """Serve an application in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [on]})
    thread.start()
    yield
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(chromium: Chromium) -> Iterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        issuer, redirect = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (one, other))
        site = Site(issuer, f"{redirect}/callback")
        with listening(site.server, one), listening(site.client, other):
            site.register()
            yield site


def fill_in(chromium: Chromium, token: str) -> None:
    """Fill in the form as Anna does, and press the button."""
    for selector, text in (("#account", "acme"), ("#token", token), ("#name", "Anna")):
        chromium.type(selector, text)
    chromium.click("button[value=allow]")


def test_a_person_gets_through_to_the_client(site: Site, chromium: Chromium) -> None:
    chromium.visit(site.asking)
    assert chromium.run("document.title") == "Connect to Clientary"
    fill_in(chromium, "wrong")
    assert chromium.run("document.title") == "Error: Connect to Clientary"
    fill_in(chromium, "t0ken-of-anna")
    assert chromium.run("[document.title, document.body.innerText]") == ["back", "True"]
    assert site.server.origins == [site.issuer] * 2


def test_a_person_who_cancels_gets_back_too(site: Site, chromium: Chromium) -> None:
    chromium.visit(site.asking)
    chromium.click("button[value=cancel]")
    assert chromium.run("[document.title, document.body.innerText]") == ["back", "False"]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_there_are_no_barriers(site: Site, chromium: Chromium, width: int, colours: str) -> None:
    chromium.look_like(width, colours)
    chromium.visit(site.asking)
    assert chromium.barriers() == []
    assert chromium.run("document.documentElement.scrollWidth") <= width
    fill_in(chromium, "wrong")
    assert chromium.barriers() == []
    chromium.visit(site.asking.replace("client_id=", "client_id=unknown"))
    assert chromium.barriers() == []
    assert chromium.run("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_every_field_in_order_and_shows_where_it_is(site: Site, chromium: Chromium) -> None:
    chromium.look_like(1280, "light")
    chromium.visit(site.asking)
    reached = []
    for _ in range(6):
        chromium.press_tab()
        reached.append(chromium.run("document.activeElement.id || document.activeElement.value"))
        assert chromium.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    assert reached == ["account", "token", "read", "name", "allow", "cancel"]
