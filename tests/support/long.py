"""The short run and the long one: of a matrix, the short run takes one case for each branch, the long run every case.

`scripts/test --long` is the long run. The cases it adds carry the mark `long`, which pyproject.toml deselects.
"""

from collections.abc import Callable, Hashable, Iterable
from itertools import combinations
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def each_value(*values: Any) -> tuple[Hashable, ...]:
    """A branch for each value of each argument."""
    return tuple(enumerate(map(repr, values)))


def covering(cases: Iterable[Any], branches: Callable[..., tuple[Hashable, ...]] = each_value) -> list[ParameterSet]:
    """The cases for `parametrize`: those that cover no new branch are left to `--long`.

    `branches` takes a case and names the branches that it runs through.
    """
    shown: set[Hashable] = set()
    marked = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        new = set(branches(*values)) - shown
        shown |= new
        marked.append(pytest.param(*values, marks=[] if new else [pytest.mark.long]))
    return marked


def pairwise(options: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The fewest combinations in which every two values of two options occur together."""
    missing = dict.fromkeys(
        frozenset({(one, this), (other, that)})
        for one, other in combinations(options, 2)
        for this in options[one]
        for that in options[other]
    )
    rows = []
    while missing:
        row = dict(sorted(next(iter(missing))))
        for name in (name for name in options if name not in row):
            met = {
                value: sum(frozenset({(name, value), chosen}) in missing for chosen in row.items())
                for value in options[name]
            }
            row[name] = max(met, key=lambda value: met[value])
        for pair in combinations(row.items(), 2):
            missing.pop(frozenset(pair), None)
        rows.append(row)
    return rows
