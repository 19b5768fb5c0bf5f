"""The end of the audit trail over all replicas, to read what was done lately. Each replica has its own file."""

from typing import Any, Protocol


class Trail(Protocol):
    """The last lines of all replicas, of one account. No call fails because of it: what goes wrong is logged."""

    async def add(self, line: dict[str, Any]) -> None:
        """Add a line, which holds no secret."""

    async def recent(self, most_bytes: int) -> list[dict[str, Any]]:
        """The last lines that fit into `most_bytes` as JSON, the newest last; none if they cannot be read."""
