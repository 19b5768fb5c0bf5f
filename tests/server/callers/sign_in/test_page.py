"""The sign-in page: what it shows, which language it speaks, and what it accepts."""

import re
from base64 import b64encode
from hashlib import sha256
from string import Template
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from clientary_mcp.server.callers.sign_in.page import texts
from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import CALLBACK, DOCUMENT, ISSUER, Form, Person, Raw, answer_in, application
from tests.server.callers.sign_in.served import serving as served
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

SAME_FOR_ALL = "Clientary does not know this token for this account, or this server does not serve the account."


async def test_it_names_the_client_and_where_it_leads(app: Starlette, anna: Person) -> None:
    client = Raw(app)
    await client.register(client_name="<b>Best</b>\u202e & co", redirect_uris=["https://claude.ai/callback"])
    page = await anna.visit(client.asking(redirect_uri="https://claude.ai/callback"))
    assert "<dd>&lt;b&gt;Best&lt;/b&gt; &amp; co</dd>" in page.text
    assert '<dd class="where">claude.ai</dd>' in page.text
    assert "Described by" not in page.text
    assert "form-action 'self' https://claude.ai;" in page.headers["content-security-policy"]


async def test_a_program_on_ones_own_computer_is_called_so(app: Starlette, client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    assert '<dd class="where">a program on your own computer</dd>' in page.text
    assert "form-action 'self' http://127.0.0.1:33418;" in page.headers["content-security-policy"]
    await client.register(redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"], client_name=None)
    page = await anna.visit(client.asking(redirect_uri="cursor://anysphere.cursor-mcp/oauth/callback"))
    assert "a program on your own computer" in page.text
    assert "(no name)" in page.text
    assert "form-action 'self' cursor:;" in page.headers["content-security-policy"]


async def test_who_published_a_document_is_shown(client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking(client_id=DOCUMENT, redirect_uri="http://localhost:5/callback"))
    assert "<dt>Described by</dt>\n<dd>claude.ai</dd>" in page.text


async def test_nothing_may_frame_cache_or_script_it(client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self' http://127.0.0.1:33418",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert [page.headers[name] for name in ("x-frame-options", "cache-control")] == ["DENY", "no-store"]
    assert "<script" not in page.text
    assert "$" not in page.text


async def test_the_cookie_is_bound_to_our_host_and_short_lived(client: Raw, anna: Person) -> None:
    cookie = (await anna.browser.get(client.asking())).headers["set-cookie"]
    assert re.fullmatch(r"__Host-signin=[\w-]{43}; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure", cookie), cookie


async def test_over_loopback_the_cookie_has_another_name(vault: Vault) -> None:
    issuer = "http://127.0.0.1:8765"
    app = application(vault, served(public_url=issuer))
    client, anna = Raw(app), Person(app, issuer=issuer)
    await client.register()
    asking = client.asking(resource=f"{issuer}/mcp")
    assert "; Secure" not in (await anna.browser.get(asking)).headers["set-cookie"]
    assert [cookie.name for cookie in anna.browser.cookies.jar] == ["signin"]
    assert (await anna.signs_in(asking))["iss"] == issuer


async def test_another_browser_gets_no_page(app: Starlette, client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    thief = Person(app)
    await thief.visit(client.asking())
    for refused in (await thief.browser.get(str(page.url)), await thief.fill(page)):
        assert refused.status_code == 403
        assert "opened in another browser" in refused.text
    assert "code" in answer_in(await anna.fill(page))


async def test_two_tabs_of_one_browser_do_not_disturb_each_other(client: Raw, anna: Person) -> None:
    first, second = [await anna.visit(client.asking(state=state)) for state in ("one", "two")]
    assert [answer_in(await anna.fill(page))["state"] for page in (first, second)] == ["one", "two"]


async def test_a_page_expires_after_ten_minutes(client: Raw, anna: Person, time: FakeTime) -> None:
    page = await anna.visit(client.asking())
    await time.clock.sleep(600)
    assert (await anna.fill(page)).status_code == 403


async def test_a_person_may_cancel(client: Raw, anna: Person, vault: Vault) -> None:
    answer = answer_in(await anna.fill(await anna.visit(client.asking()), decision="cancel", token=""))
    assert answer == {"error": "access_denied", "state": "s1", "iss": ISSUER}
    assert await vault.profiles() == []


async def test_the_answer_goes_back_with_a_code(client: Raw, anna: Person) -> None:
    response = await anna.fill(await anna.visit(client.asking()), account=" https://ACME.clientary.com/ ")
    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    answer = answer_in(response)
    assert (answer["state"], answer["iss"], len(answer["code"])) == ("s1", ISSUER, 43)


@pytest.mark.parametrize(
    "given",
    [
        {"token": "wrong"},
        {"token": "two words"},
        {"token": "t0ken-of-bob"},
        {"token": "limited"},
        {"account": "gamma"},
        {"account": "not an account"},
    ],
)
async def test_whatever_is_wrong_with_a_credential_is_told_in_the_same_words(
    client: Raw, anna: Person, given: dict[str, str]
) -> None:
    page = await anna.fill(await anna.visit(client.asking()), **given)
    assert page.status_code == 422
    assert SAME_FOR_ALL in page.text
    assert "<title>Error: " in page.text
    assert Form(page.text).fields["token"] == ""
    assert Form(page.text).fields["name"] == "Anna"
    assert "code" in answer_in(await anna.fill(page))


async def test_an_account_that_cannot_be_reached_is_told_apart(client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    down = await anna.fill(page, token="down")
    assert (down.status_code, "cannot be reached at the moment" in down.text) == (502, True)


async def test_what_is_missing_is_said_at_its_field(client: Raw, anna: Person) -> None:
    page = await anna.fill(await anna.visit(client.asking()), account=" ", token="", name="\u200b")
    assert page.status_code == 422
    for name in ("account", "token", "name"):
        assert f'aria-invalid="true" aria-describedby="{name}-hint {name}-error"' in page.text
        assert f'id="{name}-error">Please fill this in.' in page.text


async def test_after_five_wrong_tokens_the_sign_in_is_over(client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    tried = [await anna.fill(page, token="wrong") for _ in range(5)]
    assert {each.status_code for each in tried} == {422}
    for token in ("wrong", "t0ken-of-anna"):
        over = await anna.fill(page, token=token)
        assert (over.status_code, "too many tries" in over.text) == (429, True)
    assert "code" in await anna.signs_in(client.asking())


async def failures(client: Raw, person: Person, count: int, **given: str) -> None:
    """Fail so often, with as many pages as it takes."""
    for number in range(count):
        if number % 5 == 0:
            page = await person.visit(client.asking())
        assert (await person.fill(page, **{"token": "wrong", **given})).status_code == 422


async def test_one_address_may_fail_twenty_times_in_a_quarter_of_an_hour(
    app: Starlette, client: Raw, anna: Person, time: FakeTime
) -> None:
    await failures(client, anna, 10, account="acme")
    await failures(client, anna, 10, account="gamma")
    assert (await anna.fill(await anna.visit(client.asking()))).status_code == 429
    elsewhere = Person(app, "203.0.113.8")
    assert "code" in await elsewhere.signs_in(client.asking())
    await time.clock.sleep(900)
    assert "code" in await anna.signs_in(client.asking())


async def test_tries_at_the_same_time_are_counted_too(app: Starlette, client: Raw) -> None:
    crowd = [Person(app) for _ in range(60)]
    pages = [await person.visit(client.asking()) for person in crowd]
    answers: list[int] = []

    async def tries(person: Person, page: httpx.Response) -> None:
        answers.append((await person.fill(page, token="wrong")).status_code)

    async with anyio.create_task_group() as group:
        for person, page in zip(crowd, pages, strict=True):
            group.start_soon(tries, person, page)
    assert answers.count(422) < 30


async def test_nobody_alone_keeps_the_people_of_an_account_out(app: Starlette, client: Raw) -> None:
    for number in range(5):
        another = Person(app, f"203.0.113.{number}")
        assert "code" in await another.signs_in(client.asking())
        await failures(client, another, 20)
    another = Person(app, "203.0.113.99")
    assert (await another.fill(await another.visit(client.asking()))).status_code == 429
    bob = {"account": "beta", "token": "t0ken-of-bob"}
    assert "code" in await another.signs_in(client.asking(), **bob)


async def test_a_team_behind_one_address_signs_in_at_once(app: Starlette, client: Raw) -> None:
    for _ in range(25):
        assert "code" in await Person(app).signs_in(client.asking())


@pytest.mark.parametrize(
    ("choice", "may"),
    [
        ("read", {"read_only": True}),
        ("write", {"toolsets": ["read", "write"]}),
        ("all", {}),
    ],
)
async def test_a_person_chooses_what_the_program_may_do(
    client: Raw, anna: Person, choice: str, may: dict[str, Any]
) -> None:
    code = (await anna.signs_in(client.asking(), choice=choice))["code"]
    access = (await client.redeems(code)).json()["access_token"]
    told = await client.http.get("/mcp", headers={"Authorization": f"Bearer {access}"})
    assert told.json()["may"] == may


async def test_reading_is_chosen_unless_the_person_chooses_more(client: Raw, anna: Person) -> None:
    page = await anna.visit(client.asking())
    assert Form(page.text).fields["choice"] == "read"
    assert (await anna.fill(page, choice="owner")).status_code == 422


async def test_a_server_that_only_reads_offers_nothing_else(vault: Vault, client: Raw) -> None:
    anna = Person(application(vault, served(bounds={"read_only": True})))
    page = await anna.visit(client.asking())
    assert re.findall(r'name="choice" id="(\w+)"', page.text) == ["read"]
    assert (await anna.fill(page, choice="all")).status_code == 422


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR", "pt"),
        ("ja, fr;q=0.5, es;q=0.7", "es"),
        ("it;q=0, nl;q=0.1", "nl"),
        ("ja", "en"),
        ("", "en"),
        ("de;q=broken,,;", "de"),
    ],
)
async def test_it_speaks_the_persons_language(client: Raw, anna: Person, asked: str, language: str) -> None:
    page = await anna.browser.get(client.asking(), headers={"Accept-Language": asked}, follow_redirects=True)
    assert f'<html lang="{language}">' in page.text
    assert texts()[language]["allow"] in page.text
    assert page.headers["content-language"] == language


def test_every_language_says_everything() -> None:
    english = texts()["en"]
    assert len(texts()) == 7
    for words in texts().values():
        assert words.keys() == english.keys()
        assert all(words.values())
        for name, text in words.items():
            assert Template(text).get_identifiers() == (["host"] if name == "kept_here" else [])


async def test_a_form_that_is_too_large_is_refused(anna: Person) -> None:
    response: httpx.Response = await anna.browser.post("/sign-in", data={"t": "x" * 70_000})
    assert response.status_code == 413
