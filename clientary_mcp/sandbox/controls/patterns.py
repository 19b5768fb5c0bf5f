"""Patterns for the API's paths: how faults and tests say which requests they mean."""

import re
from functools import lru_cache


def matches(pattern: str | None, path: str) -> bool:
    """Whether the whole of a path (`invoices/20101/payments`, no base, no `.json`) fits.

    `*` stands for one segment, and `**` at the end for any number of them, none included; None fits every path.
    """
    return pattern is None or _compiled(pattern).fullmatch(path) is not None


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern.strip("/"))
    return re.compile(escaped.replace(r"/\*\*", "(?:/.+)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]+"))
