"""The end of the audit trail on Redis: the last lines of all replicas, sealed.

trail   a stream of about 500 lines, forgotten a week after the last
"""

import json
import logging
from typing import Any

from clientary_mcp.durations import DAY
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds
from clientary_mcp.state.sealing import KeyRing

logger = logging.getLogger(__name__)

_LINES = 500
_KEPT = 7 * DAY

_LOST = "Lines of the trail are kept in this replica's file alone: Redis cannot be reached."

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode

_ADD = Script(f"""
redis.call('XADD', KEYS[1], 'MAXLEN', '~', {_LINES}, '*', 'line', ARGV[1])
redis.call('PEXPIRE', KEYS[1], {milliseconds(_KEPT)})
""")


class RedisTrail:
    """The last lines of one account, of all replicas. `ring` seals them, so that Redis shows none."""

    def __init__(self, connection: RedisConnection, account: str, ring: KeyRing) -> None:
        self._connection, self._ring = connection, ring
        self._key, self._about = connection.key(account, "trail"), f"trail {account}"

    async def add(self, line: dict[str, Any]) -> None:
        """Add a line, soon."""
        sealed = self._ring.seal(_as_json(line).encode(errors="backslashreplace"), self._about)
        self._connection.soon(_ADD, [self._key], sealed, lost=_LOST)

    async def recent(self, most_bytes: int) -> list[dict[str, Any]]:
        """The last lines, the newest last. Those sealed with a key that is no more in the ring are left out."""
        try:
            entries = await self._connection.command("XREVRANGE", self._key, "+", "-", "COUNT", _LINES)
        except NotRemembered as error:
            logger.warning("The trail of all replicas cannot be read: %s", error)
            return []
        lines: list[dict[str, Any]] = []
        for sealed in dict.fromkeys(
            fields["line"] for _, fields in entries
        ):  # one is there twice if its answer was lost
            line = self._ring.unseal(sealed, self._about)
            if line is None:
                continue
            most_bytes -= len(line) + 1
            if most_bytes < 0:
                break
            lines.append(json.loads(line))
        return lines[::-1]
