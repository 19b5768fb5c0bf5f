"""The rules for every request apply to raw requests: quotas, secrets, the audit trail, lost responses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.gated import record_for
from tests.support.trail import calls
from tests.support.users import User, configured, connect, some, text_of, writes
from tool_schemas.base.results import MAX_ANSWER

pytestmark = pytest.mark.anyio

RAW, ALL = frozenset({"raw"}), frozenset({"raw", "all"})
HANDLES = {"stripe_customer_id": "cus_canary_1", "stripe_source_id": "card_canary_2"}
CARD = {**HANDLES, "last_four_digits": "4242", "name": "Ann Doe", "expiration_date": "2030-01-31"}


def playing(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Clientary:
    """A session with an account in which every response is mocked."""
    chosen = Settings(subdomain="acme", api_token=SETTINGS.api_token, toolsets=RAW, **settings)
    return Clientary(chosen, httpx.MockTransport(answer), FakeTime().clock)


# Quotas


async def test_a_delete_counts_as_a_delete_whichever_tool_sends_it(sandbox: Sandbox) -> None:
    first, second, third = some(sandbox, "tasks", 3)
    async with connect(configured(sandbox, toolsets=ALL, deletes_per_hour=2)) as agent:
        await agent.answer("api_request", method="DELETE", path=f"tasks/{first}", confirm=True)
        await agent.answer("delete_task", task_id=second, confirm=True)
        for refusal in (
            await agent.refusal("api_request", method="DELETE", path=f"tasks/{third}", confirm=True),
            await agent.refusal("delete_task", task_id=third, confirm=True),
        ):
            assert "Nothing was sent" in refusal
            assert "CLIENTARY_DELETES_PER_HOUR" in refusal
        assert (await agent.answer("api_request", method="DELETE", path=f"tasks/{third}"))["done"] is False
        await agent.answer(
            "api_request", method="PUT", path=f"tasks/{third}", body={"task": {"title": "x"}}, confirm=True
        )
    assert [method for method, _ in writes(sandbox)] == ["DELETE", "DELETE", "PUT"]


async def test_a_raw_mail_counts_as_a_mail(sandbox: Sandbox) -> None:
    (invoice,) = some(sandbox, "invoices")
    mail = {"method": "POST", "path": f"invoices/{invoice}/messages", "body": {"recipients": ["a@example.com"]}}
    async with connect(configured(sandbox, toolsets=RAW, mails_per_hour=1)) as agent:
        await agent.answer("api_request", **mail, confirm=True)
        assert "CLIENTARY_MAILS_PER_HOUR" in await agent.refusal("api_request", **mail, confirm=True)
    assert len(sandbox.sent_messages) == 1


@pytest.mark.parametrize("where", ["wrapped", "flat", "in the query", "deep"])
async def test_a_raw_charge_counts_as_a_charge_wherever_the_card_is_named(sandbox: Sandbox, where: str) -> None:
    call, _ = record_for(sandbox, "charge_payment_profile")
    card = {"payment_profile_id": call["payment_profile_id"]}
    given: dict[str, Any] = {
        "wrapped": {"body": {"payment": card}},
        "flat": {"body": card},
        "in the query": {"query": {"payment[payment_profile_id]": str(card["payment_profile_id"])}},
        "deep": {"body": {"payment": {"a": [card]}}},
    }[where]
    path = f"invoices/{call['invoice_id']}/payments"
    async with connect(configured(sandbox, toolsets=RAW, charges_per_hour=0)) as agent:
        message = await agent.refusal("api_request", method="POST", path=path, **given, confirm=True)
        assert "CLIENTARY_CHARGES_PER_HOUR" in message
        assert not writes(sandbox)
        for body in ({"payment": {"amount": 1}}, {"payment": None}, {"payment": "x"}, {}, None):
            recorded = {"body": body} if body is not None else {}
            result = await agent.call("api_request", {"method": "POST", "path": path, "confirm": True} | recorded)
            assert "CLIENTARY_CHARGES_PER_HOUR" not in text_of(result)
            assert "defect" not in text_of(result)


# Secrets


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_no_secret_is_returned_at_any_depth(method: str, confirm: bool) -> None:
    token = SETTINGS.api_token
    hidden = {
        "secret": "canary-secret",
        "gateway_token": 4_711_471_147_114_711,
        "client_view_url": "https://x.example/canary-view",
        "secret?": "canary-also",
        **HANDLES,
    }
    body = {"id": 7, "note": f"{token} cus_canary_1", **hidden, "a": [{"b": {"c": [hidden, "canary-secret"]}}]}

    async with connect(playing(lambda _: httpx.Response(200, json=body))) as agent:
        sent = {} if method == "GET" else {"body": {"x": [{"y": HANDLES}]}}
        result = await agent.call("api_request", {"method": method, "path": "odd/7", "confirm": confirm} | sent)
    message = text_of(result)
    shown_again = json.dumps({"x": [{"y": HANDLES}]}, separators=(",", ":"))
    message = message.replace(shown_again, "")  # what the caller gave is shown before it leaves, exactly
    for secret in ("canary", "4711471147114711", token, "cus_canary_1", "card_canary_2"):
        assert secret not in message
    if method == "GET" or confirm:
        assert '"c":[{}' in message


@pytest.mark.parametrize("nested", [{"stripe_payment_profile": CARD}, {"a": [{"b": CARD}]}, CARD])
async def test_an_error_that_echoes_a_card_handle_is_redacted(nested: dict[str, Any]) -> None:
    refusal = {"base": ["No such customer: cus_canary_1", "No such source: card_canary_2"]}
    async with connect(playing(lambda _: httpx.Response(422, json=refusal))) as agent:
        path = "clients/7/payment_profiles"
        message = await agent.refusal("api_request", method="POST", path=path, body=nested, confirm=True)
    assert "No such customer" in message
    assert "canary" not in message


# The trail


@pytest.mark.parametrize("asked", [False, True])
async def test_the_trail_records_the_request_without_secrets(
    sandbox: Sandbox, era: Era, tmp_path: Path, asked: bool
) -> None:
    trail = tmp_path / "audit.jsonl"
    (client,) = some(sandbox, "clients")
    path = f"clients/{client}/payment_profiles"
    clientary = configured(sandbox, toolsets=RAW, audit_log=trail)
    async with connect(clientary, era, User() if asked else None) as agent:
        body = {"stripe_payment_profile": CARD}
        await agent.answer("api_request", method="POST", path=path, body=body, confirm=True)
        await agent.answer("api_request", method="GET", path=path)
        await agent.answer("api_request", method="DELETE", path=f"{path}/7")
    reported = calls(trail)
    (post,) = [line for line in reported if "writes" in line]
    assert post["tool"] == "api_request"
    assert post["writes"] == [{"method": "POST", "path": path, "status": 201}]
    assert post["given"]["content"] == {
        "stripe_payment_profile": {name: value for name, value in CARD.items() if name not in HANDLES}
    }
    assert "canary" not in trail.read_text(encoding="utf-8")


# Lost and refused answers


@pytest.mark.parametrize("toolsets", [RAW, ALL])
@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_response_is_reported_as_unknown_with_a_way_to_check(
    sandbox: Sandbox, after: bool, toolsets: frozenset[str]
) -> None:
    sandbox.faults = Faults([Fault("drop", "POST", after=after)])
    async with connect(configured(sandbox, toolsets=toolsets)) as agent:
        lead = {"lead": {"name": "Globex"}}
        message = await agent.refusal("api_request", method="POST", path="leads", body=lead, confirm=True)
    assert "POST leads" in message
    assert "It is unknown whether the request succeeded." in message
    assert "Check before retrying. GET leads may show the current state." in message
    assert ("list_changes shows the current state." in message) is ("all" in toolsets)
    assert len(writes(sandbox)) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, "not allowed"), (404, "odd/7 was not found"), (422, "rejected"), (426, "plan"), (429, "rate limit")],
)
async def test_rejections_are_worded_as_for_every_tool(status: int, message: str) -> None:
    async with connect(playing(lambda _: httpx.Response(status, json={"name": ["is odd"]}))) as agent:
        for call in ({"method": "GET"}, {"method": "POST", "confirm": True}):
            assert message in await agent.refusal("api_request", path="odd/7", **call)


async def test_a_response_that_is_not_json_is_reported() -> None:
    async with connect(playing(lambda _: httpx.Response(200, text="%PDF-1.7"))) as agent:
        assert "could not be read" in await agent.refusal("api_request", method="GET", path="invoices/7")


@pytest.mark.parametrize("sent", [None, [], {}, "text", 7, [{"id": 1}], {"a": None}])
async def test_any_json_response_is_returned(sent: Any) -> None:
    reply = httpx.Response(204) if sent is None else httpx.Response(200, json=sent)
    async with connect(playing(lambda _: reply)) as agent:
        answer = await agent.answer("api_request", method="GET", path="odd")
    assert answer.get("body") == ({} if sent == {"a": None} else sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"rows": [{"id": number, "text": "x" * 300} for number in range(3_000)]},
        {"text": "x" * 500_000},
        {str(number): "x" * 100 for number in range(3_000)},
    ],
)
async def test_an_answer_is_bounded_and_reports_what_was_truncated(sent: dict[str, Any]) -> None:
    async with connect(playing(lambda _: httpx.Response(200, json=sent))) as agent:
        result = await agent.call("api_request", {"method": "GET", "path": "odd"})
    assert len(text_of(result)) <= MAX_ANSWER
    assert "Too long to show" in text_of(result)


async def test_dates_and_money_are_formatted_as_in_other_answers(sandbox: Sandbox) -> None:
    sandbox.switches = Switches(dates="slash")
    row = sandbox.connection.execute("SELECT id, date, total_cost FROM invoices WHERE total_cost % 100 <> 0").fetchone()
    async with connect(configured(sandbox, toolsets=RAW)) as agent:
        body = (await agent.answer("api_request", method="GET", path=f"invoices/{row['id']}"))["body"]
    assert (body["date"], round(body["total_cost"] * 100)) == (row["date"], row["total_cost"])
