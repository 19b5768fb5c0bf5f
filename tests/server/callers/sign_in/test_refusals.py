"""What the authorization server refuses, and whom it tells."""

from typing import Any

import pytest
from starlette.applications import Starlette

from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import (
    CALLBACK,
    DOCUMENT,
    ISSUER,
    Form,
    Person,
    Raw,
    answer_in,
    application,
    serving,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{ISSUER}/sse"}, "invalid_target"),
        ({"resource": "https://[broken/mcp"}, "invalid_target"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
async def test_what_a_client_may_be_told_is_sent_back_with_iss(
    client: Raw, anna: Person, asked: dict[str, str], error: str
) -> None:
    answer = answer_in(await anna.browser.get(client.asking(**asked)))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s1", ISSUER)


@pytest.mark.parametrize("resource", ["", f"{ISSUER}/mcp/", "https://MCP.agency.example:443/mcp"])
async def test_the_resource_is_ours_however_it_is_spelled(client: Raw, anna: Person, resource: str) -> None:
    code = (await anna.signs_in(client.asking(resource=resource)))["code"]
    assert await client.status_with((await client.redeems(code)).json()["access_token"]) == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": "unknown"},
        {"client_id": "https://unknown.example/client.json"},
        {"redirect_uri": "http://127.0.0.1:33418/other"},
        {"redirect_uri": "http://localhost:33418/callback"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://evil@127.0.0.1:33418/callback"},
    ],
)
async def test_nobody_is_led_to_where_a_client_is_not_known_to_be(
    client: Raw, anna: Person, asked: dict[str, str]
) -> None:
    response = await anna.browser.get(client.asking(**asked))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    page = await anna.browser.get(client.asking(**asked), headers={"Accept": "text/html", "Accept-Language": "de"})
    assert (page.status_code, "Hier geht es nicht weiter" in page.text) == (400, True)
    assert '<p class="small" lang="en">' in page.text


async def test_loopback_redirects_may_use_any_port(client: Raw, anna: Person) -> None:
    redirect = "http://127.0.0.1:50999/callback"
    code = (await anna.signs_in(client.asking(redirect_uri=redirect)))["code"]
    assert (await client.redeems(code)).json()["error"] == "invalid_request"
    assert (await client.redeems(code, redirect_uri=redirect)).status_code == 200


@pytest.mark.parametrize(
    ("redirects", "registered"),
    [
        (["https://claude.ai/api/mcp/auth_callback"], True),
        (["cursor://anysphere.cursor-mcp/oauth/callback"], True),
        (["https://evil.example/callback", "http://localhost:1/callback"], True),
        (["https://evil.example/callback"], False),
        (["http://claude.ai/callback"], False),
        (["https://user@claude.ai/callback"], False),
        (["https://claude.ai.evil.example/callback"], False),
        (["https://claude.ai/callback#fragment"], False),
        (["javascript://claude.ai/%0aalert(1)"], False),
        (["data://claude.ai/text"], False),
        (["com.example.app:/callback"], False),
        ([], False),
    ],
)
async def test_a_client_registers_only_with_an_allowed_redirect(
    app: Starlette, redirects: list[str], registered: bool
) -> None:
    response = await Raw(app).register(redirect_uris=redirects)
    assert response.status_code == (201 if registered else 400)


async def test_of_several_redirects_only_the_allowed_ones_work(app: Starlette, anna: Person) -> None:
    client = Raw(app)
    await client.register(redirect_uris=[CALLBACK, "https://evil.example/callback"])
    refused = await anna.browser.get(client.asking(redirect_uri="https://evil.example/callback"))
    assert refused.status_code == 400
    assert "code" in await anna.signs_in(client.asking())


async def test_an_operator_may_allow_any_https_redirect(vault: Vault) -> None:
    client = Raw(application(vault, serving(clients=frozenset("*"))))
    assert (await client.register(redirect_uris=["https://any.example/callback"])).status_code == 201
    for other in ("app://any.example/callback", "app://*/callback"):
        assert (await client.register(redirect_uris=[other])).status_code == 400


async def test_registrations_are_few_and_small(app: Starlette) -> None:
    client = Raw(app)
    assert (await client.http.post("/register", content=b"{" + b" " * 9_000)).status_code == 413
    assert [(await client.register()).status_code for _ in range(20)] == [201] * 20
    refused = await client.http.post("/register", json={"redirect_uris": [CALLBACK]})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert (await Raw(app, "203.0.113.8").register()).status_code == 201


async def test_what_strangers_begin_is_little_and_short(app: Starlette, client: Raw, anna: Person, time: Any) -> None:
    long = answer_in(await anna.browser.get(client.asking(state="s" * 4_097)))
    assert (long["error"], long["state"]) == ("invalid_request", "s" * 4_097)
    statuses = [(await anna.browser.get(client.asking(state="s" * 4_096))).status_code for _ in range(200)]
    assert statuses == [302] * 199 + [429]
    assert (await Person(app, "203.0.113.8").browser.get(client.asking())).status_code == 302
    await time.clock.sleep(600)
    assert (await anna.browser.get(client.asking())).status_code == 302


async def test_a_client_with_a_new_document_counts_as_a_registration(client: Raw, anna: Person) -> None:
    redirect = "http://localhost:5/callback"
    known = client.asking(client_id=DOCUMENT, redirect_uri=redirect)
    assert (await anna.browser.get(known)).status_code == 302
    new = [client.asking(client_id=f"https://any.example/{number}") for number in range(19)]
    assert {(await anna.browser.get(each)).status_code for each in new[:18]} == {400}
    assert (await anna.browser.get(new[18])).status_code == 429
    for path in ("/token", "/revoke"):
        refused = await client.http.post(path, data={"client_id": "https://any.example/new"})
        assert refused.status_code == 429
    assert (await anna.browser.get(known)).status_code == 302


async def test_one_network_of_ipv6_is_one_address(app: Starlette) -> None:
    statuses = [(await Raw(app, f"2001:db8:1:2::{number:x}").register()).status_code for number in range(21)]
    assert statuses == [201] * 20 + [429]


async def test_a_registration_is_forgotten_thirty_days_after_its_last_use(client: Raw, anna: Person, time: Any) -> None:
    for days, status in ((29, 302), (29, 302), (31, 400)):
        await time.clock.sleep(days * 86_400)
        assert (await anna.browser.get(client.asking())).status_code == status


async def test_a_registration_is_kept_sealed(app: Starlette, vault: Vault) -> None:
    registered = await Raw(app).register(token_endpoint_auth_method="client_secret_post")
    [key] = await vault.values.keys("oauth:client:")
    assert registered.json()["client_secret"] not in (await vault.values.get(key) or "")


async def test_a_confidential_client_needs_its_secret(app: Starlette, anna: Person) -> None:
    client = Raw(app)
    secret = (await client.register(token_endpoint_auth_method="client_secret_post")).json()["client_secret"]
    code = (await anna.signs_in(client.asking()))["code"]
    for given, status in (({}, 401), ({"client_secret": "wrong"}, 401), ({"client_secret": secret}, 200)):
        assert (await client.redeems(code, **given)).status_code == status


async def test_metadata_says_what_clients_must_know(app: Starlette) -> None:
    http = Raw(app).http
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == ISSUER
    assert {name: metadata[name] for name in metadata if name.endswith("_endpoint")} == {
        f"{name}_endpoint": f"{ISSUER}/{path}"
        for name, path in {
            "authorization": "authorize",
            "token": "token",
            "registration": "register",
            "revocation": "revoke",
        }.items()
    }
    assert metadata["client_id_metadata_document_supported"]
    assert metadata["authorization_response_iss_parameter_supported"]
    assert metadata["token_endpoint_auth_methods_supported"] == ["none", "client_secret_post"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    for path in ("", "/mcp"):
        resource = (await http.get(f"/.well-known/oauth-protected-resource{path}")).json()
        assert (resource["resource"], resource["authorization_servers"]) == (f"{ISSUER}/mcp", [ISSUER])


async def test_clients_in_browsers_may_ask_as_well(app: Starlette) -> None:
    asked = {"Origin": "https://inspector.example", "Access-Control-Request-Method": "POST"}
    http = Raw(app).http
    for path in ("/token", "/register", "/revoke"):
        assert (await http.options(path, headers=asked)).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in (await http.get("/authorize", headers=asked)).headers


async def test_nobody_signs_in_where_a_restart_would_forget_it(vault: Vault, client: Raw) -> None:
    anna = Person(application(vault, persistent=False))
    page = await anna.visit(client.asking())
    assert (page.status_code, "would not outlive a restart" in page.text) == (503, True)


async def test_a_store_that_cannot_be_reached_is_503_and_never_401(
    client: Raw, anna: Person, vault: Vault, unreachable: Any
) -> None:
    page = await anna.visit(client.asking())
    tokens = (await client.redeems((await anna.signs_in(client.asking()))["code"])).json()
    with unreachable():
        answers = [
            await anna.browser.get(client.asking()),
            await anna.browser.get(str(page.url)),
            await anna.browser.post("/sign-in", data=Form(page.text).fields),
            await client.http.post("/register", json={}),
            await client.redeems("any"),
            await client.refreshes(tokens["refresh_token"]),
            await client.revokes(tokens["access_token"]),
        ]
    assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(503, "60")] * len(answers)
    assert (await client.refreshes(tokens["refresh_token"])).status_code == 200


async def test_a_client_with_a_document_may_not_use_other_redirects(app: Starlette, anna: Person) -> None:
    client = Raw(app)
    refused = client.asking(client_id=DOCUMENT, redirect_uri="https://claude.ai/other")
    assert (await anna.browser.get(refused)).status_code == 400
    allowed = client.asking(client_id=DOCUMENT, redirect_uri="http://localhost:5/callback")
    assert "code" in await anna.signs_in(allowed)
