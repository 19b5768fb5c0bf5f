"""The records that a report left out, in sentences."""

from tool_schemas.base.sentences import count_of

_NAMED = 5
"""Records that a sentence names; of the others it gives the number."""


class Omissions:
    """The records that a report left out or could not count like the others: how many, and the first few.

    `left_out.add("invoice", "without a due date", "“1042”")` yields `1 invoice without a due date: “1042”.`
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def add(self, noun: str, remark: str, *names: str, count: int = 1) -> None:
        """Add `count` records; the noun is in the singular, names are as they appear in the sentence."""
        before, named = self._found.get((noun, remark), (0, []))
        self._found[noun, remark] = before + count, [*named, *names][:_NAMED]

    def merge(self, other: "Omissions") -> None:
        """Add those of another, after these."""
        for (noun, remark), (count, names) in other._found.items():
            self.add(noun, remark, *names, count=count)

    def to_json(self) -> list[str]:
        """A sentence for each remark."""
        return [
            f"{count_of(count, noun)} {remark}".strip() + _listed(names, count) + "."
            for (noun, remark), (count, names) in self._found.items()
            if count
        ]


def _listed(names: list[str], count: int) -> str:
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return f": {', '.join(names)}{more}" if names else ""
