"""What goes on, told to whoever observes it: nobody, unless telemetry is on. No record and no secret is told."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable with which telemetry is on."""

Count = Literal[
    "clientary.retries", "clientary.told_again", "clientary.refused", "clientary.questions", "clientary.outcome_unknown"
]
"""What is counted. Each has at most one label, whose values are few words of ours."""

Level = Literal["clientary.offices", "clientary.connections"]
"""What rises and falls."""


class Observed:
    """Something under way. What becomes known of it later is told with `ended`."""

    def ended(self, status: int | str, *, waited: float = 0.0, retries: int = 0) -> None:
        """How it ended: a status code, or the kind of an error."""


class Observer:
    """Observes nothing, at the cost of a function call."""

    on = False
    """Whether there is anything that observes."""

    def message(self, method: str, name: str | None) -> AbstractContextManager[Observed]:
        """A message of an MCP client, and the tool or prompt that it names."""
        return _NOTHING

    def request(self, method: str, path: str) -> AbstractContextManager[Observed]:
        """A request to Clientary, with its waits and retries."""
        return _NOTHING

    def sending(self, method: str, path: str) -> AbstractContextManager[Observed]:
        """One try of such a request, on the network."""
        return _NOTHING

    def script(self, part: str) -> AbstractContextManager[Observed]:
        """A script or a command of the store that replicas share, by the part of it that it is about."""
        return _NOTHING

    def count(self, what: Count, label: str = "") -> None:
        """Something happened once."""

    def wait(self, seconds: float, why: str) -> None:
        """A request to Clientary had to wait."""

    def session(self, seconds: float) -> None:
        """A session of an MCP client has ended."""

    def change(self, what: Level, by: Literal[1, -1]) -> None:
        """There is one more, or one fewer."""


_NOTHING = nullcontext(Observed())

_observer = Observer()


def observer() -> Observer:
    """Whoever observes now."""
    return _observer


def observe_with(chosen: Observer) -> None:
    """Tell everything to this one from now on."""
    global _observer
    _observer = chosen
