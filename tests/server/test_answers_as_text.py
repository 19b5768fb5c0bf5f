"""CLIENTARY_ANSWERS=text: results as text alone, for clients that would give the model both forms."""

import json
from pathlib import Path
from typing import Any

import mcp_types
import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.support.agent import Agent, Era, agent_of

pytestmark = pytest.mark.anyio


async def text_of(agent: Agent, tool: str, /, **arguments: Any) -> str:
    """What a call returns, which must be only text."""
    result = await agent.call(tool, arguments)
    (content,) = result.content
    assert isinstance(content, mcp_types.TextContent)
    assert result.structured_content is None
    return content.text


async def test_results_come_as_text_alone(sandbox: Sandbox, era: Era, tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    async with agent_of(session_with(sandbox, answers="text", audit_log=trail), era) as agent:
        listed = json.loads(await text_of(agent, "list_invoices", limit=1))
        invoice_id = listed["records"][0]["id"]
        record = json.loads(await text_of(agent, "get_invoice", invoice_id=invoice_id))
        made = json.loads(await text_of(agent, "create_client", name="Acme"))
        assert "invoiceid" in await text_of(agent, "get_invoice", invoiceid=invoice_id)
        read = (await agent.client.read_resource(f"clientary://invoice/{invoice_id}")).contents[0]
    assert record["id"] == invoice_id
    assert isinstance(read, mcp_types.TextResourceContents)
    assert json.loads(read.text) == record
    assert any(str(made["id"]) in line for line in trail.read_text().splitlines()), "the trail still knows the record"


async def test_no_output_schemas_are_published(sandbox: Sandbox, era: Era) -> None:
    async with agent_of(session_with(sandbox, answers="text"), era) as agent:
        short = (await agent.client.list_tools()).tools
    async with agent_of(session_with(sandbox), era) as agent:
        full = (await agent.client.list_tools()).tools
    assert all(tool.output_schema for tool in full)
    assert short == [tool.model_copy(update={"output_schema": None}) for tool in full]
