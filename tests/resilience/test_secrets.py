"""Canaries for the token, `secret` and card handles, wherever Clientary could echo them: none may be shown.

Clientary is simulated by a transport that puts them in every response.
"""

import base64
import json
import logging
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from clientary_mcp.api.session import Clientary
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from tests.support.agent import Agent
from tests.support.calls import COUNTS, JOBS, REPORTS
from tests.support.clock import FakeTime
from tests.support.gated import EVERYTHING
from tests.support.long import covering
from tests.support.processes import PATIENCE, free_port, listening
from tests.support.published import kind_of
from tests.support.users import User, connect, text_of
from tests.tools.test_every_tool import FIRST

pytestmark = pytest.mark.anyio

TOKEN = "t0ken/canary+1&2=3"
SECRET, GATEWAY = "5ecret-canary-4711", "cus_canary_0815"
CUSTOMER, SOURCE = "cus_canary_2222", "card_canary_3333"
BASIC = base64.b64encode(f"{TOKEN}:{TOKEN}".encode()).decode()
CANARIES = (TOKEN, BASIC, SECRET, GATEWAY, CUSTOMER, SOURCE)
FIELDS = {"secret": SECRET, "gateway_token": GATEWAY, "client_view_url": f"https://acme.example/i/{SECRET}"}
CARD = {"stripe_customer_id": CUSTOMER, "stripe_source_id": SOURCE}
NEW_CARD: dict[str, Any] = CARD | {
    "last_four_digits": "4242",
    "name": "Ann",
    "expiration_date": "2030-01-31",
    "client_id": 4,
}


@pytest.fixture
def anyio_backend() -> str:
    """Real time: one test here starts processes."""
    return "asyncio"


Handler = Callable[[httpx.Request], httpx.Response]


def canaries_in(*texts: object) -> set[str]:
    """The canaries in a text, plain or escaped as in JSON and Python."""
    whole = "\n".join(map(str, texts))
    return {canary for canary in CANARIES if canary in whole or json.dumps(canary)[1:-1] in whole}


def session(answer: Handler, time: FakeTime, **settings: Any) -> Clientary:
    chosen = Settings(subdomain="acme", api_token=TOKEN, **settings)
    return Clientary(chosen, httpx.MockTransport(answer), time.clock)


def record(**more: Any) -> dict[str, Any]:
    """A record of any kind with secrets in their own fields and in others."""
    echo = " ".join((TOKEN, SECRET, GATEWAY))
    known = {"id": 7, "client_id": 4, "invoice_id": 7, "name": "Acme", "title": "Work", "number": "7", "balance": 5}
    strange = {"echo": echo, f"key {echo}": 1, "deep": [{"er": {**FIELDS, "text": echo, echo: echo}}]}
    return {**COUNTS, **known, **FIELDS, "note": echo, "description": echo, "currency_code": "USD", **strange, **more}


def generous(request: httpx.Request) -> httpx.Response:
    """Answers any request with such a record, or a list of them."""
    last = request.url.path.rpartition("/")[2]
    headers = {"X-Token": TOKEN, "Set-Cookie": f"s={SECRET}", "X-Basic": BASIC}
    if request.method == "GET" and not last.isdigit():
        counts = {"page_count": 1, "total_count": 1, "secret": SECRET}
        return httpx.Response(200, json={last: [record()], **counts}, headers=headers)
    parts = {name: [record()] for name in ("payments", "invoice_items", "estimate_items", "recurring_schedule_items")}
    return httpx.Response(200, json=record(**parts), headers=headers)


