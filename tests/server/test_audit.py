"""The audit trail: the content of a line, and that every call leaves a complete one without secrets."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from tests.resilience.test_secrets import BASIC, TOKEN, canaries_in, generous, session
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime
from tests.support.gated import record_for
from tests.support.trail import calls
from tests.support.users import User, configured, connect, host, some, writes

pytestmark = pytest.mark.anyio

Lines = Callable[[], list[dict[str, Any]]]
CARD = {
    "stripe_customer_id": "cus_canary_1",
    "stripe_source_id": "card_canary_2",
    "last_four_digits": "4242",
    "name": "Ann Doe",
    "expiration_date": "2030-01-31",
}


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def lines(trail: Path) -> Lines:
    """The last line of each call."""
    return lambda: calls(trail)


async def test_without_a_path_no_trail_is_written(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with connect(configured(sandbox)) as agent:
        await agent.answer("create_lead", name="Globex")
    assert not os.listdir(tmp_path)


def written(trail: Path) -> str:
    """The content of the trail."""
    return trail.read_text(encoding="utf-8")


# The content of a line


async def test_a_read_is_logged_with_its_record_and_host(sandbox: Sandbox, trail: Path, lines: Lines, era: Era) -> None:
    (client,) = some(sandbox, "clients")
    async with (
        configured(sandbox, audit_log=trail) as clientary,
        host(ClientaryServer(clientary), era, name="Desk") as one,
    ):
        await Agent(one).answer("get_client", client_id=client)
    (line,) = lines()
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None
    assert (line["tool"], line["ids"], line["client"]) == ("get_client", {"client_id": client}, "Desk")
    assert line["outcome"] == "answered"
    assert 0 <= line["seconds"] < 60
    assert "writes" not in line


async def test_an_update_is_logged_with_its_request_and_changes(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era
) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath", status="archived")
    (line,) = lines()
    assert line["writes"] == [{"method": "PUT", "path": f"clients/{client}", "status": 204}]
    assert line["after"] == {"city": "Bath", "status": "archived"}
    assert line["ids"] == {"client_id": client}


async def test_a_create_is_logged_with_the_new_record(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        made = await agent.answer("create_lead", name="Globex")
    (line,) = lines()
    assert line["writes"] == [{"method": "POST", "path": "leads", "status": 201}]
    assert made["id"] in [*line["ids"].values(), line.get("after", {}).get("id")]


async def test_a_write_of_two_requests_is_logged_with_both(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("charge_payment_profile", **arguments, confirm=True)
        await agent.answer("list_clients")
    charge, reading = lines()
    assert [write["method"] for write in charge["writes"]] == ["POST"]
    assert charge["ids"] == arguments
    assert "writes" not in reading


async def test_every_write_of_a_long_job_is_logged(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    chosen = {"min_days_overdue": 1, "paid_within_days": 0}
    async with connect(configured(sandbox, audit_log=trail, mails_per_hour=1_000)) as agent:
        sandbox.connection.execute("UPDATE invoices SET status = 1, balance = total_cost, due_date = '2026-10-01'")
        await agent.confirmed("send_payment_reminders", **chosen)
    assert len(writes(sandbox)) > 40
    _preview, line = lines()
    assert [(write["method"], f"/api/v2/{write['path']}") for write in line["writes"]] == writes(sandbox)


async def test_retries_are_counted(sandbox: Sandbox, trail: Path, lines: Lines, time: FakeTime) -> None:
    sandbox.faults = Faults([Fault(429, "GET", "clients", nth=1, times=2)])
    async with connect(configured(sandbox, time, audit_log=trail)) as agent:
        await agent.answer("list_clients")
        await agent.answer("list_staff")
    assert [line.get("retries", 0) for line in lines()] == [2, 0]
    assert lines()[0]["seconds"] > 0


async def test_retries_while_preparing_the_confirmation_are_counted(
    sandbox: Sandbox, trail: Path, lines: Lines, time: FakeTime, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(429, "GET", "leads/*", nth=2)])
    async with connect(configured(sandbox, time, audit_log=trail), era, User()) as agent:
        await agent.answer("delete_lead", lead_id=lead, confirm=True)
    assert lines()[-1]["retries"] == 1


ENDINGS: list[tuple[str, dict[str, Any], str]] = [
    ("get_lead", {"lead_id": 999_999}, "NotFound"),
    ("get_lead", {"led_id": 1}, "BadArguments"),
    ("delete_lead", {"lead_id": 3301}, "shown"),
    ("create_lead", {"name": "Globex"}, "OutcomeUnknown"),
    ("no_such_tool", {}, "unknown tool"),
]


@pytest.mark.parametrize(("tool", "arguments", "outcome"), ENDINGS)
async def test_a_line_records_how_a_call_ended(
    sandbox: Sandbox, trail: Path, lines: Lines, time: FakeTime, tool: str, arguments: dict[str, Any], outcome: str
) -> None:
    sandbox.faults = Faults([Fault(504, "POST", "leads")])
    async with connect(configured(sandbox, time, audit_log=trail)) as agent:
        await agent.call(tool, arguments)
    (line,) = lines()
    assert (line["tool"], line["outcome"]) == (tool, outcome)


async def test_an_internal_error_is_logged(trail: Path, lines: Lines, time: FakeTime) -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    async with connect(session(breaks, time, audit_log=trail)) as agent:
        assert "It is unknown whether" in await agent.refusal("create_lead", name="Globex")
    (line,) = lines()
    assert (line["outcome"], line["given"]) == ("defect", {"name": "Globex"})
    assert line["writes"] == [{"method": "POST", "path": "leads", "status": 0}]


async def test_a_question_and_its_reply_are_logged(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=trail), "auto", User()) as agent:
        await agent.answer("delete_lead", lead_id=lead, confirm=True)
    assert [line["outcome"] for line in lines()] == ["asked", "answered"]


async def test_a_call_of_an_unavailable_tool_is_logged(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    async with connect(configured(sandbox, audit_log=trail, read_only=True)) as agent:
        await agent.refusal("delete_client", client_id=1, confirm=True)
        await agent.refusal("x" * 100_000)
    first, second = lines()
    assert first["tool"] == "delete_client"
    assert len(json.dumps(second)) < 1_000


async def test_a_call_cancelled_by_the_host_is_logged(sandbox: Sandbox, trail: Path, lines: Lines, era: Era) -> None:
    under_way, cancelled = anyio.Event(), anyio.Event()

    async def while_in_flight(_: float) -> None:
        under_way.set()
        await cancelled.wait()

    sandbox.faults = Faults([Fault("slow", "POST", "leads", nth=1, after=True)], sleep=while_in_flight)
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        async with anyio.create_task_group() as group:
            group.start_soon(agent.call, "create_lead", {"name": "Globex"})
            await under_way.wait()
            group.cancel_scope.cancel()
            cancelled.set()  # the write under way is finished, cancelled or not
        await agent.answer("list_staff")
    assert len(sandbox.ledger) == 1
    reported = {line["tool"]: line for line in lines()}
    assert reported.keys() == {"create_lead", "list_staff"}
    assert reported["create_lead"]["writes"][0]["path"] == "leads"


# Whole lines


async def test_twenty_concurrent_agents_leave_whole_lines(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era
) -> None:
    async def work(server: ClientaryServer, number: int) -> None:
        async with host(server, era, name=f"agent {number}") as client:
            for call in range(5):
                await Agent(client).answer("create_lead", name=f"Lead {number}-{call}", description="x" * 5_000)
                await Agent(client).answer("list_staff")

    async with configured(sandbox, audit_log=trail) as clientary:
        server = ClientaryServer(clientary)
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(work, server, number)
    written = [line for line in lines() if line["tool"] == "create_lead"]
    assert len(lines()) == 200
    assert sorted(line["given"]["name"] for line in written) == sorted(
        f"Lead {number}-{call}" for number in range(20) for call in range(5)
    )
    assert all(line["given"]["name"].startswith(f"Lead {line['client'].split()[1]}-") for line in written)


async def test_the_trail_is_appended_to_and_readable_only_by_its_owner(
    sandbox: Sandbox, trail: Path, lines: Lines
) -> None:
    for _ in range(2):
        async with connect(configured(sandbox, audit_log=trail)) as agent:
            await agent.answer("list_staff")
    assert len(lines()) == 2
    assert os.stat(trail).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["x" * 100_000, "two\nlines", "\x1b[31mred", "\u2028 \u202e"])
async def test_a_host_with_a_strange_name_leaves_one_short_line(
    sandbox: Sandbox, trail: Path, lines: Lines, era: Era, name: str
) -> None:
    async with (
        configured(sandbox, audit_log=trail) as clientary,
        host(ClientaryServer(clientary), era, name=name) as one,
    ):
        await Agent(one).answer("list_staff")
    assert len(lines()) == 1
    assert len(written(trail).encode()) < 2_000
    assert "\x1b" not in written(trail)


async def test_line_length_is_bounded(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    (client,) = some(sandbox, "clients")
    texts = dict.fromkeys(("title", "note", "summary"), "ü" * 50_000)
    items = [{"title": "😀" * 200, "quantity": 1, "price": 1} for _ in range(60)]
    days = {"date": "2026-11-01", "due_date": "2026-12-01", "currency_code": "USD"}
    fields = {f"field {number}": "x" * 400 for number in range(500)}
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("create_invoice", client_id=client, **days, **texts, items=items)
        await agent.answer("update_client", client_id=client, invoice_extra_fields=fields)
    invoice, update = lines()
    assert invoice["given"]["title"].startswith("üüü")
    assert update["writes"][0]["path"] == f"clients/{client}"
    assert all(len(line) <= 32 * 1024 for line in written(trail).encode().splitlines())


# What no line contains


async def test_no_line_contains_the_token_or_a_card_handle(sandbox: Sandbox, trail: Path, lines: Lines) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("create_payment_profile", client_id=client, **CARD)
        await agent.answer("list_client_payment_profiles", client_id=client)
        await agent.call("create_payment_profile", {"client_id": client, **CARD, "nonsense": 1})
        await agent.call("create_payment_profile", {"client_id": 999_999, **CARD})
    text = written(trail)
    assert len(lines()) == 4
    assert "4242" in text  # which is no secret
    for secret in ("cus_canary_1", "card_canary_2", sandbox.token):
        assert secret not in text


@pytest.mark.parametrize("token", [TOKEN, BASIC, "agents-bring-this-one"])
async def test_no_line_contains_a_token_that_an_agent_or_its_host_passed(
    trail: Path, lines: Lines, time: FakeTime, era: Era, token: str
) -> None:
    settings = {"audit_log": trail, "mcp_token": "agents-bring-this-one"}
    async with (
        session(generous, time, **settings) as clientary,
        host(ClientaryServer(clientary), era, name="x" * 70 + token) as client,
    ):
        agent = Agent(client)
        await agent.call(token, {})
        await agent.call("x" * 60 + f"{token[:5]}\u200b{token[5:]}", {})
        await agent.answer("update_client", client_id=7, city="x" * 490 + token)
        await agent.answer("update_client", client_id=7, invoice_extra_fields={token: token})
        await agent.answer("create_lead", name=token)
    unknown, _, long, *_ = lines()
    assert (unknown["tool"], unknown["client"]) == ("[removed]", "x" * 70 + "[removed]")
    assert long["given"]["city"].startswith("x" * 490 + "[removed]")
    assert token[:8] not in written(trail)
    assert not canaries_in(written(trail))


async def test_no_line_contains_the_secret_of_an_invoice(sandbox: Sandbox, trail: Path) -> None:
    row = sandbox.connection.execute("SELECT id, secret FROM invoices WHERE status = 1").fetchone()
    async with connect(configured(sandbox, audit_log=trail), "legacy", User()) as agent:
        await agent.answer("update_invoice", invoice_id=row["id"], title="March")
        await agent.answer("delete_invoice", invoice_id=row["id"], confirm=True)
    assert row["secret"]
    assert row["secret"] not in written(trail)


# Invalid paths


def unwritable(tmp_path: Path) -> list[Path]:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "unread pipe")
    names = (".", "missing/audit.jsonl", "file/audit.jsonl", "unread pipe")
    return [tmp_path / name for name in names]


@pytest.mark.parametrize("number", range(4))
def test_an_unwritable_path_ends_the_program_with_a_clear_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setenv("CLIENTARY_AUDIT_LOG", os.fspath(unwritable(tmp_path)[number]))
    with pytest.raises(SystemExit) as ending:
        main(["--sandbox"])
    assert ending.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("clientary-mcp: CLIENTARY_AUDIT_LOG names a file that cannot be written: ")
    assert message.count("\n") == 1
