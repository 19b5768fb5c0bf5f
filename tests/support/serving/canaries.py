"""Texts that must never reach somebody else: in every record of an account, and in calls of every tool."""

from collections.abc import Callable, Iterator
from typing import Any

import mcp_types
from mcp import MCPError

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from tests.support.agent import Agent, confirm
from tests.support.gated import record_for
from tests.support.writes import WRITES, newest

RAW = ",".join((*sorted({tool.resource for tool in ALL}), "raw"))
"""Toolsets that expose every tool."""

_TEXTS = ("name", "title", "description", "note", "summary", "city", "address", "secret", "stripe_customer_id")
_TABLES = {
    "hour_entry": "hours",
    "staff": "staff",
    "recurring_schedule": "recurring_schedules",
    "payment_profile": "payment_profiles",
}
_WRITES = {write.tool: write.arguments for write in WRITES}
_JOBS = (
    "bill_project_hours",
    "create_invoice_from_estimate",
    "convert_lead",
    "import_contacts",
    "send_payment_reminders",
    "allocate_payment",
    "reconcile_payments",
    "bulk_update",
)
_GIVEN: dict[str, dict[str, Any]] = {
    "search": {"query": "a", "include_closed": True},
    "timesheet_report": {"from_date": "2026-01-01", "to_date": "2026-12-31"},
    "export_records": {"tool": "list_clients"},
    "api_request": {"method": "GET", "path": "clients"},
    "list_changes": {"since": "2026-01-01"},
    "client_overview": {"client_id": 1201},
}


def plant(sandbox: Sandbox, canary: str) -> None:
    """Write the canary into every text of every record."""
    tables = [row["name"] for row in sandbox.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    with sandbox.connection:
        for table in tables:
            columns = {row["name"] for row in sandbox.connection.execute(f"PRAGMA table_info({table})")}
            for column in columns & {*_TEXTS} if table != "sqlite_sequence" else ():
                sandbox.connection.execute(
                    f"UPDATE {table} SET {column} = coalesce({column}, '') || ' {canary}'"  # noqa: S608 - ours
                )


def calls_of_every_tool(sandbox: Sandbox) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Each tool with what makes arguments for it, deletes last; made when it is called, of what is there then."""
    for tool in sorted(ALL, key=lambda tool: tool.name.startswith("delete_")):
        yield tool.name, lambda tool=tool: _arguments(sandbox, tool.name, tool.published.input_schema)  # type: ignore[misc]  # bound now


def _arguments(sandbox: Sandbox, tool: str, schema: dict[str, Any]) -> dict[str, Any]:
    if tool in _WRITES:
        return {name: value for name, value in _WRITES[tool](sandbox).items() if name != "confirm"}
    if tool in _JOBS:
        return record_for(sandbox, tool)[0]
    if tool in _GIVEN:
        return _GIVEN[tool]
    kinds = [name.removesuffix("_id") for name in schema.get("required", ())]
    return {f"{kind}_id": newest(sandbox, _TABLES.get(kind, f"{kind}s")) for kind in kinds}


async def everything(agent: Agent, sandbox: Sandbox, heard: list[str]) -> set[str]:
    """Call every tool, and ask for every prompt, completion and resource; `heard` is all that came back.

    Returns the tools that succeeded.
    """
    done = set()
    for tool, arguments in calls_of_every_tool(sandbox):
        gated = tool != "undo" and next(each for each in ALL if each.name == tool).gated
        result = await (confirm if gated else _call)(agent.client, tool, arguments())
        heard.append(result.model_dump_json())
        if not result.is_error:
            done.add(tool)
    heard += [each async for each in _beside_tools(agent)]
    return done


async def _call(client: Any, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
    result: mcp_types.CallToolResult = await client.call_tool(tool, arguments)
    return result


async def _beside_tools(agent: Agent) -> Any:
    """Every prompt, completion and resource."""
    client = agent.client
    yield str(client.instructions)
    yield (await client.list_tools()).model_dump_json()
    prompts = (await client.list_prompts()).prompts
    for prompt in prompts:
        given = {argument.name: "Acme" for argument in prompt.arguments or ()}
        yield (await client.get_prompt(prompt.name, given)).model_dump_json()
        for name in given:
            reference = mcp_types.PromptReference(type="ref/prompt", name=prompt.name)
            for text in ("", "a", "zz"):
                yield (await client.complete(reference, {"name": name, "value": text})).model_dump_json()
    addresses = [str(resource.uri) for resource in (await client.list_resources()).resources]
    kinds = [tool.name.removeprefix("get_") for tool in ALL if tool.name.startswith("get_")]
    addresses += [f"clientary://{kind}/{number}" for kind in kinds for number in (1, 1201, 999_999)]
    for address in [*addresses, "clientary://exports/none.csv", "clientary://nothing"]:
        yield await read(agent, address)


async def read(agent: Agent, address: str) -> str:
    """A resource, or why it cannot be read."""
    try:
        return (await agent.client.read_resource(address)).model_dump_json()
    except MCPError as error:
        return f"refused: {error}"
