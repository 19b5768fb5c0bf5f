"""How to ask for less, where a call cannot read all pages before its deadline."""

from collections.abc import Iterator
from contextlib import contextmanager

from clientary_mcp.errors import TooManyPages
from tool_schemas.base.filters import ListFilters
from tool_schemas.base.models import Arguments
from tool_schemas.base.scopes import Scoped

_NARROWING = ("client_id", "project_id", "types", "updated_since")
"""Arguments with which fewer pages are read; all others choose among what was read."""


@contextmanager
def narrowed(args: Arguments, *, whole: bool = False) -> Iterator[None]:
    """Let TooManyPages say how this call can be narrowed; `whole` where all records are wanted, as for a file."""
    try:
        yield
    except TooManyPages as error:
        error.add(*_ways(args, whole=whole))
        raise


def _ways(args: Arguments, *, whole: bool) -> Iterator[str]:
    takes = [name for name in _NARROWING if name in type(args).model_fields and getattr(args, name) is None]
    if takes and not (isinstance(args, Scoped) and args.path("")):
        yield f"{' or '.join(takes)} would leave fewer pages to read."
    if isinstance(args, ListFilters) and args.narrows and not whole:
        yield "Without filters and order, no more pages are read than limit asks for."
