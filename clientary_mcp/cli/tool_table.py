"""The tools as people read them, and exactly as agents get them."""

import json
from collections.abc import Collection, Iterable

from clientary_mcp.tools.tool import Tool


def as_table(tools: Iterable[Tool]) -> str:
    """One line a tool: its name, what it may do, and its arguments (`?` marks an optional one)."""
    rows = [(tool.name, kind(tool), signature(tool)) for tool in tools]
    name_width = max(len(name) for name, _, _ in rows)
    kind_width = max(len(what) for _, what, _ in rows)
    lines = [f"{name:{name_width}}  {what:{kind_width}}  {arguments}" for name, what, arguments in rows]
    return "\n".join([*lines, "", f"{len(rows)} tools"])


def as_json(tools: Iterable[Tool], hidden: Collection[str] = ()) -> str:
    """The answer to `tools/list`, when the tools in `hidden` are not offered."""
    offered = [tool.publish(hidden) for tool in tools]
    published = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in offered]
    return json.dumps({"tools": published}, indent=2, ensure_ascii=False)


def kind(tool: Tool) -> str:
    """What a call of it may do, in a word or two."""
    if tool.effect.reads_only:
        return "reads"
    return "confirm" if tool.gated else "writes"


def signature(tool: Tool) -> str:
    """`invoice_id, amount, note?`"""
    required = tool.published.input_schema.get("required", [])
    names = tool.published.input_schema["properties"]
    return ", ".join(name if name in required else f"{name}?" for name in names)
