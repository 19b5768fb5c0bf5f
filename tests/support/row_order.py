"""Which row of a report comes first."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Columns = tuple[str, ...]


def assert_in_order(rows: Sequence[Row], words: Sequence[Columns], *amounts: str) -> None:
    """Each currency stands by itself, in it each value of the first word, then of the second; words as their columns.

    Months go from the first on, one that is missing last; everything else from the largest sum of the amounts down.
    """
    sums = defaultdict[Any, Decimal](Decimal)
    for row in rows:
        for part in _parts(row, words):
            sums[part] += sum(Decimal(str(row[name])) for name in amounts)

    def rank(row: Row) -> list[Any]:
        parts = zip(words, _parts(row, words)[1:], strict=True)
        first = [row.get("month", "none") if word == ("month",) else -sums[part] for word, part in parts]
        return [row["currency_code"], *first]

    for one, other in itertools.pairwise(rows):
        same = sum(first == second for first, second in zip(_parts(one, words), _parts(other, words), strict=True))
        assert rank(one)[: same + 1] <= rank(other)[: same + 1], (one, other)
    for depth in range(len(words) + 1):
        runs = [part for part, _ in itertools.groupby(_parts(row, words)[depth] for row in rows)]
        assert len(runs) == len(set(runs))


def _parts(row: Row, words: Sequence[Columns]) -> list[tuple[Any, ...]]:
    """Its currency, then with the first word, then with both."""
    whole = [(row["currency_code"],), *(tuple(row.get(name) for name in word) for word in words)]
    return list(itertools.accumulate(whole))
