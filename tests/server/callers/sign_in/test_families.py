"""Codes and refresh tokens are used once; one that is used again ends the sign-in that it comes from."""

from typing import Any

import pytest

from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import Person, Raw
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio


@pytest.fixture
async def code(client: Raw, anna: Person) -> str:
    return (await anna.signs_in(client.asking()))["code"]


@pytest.fixture
async def tokens(client: Raw, code: str) -> dict[str, Any]:
    given: dict[str, Any] = (await client.redeems(code)).json()
    return given


async def test_tokens_name_their_caller_and_last_an_hour(
    client: Raw, tokens: dict[str, Any], vault: Vault, time: FakeTime
) -> None:
    [profile] = await vault.profiles()
    access, refresh = tokens["access_token"].split("_", 2), tokens["refresh_token"].split("_", 2)
    assert [access[:2], refresh[:2]] == [["cmt", profile.id], ["cmr", profile.id]]
    assert (tokens["expires_in"], tokens["scope"], tokens["token_type"]) == (3600, "clientary", "Bearer")
    assert await client.status_with(tokens["access_token"]) == 200
    assert await client.status_with(tokens["refresh_token"]) == 401
    await time.clock.sleep(HOUR)
    assert await client.status_with(tokens["access_token"]) == 401
    assert (await client.refreshes(tokens["refresh_token"])).status_code == 200


async def test_a_code_lasts_a_minute(client: Raw, code: str, time: FakeTime) -> None:
    await time.clock.sleep(60)
    assert (await client.redeems(code)).json()["error"] == "invalid_grant"


async def test_a_wrong_verifier_gets_nothing(client: Raw, code: str) -> None:
    assert (await client.redeems(code, code_verifier="w" * 43)).json()["error"] == "invalid_grant"
    assert (await client.redeems(code)).status_code == 200


async def test_the_code_of_another_client_is_none(client: Raw, code: str) -> None:
    first = client.client_id
    await client.register()
    assert (await client.redeems(code)).json()["error"] == "invalid_grant"
    client.client_id = first
    assert (await client.redeems(code)).status_code == 200


async def test_a_code_that_is_used_twice_ends_the_tokens_of_the_first_use(
    client: Raw, code: str, tokens: dict[str, Any]
) -> None:
    assert await client.status_with(tokens["access_token"]) == 200
    assert (await client.redeems(code)).json()["error"] == "invalid_grant"
    assert await client.status_with(tokens["access_token"]) == 401
    assert (await client.refreshes(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_tokens_for_another_resource_are_refused(client: Raw, code: str) -> None:
    refused = await client.redeems(code, resource="https://other.example/mcp")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


async def test_a_refresh_token_that_comes_again_late_ends_the_sign_in(
    client: Raw, tokens: dict[str, Any], time: FakeTime
) -> None:
    second = (await client.refreshes(tokens["refresh_token"])).json()
    await time.clock.sleep(31)
    assert (await client.refreshes(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    for given in (tokens, second):
        assert await client.status_with(given["access_token"]) == 401
        assert (await client.refreshes(given["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_answer_that_got_lost_is_given_again_but_only_one_line_leads_on(
    client: Raw, tokens: dict[str, Any], time: FakeTime
) -> None:
    lost = (await client.refreshes(tokens["refresh_token"])).json()
    await time.clock.sleep(29)
    again = await client.refreshes(tokens["refresh_token"])
    assert again.status_code == 200
    third = (await client.refreshes(again.json()["refresh_token"])).json()
    assert await client.status_with(third["access_token"]) == 200
    await time.clock.sleep(31)
    assert (await client.refreshes(lost["refresh_token"])).json()["error"] == "invalid_grant"
    assert await client.status_with(third["access_token"]) == 401


async def test_a_refresh_token_is_its_clients(client: Raw, tokens: dict[str, Any]) -> None:
    first = client.client_id
    await client.register()
    assert (await client.refreshes(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    client.client_id = first
    assert (await client.refreshes(tokens["refresh_token"])).status_code == 200


async def test_a_sign_in_lasts_while_it_is_used(client: Raw, tokens: dict[str, Any], time: FakeTime) -> None:
    for _ in range(3):
        await time.clock.sleep(29 * DAY)
        tokens = (await client.refreshes(tokens["refresh_token"])).json()
    assert await client.status_with(tokens["access_token"]) == 200
    await time.clock.sleep(31 * DAY)
    assert (await client.refreshes(tokens["refresh_token"])).status_code in (400, 401)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_public_client_ends_its_sign_in(client: Raw, tokens: dict[str, Any], kind: str) -> None:
    assert (await client.revokes(tokens[kind])).status_code == 200
    assert await client.status_with(tokens["access_token"]) == 401
    assert (await client.refreshes(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_nobody_else_ends_it(client: Raw, tokens: dict[str, Any]) -> None:
    assert (await client.revokes(tokens["access_token"], client_id="unknown")).status_code == 401
    assert (await client.revokes("cmt_unknown")).status_code == 200
    assert (await client.http.post("/revoke", data={"client_id": client.client_id})).status_code == 400
    await client.register()
    assert (await client.revokes(tokens["access_token"])).status_code == 200
    assert await client.status_with(tokens["access_token"]) == 200


async def test_no_code_or_token_is_kept(client: Raw, anna: Person, vault: Vault) -> None:
    page = await anna.visit(client.asking())
    spent, unspent = [(await anna.signs_in(client.asking()))["code"] for _ in range(2)]
    tokens = (await client.redeems(spent)).json()
    keys = await vault.values.keys("")
    kept = "\n".join([*keys, *[str(await vault.values.get(key)) for key in keys]])
    secrets = [spent, unspent, tokens["access_token"], tokens["refresh_token"], "t0ken-of-anna"]
    assert [secret for secret in [*secrets, *anna.browser.cookies.values()] if secret in kept] == []
    assert page.url.params["t"] not in kept
