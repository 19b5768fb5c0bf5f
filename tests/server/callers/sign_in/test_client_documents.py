"""Client ID metadata documents: which are believed, for how long, and from where they may come."""

import gzip
import json
import socket
import threading
from collections.abc import Sequence
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.server.callers.sign_in.client_documents import ClientDocuments, resolve
from clientary_mcp.state.key_values import StoredKeyValues
from tests.server.callers.sign_in.served import streamed
from tests.support.clock import FakeTime
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.anyio

ADDRESS = "https://host.example/client.json"
PAGE: dict[str, Any] = {
    "client_id": ADDRESS,
    "client_name": "Host",
    "redirect_uris": ["http://localhost/callback"],
}


class Internet:
    """Answers with one page at every address, and counts how often it is asked."""

    def __init__(self, values: StoredKeyValues, response: httpx.Response | None = None, *ips: str) -> None:
        self.response = response or streamed(json.dumps(PAGE).encode())
        self.ips = ips or ("160.79.104.10",)
        self.asked: list[httpx.Request] = []
        self.documents = ClientDocuments(values, httpx.MockTransport(self._answer), self._resolve)

    async def _resolve(self, _: str) -> Sequence[str]:
        return self.ips

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.response


def page(**changed: Any) -> httpx.Response:
    """The page with other members; None leaves one out."""
    members = {name: value for name, value in {**PAGE, **changed}.items() if value is not None}
    return streamed(json.dumps(members).encode())


async def test_a_document_describes_a_public_client(values: StoredKeyValues) -> None:
    internet = Internet(values)
    found = await internet.documents.read(ADDRESS)
    assert found is not None
    assert (found["client_id"], found["client_name"]) == (ADDRESS, "Host")
    assert (found["redirect_uris"], found["token_endpoint_auth_method"]) == (PAGE["redirect_uris"], "none")


async def test_it_is_fetched_from_the_address_that_was_looked_up(values: StoredKeyValues) -> None:
    internet = Internet(values)
    await internet.documents.read(ADDRESS)
    [request] = internet.asked
    assert str(request.url) == "https://160.79.104.10/client.json"
    assert (request.headers["host"], request.extensions["sni_hostname"]) == ("host.example", "host.example")
    assert "cookie" not in request.headers


async def test_an_address_of_ipv6_and_a_port_are_reached(values: StoredKeyValues) -> None:
    address = "https://host.example:8443/client.json?v=1"
    internet = Internet(values, page(client_id=address), "2606:4700::1111")
    assert await internet.documents.read(address) is not None
    [request] = internet.asked
    assert str(request.url) == "https://[2606:4700::1111]:8443/client.json?v=1"
    assert request.headers["host"] == "host.example:8443"


@pytest.mark.parametrize(
    "address",
    [
        "http://host.example/client.json",
        "https://host.example",
        "https://host.example/",
        "https://user@host.example/client.json",
        "https://host.example/client.json#part",
        "https://host.example/a/../client.json",
        "https://host.example:port/client.json",
        "https://host.example/client json",
        "https://host.example\\@other.example/client.json",
        "https://hóst.example/client.json",
        f"https://host.example/{'x' * 500}",
    ],
)
async def test_other_addresses_name_no_client(values: StoredKeyValues, address: str) -> None:
    internet = Internet(values, page(client_id=address))
    assert await internet.documents.read(address) is None
    assert internet.asked == []


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),  # noqa: S104 - an address that is refused
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1", "no address"),
        *("64:ff9b:1::a00:1", "::10.0.0.1", "::ffff:0:10.0.0.1", "fec0::1", "200::1", "5f00::1"),
    ],
)
async def test_nothing_is_fetched_from_inside(values: StoredKeyValues, ip: str) -> None:
    for ips in ((ip,), ("160.79.104.10", ip)):
        internet = Internet(values, None, *ips)
        assert await internet.documents.read(f"{ADDRESS}?{len(ips)}") is None
        assert internet.asked == []


