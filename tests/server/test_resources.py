"""Resources as hosts read them: the account, the guides, any record, and the audit trail if configured."""

import json
import re
from pathlib import Path
from typing import Any

import mcp_types
import pytest
from mcp import Client, MCPError

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.tools import ALL
from tests.conftest import session_with
from tests.support.agent import Era

pytestmark = pytest.mark.anyio

FIXED = ["clientary://account", "clientary://guide/statuses", "clientary://guide/money"]


def host(sandbox: Sandbox, era: Era = "auto", **settings: Any) -> Client:
    return Client(ClientaryServer(session_with(sandbox, **settings)), mode=era)


async def text(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, mcp_types.TextResourceContents)
    return content.text


async def test_hosts_list_the_resources_and_record_templates(sandbox: Sandbox, era: Era) -> None:
    async with host(sandbox, era) as client:
        listed = (await client.list_resources()).resources
        (template,) = (await client.list_resource_templates()).resource_templates
    assert [resource.uri for resource in listed] == FIXED
    assert all(resource.description and resource.title and resource.mime_type for resource in listed)
    assert template.uri_template == "clientary://{type}/{id}"
    assert "invoice, lead, project" in (template.description or "")


async def test_the_account_resource_reports_counts_and_permissions(sandbox: Sandbox, era: Era) -> None:
    async with host(sandbox, era, read_only=True) as client:
        reported = json.loads(await text(client, "clientary://account"))
    assert reported["counts"] == {
        "clients": sandbox.store.count("clients"),
        "leads": sandbox.store.count("leads"),
        "projects": sandbox.store.count("projects", "status <> 2"),
        "invoices": sandbox.store.count("invoices"),
    }
    assert (reported["may"], reported["read_only"]) == (["read"], True)


@pytest.mark.parametrize(
    ("choice", "counted"),
    [
        ({"toolsets": frozenset({"staff"})}, []),
        ({"toolsets": frozenset({"leads", "projects"})}, ["leads", "projects"]),
        ({"exclude_tools": frozenset({"list_invoices"})}, ["clients", "leads", "projects"]),
    ],
)
async def test_the_account_resource_counts_only_listable_records(
    sandbox: Sandbox, choice: dict[str, Any], counted: list[str]
) -> None:
    async with host(sandbox, **choice) as client:
        reported = json.loads(await text(client, "clientary://account"))
    assert list(reported["counts"]) == counted
    assert sorted({path.rpartition("/")[2] for _, path in sandbox.requests}) == counted


async def test_the_guides_define_overdue_and_forbid_adding_currencies(sandbox: Sandbox) -> None:
    async with host(sandbox) as client:
        assert "Due today is not overdue" in await text(client, "clientary://guide/statuses")
        assert "never added" in await text(client, "clientary://guide/money")


@pytest.mark.parametrize("guide", ["statuses", "money"])
async def test_a_guide_names_no_tool_since_any_may_be_unavailable(sandbox: Sandbox, guide: str) -> None:
    async with host(sandbox) as client:
        words = re.findall(r"\w+", await text(client, f"clientary://guide/{guide}"))
    assert not set(words) & {tool.name for tool in ALL}


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("client", "clients"),
        ("contact", "contacts"),
        ("lead", "leads"),
        ("project", "projects"),
        ("hour_entry", "hours"),
        ("task", "tasks"),
        ("expense", "expenses"),
        ("invoice", "invoices"),
        ("estimate", "estimates"),
        ("recurring_schedule", "recurring_schedules"),
        ("staff", "staff"),
    ],
)
async def test_any_record_can_be_read_as_a_resource(sandbox: Sandbox, era: Era, kind: str, table: str) -> None:
    (record_id,) = sandbox.connection.execute(f"SELECT min(id) FROM {table}").fetchone()  # noqa: S608 our names
    async with host(sandbox, era) as client:
        record = json.loads(await text(client, f"clientary://{kind}/{record_id}"))
        answer = await client.call_tool(f"get_{kind}", {f"{kind}_id": record_id})
    assert record == answer.structured_content
    assert "secret" not in record


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("clientary://invoice/1", "invoices/1 was not found"),
        ("clientary://invoice/abc", "This resource does not exist"),
        ("clientary://payment/1", "This resource does not exist"),
        ("clientary://audit/recent", "This resource does not exist"),
        ("https://example.com/account", "This resource does not exist"),
    ],
)
async def test_a_missing_resource_returns_the_protocols_error(
    sandbox: Sandbox, era: Era, uri: str, message: str
) -> None:
    async with host(sandbox, era) as client:
        with pytest.raises(MCPError, match=message) as missing:
            await text(client, uri)
    assert (missing.value.code, missing.value.data) == (mcp_types.INVALID_PARAMS, {"uri": uri})


