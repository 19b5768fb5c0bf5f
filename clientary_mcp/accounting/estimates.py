"""What an estimate counts as: open, accepted, or one of those that nobody waits for."""

from collections.abc import Mapping

STAGES: Mapping[str | None, str] = {
    "sent": "open",
    "viewed": "open",
    "revised": "open",
    "accepted": "accepted",
    "draft": "drafts",
    "declined": "declined",
    "cancelled": "cancelled",
    "archived": "archived",
}
"""Status → what an estimate of that status counts as."""