@pytest.mark.parametrize("tool", FIRST)
async def test_no_answer_shows_a_secret_in_its_own_field_or_anywhere_else(
    tool: str, time: FakeTime, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    trail, user = tmp_path / "audit", User()
    arguments = FIRST[tool].arguments | (CARD if tool == "create_payment_profile" else {})
    async with connect(session(generous, time, audit_log=trail), "legacy", user) as agent:
        heard = [str(await agent.call(tool, arguments | more)) for more in ({}, {"nonsense": 1})]
        if tool.startswith("list_"):
            heard.append(str(await agent.call(tool, arguments | {"detail": "full"})))
    assert not canaries_in(*heard, *user.questions, caplog.text)


@pytest.mark.parametrize("tool", covering(FIRST, lambda tool: (kind_of(tool), FIRST[tool].method)))
async def test_no_line_of_the_audit_trail_shows_a_secret(tool: str, time: FakeTime, tmp_path: Path) -> None:
    trail = tmp_path / "audit"
    arguments = FIRST[tool].arguments | (CARD if tool == "create_payment_profile" else {})
    async with connect(session(generous, time, audit_log=trail)) as agent:
        await agent.call(tool, arguments)
    assert trail.read_text()
    assert not canaries_in(trail.read_text())


CALLS = (*REPORTS, ("copy_invoice", {"invoice_id": 7}), *((tool, call | {"confirm": True}) for tool, call in JOBS))


def test_every_report_and_job_is_called() -> None:
    called = {tool for tool, _ in CALLS} | {"undo"}  # whose own tests look for secrets
    assert called >= {tool.name for tool in ALL if tool.resource in ("reports", "workflows", "raw")}


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_no_report_or_job_shows_a_secret_nor_does_its_trail_or_its_file(
    tool: str, arguments: dict[str, Any], time: FakeTime, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    trail, files, user = tmp_path / "audit", tmp_path / "exports", User()
    files.mkdir()
    owner = {"audit_log": trail, "export_dir": files, "toolsets": EVERYTHING}
    async with connect(session(generous, time, **owner), "legacy", user) as agent:
        answers = [await agent.call(tool, arguments | {"confirm": False} if "confirm" in arguments else arguments)]
        answers.append(await agent.call(tool, arguments))
    assert not answers[0].is_error, text_of(answers[0])
    written = [path.read_text(errors="replace") for path in (trail, *files.iterdir())]
    assert not canaries_in(*answers, *user.questions, caplog.text, *written)


# Errors

ALL_OF_THEM = " ".join(CANARIES)
BODIES: dict[str, Any] = {
    "fields": {"name": [f"{TOKEN} is taken"], "secret": [f"{SECRET} is taken"], TOKEN: ["is odd"]},
    "errors": {"errors": {"gateway_token": [f"{GATEWAY} is gone"], "base": [f"Basic {BASIC}"]}},
    "one text": {"error": f"bad token {TOKEN}", "secret": SECRET},
    "echoed": {"error": f"secret {SECRET} of {GATEWAY}", **FIELDS},
    "list": [f"no {TOKEN}", {"secret": SECRET}],
}
TEXTS = {
    "text": f"token {TOKEN} and header Basic {BASIC}",
    "html": f"<html><body>{TOKEN} {BASIC}</body></html>",
    "broken json": '{"secret": "' + SECRET + '", "name": "' + TOKEN,
    "escaped": f'{{"error": "token {TOKEN}"}}'.replace("/", "\\/"),
    "escaped as Rails does": f'{{"error": "token {TOKEN}"}}'.replace("&", "\\u0026"),
    "escaped altogether": '{"error": "' + "".join(f"\\u{ord(each):04x}" for each in TOKEN) + '"}',
}
STATUSES = [422, 200, 301, 400, 401, 403, 404, 409, 426, 429, 500, 502]


@pytest.mark.parametrize(("status", "body"), covering(product(STATUSES, [*BODIES, *TEXTS])))
async def test_no_error_shows_what_upstream_echoed(
    time: FakeTime, caplog: pytest.LogCaptureFixture, status: int, body: str
) -> None:
    caplog.set_level(logging.DEBUG)
    content = json.dumps(BODIES[body]) if body in BODIES else TEXTS[body]
    headers = {"Location": f"https://evil.example/{TOKEN}", "WWW-Authenticate": TOKEN, "Retry-After": TOKEN}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content, headers=headers)

    async with connect(session(answer, time)) as agent:
        heard = [
            text_of(await agent.call("get_client", {"client_id": 7})),
            text_of(await agent.call("list_invoices", {})),
            text_of(await agent.call("create_payment_profile", NEW_CARD)),
            text_of(await agent.call("update_client", {"client_id": 7, "city": "Bath"})),
            text_of(await agent.call("delete_client", {"client_id": 7, "confirm": True})),
        ]
    assert not canaries_in(*heard, caplog.text)


async def test_an_escaped_token_in_a_record_is_redacted(time: FakeTime) -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in TOKEN)
    bodies = [f'{{"id": 7, "name": "{escaped}"}}', '{"id": 7, "name": "' + TOKEN.replace("/", "\\/") + '"}']
    for body in bodies:
        async with connect(session(lambda _, body=body: httpx.Response(200, content=body), time)) as agent:  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            assert not canaries_in(text_of(await agent.call("get_client", {"client_id": 7})))