async def test_a_record_whose_tool_is_unavailable_cannot_be_read(sandbox: Sandbox) -> None:
    (lead,) = sandbox.connection.execute("SELECT min(id) FROM leads").fetchone()
    async with host(sandbox, toolsets=frozenset({"clients"})) as client:
        with pytest.raises(MCPError, match="This resource does not exist"):
            await text(client, f"clientary://lead/{lead}")


async def test_an_account_that_cannot_be_read_is_an_internal_error(sandbox: Sandbox, era: Era) -> None:
    sandbox.faults = Faults([Fault("html", "GET")])
    async with host(sandbox, era) as client:
        with pytest.raises(MCPError, match="could not be read") as failure:
            await text(client, "clientary://account")
    assert (failure.value.code, failure.value.data) == (mcp_types.INTERNAL_ERROR, {"uri": "clientary://account"})


async def test_the_trail_can_be_read_when_it_is_configured(sandbox: Sandbox, tmp_path: Path) -> None:
    async with host(sandbox, audit_log=tmp_path / "trail") as client:
        assert [resource.uri for resource in (await client.list_resources()).resources] == [
            *FIXED,
            "clientary://audit/recent",
        ]
        for number in range(3):
            await client.call_tool("create_lead", {"name": f"Lead {number}"})
        lines = json.loads(await text(client, "clientary://audit/recent"))
    assert [line["tool"] for line in lines] == ["create_lead"] * 3
    assert lines[-1]["given"] == {"name": "Lead 2"}


async def test_foreign_lines_in_the_trail_are_skipped(sandbox: Sandbox, tmp_path: Path, era: Era) -> None:
    trail = tmp_path / "trail"
    foreign = [b"{broken}", b'{"tool":"\xff"}', b'["list_staff"]', b'{"tool":' + b"[" * 20_000 + b"}", b"", b"{}"]
    ours = b'{"tool":"list_staff","number":NaN}'
    trail.write_bytes(b"".join(line + b"\n" for line in (*foreign, ours)))
    async with host(sandbox, era, audit_log=trail) as client:
        assert json.loads(await text(client, "clientary://audit/recent"), parse_constant=pytest.fail) == [
            {"tool": "list_staff", "number": "NaN"}
        ]


async def test_a_trail_deleted_while_it_is_read_is_empty(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = tmp_path / "trail"
    there = Path.is_file

    def and_gone(path: Path) -> bool:
        found = there(path)
        trail.unlink(missing_ok=True)
        return found

    async with host(sandbox, audit_log=trail) as client:
        await client.call_tool("list_staff", {})
        monkeypatch.setattr(Path, "is_file", and_gone)
        assert json.loads(await text(client, "clientary://audit/recent")) == []


async def test_a_shared_trail_shows_only_lines_of_available_tools(sandbox: Sandbox, tmp_path: Path, era: Era) -> None:
    (lead,) = sandbox.connection.execute("SELECT min(id) FROM leads").fetchone()
    async with host(sandbox, audit_log=tmp_path / "trail") as client:
        await client.call_tool("update_lead", {"lead_id": lead, "website": "hidden.example"})
        await client.call_tool("list_staff", {})
    async with host(sandbox, era, audit_log=tmp_path / "trail", toolsets=frozenset({"staff"})) as client:
        await client.call_tool("get_lead", {"lead_id": lead})
        shown = await text(client, "clientary://audit/recent")
    assert [line["tool"] for line in json.loads(shown)] == ["list_staff"]
    assert "hidden.example" not in shown


async def test_a_long_trail_is_read_from_its_end_in_whole_lines(sandbox: Sandbox, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    trail.write_text("".join(json.dumps({"tool": "list_staff", "number": n}) + "\n" for n in range(5_000)))
    async with host(sandbox, audit_log=trail) as client:
        shown = await text(client, "clientary://audit/recent")
    numbers = [line["number"] for line in json.loads(shown)]
    assert numbers == list(range(numbers[0], 5_000))
    assert 1_000 < len(numbers) < 5_000
    assert len(shown) <= 60_000


async def test_reading_a_record_resource_is_logged_as_its_tool(sandbox: Sandbox, tmp_path: Path) -> None:
    (invoice,) = sandbox.connection.execute("SELECT min(id) FROM invoices").fetchone()
    async with host(sandbox, audit_log=tmp_path / "trail") as client:
        await text(client, f"clientary://invoice/{invoice}")
    (line,) = (tmp_path / "trail").read_text().splitlines()
    assert json.loads(line)["tool"] == "get_invoice"
