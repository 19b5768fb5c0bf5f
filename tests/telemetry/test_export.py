"""Export: a real process sends spans and metrics to a collector, and does without one, or without the packages."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import uvicorn
from mcp import Client
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.processes import PATIENCE, environment, free_port, listening

pytestmark = pytest.mark.anyio

SERVE = ("--sandbox", "--transport", "http")


class Collector:
    """Takes what is exported, on loopback."""

    def __init__(self) -> None:
        self.spans: dict[str, dict[str, str]] = {}
        self.metrics: set[str] = set()
        self.raw = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if scope["path"] == "/v1/traces":
            self.raw += ExportTraceServiceRequest.FromString(_unpacked(scope, body)).SerializeToString()
            for resource in ExportTraceServiceRequest.FromString(_unpacked(scope, body)).resource_spans:
                named = {each.key: each.value.string_value for each in resource.resource.attributes}
                self.spans |= {span.name: named for scope_ in resource.scope_spans for span in scope_.spans}
        else:
            for resource_ in ExportMetricsServiceRequest.FromString(_unpacked(scope, body)).resource_metrics:
                self.metrics |= {metric.name for scope_ in resource_.scope_metrics for metric in scope_.metrics}
        await Response(media_type="application/x-protobuf")(scope, receive, send)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve on a free port; its address."""
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(self, port=port, log_level="error", lifespan="off"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            yield f"http://127.0.0.1:{port}"
            server.should_exit = True


def _unpacked(scope: Scope, body: bytes) -> bytes:
    assert (b"content-type", b"application/x-protobuf") in scope["headers"]
    return body


async def call_a_tool(port: int) -> None:
    async with Client(f"http://127.0.0.1:{port}/mcp") as client:
        await client.call_tool("list_staff", {})


async def test_a_process_exports_what_happened_before_it_ends(tmp_path: Path) -> None:
    collector, port = Collector(), free_port()
    with anyio.fail_after(PATIENCE):
        async with collector.listening() as address:
            otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "CLIENTARY_REPLICA": "one"}
            async with listening(*SERVE, port=port, log=tmp_path / "stderr", **otel) as process:
                await call_a_tool(port)
                process.terminate()
                assert await process.wait() == 0
    resource = collector.spans["tools/call list_staff"]
    assert (resource["service.name"], resource["service.instance.id"]) == ("clientary-mcp", "one")
    assert "GET staff" in collector.spans
    assert collector.metrics >= {
        "mcp.server.operation.duration",
        "http.client.request.duration",
        "clientary.connections",
    }


async def test_a_collector_that_is_not_there_keeps_no_call_and_no_end_waiting(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "stderr"
    otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with anyio.fail_after(PATIENCE):
        async with listening(*SERVE, port=port, log=log, **otel) as process:
            await call_a_tool(port)
            with anyio.fail_after(20):
                process.terminate()
                assert await process.wait() == 0


WITHOUT_THE_SDK = """
import sys
sys.modules["opentelemetry.sdk"] = None  # as if it were not installed
from clientary_mcp.cli.main import main
main(sys.argv[1:])
"""


async def test_without_the_packages_a_warning_says_so(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", WITHOUT_THE_SDK, *SERVE, "--port", str(port)]
    env = environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", CLIENTARY_LOG_LEVEL="CRITICAL")
    with anyio.fail_after(PATIENCE):
        async with await anyio.open_process(command, env=env) as process:
            assert process.stderr is not None
            first = (await process.stderr.receive()).decode()
            process.terminate()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set" in first
    assert "clientary-mcp[otel]" in first


IMPORTED = """
import sys
import clientary_mcp.cli.serve, clientary_mcp.server.app, clientary_mcp.server.http.app, clientary_mcp.state.backends
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter",
                                                        "clientary_mcp.telemetry"))])
"""


async def test_nothing_of_it_is_imported_where_it_is_off() -> None:
    result = await anyio.run_process([sys.executable, "-c", IMPORTED], env=environment())
    assert result.stdout.decode().strip() == "[]"
