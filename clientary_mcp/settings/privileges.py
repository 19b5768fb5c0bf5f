"""Privileges: what a caller, or one connection, may do at most. They only narrow what the settings allow."""

from dataclasses import dataclass, fields
from typing import Any

PER_HOUR = ("deletes_per_hour", "mails_per_hour", "charges_per_hour")


@dataclass(frozen=True)
class Privileges:
    """What a caller may do at most, in the words of the settings; nothing given allows all that the operator allows."""

    read_only: bool = False
    toolsets: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    exclude_tools: frozenset[str] = frozenset()
    deletes_per_hour: int | None = None
    mails_per_hour: int | None = None
    charges_per_hour: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What is given, as JSON holds it."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in given.items()
            if value or (value == 0 and value is not False)
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Privileges":
        """The privileges that `to_json` returned; of a later version, what this one knows."""
        known: dict[str, Any] = {each.name: given[each.name] for each in fields(cls) if each.name in given}
        sets = {name: frozenset(value) for name, value in known.items() if isinstance(value, list)}
        return cls(**known | sets)


ALL_ALLOWED = Privileges()
