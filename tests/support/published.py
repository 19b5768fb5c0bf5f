"""Reads published tools: the names in their schemas, at any depth, and their enum values."""

import json
from collections.abc import Iterator
from typing import Any

import mcp_types
from pydantic import BaseModel

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tool_schemas.base.json_schema import describe
from tool_schemas.base.sentences import in_order
from tool_schemas.base.validation import models_in

JsonObject = dict[str, Any]


def kind_of(name: str) -> str:
    """The kind of a tool: `list`, `get`, `create`, … or `reports`, `workflows`, `raw`."""
    resource = next(tool.resource for tool in ALL if tool.name == name)
    return resource if resource in ("reports", "workflows", "raw") else name.partition("_")[0]


def signature(schema: JsonObject) -> set[str]:
    """The names in an object's schema, as the contract writes them."""
    required = schema.get("required", [])
    return {name if name in required else f"{name}?" for name in schema["properties"]}


def schemas_in(schema: JsonObject) -> Iterator[JsonObject]:
    """A schema and every schema inside it; the names of properties are no keywords."""
    yield schema
    for part in schema.get("properties", {}).values():
        yield from schemas_in(part)
    if "items" in schema:
        yield from schemas_in(schema["items"])


def properties_in(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Every property of a schema, at any depth."""
    for part in schemas_in(schema):
        yield from part.get("properties", {}).items()


def words_of(tool: Tool) -> dict[str, set[str]]:
    """The arguments with enum values, and the values."""
    arguments = tool.published.input_schema["properties"]
    return {name: set(about["enum"]) for name, about in arguments.items() if "enum" in about and name != "detail"}


def as_listed(tools: list[mcp_types.Tool]) -> list[JsonObject]:
    """Tools as JSON."""
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


def what_a_model_reads(tool: Tool) -> str:
    """The parts of a tool that use a model's context: name, description and input schema as compact JSON."""
    published = tool.published
    schema = json.dumps(published.input_schema, ensure_ascii=False, separators=(",", ":"))
    return f"{published.name}{published.description}{schema}"


def sentences_of(tool: Tool) -> Iterator[str]:
    """Every sentence that describes a tool or one of its arguments, at any depth."""
    yield from in_order(tool.description)
    yield from _sentences_in(tool.arguments)


def _sentences_in(arguments: type[BaseModel]) -> Iterator[str]:
    for field in arguments.model_fields.values():
        yield from describe(field)
        for model in models_in(field.annotation):
            yield from _sentences_in(model)
