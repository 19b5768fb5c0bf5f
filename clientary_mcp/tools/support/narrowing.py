"""How to ask for less, where a call cannot read all pages before its deadline."""

from collections.abc import Iterator
from contextlib import contextmanager

from clientary_mcp.errors import TooManyPages
from tool_schemas.base.filters import ListFilters
from tool_schemas.base.models import Arguments
from tool_schemas.base.sentences import Mention

_NARROWING = ("client_id", "project_id", "types", "updated_since")
"""Arguments with which fewer pages are read; all others choose among what was read."""

_OF_ONE = {
    "list_contacts": "list_client_contacts",
    "list_projects": "list_client_projects",
    "list_tasks": "list_project_tasks",
    "list_expenses": "list_client_expenses",
    "list_invoices": "list_client_invoices",
    "list_estimates": "list_client_estimates",
}


@contextmanager
def narrowed(tool: str, args: Arguments, *, whole: bool = False) -> Iterator[None]:
    """Let TooManyPages say how this call can be narrowed; `whole` where all records are wanted, as for a file."""
    try:
        yield
    except TooManyPages as error:
        error.add(*_ways(tool, args, whole=whole))
        raise


def _ways(tool: str, args: Arguments, *, whole: bool) -> Iterator[str]:
    takes = [name for name in _NARROWING if name in type(args).model_fields and getattr(args, name) is None]
    if takes:
        yield f"{' or '.join(takes)} would leave fewer pages to read."
    if other := _OF_ONE.get(tool):
        yield Mention(f"{other} reads fewer pages.", other)
    if isinstance(args, ListFilters) and args.narrows and not whole:
        yield "Without filters and order, no more pages are read than limit asks for."
