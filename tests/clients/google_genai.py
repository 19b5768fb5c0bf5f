"""google-genai's conversion of MCP tools to Gemini's function declarations, and two calls of its MCP session."""

import asyncio
import json
import os
from importlib.metadata import version

from google.genai._mcp_utils import mcp_to_gemini_tools
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def lost(schema: dict, converted: object, path: str) -> list[str]:
    """The arguments that the conversion dropped, at any depth."""
    kept, missing = converted.properties or {}, []
    for name, part in schema.get("properties", {}).items():
        if name not in kept:
            missing.append(f"{path}.{name}")
            continue
        items = part.get("items", part)
        below = kept[name].items if "items" in part else kept[name]
        missing += lost(items, below, f"{path}.{name}")
    return missing


async def answer(session, tool: str, given: dict) -> dict:
    result = await session.call_tool(tool, given)
    text = result.content[0].text
    if text[:1] != "{":
        raise SystemExit(f"{tool}: {text}")
    return json.loads(text)


async def main() -> None:
    command, *arguments = json.loads(os.environ["SERVER"])
    server, problems, converted = StdioServerParameters(command=command, args=arguments), [], 0
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        for tool in tools:
            try:
                (declared,) = mcp_to_gemini_tools([tool])[0].function_declarations
            except Exception as error:
                problems.append(f"{tool.name}: {type(error).__name__}: {str(error)[:200]}")
                continue
            missing = lost(tool.inputSchema, declared.parameters, tool.name)
            problems += [f"{name} is lost" for name in missing]
            converted += not missing
        lead = (await answer(session, "list_leads", {"limit": 1}))["records"][0]["id"]
        preview = await answer(session, "delete_lead", {"lead_id": lead})
        if preview["done"]:
            problems.append("delete_lead did not preview")
    versions = f"google-genai {version('google-genai')}, mcp {version('mcp')}"
    print(
        json.dumps({"versions": versions, "tried": len(tools), "passed": converted, "calls": 2, "problems": problems})
    )


asyncio.run(main())
