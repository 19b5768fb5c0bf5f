"""OpenAI's Agents SDK in Python: every tool in strict mode, a read and a gated call through its function tools."""

import asyncio
import json
import os
from importlib.metadata import version

from agents.mcp import MCPServerStdio, MCPUtil
from agents.strict_schema import ensure_strict_json_schema


async def answer(session, tool: str, given: dict) -> dict:
    result = await session.call_tool(tool, given)
    text = result.content[0].text
    if text[:1] != "{":
        raise SystemExit(f"{tool}: {text}")
    return json.loads(text)


async def main() -> None:
    command, *arguments = json.loads(os.environ["SERVER"])
    problems, converted = [], 0
    async with MCPServerStdio({"command": command, "args": arguments}, client_session_timeout_seconds=60) as server:
        tools = await server.list_tools()
        for tool in tools:
            schema = getattr(tool, "inputSchema", None) or tool.input_schema
            try:
                ensure_strict_json_schema(json.loads(json.dumps(schema)))
            except Exception as error:
                problems.append(f"{tool.name}: {type(error).__name__}: {str(error)[:200]}")
                continue
            # A tool without arguments is served as it is: strict mode would have nothing to require.
            converted_tool = MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=True)
            strict = converted_tool.strict_json_schema or not schema.get("properties")
            problems += [] if strict else [f"{tool.name} is not strict"]
            converted += strict
        lead = (await answer(server, "list_leads", {"limit": 1, "query": "", "from_date": ""}))["records"][0]["id"]
        deleted = await answer(server, "delete_lead", {"lead_id": lead, "confirm": True})
        if not deleted["done"]:
            problems.append(f"delete_lead: {deleted}")
    versions = f"openai-agents {version('openai-agents')}, mcp {version('mcp')}"
    print(
        json.dumps({"versions": versions, "tried": len(tools), "passed": converted, "calls": 2, "problems": problems})
    )


asyncio.run(main())
