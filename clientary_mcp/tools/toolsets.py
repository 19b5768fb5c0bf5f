"""Which tools are exposed: least privilege, chosen by the owner who starts the server.

A tool that is not exposed can be neither listed nor called, and no text mentions it.
"""

from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.tools.tool import Kind, Resource, Tool
from tool_schemas.base.types import Filled, unwrap
from tool_schemas.base.validation import nearest

_ALL, _RAW, _CORE = "all", "raw", "core"
_RESOURCES: frozenset[str] = frozenset(get_args(Resource))
_KINDS: frozenset[str] = frozenset(get_args(Kind))
TOOLSETS = _RESOURCES | _KINDS | {_ALL, _CORE}
"""What a toolset can be called."""

CORE = frozenset(
    {
        "search", "get_account", "client_overview", "list_clients", "get_client", "create_client", "update_client",
        "list_contacts", "create_contact", "update_contact", "list_leads", "create_lead", "convert_lead",
        "list_projects", "get_project", "create_project", "update_project", "list_hours",
        "create_project_hours", "update_hour_entry", "list_tasks", "create_task", "update_task",
        "list_expenses", "create_expense", "list_invoices", "get_invoice", "create_invoice", "update_invoice",
        "send_invoice_message", "list_estimates", "create_invoice_from_estimate", "create_payment",
        "bill_project_hours", "send_payment_reminders", "receivables_report", "unbilled_report",
        "project_status", "sales_report", "undo",
    }
)  # fmt: skip
"""The tools of everyday work, for hosts that show an agent few tools or make it pay for each."""


class NoToolLeft(SettingsError):
    """The settings, and what narrows them, leave no tool."""


def select_tools(tools: Collection[Tool], settings: Settings) -> tuple[Tool, ...]:
    """The tools that the settings allow, in their order; SettingsError for a name that does not exist.

    Toolsets are resources (`clients`, …), `core`, and kinds of effect (`read`, `write`, `money`, `mail`, `delete`): a
    tool is included when its resource is named, or it is one of `core` and that is, or neither is named, and all its
    effects are named, or none is. Tools by name come in addition. Exclusion beats inclusion, and read-only beats
    everything. `raw` is included only where it is named; `all` names every other resource.
    """
    check_choice(tools, settings)
    _check_required(tools, settings)
    chosen = allowed(tools, settings)
    if not chosen:
        raise NoToolLeft("The settings leave no tool to expose: widen CLIENTARY_TOOLSETS or CLIENTARY_TOOLS.")
    return chosen


Choice = Settings | Privileges
"""Some of the tools, as `select_tools` describes it."""


def allowed(tools: Iterable[Tool], settings: Settings) -> tuple[Tool, ...]:
    """The tools that the settings allow, each in the form that they allow."""
    chosen = _chosen(tools, settings, raw=_RAW in settings.toolsets)
    for privileges in settings.narrowed_by:  # where these name nothing, they take nothing away
        named = privileges.toolsets | privileges.tools
        chosen = _chosen(chosen, privileges, raw=not named or _RAW in named)
    return tuple(_with_required_fields(tool, settings) for tool in chosen)


def check_choice(tools: Collection[Tool], choice: Choice) -> None:
    """SettingsError for a name of a toolset or a tool that does not exist."""
    names = {tool.name for tool in tools}
    _check_names("CLIENTARY_TOOLSETS", choice.toolsets, TOOLSETS)
    _check_names("CLIENTARY_TOOLS", choice.tools, names)
    _check_names("CLIENTARY_EXCLUDE_TOOLS", choice.exclude_tools, names)


def _chosen(tools: Iterable[Tool], choice: Choice, *, raw: bool) -> Iterator[Tool]:
    of_resources, of_kinds = choice.toolsets & _RESOURCES, choice.toolsets & _KINDS
    by_name = CORE if _CORE in choice.toolsets else frozenset()
    if not (of_resources or by_name) or _ALL in choice.toolsets:
        of_resources |= _RESOURCES - ({_RAW} if not raw else set())

    def included(tool: Tool) -> bool:
        if choice.read_only and not tool.effect.reads_only:
            return False
        if tool.name in choice.exclude_tools or (tool.resource == _RAW and not raw):
            return False
        if tool.name in choice.tools:
            return True
        if not choice.toolsets:
            return not choice.tools
        named = tool.resource in of_resources or tool.name in by_name
        return named and (not of_kinds or tool.effect.kinds <= of_kinds)

    for tool in tools:
        if form := next((form for form in (tool, tool.reading) if form and included(form)), None):
            yield form


def unavailable(tools: Collection[Tool], chosen: Collection[Tool]) -> frozenset[str]:
    """The names of tools that no text may mention. Those of `raw` occur only in their own texts."""
    return frozenset(tool.name for tool in tools if tool.resource != _RAW) - {tool.name for tool in chosen}


def _check_required(tools: Collection[Tool], settings: Settings) -> None:
    """SettingsError for a required field that does not exist, also where only a workflow creates such records."""
    for tool in tools:
        verb, _, kind = tool.name.partition("_")
        if verb == "create":
            fields = {name for name, field in tool.arguments.model_fields.items() if not field.exclude}
            _check_names("CLIENTARY_REQUIRED_FIELDS", (settings.required_fields or {}).get(kind, ()), fields)


def _with_required_fields(tool: Tool, settings: Settings) -> Tool:
    """The tool with the fields that the owner requires: a create must have them, an update cannot clear them."""
    verb, _, kind = tool.name.partition("_")
    required = (settings.required_fields or {}).get(kind, ()) if verb in ("create", "update") else ()
    if not required:
        return tool
    required_types: dict[str, Any] = {}
    for name in required:
        kept = _filled(tool.arguments.model_fields[name])
        required_types[name] = (kept, ...) if verb == "create" else (kept | None, None)
    return replace(tool, arguments=create_model(tool.arguments.__name__, __base__=tool.arguments, **required_types))


def _filled(field: FieldInfo) -> Any:
    """The type of a field that cannot be empty."""
    bare, about = unwrap(field.annotation)
    least = 1 if get_origin(bare) is list else None
    return Annotated[(Filled if bare is str else bare, *about, Field(description=field.description, min_length=least))]


def _check_names(variable: str, given: Iterable[str], valid: Set[str]) -> None:
    for name in sorted(given):
        if name not in valid:
            known = ", ".join(sorted(valid))
            raise SettingsError(
                f"{variable} names {name!r}, which does not exist.{nearest(name, valid)} Valid: {known}."
            )