async def test_a_handle_that_upstream_echoes_in_escapes_is_not_shown(time: FakeTime) -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in CUSTOMER)
    body = f'{{"id": 7, "client_id": 4, "name": "{escaped}"}}'
    async with connect(session(lambda _: httpx.Response(200, content=body), time)) as agent:
        assert not canaries_in(text_of(await agent.call("create_payment_profile", NEW_CARD)))


@pytest.mark.parametrize("key", ["secret\u200b", "\ufeffsecret", "secret?", "gateway_token\u2060"])
async def test_a_secret_whose_key_is_disguised_is_not_shown(time: FakeTime, key: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": 7, "name": "Acme", key: SECRET})

    async with connect(session(answer, time)) as agent:
        assert not canaries_in(str(await agent.answer("get_client", client_id=7)))


@pytest.mark.parametrize("secret", ['with "quotes" inside', "back\\slash", "ünïcode", "line\nbreak"])
async def test_a_secret_of_any_form_is_redacted_from_the_rest_of_its_answer(time: FakeTime, secret: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": 7, "name": "Acme", "note": f"<{secret}>", "secret": secret})

    async with connect(session(answer, time)) as agent:
        assert f"<{secret}>" not in (await agent.answer("get_client", client_id=7))["note"]


@pytest.mark.parametrize("where", ["record", "list"])
async def test_card_handles_in_lists_are_not_shown(time: FakeTime, where: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        card = {"id": 7, "client_id": 4, "name": "Ann", **CARD}
        listed = request.method == "GET"
        return httpx.Response(200, json={"payment_profiles": [card]} if listed else card)

    async with connect(session(answer, time)) as agent:
        if where == "list":
            call = {"client_id": 4, "detail": "full"}
            assert not canaries_in(await agent.call("list_client_payment_profiles", call))
        else:
            assert not canaries_in(await agent.call("create_payment_profile", NEW_CARD))


async def test_redaction_leaves_the_rest_of_the_answer_intact(time: FakeTime) -> None:
    """A secret of digits alone may occur inside an id or a date."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": 120267, "name": "Acme", "date": "2026-11-20", "secret": "2026"})

    async with connect(session(answer, time)) as agent:
        shown = await agent.answer("get_invoice", invoice_id=120267)
    assert (shown["id"], shown["date"]) == (120267, "2026-11-20")


# Secrets learned from earlier answers

TAUGHT = FIELDS | CARD


def answering(*bodies: Any) -> Handler:
    """Respond with these bodies, one after another."""
    left = list(bodies)
    return lambda _: httpx.Response(200, json=left.pop(0))


@pytest.mark.parametrize("field", TAUGHT)
async def test_a_secret_learned_from_an_earlier_answer_is_redacted_in_later_ones(time: FakeTime, field: str) -> None:
    secret = TAUGHT[field]
    echo = {"id": 7, "name": f"x{secret}y", "note": secret, secret: 1, "deep": [{"er": f"see {secret}."}]}
    answer = answering({"id": 7, field: secret}, echo, {"leads": [echo]})
    async with connect(session(answer, time)) as agent:
        heard = [await agent.answer("get_client", client_id=7) for _ in range(2)]
        heard.append(await agent.answer("list_leads", detail="full"))
    assert heard[1]["name"] == "x[removed]y"
    assert secret not in str(heard)


@pytest.mark.parametrize("field", TAUGHT)
@pytest.mark.parametrize("status", [200, 404, 422, 500])
async def test_no_error_shows_a_secret_learned_from_an_earlier_answer(time: FakeTime, field: str, status: int) -> None:
    taught = {"error": "no", "clients": [{"id": 7, "deep": [{"er": {field: TAUGHT[field]}}]}]}
    refused = {"name": [f"{TAUGHT[field]} is taken"]}
    answers = [httpx.Response(status, json=taught), httpx.Response(422, json=refused)]
    async with connect(session(lambda request: answers[request.method == "POST"], time)) as agent:
        await agent.call("list_clients", {})
        heard = await agent.refusal("create_client", name="Acme")
    assert "[removed] is taken" in heard


async def test_a_secret_learned_from_a_later_page_is_redacted_on_earlier_ones(
    time: FakeTime,
) -> None:
    pages = {"1": {"id": 1, "note": f"see {SECRET}"}, "2": {"id": 2, "secret": SECRET}}

    def answer(request: httpx.Request) -> httpx.Response:
        number = request.url.params.get("page", "1")
        counts = {"page_count": 2, "page_size": 1, "total_count": 2}
        return httpx.Response(200, json={"leads": [pages[number]], **counts})

    async with connect(session(answer, time)) as agent:
        shown = await agent.answer("list_leads", detail="full")
    assert [record.get("note") for record in shown["records"]] == ["see [removed]", None]


async def test_a_secret_redacted_for_one_agent_is_redacted_for_all_in_the_session(time: FakeTime) -> None:
    answer = answering({"id": 7, "secret": SECRET}, {"id": 8, "note": SECRET})
    async with session(answer, time) as clientary:
        server = ClientaryServer(clientary)
        async with Client(server) as one, Client(server) as other:
            await Agent(one).answer("get_client", client_id=7)
            assert not canaries_in(await Agent(other).answer("get_client", client_id=8))


def numbered(numbers: range) -> list[dict[str, Any]]:
    """Invoices with one secret each, all with the same prefix, as URLs have."""
    return [
        {"id": 1 + n, "client_view_url": f"https://acme.example/i/{n * 2_654_435_761 % 2**32:08x}"} for n in numbers
    ]


async def test_each_of_many_known_secrets_is_found_anywhere(time: FakeTime) -> None:
    known = numbered(range(500))
    echoes = [{"id": 1, "note": "." * (n % 9) + each["client_view_url"] + "." * n} for n, each in enumerate(known[:60])]
    async with connect(session(answering({"invoices": known}, {"invoices": echoes}), time)) as agent:
        await agent.answer("list_invoices", limit=500)
        shown = await agent.answer("list_invoices", detail="full")
    assert "[removed]" in str(shown)
    assert "acme.example" not in str(shown)


async def test_the_thousand_most_recently_seen_secrets_are_remembered(time: FakeTime) -> None:
    first, again, *others = numbered(range(1_001))
    more = numbered(range(1_001, 1_002))
    note = " ".join(each["client_view_url"] for each in (first, again, *others[:2], *more))
    bodies = [{"invoices": [first, again, *others[:-1]]}, again, *others[-1:], *more, {"id": 7, "note": note}]
    async with connect(session(answering(*bodies), time)) as agent:
        await agent.answer("list_invoices", limit=1_000)
        for _ in bodies[1:-1]:
            await agent.answer("get_invoice", invoice_id=7)
        shown = (await agent.answer("get_invoice", invoice_id=7))["note"].split()
    assert shown == [first["client_view_url"], "[removed]", others[0]["client_view_url"], "[removed]", "[removed]"]


async def test_a_secret_of_digits_is_redacted_in_texts_but_not_in_numbers(time: FakeTime) -> None:
    number, text = 4711081512, "4711081512"
    later = {"id": number, "name": f"No. {text}", "number": text, "balance": number, "owner": {"id": number}}
    answer = answering({"id": 7, "secret": text}, later)
    async with connect(session(answer, time)) as agent:
        await agent.answer("get_invoice", invoice_id=7)
        shown = await agent.answer("get_invoice", invoice_id=number)
    assert (shown["id"], shown["balance"], shown["owner"]["id"]) == (number, number, number)
    assert (shown["name"], shown["number"]) == ("No. [removed]", "[removed]")


async def test_a_short_secret_hides_no_word_of_other_records(time: FakeTime) -> None:
    answer = answering({"id": 7, "secret": "Website"}, {"id": 8, "name": "Website", "note": "Website"})
    async with connect(session(answer, time)) as agent:
        assert "Website" not in str(await agent.answer("get_project", project_id=7))
        assert (await agent.answer("get_project", project_id=8))["name"] == "Website"


async def test_a_truncated_answer_does_not_show_part_of_a_secret(time: FakeTime) -> None:
    broken = f'{{"error": "no", "secret": "{SECRET[:-2]}'
    async with connect(session(lambda _: httpx.Response(422, text=broken), time)) as agent:
        assert SECRET[:6] not in await agent.refusal("create_client", name="Acme")


# Crashes, and values in memory


async def test_an_unexpected_failure_shows_no_secret_in_its_log(
    time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError(f"inside {TOKEN} {BASIC}")

    caplog.set_level(logging.DEBUG)
    async with connect(session(breaks, time)) as agent:
        heard = text_of(await agent.call("create_payment_profile", NEW_CARD))
    assert "failed unexpectedly" in caplog.text
    assert not canaries_in(heard, caplog.text)


async def test_no_repr_of_a_session_shows_the_token(time: FakeTime) -> None:
    async with session(generous, time, mcp_token="m" * 20) as clientary:
        for thing in (clientary, clientary.settings, clientary.new_call(), vars(clientary)):
            assert not canaries_in(repr(thing), str(thing), f"{thing}")
        assert "m" * 20 not in repr(clientary.settings)


async def test_rejected_arguments_are_reported_without_card_handles(time: FakeTime) -> None:
    wrong: list[dict[str, Any]]
    wrong = [{"last_four_digits": "12"}, {"stripe_source_id": [SOURCE]}, {"nonsense": CUSTOMER}]
    async with connect(session(generous, time)) as agent:
        heard = [await agent.refusal("create_payment_profile", **NEW_CARD | change) for change in wrong]
    assert not canaries_in(*heard)


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_a_process_at_debug_level_logs_no_secret(tmp_path: Path, transport: str) -> None:
    port, log = free_port(), tmp_path / "stderr"
    serve = ("--sandbox", "--transport", transport)
    with anyio.fail_after(PATIENCE):
        async with listening(*serve, port=port, log=log, CLIENTARY_LOG_LEVEL="DEBUG"):
            address = f"http://127.0.0.1:{port}"
            server = sse_client(f"{address}/sse") if transport == "sse" else f"{address}/mcp"
            async with Client(server, mode="legacy") as client:
                agent = Agent(client)
                made = await agent.answer("create_client", name="Acme")
                await agent.answer("create_payment_profile", **NEW_CARD | {"client_id": made["id"]})
    assert not canaries_in(log.read_text())
