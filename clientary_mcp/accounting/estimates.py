"""What an estimate counts as: open, accepted, or one of those that nobody waits for."""

from collections.abc import Mapping

from tool_schemas.estimates import UNDECIDED

STAGES: Mapping[str | None, str] = {
    **dict.fromkeys(UNDECIDED, "open"),
    "accepted": "accepted",
    "draft": "drafts",
    "declined": "declined",
    "cancelled": "cancelled",
    "archived": "archived",
}
"""Status → what an estimate of that status counts as."""
