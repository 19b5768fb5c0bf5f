"""The records that a report left out, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from clientary_mcp.accounting.money import ZERO
from tool_schemas.base.sentences import count_of
from tool_schemas.projects import Project

_NAMED = 5
"""Records that a sentence names; of the others it gives the number."""


@dataclass
class _Group:
    """Records left out for the same reason."""

    count: int = 0
    names: list[str] = field(default_factory=list)
    sums: dict[str, Decimal] = field(default_factory=dict)
    """What they come to, by unit: hours, or a currency."""


class Omissions:
    """The records that a report left out or could not count like the others: how many, and the first few.

    `left_out.add("invoice", "without a due date", "“1042”")` yields `1 invoice without a due date: “1042”.`
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Group] = {}

    def add(
        self, noun: str, remark: str, *names: str, count: int = 1, sums: Mapping[str, Decimal | None] | None = None
    ) -> None:
        """Add `count` records; the noun is in the singular, names are as they appear in the sentence.

        `sums` is what they come to, by unit: `{"hours": 1.5}`, `{"EUR": 100}`.
        """
        group = self._found.setdefault((noun, remark), _Group())
        group.count += count
        group.names = [*group.names, *names][:_NAMED]
        for unit, amount in (sums or {}).items():
            group.sums[unit] = group.sums.get(unit, ZERO) + (amount or ZERO)

    def merge(self, other: "Omissions") -> None:
        """Add those of another, after these."""
        for (noun, remark), group in other._found.items():
            self.add(noun, remark, *group.names, count=group.count, sums=group.sums)

    def to_json(self) -> list[str]:
        """A sentence for each remark."""
        return [
            f"{count_of(group.count, noun)} {remark}".strip() + _summed(group) + _listed(group) + "."
            for (noun, remark), group in self._found.items()
            if group.count
        ]


def open_projects(projects: list[Project], left_out: Omissions, hours: str) -> list[Project]:
    """The projects that are not completed; of the others, the number and the sum of that field are left out."""
    completed = [project for project in projects if project.status == "completed"]
    if completed:
        total = sum((getattr(project, hours) or ZERO for project in completed), ZERO)
        remark, unit = "that count only with include_completed=true", f"{hours.replace('_', ' ')} of all days"
        left_out.add("completed project", remark, count=len(completed), sums={unit: total})
    return [project for project in projects if project.status != "completed"]


def _summed(group: _Group) -> str:
    sums = ", ".join(f"{amount:,f} {unit}" for unit, amount in sorted(group.sums.items()))
    return f" ({sums})" if sums else ""


def _listed(group: _Group) -> str:
    more = f" and {group.count - len(group.names):,} more" if group.count > len(group.names) else ""
    return f": {', '.join(group.names)}{more}" if group.names else ""
