"""Which lists the process's own writes may change while somebody reads their pages."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clientary_mcp.errors import OutcomeUnknown

_LINGERS = 120.0
"""Seconds in which Clientary may still be at work on what timed out; no longer, since lists are not called complete
meanwhile. A dropped connection is taken for an end: what comes after it comes within the look for it, or hardly ever.
"""


class WritesInFlight:
    """The writes that are under way, and those that are over.

    A list that gains one and loses another keeps its count, so that nothing in Clientary's answers shows it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._begun: Counter[tuple[str, str]] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._lingering: deque[tuple[float, tuple[str, str]]] = deque()

    @contextmanager
    def writing(self, method: str, path: str) -> Iterator[None]:
        """One write, from before it leaves until it is over; one that may still happen lingers."""
        kind, lingers = (method, _list_of(path)), False
        self._begun[kind] += 1
        try:
            yield
        except OutcomeUnknown as lost:
            lingers = lost.may_still_happen
            raise
        finally:
            if lingers:
                self._lingering.append((self._now() + _LINGERS, kind))
            else:
                self._ended[kind] += 1

    def snapshot(self) -> Counter[tuple[str, str]]:
        """Now, for `since`."""
        while self._lingering and self._lingering[0][0] <= self._now():
            self._ended[self._lingering.popleft()[1]] += 1
        return self._ended.copy()

    def changed_since(self, mark: Counter[tuple[str, str]], plural: str) -> bool:
        """Whether records of that kind may have both come and gone since the mark."""
        under_way = self._begun - mark
        came, changed = under_way["POST", plural], under_way["PUT", plural]
        gone = sum(under_way["DELETE", taken] for taken in {plural, *_TAKE_OTHERS_ALONG})
        return changed > 1 or (came > 0) + (changed > 0) + (gone > 0) > 1


_TAKE_OTHERS_ALONG = ("clients", "leads", "projects", "invoices")
"""Lists whose records take records of other lists along when they are deleted."""


def _list_of(path: str) -> str:
    """`payments` for `POST invoices/1/payments` and for `DELETE invoices/1/payments/2`."""
    parts = [part for part in path.split("/") if not part.isdigit()]
    return {"task": "tasks", "invoice": "invoices"}.get(parts[-1], parts[-1]) if parts else path
