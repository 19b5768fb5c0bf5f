"""Work that can be billed, as lists of ids: in the note of an invoice, in steps, and in words."""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry

Work = HourEntry | Expense
Ids = Mapping[type[Work], Collection[range]]

KINDS: dict[type[Work], tuple[str, str]] = {HourEntry: ("time entry", "time entries"), Expense: ("expense", "expenses")}
"""What can be billed, with its singular and plural, which the notes of invoices use too."""

_RUN = re.compile(r"(\d{1,16})(?:\s*[-–]\s*(\d{1,16}))?", re.ASCII)  # noqa: RUF001 - what editors make of a hyphen
_LIST = r"\b{heading}:([\d\s,–-]+)\."  # noqa: RUF001 - as above


def heading(kind: type[Work]) -> str:
    """`Time entries`, as in the note of an invoice."""
    return KINDS[kind][1].capitalize()


def listed(works: Iterable[Work]) -> dict[str, str]:
    """`{"time_entries": "4711-4713", "expenses": "31"}`, without the kinds that do not occur."""
    return {KINDS[kind][1].replace(" ", "_"): written(runs) for kind, runs in ids_of(works).items()}


def counted(works: Iterable[Work]) -> str:
    """`12 time entries and 1 expense`."""
    every = list(works)
    counts = {kind: sum(isinstance(work, kind) for work in every) for kind in KINDS}
    return " and ".join(f"{count:,} {KINDS[kind][count > 1]}" for kind, count in counts.items() if count)


def ids_of(works: Iterable[Work]) -> dict[type[Work], list[range]]:
    """The ids of the work as runs, by kind, without the kinds that do not occur."""
    every = list(works)
    found = {kind: runs_of(work.id for work in every if isinstance(work, kind)) for kind in KINDS}
    return {kind: runs for kind, runs in found.items() if runs}


def runs_of(ids: Iterable[int]) -> list[range]:
    """Ids in ascending order, consecutive ones as one run."""
    ordered = sorted(set(ids))
    starts = ordered[:1] + [each for before, each in pairwise(ordered) if each > before + 1]
    ends = [before for before, each in pairwise(ordered) if each > before + 1] + ordered[-1:]
    return [range(first, last + 1) for first, last in zip(starts, ends, strict=True)]


def joined(runs: Iterable[range]) -> list[range]:
    """Runs in ascending order, those that meet or overlap as one."""
    found: list[range] = []
    for run in sorted((run for run in runs if run), key=lambda run: (run.start, run.stop)):
        if found and run.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, run.stop))
        else:
            found.append(run)
    return found


def written(runs: Iterable[range]) -> str:
    """`4711-4718, 4720`."""
    return ", ".join(str(run.start) if len(run) == 1 else f"{run.start}-{run.stop - 1}" for run in runs)


def references(ids: Ids) -> list[str]:
    """`Time entries: 4711-4718, 4720.`: how a note lists what its invoice bills."""
    return [f"{heading(kind)}: {written(runs)}." for kind, runs in ids.items() if runs]


def referred_work(note: str | None) -> dict[type[Work], list[range]]:
    """The ids that a note lists as billed, by kind; runs stay runs, however long they are."""
    found = {kind: re.findall(_LIST.format(heading=heading(kind)), note or "") for kind in KINDS}
    return {
        kind: [range(int(first), int(last or first) + 1) for each in lists for first, last in _RUN.findall(each)]
        for kind, lists in found.items()
    }


def without_references(note: str | None, kinds: Collection[type[Work]] = tuple(KINDS)) -> str:
    """The note without its lists of billed work."""
    for kind in kinds:
        note = re.sub(rf"\s*{_LIST.format(heading=heading(kind))}", "", note or "")
    return (note or "").strip()
