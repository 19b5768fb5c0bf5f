"""The decorators that make a tool from a function: reads, creates, updates, deletes, sends, charges, jobs."""

from collections.abc import Callable
from inspect import getdoc
from typing import Any, get_type_hints

from clientary_mcp.tools.tool import AnswerT, ArgsT, Effect, Function, GatedT, Kind, Preview, Resource, Tool
from tool_schemas.base.results import Outcome


def reads(resource: Resource) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that changes nothing."""
    return lambda function: _tool(resource, function, Effect(frozenset({"read"}), repeatable=True))


def creates(resource: Resource, *also: Kind, seen_with: str) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that makes a new record; `also` says what it moves besides, at once or later on its own."""
    return lambda function: _tool(resource, function, Effect(frozenset({"write", *also})), seen_with=seen_with)


def updates(resource: Resource, *also: Kind, seen_with: str) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that changes fields of a record; what a field held before is gone, so it counts as destructive."""
    effect = Effect(frozenset({"write", *also}), destroys=True, repeatable=True)
    return lambda function: _tool(resource, function, effect, seen_with=seen_with)


def deletes(
    resource: Resource, preview: Preview[GatedT], *also: Kind, seen_with: str
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that removes a record for good, behind the gate."""
    effect = Effect(frozenset({"delete", *also}), destroys=True, repeatable=True)
    return lambda function: _tool(resource, function, effect, preview, seen_with)


def sends(
    resource: Resource, preview: Preview[GatedT], *, seen_with: str
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that mails something to people, behind the gate."""
    effect = Effect(frozenset({"mail"}), destroys=True, reaches_others=True)
    return lambda function: _tool(resource, function, effect, preview, seen_with)


def charges(
    resource: Resource, preview: Preview[GatedT], *, seen_with: str
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that moves somebody's money, behind the gate."""
    effect = Effect(frozenset({"money"}), destroys=True, reaches_others=True)
    return lambda function: _tool(resource, function, effect, preview, seen_with)


def jobs(
    resource: Resource, preview: Preview[GatedT], *also: Kind, seen_with: str
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that does several things, one after the other, behind the gate; `also` as for `creates`."""
    effect = Effect(frozenset({"write", *also}), destroys=True, reaches_others="mail" in also)
    return lambda function: _tool(resource, function, effect, preview, seen_with)


def _tool(
    resource: Resource,
    function: Function[Any, Any],
    effect: Effect,
    preview: Preview[Any] | None = None,
    seen_with: str | None = None,
) -> Tool:
    hints = get_type_hints(function)
    return Tool(
        name=function.__name__,
        resource=resource,
        description=" ".join((getdoc(function) or "").split()),
        arguments=hints["args"],
        answer=hints["return"],
        effect=effect,
        function=function,
        preview=preview,
        seen_with=seen_with,
    )
