"""Horizontal bars in a terminal, each made of parts one after the other; drawn by plotext, an optional extra."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import NamedTuple

from clientary_mcp.errors import SettingsError


class Look(NamedTuple):
    """How a part of a bar looks. Marks tell parts apart, colors only help."""

    mark: str
    color: str


def require_plotext() -> None:
    """SettingsError if the library is not installed."""
    if find_spec("plotext") is None:
        raise SettingsError(
            "--format chart needs the optional extra: pip install 'clientary-mcp[chart]'. The other formats work "
            "without it."
        )


def bars(rows: Sequence[Sequence[float]], looks: Sequence[Look], width: int, *, colored: bool) -> list[str]:
    """A line for each row, with a bar of its values. What is below zero goes to the left of where the others begin."""
    from plotext import figure, marker, terminal  # type: ignore[import-untyped]  # loaded here because it is optional

    figure.clear()
    figure.theme("simple")
    figure.axes(active=False)  # names and figures stand beside it
    terminal.limit(width=False, height=False)  # more lines than the terminal has are scrolled
    figure.plot_size(width, len(rows))
    spans = [list(_spans(row)) for row in rows]
    for part, look in enumerate(looks):
        shown = [(place, *row[part]) for place, row in enumerate(reversed(spans)) if row[part][0] != row[part][1]]
        if shown:  # nothing is drawn for a value of zero
            places, starts, ends = zip(*shown, strict=True)
            figure.draw(figure.bar(places, starts, ends, marker=marker(*look), orientation="h", width=0.1))
    reached = [0.0, *chain(*chain(*spans))]
    figure.ruler("x").lim(min(reached), max(reached) or (0 if min(reached) else 1))
    figure.ruler("x").frequency(0)
    figure.ruler("y").lim(0, max(len(rows) - 1, 1))  # the first and the last line, so that each row is one line
    figure.ruler("y").ticks([], [])
    lines: list[str] = figure.build().string(colorless=not colored).splitlines()
    return lines


def _spans(values: Iterable[float]) -> Iterator[tuple[float, float]]:
    """From where to where each value goes, begun where the one before it ended on the same side of zero."""
    ends = {False: 0.0, True: 0.0}
    for value in values:
        start = ends[value < 0]
        ends[value < 0] += value
        yield start, ends[value < 0]
