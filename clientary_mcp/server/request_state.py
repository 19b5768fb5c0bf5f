"""What clients send back with the reply to a question: sealed by the SDK, with the time at which it was asked.

The SDK takes that from the clock of the machine, and refuses what was sealed in the future. So that a reply counts at
every replica, whichever of their clocks is wrong, the time that is sealed is the one they share.
"""

import json
import time
from collections.abc import Callable, Sequence

from mcp.server.mcpserver import AESGCMRequestStateCodec

_TIMES = ("iat", "exp")


class SharedTimeCodec(AESGCMRequestStateCodec):
    """The SDK's codec. `wall` is the time that all replicas share."""

    def __init__(self, keys: Sequence[bytes], wall: Callable[[], float]) -> None:
        super().__init__(keys)
        self._wall = wall

    def seal(self, payload: bytes) -> str:
        """Seal the claims, with the shared time for that of this machine."""
        return super().seal(self._moved(payload, 1))

    def unseal(self, token: str) -> bytes:
        """The claims, with the time as this machine would have told it."""
        return self._moved(super().unseal(token), -1)

    def _moved(self, payload: bytes, direction: int) -> bytes:
        claims, ahead = json.loads(payload), self._wall() - time.time()
        return json.dumps(claims | {name: claims[name] + direction * ahead for name in _TIMES}).encode()
