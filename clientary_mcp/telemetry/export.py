"""Exports telemetry over OTLP, as http/protobuf, to where OpenTelemetry's own variables say."""

from collections.abc import Collection
from importlib.metadata import version
from threading import Timer

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from clientary_mcp.logs import replica_name
from clientary_mcp.observe import Observer, observe_with
from clientary_mcp.settings import Settings
from clientary_mcp.telemetry.instruments import Instruments
from clientary_mcp.telemetry.privacy import OURS, Cleaner, CleanSpans

_PATIENCE = 3.0
"""Seconds that the process waits at its end for a collector that does not answer."""


class Export:
    """Spans and metrics of this process, sent in the background until it ends."""

    def __init__(self, settings: Settings, names: Collection[str]) -> None:
        cleaner = Cleaner(names)
        resource = Resource.create(
            {"service.name": OURS, "service.version": version(OURS), "service.instance.id": replica_name(settings)}
        )
        self._exporters = OTLPSpanExporter(), OTLPMetricExporter()
        self._tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracing.add_span_processor(BatchSpanProcessor(CleanSpans(self._exporters[0], cleaner)))
        trace.set_tracer_provider(self._tracing)  # the SDK's own spans go there
        reader = PeriodicExportingMetricReader(self._exporters[1])
        self._metering = MeterProvider([reader], resource, shutdown_on_exit=False)
        observe_with(Instruments(self._tracing.get_tracer(OURS), self._metering.get_meter(OURS), cleaner))

    def end(self) -> None:
        """Send what is left, if it is taken soon."""
        observe_with(Observer())
        impatience = Timer(_PATIENCE, self._give_up)
        impatience.start()
        self._tracing.shutdown()
        self._metering.shutdown()
        impatience.cancel()

    def _give_up(self) -> None:
        """End the retries of both: their own time limits are those of a server that goes on."""
        for exporter in self._exporters:
            exporter.shutdown()
