"""Prints the tools: as a table or one by one for the user, or as JSON exactly as agents receive them."""

import json
import textwrap
from typing import Any

import anyio

from clientary_mcp.api.session import Clientary
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import select_tools
from tool_schemas.base.sentences import count_of

_LEGEND = """\
reads changes nothing; writes does what it says; confirm returns a preview
until it is called with confirm=true. Arguments marked ? are optional."""


def as_table(settings: Settings) -> str:
    """One line per tool: its name, what it may do, and its arguments (`?` marks an optional one)."""
    rows = [(tool.name, kind(tool), signature(tool)) for tool in select_tools(ALL, settings)]
    name_width = max(len(name) for name, _, _ in rows)
    kind_width = max(len(what) for _, what, _ in rows)
    lines = [f"{name:{name_width}}  {what:{kind_width}}  {arguments}" for name, what, arguments in rows]
    return "\n".join([*lines, "", _LEGEND, count_of(len(rows), "tool")])


def help_for(name: str, width: int) -> str | None:
    """What a tool does and takes, as its help at the shell; None if there is no such tool."""
    tool = next((tool for tool in ALL if tool.name == name), None)
    if tool is None:
        return None
    schema = tool.published.input_schema
    required, takes = schema.get("required", ()), schema["properties"].items()
    indent = max((len(argument) for argument, _ in takes), default=0) + 4
    lines = [
        textwrap.fill(
            f"{'Required. ' if argument in required else ''}{meaning(about)}",
            width,
            initial_indent=f"  {argument}".ljust(indent),
            subsequent_indent=" " * indent,
        )
        for argument, about in takes
    ]
    usage = f"usage: clientary-mcp call {name} [NAME=VALUE ...] [options]"
    usage = textwrap.fill(usage, width, subsequent_indent=" " * len("usage: "))
    arguments = "\n".join(["arguments:", *lines] if lines else ["It takes no arguments."])
    more = "The options are those of clientary-mcp call --help."
    return f"{usage}\n\n{textwrap.fill(tool.published.description or '', width)}\n\n{arguments}\n\n{more}\n"


def meaning(about: dict[str, Any]) -> str:
    """The description of an argument, its words where it has some, and its default."""
    words = f" One of {', '.join(map(str, about['enum']))}." if "enum" in about else ""
    default = f" Default {json.dumps(about['default'])}." if about.get("default") is not None else ""
    return f"{about.get('description', '')}{words}{default}"


def as_json(settings: Settings) -> str:
    """The result of `tools/list`."""
    listed = anyio.run(ClientaryServer(Clientary(settings)).list_tools)
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    return json.dumps({"tools": tools}, indent=2, ensure_ascii=False)


def kind(tool: Tool) -> str:
    """What a call of it may do, in a word."""
    if tool.effect.reads_only:
        return "reads"
    return "confirm" if tool.gated else "writes"


def signature(tool: Tool) -> str:
    """`invoice_id, amount, note?`"""
    required = tool.published.input_schema.get("required", [])
    names = tool.published.input_schema["properties"]
    return ", ".join(name if name in required else f"{name}?" for name in names)
