"""Credentials in headers, at the whole application: what is refused reaches no account, and nothing else is served."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import agency
from tests.support.agent import Era
from tests.support.serving.assembled import GATE, Assembled, bearer, serving
from tests.support.serving.deployment import ADA, BOB, EVE
from tests.support.serving.hosts import HELLO, LIST
from tests.support.serving.upstream import Upstream

pytestmark = pytest.mark.anyio

DIRECT = "/direct/mcp"


@pytest.fixture
async def accounts() -> AsyncIterator[list[Upstream]]:
    """The account of Ada and Bob, and that of Eve, which this server does not serve."""
    acme, beta = Upstream(ADA, BOB, sandbox=agency()), Upstream(EVE, sandbox=agency())
    async with acme.listening(), beta.listening():
        yield [acme, beta]


@pytest.fixture
async def server(accounts: list[Upstream]) -> AsyncIterator[Assembled]:
    async with serving(accounts[:1], "tokens,headers") as server:
        yield server


async def test_each_credential_is_used_for_its_own_calls(server: Assembled, era: Era) -> None:
    (acme,) = server.accounts
    for api_token in (ADA, BOB):
        acme.arrivals.clear()
        headers = bearer(GATE, host=acme.host, token=api_token, caller="Ada from the gateway")
        async with server.agent(headers, era, DIRECT) as agent:
            await agent.answer("list_clients", limit=1)
        assert set(acme.credentials()) == {api_token}
    assert await server.vault.profiles() == []


async def test_whatever_is_refused_reaches_no_account(server: Assembled, accounts: list[Upstream]) -> None:
    acme, beta = accounts
    _, token = await server.enroll(ADA)
    good = bearer(GATE, host=acme.host, token=BOB)
    refused: list[tuple[int, str, list[tuple[str, str]]]] = [
        (401, DIRECT, [("X-Clientary-Host", acme.host), ("X-Clientary-Token", BOB)]),
        (401, DIRECT, [*bearer("another-gate", host=acme.host, token=BOB).items()]),
        (401, DIRECT, [*bearer(token, host=acme.host, token=BOB).items()]),
        (401, DIRECT, [*bearer(GATE, token=BOB).items()]),
        (401, DIRECT, [*bearer(GATE, host=acme.host).items()]),
        (403, DIRECT, [*bearer(GATE, host=beta.host, token=EVE).items()]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Token", BOB)]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Host", beta.host)]),
        (400, DIRECT, [*good.items(), ("Authorization", f"Bearer {GATE}")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Subdomain", "acme")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Toolset", "clients")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Toolsets", "client")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Read-Only", "perhaps")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Read-Only", "true"), ("X-Clientary-Read-Only", "false")]),
        (400, DIRECT, [*good.items(), ("X-Clientary-Caller", "x" * 65)]),
        (400, "/mcp", [*bearer(token, host=acme.host, token=BOB).items()]),
        (400, "/mcp", [*bearer(token, token=BOB).items()]),
        (400, "/mcp", [*good.items()]),
        (401, "/mcp", [*bearer(GATE).items()]),
    ]
    async with server.http() as http:
        for status, path, headers in refused:
            answer = await http.post(path, json=HELLO, headers=[*http.headers.items(), *headers])
            assert answer.status_code == status, (path, headers, answer.text)
            assert "resource_metadata" not in answer.headers.get("www-authenticate", "")
            assert not [secret for secret in (GATE, BOB, EVE, token) if secret in answer.text]
        for path in (f"{DIRECT}/", "//direct/mcp", "/direct//mcp", "/direct", "/DIRECT/mcp"):
            assert (await http.post(path, json=HELLO, headers=good)).status_code in (400, 401, 404, 405)
        for path in ("oauth-protected-resource", "oauth-protected-resource/direct/mcp", "oauth-authorization-server"):
            assert (await http.get(f"/.well-known/{path}")).status_code == 404
    assert not acme.arrivals
    assert not beta.arrivals


async def test_the_credential_of_a_session_cannot_be_changed_in_it(server: Assembled) -> None:
    (acme,) = server.accounts
    first = bearer(GATE, host=acme.host, token=ADA)
    async with server.http() as http:
        opened = await http.post(DIRECT, json=HELLO, headers=first)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        assert (await http.post(DIRECT, json=LIST, headers=first | session)).status_code == 200
        other = bearer(GATE, host=acme.host, token=BOB)
        assert (await http.post(DIRECT, json=LIST, headers=other | session)).status_code == 404
        by_token = bearer((await server.enroll(ADA))[1])
        assert (await http.post("/mcp", json=LIST, headers=by_token | session)).status_code == 404
    assert set(acme.credentials()) == {ADA}
