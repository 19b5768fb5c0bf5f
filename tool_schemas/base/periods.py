"""The days that a call is about: a first and a last one, or a word for them."""

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.filters import ByDay
from tool_schemas.base.models import DateRange
from tool_schemas.base.types import Day, PublishedAs

Period = Literal[
    "today",
    "yesterday",
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "this_quarter",
    "last_quarter",
    "this_year",
    "last_year",
    "this_fiscal_year",
    "last_fiscal_year",
    "last_30_days",
    "last_90_days",
    "last_12_months",
]

# Published without its words, which would be longer than most schemas: the instructions and a refusal name them.
_Word = Annotated[Period, PublishedAs(str)]


class PeriodRange(DateRange):
    """Arguments with a first and a last day, or a word that stands for them."""

    usual_period: ClassVar[Period | None] = None
    """The period where neither is given; None where that means all days."""

    period: _Word | None = Field(None, exclude=True, description="Like last_month.")
    from_date: Day | None = Field(None, exclude=True, description="First day.")
    to_date: Day | None = Field(None, exclude=True, description="Last day, included.")

    @model_validator(mode="after")
    def _period_or_dates(self) -> Self:
        if self.period and (self.from_date or self.to_date):
            raise PydanticCustomError("period", "has both period and dates; give one of them")
        return self

    @property
    def first(self) -> date:
        """The first day; the earliest that there is where it is left open."""
        return self.from_date or date.min

    @property
    def last(self) -> date:
        """The last day; the latest that there is where it is left open."""
        return self.to_date or date.max

    def covers(self, day: date) -> bool:
        """Whether a day is one of them."""
        return self.first <= day <= self.last

    def concerns(self, day: date | None) -> bool:
        """Whether a record of a day counts; one without a day does only where all days do."""
        return not (self.from_date or self.to_date) if day is None else self.covers(day)


class ByPeriod(PeriodRange, ByDay):
    """A list that is filtered by the main date of its records: `Record.day`."""

    narrow_by: ClassVar[tuple[str, ...]] = ("period",)
