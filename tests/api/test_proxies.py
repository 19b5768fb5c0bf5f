"""The way to the account: through a proxy or directly, over connections whose certificate is trusted."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
import trustme
from anyio.streams.tls import TLSStream

from clientary_mcp.api import network
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import SettingsError, Unavailable
from clientary_mcp.redaction import Secrets
from clientary_mcp.settings import Settings
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

TOKEN = "t0ken-of-acme"
ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": TOKEN}
BASIC = b64encode(b"ann:pass/word").decode()
RECORD = b'{"id": 7, "name": "Acme"}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(RECORD), RECORD)


class Served:
    """What runs on loopback: an account over TLS, and a proxy to it; each keeps the heads of its requests."""

    def __init__(self) -> None:
        self.account_port = self.proxy_port = 0
        self.to_account: list[str] = []
        self.to_proxy: list[str] = []
        self.refusal = b""

    async def account(self, stream: anyio.abc.ByteStream, context: ssl.SSLContext) -> None:
        async with stream:
            with suppress(ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):  # a client that trusts it not
                secure = await TLSStream.wrap(stream, server_side=True, ssl_context=context)
                self.to_account.append((await secure.receive()).decode())
                await secure.send(REPLY)

    async def proxy(self, stream: anyio.abc.ByteStream) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(stream)
            self.to_proxy.append((await stream.receive()).decode())
            if self.refusal:
                await stream.send(self.refusal)
                return
            behind = await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", self.account_port))
            await stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with anyio.create_task_group() as group:
                group.start_soon(_pipe, stream, behind)
                await _pipe(behind, stream)
                group.cancel_scope.cancel()


async def _pipe(source: anyio.abc.ByteReceiveStream, target: anyio.abc.ByteSendStream) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for chunk in source:
            await target.send(chunk)


@asynccontextmanager
async def serving(authority: trustme.CA) -> AsyncIterator[Served]:
    served = Served()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(await anyio.create_tcp_listener(local_host="127.0.0.1")) for _ in range(2)
        ]
        served.account_port, served.proxy_port = (
            each.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
            for each in listeners
        )
        group = await stack.enter_async_context(anyio.create_task_group())
        group.start_soon(listeners[0].serve, partial(served.account, context=context))
        group.start_soon(listeners[1].serve, served.proxy)
        yield served
        group.cancel_scope.cancel()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """A certificate authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    network._certificates.cache_clear()
    yield authority
    network._certificates.cache_clear()


async def read(served: Served, *, proxy: str | None = None) -> Any:
    """A client of the account, over https."""
    settings = Settings(base_url=f"https://localhost:{served.account_port}", api_token=TOKEN, proxy=proxy)
    async with Clientary(settings, clock=FakeTime().clock) as clientary:
        return await clientary.fetch("clients/7")


async def test_through_a_proxy_each_side_gets_its_own_credentials_alone(authority: trustme.CA) -> None:
    async with serving(authority) as served:
        proxy = f"http://ann:pass%2Fword@127.0.0.1:{served.proxy_port}"
        assert await read(served, proxy=proxy) == {"id": 7, "name": "Acme"}
    (at_proxy,), (at_account,) = served.to_proxy, served.to_account
    assert at_proxy.startswith(f"CONNECT localhost:{served.account_port} ")
    assert f"Proxy-Authorization: Basic {BASIC}" in at_proxy
    assert b64encode(f"{TOKEN}:{TOKEN}".encode()).decode() not in at_proxy
    assert b64encode(f"{TOKEN}:{TOKEN}".encode()).decode() in at_account
    assert "proxy" not in at_account.lower()


async def test_without_a_proxy_the_connection_is_direct(authority: trustme.CA) -> None:
    async with serving(authority) as served:
        assert await read(served) == {"id": 7, "name": "Acme"}
    assert served.to_proxy == []


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (407, 1), (503, 6)])
async def test_a_proxy_that_refuses_is_named_and_nothing_is_sent(status: int, tries: int) -> None:
    async with serving(trustme.CA()) as served:
        served.refusal = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
        with pytest.raises(Unavailable, match=r"[Tt]he proxy") as caught:
            await read(served, proxy=f"http://ann:pass%2Fword@127.0.0.1:{served.proxy_port}")
    assert caught.value.effect == "not sent"
    assert "word" not in str(caught.value).replace("password", "")
    assert len(served.to_proxy) == tries
    assert served.to_account == []


