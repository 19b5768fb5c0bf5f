"""Changing lines of a document, shared by invoices, estimates and recurring schedules."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from clientary_mcp.errors import NotFound
from tool_schemas.base.sentences import Mention
from tool_schemas.documents import ChangedItem


@contextmanager
def lines_may_be_missing(path: str, lines: Sequence[ChangedItem] | None, shown_by: str) -> Iterator[None]:
    """Let a 404 name the lines as well: Clientary answers alike where the document and where a line does not exist."""
    try:
        yield
    except NotFound:
        known = [f"item_id {line.item_id}" for line in lines or () if line.item_id is not None]
        if not known:
            raise
        raise NotFound(
            f"{path} or a line of it ({', '.join(known)}) was not found.",
            Mention(f"{shown_by} returns the item_id of each line.", shown_by),
        ) from None
