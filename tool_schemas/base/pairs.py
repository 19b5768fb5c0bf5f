"""Values by free keys, published as a list of pairs: hosts cannot fill an object whose keys a schema doesn't name.

The object itself is accepted as well, and either as JSON text.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from tool_schemas.base.argument_forms import ArgumentModel
from tool_schemas.base.models import STRICT
from tool_schemas.base.types import Filled, PublishedAs, parsed


class NamedText(ArgumentModel):
    """A name and its text, which may be empty."""

    model_config = STRICT

    name: Filled = Field(description="Its name.")
    value: str = Field(description="Its text.")


class NamedValue(ArgumentModel):
    """A name and its value of any type, published as text: numbers, words and lists can all be written so."""

    model_config = STRICT

    name: Filled = Field(description="Its name.")
    value: Annotated[Any, PublishedAs(str)] = Field(description="As text; a list as JSON.")


def from_object(key: str, value: str) -> BeforeValidator:
    """Accepts `{"PO": "7"}` for `[{"name": "PO", "value": "7"}]`, and one pair by itself."""

    def pairs(sent: Any) -> Any:
        given = parsed(sent)
        if not isinstance(given, dict) or given.keys() == {key, value}:
            return given
        return [{key: name, value: each} for name, each in given.items()]

    return BeforeValidator(pairs)


def each_once(key: str) -> AfterValidator:
    """Refuses two pairs with the same key."""

    def check(pairs: list[Any]) -> list[Any]:
        twice = [name for name, count in Counter(getattr(pair, key) for pair in pairs).items() if count > 1]
        if twice:
            raise PydanticCustomError("twice", "has {key} {name} more than once", {"key": key, "name": repr(twice[0])})
        return pairs

    return AfterValidator(check)


def as_object(pairs: Iterable[NamedText | NamedValue] | None) -> dict[str, Any]:
    """The values by their names."""
    return {pair.name: pair.value for pair in pairs or ()}


_BY_NAME = from_object("name", "value")
_ONCE = each_once("name")

NamedTexts = Annotated[list[NamedText], _ONCE, PlainSerializer(as_object), _BY_NAME]
NamedValues = Annotated[list[NamedValue], _ONCE, PlainSerializer(as_object), _BY_NAME]
