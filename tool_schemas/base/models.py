"""What every tool's arguments and every record are made of; `answers.py` has what is made of records."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.parsing import LenientModel, as_json
from tool_schemas.base.types import NotABool

Detail = Literal["summary", "full"]

MAX_TEXT = 50_000
"""Characters of one text argument. Not published: no honest call comes near it."""


class Fields(BaseModel):
    """Fields that the arguments and the record of one resource share: each is written, and described, once."""

    model_config = ConfigDict(defer_build=True)


class StrictModel(BaseModel):
    """Something an agent gave: unknown names are refused, and null means not given."""

    model_config = ConfigDict(
        extra="forbid",
        coerce_numbers_to_str=True,
        str_max_length=MAX_TEXT,
        defer_build=True,  # built by its first call: an agent uses a few tools and waits for all at start
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if value is not None or name not in cls.model_fields}
        return given


class Arguments(StrictModel):
    """The arguments of one tool. Fields with `exclude=True` address the request and stay out of its body."""

    def body(self) -> dict[str, Any]:
        """The fields that were given, by the names and codes that Clientary uses."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def addresses(cls) -> dict[str, str]:
        """The ids that address the request, each with its description."""
        return {
            name: field.description or ""
            for name, field in cls.model_fields.items()
            if field.exclude and name.endswith("_id")
        }


class Confirmed(Arguments):
    """The gate in front of what cannot be undone."""

    confirm: bool = Field(default=False, exclude=True, description="true once the user agreed; else a preview.")


class DateRange(Arguments):
    """Arguments with a first and a last day, which have to be in that order."""

    @model_validator(mode="after")
    def _first_before_last(self) -> Self:
        first, last = getattr(self, "from_date", None), getattr(self, "to_date", None)
        if first and last and first > last:
            raise PydanticCustomError("range", "has from_date after to_date")
        return self


class Deduplicated(Arguments):
    """What makes something that a hasty second call would make twice."""

    allow_duplicate: bool = Field(default=False, exclude=True, description="true: repeat a call that just succeeded.")


class Paging(Arguments):
    """What every list takes."""

    limit: Annotated[int, Field(ge=1, le=1000), NotABool] = Field(50, exclude=True, description="1 to 1000.")
    page: Annotated[int, Field(ge=1), NotABool] = Field(1, exclude=True, description="From next_page.")
    detail: Detail = Field("summary", exclude=True, description="full: every field; default summary.")


class PartialUpdate(Arguments):
    """The arguments of an update: only what is given is sent, and an empty string clears a field of any type."""

    _cleared: set[str] = PrivateAttr(default_factory=set)

    @model_validator(mode="wrap")
    @classmethod
    def _empty_clears(cls, given: Any, handler: Any) -> Any:
        cleared: set[str] = set()
        if isinstance(given, dict):
            cleared = {name for name in _clearable(cls) if given.get(name) == ""}
            given = {name: value for name, value in given.items() if name not in cleared}
        changes = handler(given)
        changes._cleared = cleared
        if not changes.body():
            fields = ", ".join(name for name, field in cls.model_fields.items() if not field.exclude)
            raise PydanticCustomError(
                "no_change", "names nothing to change; give at least one of {fields}", {"fields": fields}
            )
        return changes

    def body(self) -> dict[str, Any]:
        """The fields to change; cleared ones as empty text, which Clientary takes for none."""
        return super().body() | dict.fromkeys(self._cleared, "")


@cache
def _clearable(kind: type[PartialUpdate]) -> frozenset[str]:
    """Optional days, numbers and ids: text clears itself, and a choice has no empty word."""
    return frozenset(
        name
        for name, hint in get_type_hints(kind).items()
        if name in kind.model_fields
        and not kind.model_fields[name].exclude
        and any((get_origin(part) or part) in (date, Decimal, int, dict) for part in get_args(hint))
    )


class Record(LenientModel):
    """One record of the account, as Clientary sent it."""

    wrapper: ClassVar[str]
    """The key that a write's body stands under."""
    plural: ClassVar[str]
    """The key that a list stands under."""
    summary_fields: ClassVar[tuple[str, ...]]
    """The fields people look for, in the order in which a list shows them."""
    day: ClassVar[str] = "created_at"
    """The field that says when: what lists are narrowed and ordered by."""
    money: ClassVar[tuple[str, ...]] = ()
    """The fields that lists add up, per currency."""
    paged: ClassVar[bool] = True
    """Whether the documentation gives its list pages; a page number means nothing to the others."""

    id: int
    created_at: datetime | None = None
    updated_at: datetime | None = None
    notice: str | None = None
    """What the caller should know about this answer; ours, not Clientary's."""

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """The record in `sent`; ValueError when it has no id."""
        record = super().read(sent)
        if "id" not in record.__dict__:
            raise ValueError("a record without an id")
        return record

    def summarized(self) -> dict[str, Any]:
        """The brief fields that have a value."""
        return {
            name: as_json(value)
            for name in self.summary_fields
            if (value := getattr(self, name, None)) is not None and value != ""
        }