async def test_certificates_that_cannot_be_loaded_are_told_by_the_first_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    network._certificates.cache_clear()
    time = FakeTime()
    async with Clientary(Settings(subdomain="acme", api_token=TOKEN), clock=time.clock) as clientary:
        with pytest.raises(SettingsError, match="SSL_CERT_FILE cannot be loaded: No such file") as caught:
            await clientary.post("clients", {})
    assert caught.value.effect == "not sent"
    assert time.waits == []


async def test_an_untrusted_certificate_is_called_that_and_not_tried_again() -> None:
    time = FakeTime()
    async with serving(trustme.CA()) as served:
        address = f"https://localhost:{served.account_port}"
        async with Clientary(Settings(base_url=address, api_token=TOKEN), clock=time.clock) as clientary:
            with pytest.raises(
                Unavailable, match=r"certificate presented for https://localhost.* is not trusted"
            ) as caught:
                await clientary.post("clients", {})
    assert "SSL_CERT_FILE" in str(caught.value)
    assert caught.value.effect == "not sent"
    assert time.waits == []
    assert served.to_account == []


async def test_plain_http_on_loopback_never_goes_through_a_proxy() -> None:
    async def answer(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(REPLY)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, answer)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
        settings = Settings(base_url=f"http://127.0.0.1:{port}", api_token=TOKEN, proxy="http://127.0.0.1:9")
        async with Clientary(settings) as clientary:
            assert await clientary.fetch("clients/7") == {"id": 7, "name": "Acme"}
        group.cancel_scope.cancel()


# Settings

PROXY, OTHER = "http://proxy.example:3128", "http://other.example:8080"


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"CLIENTARY_PROXY": PROXY}, PROXY),
        ({"CLIENTARY_PROXY": PROXY, "HTTPS_PROXY": OTHER, "NO_PROXY": "*"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": OTHER, "HTTP_PROXY": OTHER}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"all_proxy": "proxy.example:3128"}, PROXY),
        ({"HTTP_PROXY": PROXY, "http_proxy": PROXY}, None),
        ({"HTTPS_PROXY": " "}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other.example, .clientary.com"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "ACME.clientary.com:443"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*.clientary.com"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "entary.com,me.clientary.com,"}, PROXY),
        ({"ALL_PROXY": "socks5://proxy.example", "NO_PROXY": "clientary.com"}, None),
    ],
)
def test_the_proxy_comes_from_the_setting_or_the_usual_variables(variables: dict[str, str], proxy: str | None) -> None:
    assert Settings.from_environment(ACCOUNT | variables).proxy == proxy


@pytest.mark.parametrize("address", ["http://127.0.0.1:8400", "https://localhost", "https://[::1]:8443"])
def test_the_usual_variables_do_not_concern_this_machine(address: str) -> None:
    environment = {"CLIENTARY_BASE_URL": address, "CLIENTARY_API_TOKEN": TOKEN, "ALL_PROXY": PROXY}
    assert Settings.from_environment(environment).proxy is None


@pytest.mark.parametrize("variable", ["CLIENTARY_PROXY", "HTTPS_PROXY"])
@pytest.mark.parametrize(
    "value", ["socks5://u:s3cret-word@proxy.example", "http://", "http://p.example/path", "http://p:x", "http://a b"]
)
def test_an_address_that_is_no_proxys_ends_the_start_without_showing_it(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} must be an address") as caught:
        Settings.from_environment(ACCOUNT | {variable: value})
    assert "s3cret" not in str(caught.value)


def test_the_credentials_of_a_proxy_are_secrets() -> None:
    settings = Settings(subdomain="acme", api_token=TOKEN, proxy="http://ann:pass%2Fword@proxy.example:3128")
    assert "ann" not in repr(settings)
    shown = Secrets(settings).outgoing(["pass/word", "pass%2Fword", BASIC, "proxy.example"])
    assert shown == ["[removed]", "[removed]", "[removed]", "proxy.example"]
