"""Lists by status: one word, several, or `open`, which stands for those that still wait for something."""

from copy import copy
from typing import Annotated, Any, ClassVar, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.filters import ListFilters
from tool_schemas.base.models import Record
from tool_schemas.base.types import PublishedAs, unwrap

OPEN = "open"


class StatusWords:
    """The words that a list takes as its status: those of a type, and `open` for some of them."""

    def __init__(self, status: Any, *, opened: tuple[str, ...] = (), means: str | None = None) -> None:
        self._words = (*get_args(unwrap(status)[0]), OPEN)
        self.opened = opened
        """Those that `open` stands for."""
        self.description = f"{', '.join(self._words)} ({means or ', '.join(opened)}); or several."
        """For the schema."""

    def read(self, given: list[str]) -> list[str]:
        """The words, of which several may be in one text with commas between."""
        words = [word.strip() for text in given for word in text.split(",")]
        if unknown := [word for word in words if word not in self._words]:
            raise PydanticCustomError(
                "statuses",
                "takes one or more of {known}, not {given}",
                {"known": ", ".join(self._words), "given": repr(unknown[0][:60])},
            )
        return words


class ByStatus(ListFilters):
    """By the status of the record, or by whether it is open; each resource says in `statuses` what that means."""

    narrow_by: ClassVar[tuple[str, ...]] = ("status",)
    statuses: ClassVar[StatusWords]
    # Published as one text, with its words in the description: a list of an enum would be twice as long.
    status: Annotated[list[str], PublishedAs(str)] | None = Field(None, exclude=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Publish the words."""
        status = copy(cls.model_fields["status"])
        status.description = cls.statuses.description
        cls.__pydantic_fields__["status"] = status

    @field_validator("status")
    @classmethod
    def _known(cls, given: list[str] | None) -> list[str] | None:
        return cls.statuses.read(given) if given else None

    def wants(self, record: Record) -> bool:
        """Whether its status is one of them; a record without one never matches."""
        if not super().wants(record):
            return False
        status = self.status_of(record)
        return self.status is None or status in self.status or (OPEN in self.status and status in self.statuses.opened)

    def only_as_open(self, record: Record) -> bool:
        """Whether a record that matches does so because it is open, not by the word for its status."""
        return self.status is not None and self.status_of(record) not in self.status

    def status_of(self, record: Record) -> str | None:
        """The word for the status of a record."""
        status: str | None = getattr(record, "status", None)
        return status

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The status, if it is given."""
        return super().deciding_fields(kind) | ({"status"} if self.status else set())
