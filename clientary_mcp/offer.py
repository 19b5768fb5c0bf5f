"""Which tools are offered: least privilege, chosen by whoever starts the server.

What is not offered can be neither listed nor called, and no text names it as if it were there.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Annotated, Any, get_args

import mcp_types
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.verbs import Kind, Tool
from tool_schemas.mistakes import nearest
from tool_schemas.wire import Filled, unwrap

_SENTENCE = re.compile(r"(?<=[.;:!?])\s+")


def offered(tools: Collection[Tool], settings: Settings) -> tuple[Tool, ...]:
    """The tools that the settings allow, in their order; SettingsError for a name that does not exist.

    Toolsets are resources (`clients`, …) and kinds of effect (`read`, `write`, `money`, `mail`, `delete`): a tool
    is in when its resource is named, or none is, and all its effects are named, or none is. Tools by name come on
    top. Exclusion beats inclusion, and read-only beats everything.
    """
    names, resources, kinds = {tool.name for tool in tools}, {tool.resource for tool in tools}, set(get_args(Kind))
    _known("CLIENTARY_TOOLSETS", settings.toolsets, resources | kinds)
    _known("CLIENTARY_TOOLS", settings.tools, names)
    _known("CLIENTARY_EXCLUDE_TOOLS", settings.exclude_tools, names)
    of_resources, of_kinds = settings.toolsets & resources, settings.toolsets & kinds

    def included(tool: Tool) -> bool:
        if tool.name in settings.tools:
            return True
        if not settings.toolsets:
            return not settings.tools
        return (not of_resources or tool.resource in of_resources) and (not of_kinds or tool.effect.kinds <= of_kinds)

    chosen = [
        tool
        for tool in tools
        if included(tool)
        and tool.name not in settings.exclude_tools
        and (tool.effect.reads_only or not settings.read_only)
    ]
    if not chosen:
        raise SettingsError("The settings leave no tool to offer: widen CLIENTARY_TOOLSETS or CLIENTARY_TOOLS.")
    return tuple(_demanding(tool, settings) for tool in chosen)


def _demanding(tool: Tool, settings: Settings) -> Tool:
    """The tool with the fields that the owner requires: a new record must have them, an update can't clear them."""
    verb, _, kind = tool.name.partition("_")
    required = (settings.required_fields or {}).get(kind, ()) if verb in ("create", "update") else ()
    if not required:
        return tool
    known = tool.arguments.model_fields
    _known("CLIENTARY_REQUIRED_FIELDS", required, {name for name, field in known.items() if not field.exclude})
    demanded: dict[str, Any] = {}
    for name in required:
        kept = _filled(known[name])
        demanded[name] = (kept, ...) if verb == "create" else (kept | None, None)
    return replace(tool, arguments=create_model(tool.arguments.__name__, __base__=tool.arguments, **demanded))


def _filled(field: FieldInfo) -> Any:
    """The type of a field that can't be blank."""
    bare, about = unwrap(field.annotation)
    return Annotated[(Filled if bare is str else bare, *about, Field(description=field.description))]


def as_offered(tool: Tool, hidden: Collection[str]) -> mcp_types.Tool:
    """The tool as agents see it: none of its texts names a tool that is not there."""
    published = tool.published
    if not hidden:
        return published
    return published.model_copy(
        update={
            "description": without(published.description or "", hidden),
            "input_schema": _pruned(published.input_schema, hidden),
        }
    )


def _pruned(schema: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    properties = {
        name: {**field, "description": without(field["description"], hidden) or "An id."}
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def pruned(shown: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """An answer whose sentences name no tool that is not there."""
    if not hidden:
        return shown
    kept: dict[str, Any] = {part: without(shown[part], hidden) for part in ("message", "alternative") if part in shown}
    return {name: value for name, value in {**shown, **kept}.items() if value != ""}


def without(text: str, hidden: Collection[str]) -> str:
    """The sentences of `text` that name none of the tools in `hidden`."""
    sentences = _SENTENCE.split(text)
    return " ".join(sentence for sentence in sentences if not any(name in sentence for name in hidden))


def _known(variable: str, given: Iterable[str], valid: set[str]) -> None:
    for name in sorted(given):
        if name not in valid:
            known = ", ".join(sorted(valid))
            raise SettingsError(
                f"{variable} names {name!r}, which does not exist.{nearest(name, valid)} Valid: {known}."
            )
