"""Signing in from end to end: the SDK's OAuth client, a person on the page, real accounts, and then tools."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.errors import SettingsError
from tests.server.callers.sign_in.served import DOCUMENT, answer_in
from tests.support.agent import Era
from tests.support.serving.assembled import Assembled, bearer, serving
from tests.support.serving.deployment import ADA, EVE
from tests.support.serving.hosts import HELLO
from tests.support.serving.people import Host, Program, Visitor
from tests.support.serving.upstream import Upstream

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def accounts() -> AsyncIterator[list[Upstream]]:
    """The accounts of Ada and of Eve."""
    acme, beta = Upstream(ADA), Upstream(EVE)
    async with acme.listening(), beta.listening():
        yield [acme, beta]


@pytest.fixture
async def server(accounts: list[Upstream]) -> AsyncIterator[Assembled]:
    for account in accounts:
        account.reset()
    async with serving(accounts, "sign-in") as server:
        yield server


def ada(server: Assembled, **given: str) -> Visitor:
    return Visitor(server.url, **{"api_token": ADA, "account": server.accounts[0].host, **given})


def eve(server: Assembled, **given: str) -> Visitor:
    return Visitor(server.url, **{"api_token": EVE, "account": server.accounts[1].host, **given})


@pytest.fixture
async def client(server: Assembled) -> Program:
    """A client that registered itself as a public one."""
    client = Program(server.url)
    assert (await client.register()).status_code == 201
    return client


async def tokens_of(client: Program, person: Visitor) -> dict[str, Any]:
    """The tokens of a sign-in."""
    code = (await person.signs_in(client.asking(), **person.fills_in))["code"]
    return dict((await client.redeems(code)).json())


async def status(server: Assembled, token: str) -> int:
    """What an access token gets."""
    async with server.http(bearer(token)) as http:
        return (await http.post("/mcp", json=HELLO)).status_code


METHODS = ["none", *(pytest.param(f"client_secret_{each}", marks=pytest.mark.long) for each in ("post", "basic"))]


@pytest.mark.parametrize("method", METHODS)
async def test_two_people_sign_in_and_each_works_on_their_own_account(server: Assembled, era: Era, method: str) -> None:
    hosts = [Host(server.url, person, token_endpoint_auth_method=method) for person in (ada(server), eve(server))]
    for host in hosts:
        async with host.agent(era) as agent:
            await agent.answer("list_clients", limit=1)
        assert host.told["iss"] == server.url
        async with host.agent(era) as agent:  # a later conversation
            await agent.answer("list_staff")
        assert host.sign_ins == 1
    assert [set(account.credentials()) for account in server.accounts] == [{ADA}, {EVE}]


async def test_a_client_with_a_document_signs_in_and_registers_nothing(accounts: list[Upstream], era: Era) -> None:
    about = {"client_id": DOCUMENT, "client_name": "Claude", "redirect_uris": ["http://localhost/callback"]}
    async with serving(accounts, "sign-in", pages={DOCUMENT: about}) as server:
        host = Host(server.url, ada(server), DOCUMENT)
        async with host.agent(era) as agent:
            await agent.answer("list_clients", limit=1)
        assert await server.vault.values.keys("oauth:client:") == []
        assert host.registration is not None
        assert host.registration.client_id == DOCUMENT


async def test_a_choice_to_read_binds_a_host_to_reading(server: Assembled, era: Era) -> None:
    async with Host(server.url, ada(server, choice="read")).agent(era) as agent:
        offered = {tool.name for tool in (await agent.client.list_tools()).tools}
        assert "list_clients" in offered
        assert "There is no tool" in await agent.refusal("create_client", name="Globex")
    assert not server.accounts[0].of("POST", "clients")


async def test_tokens_are_refreshed_in_mid_conversation_without_the_person(server: Assembled, era: Era) -> None:
    host = Host(server.url, ada(server))
    async with host.agent(era) as agent:
        await agent.answer("list_clients", limit=1)
        first = host.tokens
        host.auth.context.token_expiry_time = 1  # long ago
        await agent.answer("list_clients", limit=1)
    assert host.sign_ins == 1
    assert first
    assert host.tokens
    assert first.refresh_token != host.tokens.refresh_token


async def test_metadata_leads_from_a_401_to_the_sign_in(server: Assembled) -> None:
    async with server.http() as http:
        refused = await http.post("/mcp", json={})
        where = f"{server.url}/.well-known/oauth-protected-resource/mcp"
        assert refused.headers["www-authenticate"] == f'Bearer resource_metadata="{where}", scope="clientary"'
        for address in (where, where.removesuffix("/mcp")):
            resource = (await http.get(address)).json()
            assert (resource["resource"], resource["authorization_servers"]) == (f"{server.url}/mcp", [server.url])
        told = await http.get(
            "/.well-known/oauth-authorization-server", headers={"Origin": "https://inspector.example"}
        )
        assert told.headers["access-control-allow-origin"] == "*"
        metadata = told.json()
        for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"):
            assert (await http.post(metadata[name], data={})).status_code in (400, 401)
    assert metadata["issuer"] == server.url
    assert metadata["client_id_metadata_document_supported"]
    assert metadata["authorization_response_iss_parameter_supported"]
    assert "none" in metadata["token_endpoint_auth_methods_supported"]


async def test_a_wrong_verifier_gets_no_token(server: Assembled, client: Program) -> None:
    person = ada(server)
    code = (await person.signs_in(client.asking(), **person.fills_in))["code"]
    refused = await client.redeems(code, code_verifier="w" * 43)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_code_that_comes_again_ends_what_it_gave(server: Assembled, client: Program) -> None:
    person = ada(server)
    code = (await person.signs_in(client.asking(), **person.fills_in))["code"]
    given = (await client.redeems(code)).json()
    assert (await client.redeems(code)).json()["error"] == "invalid_grant"
    assert await status(server, given["access_token"]) == 401
    assert (await client.refreshes(given["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_that_comes_again_ends_its_sign_in(accounts: list[Upstream]) -> None:
    later = 0.0
    async with serving(accounts, "sign-in", wall=lambda: time.time() + later) as server:
        client = Program(server.url)
        await client.register()
        given = await tokens_of(client, ada(server))
        renewed = (await client.refreshes(given["refresh_token"])).json()
        later = 31.0
        assert (await client.refreshes(given["refresh_token"])).json()["error"] == "invalid_grant"
        assert await status(server, renewed["access_token"]) == 401


async def test_a_revoked_sign_in_is_over(accounts: list[Upstream]) -> None:
    async with serving(accounts, "sign-in", kept=0) as server:
        client = Program(server.url)
        await client.register()
        given = await tokens_of(client, ada(server))
        assert await status(server, given["access_token"]) == 200
        assert (await client.revokes(given["refresh_token"])).status_code == 200
        assert await status(server, given["access_token"]) == 401


async def test_a_token_for_another_resource_is_not_given(server: Assembled, client: Program) -> None:
    person = ada(server)
    told = answer_in(await person.browser.get(client.asking(resource="https://other.example/mcp")))
    assert (told["error"], told["iss"]) == ("invalid_target", server.url)
    code = (await person.signs_in(client.asking(), **person.fills_in))["code"]
    refused = await client.redeems(code, resource="https://other.example/mcp")
    assert refused.json()["error"] == "invalid_target"


@pytest.mark.parametrize(
    "redirect", ["http://127.0.0.1:33418/other", "https://evil.example/callback", "http://evil.example:33418/callback"]
)
async def test_nobody_is_led_to_an_address_that_is_not_registered(
    server: Assembled, client: Program, redirect: str
) -> None:
    refused = await ada(server).browser.get(client.asking(redirect_uri=redirect))
    assert (refused.status_code, "location" in refused.headers) == (400, False)


async def test_a_program_may_listen_on_another_port_of_loopback(server: Assembled, client: Program) -> None:
    person, redirect = ada(server), "http://127.0.0.1:50999/callback"
    code = (await person.signs_in(client.asking(redirect_uri=redirect), **person.fills_in))["code"]
    assert (await client.redeems(code, redirect_uri=redirect)).status_code == 200


async def test_the_page_works_in_the_browser_alone_in_which_the_sign_in_began(
    server: Assembled, client: Program
) -> None:
    page = await ada(server).visit(client.asking())
    assert page.status_code == 200
    stranger = eve(server)
    assert (await stranger.browser.get(str(page.url))).status_code == 403
    assert (await stranger.fill(page, **stranger.fills_in)).status_code == 403
    assert not server.accounts[1].arrivals


async def test_the_sixth_token_is_not_tried_even_if_it_is_right(server: Assembled, client: Program) -> None:
    person = ada(server)
    page = await person.visit(client.asking())
    for _ in range(5):
        assert (await person.fill(page, **person.fills_in | {"token": "wrong"})).status_code == 422
    asked = len(server.accounts[0].arrivals)
    assert (await person.fill(page, **person.fills_in)).status_code == 429
    assert len(server.accounts[0].arrivals) == asked


async def test_every_wrong_credential_is_told_the_same(server: Assembled, client: Program) -> None:
    person = ada(server)
    page = await person.visit(client.asking())
    wrong = [
        {"token": "wrong"},
        {"account": server.accounts[1].host},  # not Ada's
        {"account": "gamma"},  # not allowed here
        {"account": "127.0.0.1:1"},
    ]
    told = [await person.fill(page, **person.fills_in | given) for given in wrong]
    assert [answer.status_code for answer in told] == [422] * 4
    shown = {
        answer.text.replace(given.get("account", person.fills_in["account"]), "…")
        for answer, given in zip(told, wrong, strict=True)
    }
    assert len(shown) == 1
    assert "code" in answer_in(await person.fill(page, **person.fills_in))


async def test_sign_ins_outlive_restarts_and_changes_of_keys(accounts: list[Upstream], tmp_path: Path) -> None:
    older, newer = "o" * 32, "n" * 32
    settings = {"CLIENTARY_STORE": f"file:{tmp_path / 'vault'}", "CLIENTARY_PUBLIC_URL": "http://localhost"}
    async with serving(accounts, "sign-in", settings | {"CLIENTARY_KEYS": older}) as server:
        client = Program(server.url)
        await client.register()
        person, resource = ada(server), "http://localhost/mcp"
        page = await person.browser.get(client.asking(resource=resource))
        shown = await person.browser.get(page.headers["location"].replace("http://localhost", server.url))
        code = answer_in(await person.fill(shown, **person.fills_in))["code"]
        tokens = (await client.redeems(code)).json()
    for keys in (older, f"{newer},{older}", newer):
        async with serving(accounts, "sign-in", settings | {"CLIENTARY_KEYS": keys}) as server:
            again = Program(server.url)
            again.client_id = client.client_id
            tokens = (await again.refreshes(tokens["refresh_token"])).json()
            assert await status(server, tokens["access_token"]) == 200
    with pytest.raises(SettingsError, match="CLIENTARY_KEYS"):
        async with serving(accounts, "sign-in", settings | {"CLIENTARY_KEYS": older}):
            pass
