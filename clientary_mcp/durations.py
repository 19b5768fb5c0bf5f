"""Durations in seconds, and in words."""

from tool_schemas.base.sentences import count_of

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def in_minutes(seconds: float) -> str:
    """`less than a minute`, `12 minutes`."""
    return "less than a minute" if seconds < MINUTE else count_of(round(seconds / MINUTE), "minute")
