"""google-adk: every declaration that its models get, and an agent that reads, previews and deletes, as scripted."""

import asyncio
import json
import os
from importlib.metadata import version

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from google.genai import types
from mcp import StdioServerParameters

answers: list[dict] = []


class Scripted(BaseLlm):
    """A model that calls the tools in this order, whatever it is told."""

    async def generate_content_async(self, request, stream=False):
        for part in request.contents[-1].parts:
            if part.function_response:
                answers.append(json.loads(part.function_response.response["content"][0]["text"]))
        if not answers:
            call = ("list_leads", {"limit": 1})
        elif len(answers) < 3:
            lead = {"lead_id": answers[0]["records"][0]["id"]}
            call = ("delete_lead", lead | ({"confirm": True} if len(answers) == 2 else {}))
        else:
            yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text="Done.")]))
            return
        part = types.Part(function_call=types.FunctionCall(name=call[0], args=call[1]))
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def main() -> None:
    command, *arguments = json.loads(os.environ["SERVER"])
    parameters = StdioServerParameters(command=command, args=arguments, env={"CLIENTARY_ANSWERS": "text"})
    toolset = McpToolset(connection_params=StdioConnectionParams(server_params=parameters, timeout=60))
    tools, problems, converted = await toolset.get_tools(), [], 0
    for tool in tools:
        declared = tool._get_declaration()
        kept = set((declared.parameters_json_schema or {}).get("properties", {}))
        lost = set(tool.raw_mcp_tool.inputSchema.get("properties", {})) - kept
        problems += [f"{tool.name}.{name} is lost" for name in lost]
        converted += not lost
    runner = InMemoryRunner(LlmAgent(name="agent", model=Scripted(model="scripted"), tools=[toolset]), app_name="probe")
    session = await runner.session_service.create_session(app_name="probe", user_id="user")
    request = types.Content(role="user", parts=[types.Part(text="Delete a lead.")])
    async for _ in runner.run_async(user_id="user", session_id=session.id, new_message=request):
        pass
    if [answer.get("done") for answer in answers] != [None, False, True]:
        problems.append(f"delete_lead: {answers}")
    await runner.close()
    versions = f"google-adk {version('google-adk')}, mcp {version('mcp')}"
    print(
        json.dumps(
            {
                "versions": versions,
                "tried": len(tools),
                "passed": converted,
                "calls": len(answers),
                "problems": problems,
            }
        )
    )


asyncio.run(main())
