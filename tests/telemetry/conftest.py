"""Telemetry read back in memory, over the wire that the process itself would use for none."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from clientary_mcp.observe import Observer, observe_with
from clientary_mcp.server.operations import NAMES
from clientary_mcp.telemetry.instruments import Instruments
from clientary_mcp.telemetry.privacy import OURS, Cleaner, CleanSpans


def of_the_client(span: ReadableSpan) -> bool:
    """Whether it is of the MCP client in the test: the SDK has spans for both sides."""
    scope = span.instrumentation_scope
    return span.kind == SpanKind.CLIENT and scope is not None and scope.name != OURS


class Telemetry:
    """What was exported so far."""

    def __init__(self) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        cleaner = Cleaner(NAMES)
        self.tracing, self._metering = TracerProvider(), MeterProvider([self._reader])
        self.tracing.add_span_processor(SimpleSpanProcessor(CleanSpans(self._exporter, cleaner)))
        self.instruments = Instruments(self.tracing.get_tracer(OURS), self._metering.get_meter(OURS), cleaner)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in this order."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        """The only span of this name that is not the test's own client's."""
        (span,) = [span for span in self.spans if span.name == name and not of_the_client(span)]
        return span

    @property
    def metrics(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        """By its name, the labels of each metric, and its sum for them; of durations, how many there were."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, Any], float]]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [
                        (dict(point.attributes or {}), float(getattr(point, "count", getattr(point, "value", 0))))
                        for point in metric.data.data_points
                    ]
        return found

    def everything(self) -> str:
        """All spans and metrics as text."""
        return "\n".join([*(span.to_json() for span in self.spans), repr(self.metrics)])


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """Telemetry that is on. The provider stays this test's own: a process can set a global one only once."""
    telemetry = Telemetry()
    monkeypatch.setattr("mcp.shared._otel._tracer", telemetry.tracing.get_tracer("mcp-python-sdk"))
    observe_with(telemetry.instruments)
    yield telemetry
    observe_with(Observer())
