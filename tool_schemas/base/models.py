"""The base classes of every tool's arguments and of every record; answers made of records are in `results.py`."""

from collections.abc import Mapping
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from inspect import get_annotations
from typing import Annotated, Any, ClassVar, Literal, Self, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from tool_schemas.base.argument_forms import ArgumentModel, visible
from tool_schemas.base.parsing import LenientModel, as_json
from tool_schemas.base.types import unwrap

Detail = Literal["summary", "full"]

MAX_TEXT = 50_000
"""Characters of one text argument. Not published: no honest call comes near it."""


class Fields(BaseModel):
    """Fields that the arguments and the record of one resource share: each is written, and described, once."""

    model_config = ConfigDict(defer_build=True)


STRICT = ConfigDict(extra="forbid", str_max_length=MAX_TEXT)


class StrictModel(ArgumentModel):
    """Arguments, or a part of them: unknown names are refused, and values that mean "not given" are left out."""

    model_config = STRICT

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        return {
            name: value
            for name, value in given.items()
            if name not in fields or not _means_not_given(name, value, fields[name])
        }


def _means_not_given(name: str, value: Any, field: FieldInfo) -> bool:
    """Whether a host filled in an argument only because it has to: with null, "", 0 for an id, or an empty list."""
    if value is None or (isinstance(value, str) and visible(value) == ""):
        return True
    if field.is_required():
        return False
    bare, _ = unwrap(field.annotation)
    if isinstance(value, str) and not value.strip():
        return bare is not str  # blanks are text, and nothing else
    if get_origin(bare) is list:
        return value in ([], {}, "[]", "{}", [""], [None])
    return bare is int and name.endswith("_id") and value == 0 and value is not False


class Arguments(StrictModel):
    """The arguments of one tool. Fields with `exclude=True` address the request and stay out of its body."""

    today_by_default: ClassVar[tuple[str, ...]] = ()
    """The dates that are today where they are not given."""

    def dated(self, today: date) -> Self:
        """The same arguments, with today for the dates that are today by default."""
        missing = [name for name in self.today_by_default if getattr(self, name) is None]
        return self.model_copy(update=dict.fromkeys(missing, today)) if missing else self

    _cleaned: tuple[str, ...] = ()

    @classmethod
    def checked(cls, given: Mapping[str, Any]) -> Self:
        """The arguments in `given`; ValidationError with everything that is wrong with them."""
        cleaned: list[str] = []
        arguments = cls.model_validate(given, context=cleaned)
        if cleaned:
            aliases = {name: field.alias for name, field in cls.model_fields.items() if field.alias}
            arguments._cleaned = tuple(dict.fromkeys(aliases.get(name, name) for name in cleaned))
        return arguments

    def remark(self) -> str | None:
        """What was changed in the arguments before they were used."""
        return f"Invisible characters were taken out of {', '.join(self._cleaned)}." if self._cleaned else None

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
    """The arguments of a tool that acts only when it is confirmed."""

    confirm: bool = Field(default=False, exclude=True, description="true once the user agreed; else a preview.")


class Previewed(Confirmed):
    """The arguments of a job over several records, which acts only on what one of its previews listed."""

    # Not left out of the body, since calls with different ids are different calls.
    preview_id: str | None = Field(None, description="From the preview; confirms exactly what it listed.")


class DateRange(Arguments):
    """Arguments with a first and a last day, in that order."""

    @model_validator(mode="after")
    def _first_before_last(self) -> Self:
        first, last = getattr(self, "from_date", None), getattr(self, "to_date", None)
        if first and last and first > last:
            raise PydanticCustomError("range", "has from_date after to_date")
        return self


class Deduplicated(Arguments):
    """The arguments of a tool that would do the same thing twice if it were called twice."""

    usual: ClassVar[tuple[tuple[str, Any], ...]] = ()
    """What is meant where an argument is not given, beside today: a call that says so is the same call."""

    allow_duplicate: bool = Field(default=False, exclude=True, description="true: repeat what just succeeded.")


