"""LangChain's tools, as its agents use them: every one converted strictly, a read and a delete, a process for each."""

import asyncio
import json
import os
from importlib.metadata import version

from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient


async def main() -> None:
    command, *arguments = json.loads(os.environ["SERVER"])
    server = {"transport": "stdio", "command": command, "args": arguments}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"clientary": server}).get_tools()}
    problems, converted = [], 0
    for name, tool in tools.items():
        published = set(tool.args_schema.get("properties", {}))
        try:
            kept = convert_to_openai_tool(tool, strict=True)["function"]["parameters"]["properties"]
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
            continue
        problems += [f"{name}.{lost} is lost" for lost in published - set(kept)]
        converted += set(kept) == published

    async def answer(name: str, given: dict) -> dict:
        message = await tools[name].ainvoke({"type": "tool_call", "id": "1", "name": name, "args": given})
        return json.loads(message.content[0]["text"])

    lead = (await answer("list_leads", {"limit": 1}))["records"][0]["id"]
    if (await answer("delete_lead", {"lead_id": lead}))["done"]:
        problems.append("delete_lead did not preview")
    if not (await answer("delete_lead", {"lead_id": lead, "confirm": True}))["done"]:
        problems.append("delete_lead did not delete")
    versions = f"langchain {version('langchain')}, langchain-mcp-adapters {version('langchain-mcp-adapters')}"
    print(
        json.dumps({"versions": versions, "tried": len(tools), "passed": converted, "calls": 3, "problems": problems})
    )


asyncio.run(main())
