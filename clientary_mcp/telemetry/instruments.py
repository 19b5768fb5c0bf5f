"""Turns what is observed into spans and metrics, named by the conventions for MCP and HTTP where they have a name."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Literal

from opentelemetry.metrics import Histogram, Meter
from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span

from clientary_mcp import logs
from clientary_mcp.observe import Count, Level, Observed, Observer
from clientary_mcp.telemetry.privacy import Cleaner, Value, template_of

_SHORT = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_USUAL = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_LONG = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper ends of the buckets, in seconds."""

_DURATIONS = {
    "mcp.server.operation.duration": ("How long a message took, from its arrival to its answer.", _LONG),
    "mcp.server.session.duration": ("How long a session lasted.", (*_LONG, 1_800.0, 3_600.0, 14_400.0, 86_400.0)),
    "http.client.request.duration": ("How long a request to Clientary took, each try for itself.", _USUAL),
    "clientary.wait": ("How long a request waited before it was sent, or sent again.", _LONG),
    "clientary.store.duration": ("How long the shared store took.", _SHORT),
}
_COUNTS: dict[Count, tuple[str, str]] = {
    "clientary.retries": ("Requests to Clientary that were sent again.", ""),
    "clientary.told_again": ("Calls that were not made again, but told the outcome of the same call.", ""),
    "clientary.refused": ("Calls that were refused before anything was sent.", "clientary.because"),
    "clientary.questions": ("Questions to users, and what became of them.", "clientary.answer"),
    "clientary.outcome_unknown": ("Writes of which it is not known whether they succeeded.", ""),
}
"""What each counts, and its label."""

_LEVELS: dict[Level, str] = {
    "clientary.offices": "Callers whose session with their account is open.",
    "clientary.connections": "Connections of MCP clients.",
}


class _Ending(Observed):
    """How something ended, as attributes."""

    def __init__(self) -> None:
        self.labels: dict[str, Value] = {}
        self.more: dict[str, Value] = {}

    def ended(self, status: int | str, *, waited: float = 0.0, retries: int = 0) -> None:
        if isinstance(status, int):
            self.labels["http.response.status_code"] = status
        if isinstance(status, str) or status >= 400:
            self.labels["error.type"] = str(status)
        if waited:
            self.more["clientary.waited"] = round(waited, 3)
        if retries:
            self.more["http.request.resend_count"] = retries


class Instruments(Observer):
    """Observes for OpenTelemetry."""

    on = True

    def __init__(self, tracer: Tracer, meter: Meter, cleaner: Cleaner) -> None:
        self._tracer, self._clean = tracer, cleaner.attributes
        self._durations: dict[str, Histogram] = {
            name: meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=ends)
            for name, (about, ends) in _DURATIONS.items()
        }
        self._counts = {name: meter.create_counter(name, "1", about) for name, (about, _) in _COUNTS.items()}
        self._levels = {name: meter.create_up_down_counter(name, "1", about) for name, about in _LEVELS.items()}

    @contextmanager
    def message(self, method: str, name: str | None) -> Iterator[Observed]:
        """The span is the SDK's; it gets to know whose the message is."""
        get_current_span().set_attributes(_whose())
        named = {"gen_ai.tool.name": name} if method == "tools/call" and name is not None else {}
        with self._timed("mcp.server.operation.duration", {"mcp.method.name": method} | named) as ending:
            yield ending

    def request(self, method: str, path: str) -> AbstractContextManager[Observed]:
        """A span named after the template of the path."""
        template = template_of(path)
        return self._span(f"{method} {template}", {"http.request.method": method, "url.template": template})

    def sending(self, method: str, path: str) -> AbstractContextManager[Observed]:
        """A measurement: the span is that of the whole request."""
        return self._timed(
            "http.client.request.duration", {"http.request.method": method, "url.template": template_of(path)}
        )

    @contextmanager
    def script(self, part: str) -> Iterator[Observed]:
        """A span and a measurement."""
        labels = {"clientary.script": part}
        with self._span(f"store {part}", labels) as ending, self._timed("clientary.store.duration", labels):
            yield ending

    def count(self, what: Count, label: str = "") -> None:
        """One more, with the label that it has."""
        name = _COUNTS[what][1]
        self._counts[what].add(1, self._clean({name: label}) if name else None)

    def wait(self, seconds: float, why: str) -> None:
        """By the reason."""
        self._durations["clientary.wait"].record(seconds, self._clean({"clientary.why": why}))

    def session(self, seconds: float) -> None:
        """Without a label."""
        self._durations["mcp.server.session.duration"].record(seconds)

    def change(self, what: Level, by: Literal[1, -1]) -> None:
        """Without a label: there may be thousands of callers."""
        self._levels[what].add(by)

    @contextmanager
    def _span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[_Ending]:
        ending, attributes = _Ending(), {**attributes, **_whose()}
        with self._tracer.start_as_current_span(
            name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                with _noting_errors(ending):
                    yield ending
            finally:
                span.set_attributes({**ending.labels, **ending.more})
                if "error.type" in ending.labels:
                    span.set_status(StatusCode.ERROR)

    @contextmanager
    def _timed(self, metric: str, labels: Mapping[str, Value]) -> Iterator[_Ending]:
        ending, begun = _Ending(), perf_counter()
        try:
            with _noting_errors(ending):
                yield ending
        finally:
            self._durations[metric].record(perf_counter() - begun, self._clean({**labels, **ending.labels}))


@contextmanager
def _noting_errors(ending: _Ending) -> Iterator[None]:
    """The kind of an error that leaves the block is how it ended; what it says stays here."""
    try:
        yield
    except BaseException as error:
        ending.labels.setdefault("error.type", type(error).__name__)
        raise


def _whose() -> dict[str, Value]:
    """The ids of the account and the caller, where there are callers."""
    ids = {"clientary.account": logs.account.get(), "clientary.caller": logs.caller.get()}
    return {name: value for name, value in ids.items() if value}
