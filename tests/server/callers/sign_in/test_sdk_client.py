"""Signing in with the SDK's own OAuth client, as hosts do."""

from typing import Any

import httpx2
import pytest
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from starlette.applications import Starlette

from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import ACME, BETA, DOCUMENT, ISSUER, Person, application

pytestmark = pytest.mark.anyio


class Host:
    """A host, which remembers its registration and tokens, and a person who uses it."""

    def __init__(
        self, app: Starlette, person: Person, fills_in: dict[str, str], document: str | None = None, **metadata: Any
    ) -> None:
        self.tokens: OAuthToken | None = None
        self.registration: OAuthClientInformationFull | None = None
        self.sign_ins = 0
        self._person, self._fills_in = person, fills_in
        redirect = "http://localhost:40123/callback"
        asked = {"client_name": "Host", "scope": "clientary", "token_endpoint_auth_method": "none", **metadata}
        self.auth = OAuthClientProvider(
            f"{ISSUER}/mcp",
            OAuthClientMetadata(redirect_uris=[AnyUrl(redirect)], **asked),
            self,
            self._leads,
            self._called_back,
            client_metadata_url=document,
        )
        self.http = httpx2.AsyncClient(auth=self.auth, transport=httpx2.ASGITransport(app))

    async def asks(self) -> Any:
        """What the resource tells this host."""
        return (await self.http.get(f"{ISSUER}/mcp")).json()

    async def _leads(self, url: str) -> None:
        self.sign_ins += 1
        self._answer = await self._person.signs_in(url, **self._fills_in)

    async def _called_back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**self._answer)

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
