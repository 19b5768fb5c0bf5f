"""Signing in with the SDK's own OAuth client, as hosts do."""

from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import ACME, BETA, DOCUMENT, ISSUER, Person, application
from tests.support.oauth_host import OAuthHost

pytestmark = pytest.mark.anyio


class Host(OAuthHost):
    """A host that a person uses, at the application."""

    def __init__(
        self, app: Starlette, person: Person, fills_in: dict[str, str], document: str | None = None, **metadata: Any
    ) -> None:
        super().__init__(ISSUER, lambda page: person.signs_in(page, **fills_in), document, **metadata)
        self.http = httpx2.AsyncClient(auth=self.auth, transport=httpx2.ASGITransport(app))

    async def asks(self) -> Any:
        """What the resource tells this host."""
        return (await self.http.get(f"{ISSUER}/mcp")).json()


BOB = {"account": "beta", "token": "t0ken-of-bob", "name": "Bob", "choice": "all"}


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
async def test_two_people_sign_in_and_each_gets_their_own_account(app: Starlette, method: str) -> None:
    anna = Host(app, Person(app), {"choice": "read"}, token_endpoint_auth_method=method)
    bob = Host(app, Person(app), BOB, token_endpoint_auth_method=method)
    told = [await anna.asks(), await bob.asks()]
    assert [(each["account"], each["name"], each["may"]) for each in told] == [
        (ACME, "Anna", {"read_only": True}),
        (BETA, "Bob", {}),
    ]
    assert {each["resource"] for each in told} == {f"{ISSUER}/mcp"}
    assert anna.registration is not None
    assert (anna.registration.client_secret is None) == (method == "none")
    assert (await anna.asks())["account"] == ACME
    assert anna.sign_ins == 1


async def test_a_client_with_a_document_registers_nothing(app: Starlette, vault: Vault) -> None:
    host = Host(app, Person(app), {}, DOCUMENT)
    assert (await host.asks())["client_id"] == DOCUMENT
    assert await vault.values.keys("oauth:client:") == []


async def test_tokens_are_refreshed_without_the_person(app: Starlette) -> None:
    host = Host(app, Person(app), {})
    await host.asks()
    first = host.tokens
    for _ in range(3):
        host.auth.context.token_expiry_time = 1  # long ago
        assert (await host.asks())["account"] == ACME
    assert host.sign_ins == 1
    assert first is not None
    assert host.tokens is not None
    assert host.tokens.access_token != first.access_token
    assert host.tokens.refresh_token != first.refresh_token


async def test_who_was_refused_by_clientary_later_signs_in_again(app: Starlette, vault: Vault) -> None:
    host = Host(app, Person(app), {})
    await host.asks()
    [profile] = await vault.profiles()
    await vault.mark_dead(profile.id)
    assert (await host.asks())["account"] == ACME
    assert host.sign_ins == 2


async def test_the_choice_of_one_sign_in_does_not_change_another(app: Starlette) -> None:
    first, second = Host(app, Person(app), {"choice": "read"}), Host(app, Person(app), {"choice": "all"})
    await first.asks()
    assert (await second.asks())["may"] == {}
    assert (await first.asks())["may"] == {"read_only": True}


async def test_a_restart_keeps_sign_ins(vault: Vault) -> None:
    host = Host(application(vault), Person(application(vault)), {})
    await host.asks()
    restarted = Host(application(vault), Person(application(vault)), {})
    restarted.tokens, restarted.registration = host.tokens, host.registration
    assert (await restarted.asks())["account"] == ACME
    assert restarted.sign_ins == 0
