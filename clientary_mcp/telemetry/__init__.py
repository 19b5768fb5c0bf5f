"""OpenTelemetry: on where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra `otel` is installed."""

import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import anyio.to_thread

from clientary_mcp.logs import announcements
from clientary_mcp.observe import ENDPOINT
from clientary_mcp.settings import Settings


@asynccontextmanager
async def exported(settings: Settings, names: Collection[str]) -> AsyncIterator[None]:
    """Export spans and metrics of everything inside; what is left is sent at the end.

    `names` are the methods, tools and prompts that may be named in them.
    """
    try:
        from clientary_mcp.telemetry.export import Export
    except ImportError:
        announcements.warning(f"{ENDPOINT} is set, but there is no telemetry: install clientary-mcp[otel].")
        yield
        return
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield
        return
    export = Export(settings, names)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(export.end)