class AllowsUnusual(Arguments):
    """The arguments of a tool that refuses what can hardly be meant, unless the call says that it is.

    Each tool says in its own words what that is: `allow_unusual: bool = unusual(…)`.
    """

    allow_unusual: bool = Field(default=False, exclude=True)


def unusual(what: str) -> Any:
    """The field of `AllowsUnusual`, with what it allows in a few words."""
    return Field(default=False, exclude=True, description=f"true: {what}.")


class Paging(Arguments):
    """The arguments of every list."""

    limit: Annotated[int, Field(ge=1, le=1000)] = Field(50, exclude=True, description="At most.")
    offset: Annotated[int, Field(ge=0)] = Field(0, exclude=True, description="From next_offset.")
    detail: Detail = Field("summary", exclude=True, description="Default summary.")


class PartialUpdate(Arguments):
    """The arguments of an update: only the given fields are sent, and those in `clear` are emptied.

    Fields that a `Fields` mixin brings can be cleared, unless the update declares them again: those are the ones that
    a record must have. A word has no empty form, and neither has true or false.
    """

    clear: list[str] | None = Field(None, exclude=True, description="Fields to empty.")

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Let `clear` take the names of the fields that can be cleared, and publish them."""
        names = tuple(name for name, field in cls.model_fields.items() if _can_be_cleared(cls, name, field))
        accepted: Any = list[Literal[names]]  # type: ignore[valid-type]  # known once the class is
        clear = copy(cls.model_fields["clear"])
        clear.annotation = accepted | None
        cls.__pydantic_fields__["clear"] = clear

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        given = super().body()
        if both := [name for name in self.clear or () if name in given]:
            raise PydanticCustomError("both", "both sets and clears {fields}", {"fields": ", ".join(both)})
        if not given and not self.clear:
            fields = ", ".join(name for name, field in type(self).model_fields.items() if not field.exclude)
            raise PydanticCustomError(
                "no_change",
                "names nothing to change; give at least one of {fields}, or clear, which empties fields: an empty value"
                " counts as not given",
                {"fields": fields},
            )
        return self

    def body(self) -> dict[str, Any]:
        """The fields to change; cleared ones as empty text, which Clientary takes for none."""
        return super().body() | dict.fromkeys(self.clear or (), "")


def _can_be_cleared(update: type[PartialUpdate], name: str, field: FieldInfo) -> bool:
    declared_in = next(base for base in update.__mro__ if name in get_annotations(base))
    if issubclass(declared_in, Arguments):
        return False
    bare, about = unwrap(field.annotation)
    if bare is str:  # not where the form of the text is checked
        return not any(isinstance(part, AfterValidator) for part in about)
    return bare in (date, Decimal, int) or get_origin(bare) is list


class Record(LenientModel):
    """One record of the account, as Clientary sent it."""

    wrapper: ClassVar[str]
    """The key under which a write sends the record."""
    plural: ClassVar[str]
    """The key of its records in a list, and the path of the list of all of them."""
    query: ClassVar[dict[str, str | int]] = {}
    """The query that the list of all of them takes."""
    summary_fields: ClassVar[tuple[str, ...]]
    """The fields that a list shows of each record, in that order."""
    day: ClassVar[str] = "created_at"
    """The date field by which lists are filtered and ordered."""
    money: ClassVar[tuple[str, ...]] = ()
    """The fields that lists add up, per currency."""
    page_size: ClassVar[int | None] = None
    """How many records are on a page by the documentation, a first guess; None for lists that come whole."""

    id: int
    created_at: datetime | None = None
    updated_at: datetime | None = None
    notice: str | None = None
    """This server's remark on the answer; not a field of Clientary's."""

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """The record in `sent`; ValueError when it has no id."""
        record = super().read(sent)
        if record.__dict__["id"] is None:
            raise ValueError("a record without an id")
        return record

    def summarized(self) -> dict[str, Any]:
        """The summary fields that have a value."""
        return {
            name: as_json(value)
            for name in self.summary_fields
            if (value := getattr(self, name, None)) is not None and value != ""
        }
