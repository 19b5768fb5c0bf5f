"""What may leave the process as telemetry: known attributes with known values. All else is left out, whoever wrote it.

The SDK's spans, for one, hold what clients sent as names of methods and tools, and the texts of errors.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status

OURS = "clientary-mcp"
"""The scope of our own spans and metrics."""

_OTHER = "_OTHER"
_NAMED = ("mcp.method.name", "gen_ai.tool.name", "gen_ai.prompt.name")
_KNOWN = {
    "gen_ai.operation.name": r"execute_tool",
    "mcp.protocol.version": r"\d{4}-\d\d-\d\d",
    "error.type": r"[A-Za-z_]\w{0,60}|-?\d{1,6}",
    "rpc.response.status_code": r"-?\d{1,6}",
    "http.request.method": r"GET|POST|PUT|PATCH|DELETE",
    "http.response.status_code": r"\d{3}",
    "http.request.resend_count": r"\d+",
    "url.template": r"[a-z_{}/]+",
    "clientary.waited": r"[\d.e-]+",
    "clientary.account": r"[0-9a-f]{16}",
    "clientary.caller": r"[0-9a-f]{16}",
    "clientary.script": r"[a-z_-]{1,30}",
    "clientary.why": r"[A-Za-z' ]{1,60}(\d{3})?",
    "clientary.because": r"cap|privilege|person|store",
    "clientary.answer": r"[a-z ]{1,20}",
}
_PATTERNS = {name: re.compile(pattern, re.ASCII) for name, pattern in _KNOWN.items()}
_WORDS = {
    *("clients", "contacts", "estimates", "expenses", "hours", "invoices", "leads", "messages", "payment_profiles"),
    *("payments", "projects", "recurring", "staff", "tasks"),
}
"""The words in paths of the API."""


Value = str | int | float


class Cleaner:
    """Lets through what is known. `names` are the methods, tools and prompts that there are."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def attributes(self, given: Mapping[str, object]) -> dict[str, Value]:
        """The known attributes; a value that is not known is `_OTHER`."""
        clean: dict[str, Value] = {}
        for name, value in given.items():
            if name in _NAMED:
                clean[name] = value if isinstance(value, str) and value in self._names else _OTHER
            elif (pattern := _PATTERNS.get(name)) and isinstance(value, Value):
                clean[name] = value if pattern.fullmatch(str(value)) else _OTHER
        return clean

    def span(self, span: ReadableSpan) -> ReadableSpan:
        """A span with known attributes and a name made of them, without events, links, and descriptions of errors."""
        attributes = self.attributes(span.attributes or {})
        named = [str(attributes[name]) for name in _NAMED if name in attributes]
        ours = span.instrumentation_scope is not None and span.instrumentation_scope.name == OURS
        return ReadableSpan(
            name=span.name if ours else " ".join(named) or _OTHER,
            context=_bare(span.get_span_context()),
            parent=_bare(span.parent),
            resource=span.resource,
            attributes=attributes,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )


class CleanSpans(SpanExporter):
    """Exports what is left of each span."""

    def __init__(self, below: SpanExporter, cleaner: Cleaner) -> None:
        self._below, self._cleaner = below, cleaner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans."""
        return self._below.export([self._cleaner.span(span) for span in spans])

    def shutdown(self) -> None:
        """Export nothing any more."""
        self._below.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is left, within that time."""
        return self._below.force_flush(timeout_millis)


def template_of(path: str) -> str:
    """`clients/{id}/contacts`: a path of the API without ids, and without words that are not the API's."""
    return "/".join(part if part in _WORDS else "{id}" if part.isdecimal() else "{other}" for part in path.split("/"))


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Without the trace state, which is whatever the client sent."""
    return context and SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
