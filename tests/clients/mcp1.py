"""The official Python client of mcp 1.x: lists the tools, reads, and deletes a lead after asking its user."""

import asyncio
import json
import os
from importlib.metadata import version

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client

asked = []


async def agree(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    asked.append(params.message)
    return types.ElicitResult(action="accept", content={"agree": True})


async def answer(session, tool: str, given: dict) -> dict:
    result = await session.call_tool(tool, given)
    text = result.content[0].text
    if text[:1] != "{":
        raise SystemExit(f"{tool}: {text}")
    return json.loads(text)


async def main() -> None:
    command, *arguments = json.loads(os.environ["SERVER"])
    server, problems = StdioServerParameters(command=command, args=arguments), []
    async with stdio_client(server) as streams, ClientSession(*streams, elicitation_callback=agree) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        lead = (await answer(session, "list_leads", {"limit": 1}))["records"][0]["id"]
        deleted = await answer(session, "delete_lead", {"lead_id": lead, "confirm": True})
        if not deleted["done"] or len(asked) != 1:
            problems.append(f"delete_lead: {deleted}")
    versions = f"mcp {version('mcp')}"
    print(
        json.dumps({"versions": versions, "tried": len(tools), "passed": len(tools), "calls": 2, "problems": problems})
    )


asyncio.run(main())
