"""Filters and orders that Clientary lacks: this server reads all pages and keeps the records that match.

A filter is a mixin: its fields, and which records they match. `narrow_by` names the fields; those in `same` match
records that have that value.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tool_schemas.base.models import DateRange, Paging, Record
from tool_schemas.base.text import folded, is_unspaced, normalized
from tool_schemas.base.types import Day, Number

_TEXTS = (
    "name", "number", "title", "description", "email", "website", "phone", "mobile", "note", "summary", "po", "city",
    "client_name",
)  # fmt: skip
_SHORT = 2
_ORDERS = {
    "newest": ("day", True),
    "oldest": ("day", False),
    "largest": ("total_cost", True),
    "due": ("due_date", False),
    "quiet": ("quiet_since", False),
}


def day_of(record: Record, field: str) -> date | None:
    """The day in a field that holds a date or a time; None for any other field."""
    value = getattr(record, field, None)
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


class ListFilters(Paging):
    """A list that this server filters, if any of the fields in `narrow_by` or `same` is given."""

    narrow_by: ClassVar[tuple[str, ...]] = ()
    same: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def filters(cls) -> tuple[str, ...]:
        """The fields by which this server filters or orders the list: they are not part of the request."""
        return (*_over_bases(cls, "narrow_by"), *_over_bases(cls, "same"))

    @classmethod
    def addresses(cls) -> dict[str, str]:
        """The ids that address the request, without ids to filter by."""
        return {name: about for name, about in super().addresses().items() if name not in cls.filters()}

    @property
    def narrows(self) -> bool:
        """Whether all pages must be read."""
        return any(getattr(self, name) is not None for name in self.filters())

    def wants(self, record: Record) -> bool:
        """Whether a record matches."""
        return all(
            getattr(self, name) in (None, getattr(record, name, None)) for name in _over_bases(type(self), "same")
        )

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The fields that decide: a record that lacks one of them cannot match."""
        return {name for name in _over_bases(type(self), "same") if getattr(self, name) is not None}

    def order_by(self) -> tuple[str, bool] | None:
        """The field to order by, and whether the highest value comes first; None for Clientary's own order."""
        return None


@cache
def _over_bases(kind: type[ListFilters], name: str) -> tuple[str, ...]:
    """The fields named by a list's class and its bases, each once."""
    return tuple(dict.fromkeys(field for base in kind.__mro__ for field in vars(base).get(name, ())))


class ByQuery(ListFilters):
    narrow_by: ClassVar[tuple[str, ...]] = ("query",)
    query: str | None = Field(None, exclude=True, description="Words that must all occur.")

    @cached_property
    def _words(self) -> list[str]:
        return self._form(self.query or "").split()

    @cached_property
    def _form(self) -> Callable[[str], str]:
        """How texts are compared: a query without words, like "!?" or an emoji, is looked for as it is."""
        return normalized if normalized(self.query or "") else folded

    def wants(self, record: Record) -> bool:
        """Whether every word occurs in the record's texts."""
        if not super().wants(record):
            return False
        if self.query is None:
            return True
        values = [getattr(record, name, None) for name in _TEXTS]
        client = getattr(record, "client", None)
        values.append(client.get("name") if isinstance(client, dict) else None)
        text = self._form(" ".join(value for value in values if isinstance(value, str)))
        words = text.split()
        return all(word in (words if self._is_short(word) else text) for word in self._words)

    def _is_short(self, word: str) -> bool:
        """One or two letters, as in T-1, occur in almost every text, so they must be a word of their own."""
        return self._form is normalized and len(word) <= _SHORT and not is_unspaced(word)


class ByDay(DateRange, ListFilters):
    """By the main date of the record: `Record.day`."""

    narrow_by: ClassVar[tuple[str, ...]] = ("from_date", "to_date")
    from_date: Day | None = Field(None, exclude=True, description="First day.")
    to_date: Day | None = Field(None, exclude=True, description="Last day, included.")

    def wants(self, record: Record) -> bool:
        """Whether its date is in the range; a record without one never matches."""
        if not super().wants(record):
            return False
        if self.from_date is None and self.to_date is None:
            return True
        day = day_of(record, record.day)
        return day is not None and (self.from_date or day) <= day <= (self.to_date or day)

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The record's date, if a range is given."""
        ranged = self.from_date is not None or self.to_date is not None
        return super().deciding_fields(kind) | ({kind.day} if ranged else set())


class ByDue(ListFilters):
    narrow_by: ClassVar[tuple[str, ...]] = ("due_before",)
    due_before: Day | None = Field(None, exclude=True, description="Due earlier.")

    def wants(self, record: Record) -> bool:
        """Whether it is due before that day; a record without a due date never matches."""
        if not super().wants(record):
            return False
        due = day_of(record, "due_date")
        return self.due_before is None or (due is not None and due < self.due_before)

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The due date, if `due_before` is given."""
        return super().deciding_fields(kind) | ({"due_date"} if self.due_before else set())


class InOrder(ListFilters):
    """The order; each resource declares the values it accepts."""

    narrow_by: ClassVar[tuple[str, ...]] = ("order",)
    order: Any = Field(None, exclude=True, description="First.")

    def order_by(self) -> tuple[str, bool] | None:
        """The field and direction of the given order."""
        return _ORDERS[self.order] if self.order else None


LeastBalance = Annotated[Number, Field(description="At least this much left to pay.")]


def rank(record: Record, field: str, *, highest_first: bool) -> tuple[bool, Any, int]:
    """The sort key of a record by a field (`day`: its main date): records without a value last, ties by id."""
    value: Any = getattr(record, record.day if field == "day" else field, None)
    if isinstance(value, datetime):
        value = value.timestamp()
    if not isinstance(value, date | Decimal | float):
        return not highest_first, 0, record.id
    return highest_first, value, record.id