@pytest.mark.parametrize(
    "response",
    [
        page(client_id="https://other.example/client.json"),
        page(client_id=None),
        page(redirect_uris=None),
        page(redirect_uris=[]),
        page(redirect_uris="http://localhost/callback"),
        page(client_secret="known to all"),
        page(token_endpoint_auth_method="client_secret_post"),
        page(token_endpoint_auth_method="private_key_jwt"),
        page(client_name="x" * 9_000),
        streamed(b"[]"),
        page(token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_methods_supported=1),
        page(client_name="\ud800"),
        page(jwks=json.loads('{"a":' * 500 + "1" + "}" * 500)),
        streamed(b"[" * 8_000),
        streamed(b"{broken"),
        streamed(b"\xff\xfe"),
        streamed(json.dumps(PAGE).encode(), 404),
        streamed(b"", 302, {"Location": "https://other.example/client.json"}),
        streamed(gzip.compress(json.dumps(PAGE).encode()), 200, {"Content-Encoding": "gzip"}),
    ],
)
async def test_what_is_no_document_of_a_public_client_is_not_believed(
    values: StoredKeyValues, response: httpx.Response
) -> None:
    internet = Internet(values, response)
    assert await internet.documents.read(ADDRESS) is None
    assert len(internet.asked) == 1


async def test_a_client_that_prefers_a_key_but_can_do_without_is_public(values: StoredKeyValues) -> None:
    methods = {
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
    }
    found = await Internet(values, page(**methods)).documents.read(ADDRESS)
    assert found is not None
    assert found["token_endpoint_auth_method"] == "none"


@pytest.mark.parametrize(
    ("cache", "seconds"),
    [
        (None, 300),
        ("max-age=60", 300),
        ("public, max-age=3600", 3_600),
        ("max-age=999999", 86_400),
        ("no-store, max-age=3600", 300),
        ("s-maxage=9999", 300),
    ],
)
async def test_it_is_kept_as_long_as_it_asks_for_within_limits(
    values: StoredKeyValues, time: FakeTime, cache: str | None, seconds: float
) -> None:
    headers = {} if cache is None else {"Cache-Control": cache}
    internet = Internet(values, streamed(json.dumps(PAGE).encode(), 200, headers))
    await internet.documents.read(ADDRESS)
    await time.clock.sleep(seconds - 1)
    assert await internet.documents.read(ADDRESS) is not None
    assert len(internet.asked) == 1
    await time.clock.sleep(1)
    internet.response = page()
    assert await internet.documents.read(ADDRESS) is not None
    assert len(internet.asked) == 2


async def test_a_host_that_is_out_of_reach_keeps_its_clients_but_one_that_withdraws_them_does_not(
    values: StoredKeyValues, time: FakeTime
) -> None:
    internet = Internet(values)
    assert await internet.documents.read(ADDRESS) is not None
    for response, found in (
        (streamed(b"", 503), True),
        (streamed(b"", 429), True),
        (streamed(b"", 404), False),
        (streamed(b"", 503), False),
    ):
        await time.clock.sleep(300)
        internet.response = response
        assert (await internet.documents.read(ADDRESS) is not None) == found


async def test_a_failure_is_kept_for_a_minute(values: StoredKeyValues, time: FakeTime) -> None:
    internet = Internet(values, streamed(b"", 500))
    for _ in range(2):
        assert await internet.documents.read(ADDRESS) is None
    assert len(internet.asked) == 1
    await time.clock.sleep(60)
    internet.response = page()
    assert await internet.documents.read(ADDRESS) is not None


async def test_a_host_that_is_unknown_or_breaks_off_describes_nobody(values: StoredKeyValues) -> None:
    async def unknown(_: str) -> Sequence[str]:
        raise OSError("no such host")

    async def known(_: str) -> Sequence[str]:
        return ["160.79.104.10"]

    def breaks(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("broken", request=request)

    for number, (looked_up, network) in enumerate([(unknown, None), (known, httpx.MockTransport(breaks))]):
        assert await ClientDocuments(values, network, looked_up).read(f"{ADDRESS}?{number}") is None


async def test_hosts_that_are_slow_to_look_up_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, answer = socket.getaddrinfo, threading.Event()

    def looked_up(host: str | bytes, *rest: Any, **more: Any) -> Any:
        if host in ("127.0.0.1", b"127.0.0.1"):
            return look_up(host, *rest, **more)
        answer.wait(PATIENCE)
        raise OSError("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    try:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(resolve, "slow.example")
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE / 2):
            assert await anyio.getaddrinfo("127.0.0.1", 443)
    finally:
        answer.set()


async def test_many_at_once_do_not_all_leave_at_once(values: StoredKeyValues) -> None:
    under_way, most = 0, 0

    async def resolve(_: str) -> Sequence[str]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _turn in range(5):
            await anyio.lowlevel.checkpoint()
        under_way -= 1
        return []

    documents = ClientDocuments(values, resolve=resolve)
    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(documents.read, f"{ADDRESS}?{number}")
    assert most == 8
