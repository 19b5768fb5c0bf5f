"""Spans: one trace from the client's message to the store, and nothing in it that a client or Clientary wrote."""

from typing import Any

import httpx
import pytest
from mcp import MCPError
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, use_span

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.identity import identify
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.memory import redis_memory
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.telemetry.privacy import template_of
from tests.conftest import agency
from tests.resilience.test_secrets import NEW_CARD, canaries_in, generous, session
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.redis_server import RedisServer, own_redis, redis_server
from tests.support.team import Team, agent_at
from tests.support.users import User, configured, connect, some
from tests.telemetry.conftest import Telemetry, of_the_client

__all__ = ["own_redis", "redis_server"]

pytestmark = pytest.mark.anyio

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
NAME = "Müller & Söhne Canary"


def ids(span: ReadableSpan) -> tuple[int, int, int | None]:
    """A span's trace, its own id, and its parent's."""
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id, span.parent.span_id if span.parent else None


async def test_a_trace_is_one_from_the_message_over_the_request_to_the_store(
    telemetry: Telemetry, sandbox: Sandbox, redis_server: RedisServer, era: Era
) -> None:
    connection = RedisConnection(redis_server.url)
    await connection.open()
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC")
    memory = redis_memory(settings, connection, f"{era:x<16}", KeyRing(["k" * 32]))
    async with connect(Clientary(settings, Network(sandbox), memory=memory), era) as agent:
        client = NonRecordingSpan(SpanContext(TRACE, PARENT, is_remote=False, trace_flags=TraceFlags(1)))
        with use_span(client):
            await agent.answer("create_lead", name=NAME)
    await connection.aclose()
    sent = [ids(span)[1] for span in telemetry.spans if of_the_client(span) and span.name == "tools/call"] or [PARENT]
    message, request = telemetry.named("tools/call create_lead"), telemetry.named("POST leads")
    assert (message.kind, *ids(message)[::2]) == (SpanKind.SERVER, TRACE, sent[0])
    assert (request.kind, *ids(request)[::2]) == (SpanKind.CLIENT, TRACE, ids(message)[1])
    scripts = [span for span in telemetry.spans if span.name.startswith("store ") and ids(span)[0] == TRACE]
    assert {span.name for span in scripts} >= {"store claim", "store writes"}
    assert {ids(span)[2] for span in scripts} <= {ids(message)[1], ids(request)[1]}
    assert NAME not in telemetry.everything()


async def test_a_request_tells_its_template_its_status_and_its_retries(telemetry: Telemetry, time: FakeTime) -> None:
    sandbox = agency(faults=Faults([Fault(503, "GET", "clients/*", retry_after=2, times=1)]))
    async with connect(configured(sandbox, time)) as agent:
        await agent.refusal("get_client", client_id=999_999)
    span = telemetry.named("GET clients/{id}")
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.template": "clients/{id}",
        "http.response.status_code": 404,
        "error.type": "404",
        "http.request.resend_count": 1,
        "clientary.waited": 2.0,
    }
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)


async def test_a_lost_answer_is_an_error_by_its_kind(telemetry: Telemetry, time: FakeTime) -> None:
    sandbox = agency(faults=Faults([Fault("drop", "POST", "leads", after=True)]))
    async with connect(configured(sandbox, time)) as agent:
        await agent.call("create_lead", {"name": NAME})
    assert (telemetry.named("POST leads").attributes or {})["error.type"] == "OutcomeUnknown"


async def test_the_account_and_the_caller_are_ids_on_every_span(telemetry: Telemetry, sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox})
    caller, token = await team.enroll()
    async with team.serves() as app, agent_at(app, {"Authorization": f"Bearer {token}"}) as agent:
        await agent.answer("get_client", client_id=some(sandbox, "clients")[0])
    whose = {
        "clientary.account": identify(team.backend.identity, caller.account),
        "clientary.caller": caller.id,
    }
    for name in ("tools/call get_client", "GET clients/{id}"):
        assert dict(telemetry.named(name).attributes or {}).items() >= whose.items()
    assert not [secret for secret in (token, sandbox.token, "acme", caller.name) if secret in telemetry.everything()]


@pytest.mark.parametrize("user", [User(), None])
async def test_no_span_and_no_metric_holds_an_argument_a_record_or_a_secret(
    telemetry: Telemetry, time: FakeTime, user: User | None, era: Era
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_payment_profile", NEW_CARD),
        ("update_client", {"client_id": 7, "name": NAME}),
        ("delete_client", {"client_id": 7, "confirm": True}),
        ("list_clients", {"search": NAME}),
        ("create_client", {"nonsense": NAME}),
        (NAME, {}),
    ]
    async with connect(session(generous, time, toolsets=frozenset({"all", "raw"})), era, user) as agent:
        for tool, arguments in calls:
            await agent.call(tool, arguments)
        await agent.call("api_request", {"method": "GET", "path": "secret-project-canary/77"})
        with pytest.raises(MCPError):
            await agent.client.read_resource(f"clientary://clients/{NAME.replace(' ', '_')}")
        with pytest.raises(MCPError):
            await agent.client.get_prompt(NAME)
    everything = telemetry.everything()
    assert not canaries_in(everything)
    assert not [
        text for text in ("Müller", "M\\u00fcller", "Canary", "canary", "stripe", "Söhne") if text in everything
    ]
    assert {"tools/call _OTHER", "GET {other}/{id}"} <= {span.name for span in telemetry.spans}


async def test_a_failure_inside_a_tool_leaves_no_text(telemetry: Telemetry, time: FakeTime) -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError(f"inside {NAME}")

    async with connect(session(breaks, time)) as agent:
        await agent.call("list_staff", {})
    assert (telemetry.named("GET staff").attributes or {})["error.type"] == "ZeroDivisionError"
    assert "inside" not in telemetry.everything()
    assert not [span for span in telemetry.spans if span.events]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("clients", "clients"),
        ("clients/5/payment_profiles", "clients/{id}/payment_profiles"),
        ("invoices/12/messages", "invoices/{id}/messages"),
        ("invoices/acme-canary/x", "invoices/{other}/{other}"),
    ],
)
def test_a_path_is_told_without_ids_and_unknown_words(path: str, template: str) -> None:
    assert template_of(path) == template
