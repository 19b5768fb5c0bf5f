"""The entries of the reference: what each tool does and takes, and an example."""

from collections.abc import Iterator, Mapping
from typing import Any

from clientary_mcp.cli.tool_table import kind, meaning
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from scripts.reference.answers import answers, shortened
from scripts.reference.examples import EXAMPLES

Schema = Mapping[str, Any]


def title(name: str) -> str:
    """A name in words, to stand above what it names."""
    return name.replace("_", " ").capitalize()


def entries(resource: str) -> str:
    """The tools about a resource, in the order that agents get them."""
    return "\n\n".join(_entry(tool) for tool in ALL if tool.resource == resource)


def _entry(tool: Tool) -> str:
    rows = list(_arguments(tool.published.input_schema))
    takes = "\n".join(["| Argument | Type | |", "| --- | --- | --- |", *rows]) if rows else "It takes no arguments."
    return "\n\n".join(
        [
            f"## `{tool.name}`",
            f"*{kind(tool)}*: {tool.published.description}",
            takes,
            f"Called with\n\n```json5\n{shortened(EXAMPLES[tool.name])}\n```",
            f"it answers\n\n```json5\n{answers()[tool.name]}\n```",
        ]
    )


def _arguments(schema: Schema, above: str = "") -> Iterator[str]:
    """A row for each argument, and for each field of those that are objects."""
    required = schema.get("required", ())
    for name, about in schema.get("properties", {}).items():
        needed = "Required. " if name in required else ""
        yield f"| `{above}{name}` | {_type(about)} | {needed}{meaning(about)} |"
        listed = about.get("type") == "array"
        yield from _arguments(about["items"] if listed else about, f"{above}{name}[]." if listed else f"{above}{name}.")


def _type(about: Schema) -> str:
    if about.get("type") == "array":
        return f"list of {_type(about['items'])}s"
    return str(about.get("format") or about.get("type") or "anything")
