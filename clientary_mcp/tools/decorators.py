"""The decorators that make a tool from a function: reads, lists, creates, updates, deletes, sends, charges, jobs.

The docstring of the function describes the tool and names no other tool. Sentences that do are `mentions`, so that
they can be left out where that tool is not available.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import get_annotations, getdoc
from typing import Any, get_args

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.tool import (
    AnswerT,
    ArgsT,
    Effect,
    Function,
    GatedT,
    JobFunction,
    Kind,
    Picture,
    Preview,
    Resource,
    Tool,
)
from tool_schemas.base.results import Outcome, Page
from tool_schemas.base.sentences import Sentences, in_order


def reads(
    resource: Resource, *, mentions: Sentences = (), writes_files: bool = False, picture: Picture | None = None
) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that changes nothing in the account; with `writes_files`, each call leaves a file."""
    effect = Effect(frozenset({"read"}), repeatable=not writes_files, writes_files=writes_files)
    return lambda function: replace(_tool(resource, function, effect, mentions=mentions), picture=picture)


def lists(
    resource: Resource, *, mentions: Sentences = ()
) -> Callable[[Callable[[Clientary, ArgsT], Listing[Any]]], Tool]:
    """A tool that reads a list. The function returns the list; a call reads one page of it, an export all of it."""

    def make(listing: Callable[[Clientary, ArgsT], Listing[Any]]) -> Tool:
        async def page(clientary: Clientary, args: ArgsT) -> Page[Any]:
            return await listing(clientary, args).named_page()

        (record,) = get_args(get_annotations(listing)["return"])
        tool = _tool(resource, listing, Effect(frozenset({"read"}), repeatable=True), mentions=mentions)
        answer: Any = Page[record]  # type: ignore[valid-type]  # the record's class, known only here
        return replace(tool, function=page, answer=answer, listing=listing)

    return make


def creates(
    resource: Resource, *also: Kind, checked_with: str, mentions: Sentences = ()
) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that adds a record; `also` names its other effects, immediate or later."""
    effect = Effect(frozenset({"write", *also}))
    return lambda function: _tool(resource, function, effect, checked_with=checked_with, mentions=mentions)


def updates(
    resource: Resource, *also: Kind, checked_with: str, mentions: Sentences = (), repeatable: bool = True
) -> Callable[[Function[ArgsT, AnswerT]], Tool]:
    """A tool that changes fields of a record; the former values are lost, so it counts as destructive.

    It is not `repeatable` where it adds lines as well: the same call again adds them again.
    """
    effect = Effect(frozenset({"write", *also}), destroys=True, repeatable=repeatable)
    return lambda function: _tool(resource, function, effect, checked_with=checked_with, mentions=mentions)


def deletes(
    resource: Resource, preview: Preview[GatedT], *also: Kind, checked_with: str, mentions: Sentences = ()
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that removes a record for good, after confirmation."""
    effect = Effect(frozenset({"delete", *also}), destroys=True, repeatable=True)
    return lambda function: _tool(resource, function, effect, preview, checked_with, mentions)


def sends(
    resource: Resource, preview: Preview[GatedT], *, checked_with: str, mentions: Sentences = ()
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that sends an e-mail to people, after confirmation."""
    effect = Effect(frozenset({"mail"}), destroys=True, reaches_others=True)
    return lambda function: _tool(resource, function, effect, preview, checked_with, mentions)


def charges(
    resource: Resource, preview: Preview[GatedT], *, checked_with: str, mentions: Sentences = ()
) -> Callable[[Function[GatedT, Outcome]], Tool]:
    """A tool that moves money, after confirmation."""
    effect = Effect(frozenset({"money"}), destroys=True, reaches_others=True)
    return lambda function: _tool(resource, function, effect, preview, checked_with, mentions)


def jobs(
    resource: Resource,
    preview: JobFunction[GatedT],
    *also: Kind,
    checked_with: str,
    mentions: Sentences = (),
    destroys: bool = True,
) -> Callable[[JobFunction[GatedT]], Tool]:
    """A tool that makes several writes in turn, after confirmation; `also` as for `creates`.

    It `destroys` nothing where it only adds records.
    """
    effect = Effect(frozenset({"write", *also}), destroys=destroys, reaches_others="mail" in also)
    return lambda function: replace(_tool(resource, function, effect, preview, checked_with, mentions), is_job=True)


def _tool(
    resource: Resource,
    function: Callable[..., Any],
    effect: Effect,
    preview: Callable[..., Awaitable[Outcome]] | None = None,
    checked_with: str | None = None,
    mentions: Sentences = (),
) -> Tool:
    hints = get_annotations(function)
    return Tool(
        name=function.__name__,
        resource=resource,
        description=(" ".join((getdoc(function) or "").split()), *in_order(mentions)),
        arguments=hints["args"],
        answer=hints["return"],
        effect=effect,
        function=function,
        preview=preview,
        checked_with=checked_with,
        picture="confirmation" if preview else None,
    )
