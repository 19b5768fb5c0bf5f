"""Patterns for paths: how faults and tests select requests."""

import re
from functools import lru_cache


def matches(pattern: str | None, path: str) -> bool:
    """Whether the whole of a path (`invoices/20101/payments`, no base, no `.json`) fits.

    `*` matches one segment, a final `**` any number of segments or none; None matches every path.
    """
    return pattern is None or _compiled(pattern).fullmatch(path) is not None


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern.strip("/"))
    return re.compile(escaped.replace(r"/\*\*", "(?:/.+)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]+"))
