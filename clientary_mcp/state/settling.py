"""Settling: what became of a write is noted in a task that was cancelled, too."""

import anyio

_PATIENCE = 5.0
"""Seconds after which an outcome is not noted: what is kept then is that it was sent, which is the safe side."""


def settling() -> anyio.CancelScope:
    """A scope in which no cancellation arrives, for some seconds at most: `with settling(): await …`."""
    return anyio.move_on_after(_PATIENCE, shield=True)
