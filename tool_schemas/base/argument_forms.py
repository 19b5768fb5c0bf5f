"""The forms in which hosts and tables write arguments, each read by the type of its argument.

A list may come as JSON text, or as the one entry that it would have; an object as JSON text; text as the number that
a spreadsheet holds. Invisible characters are removed from texts, and reported: the names of the arguments are added
to the list that is the context of the validation.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError

from tool_schemas.base.parsing import strip_invisible
from tool_schemas.base.types import parsed, unwrap, writable

_NULLS = ("null", "undefined", "None", "NaN")
"""What programs write for nothing, in exactly this case: Null is a surname."""
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_HALVES = re.compile("([\ud800-\udfff]+)")
_BETWEEN_WORDS = re.compile(r"[,;\s]+")
_WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DEEPEST = 20


class ArgumentModel(BaseModel):
    """A model whose fields are read as hosts and tables write them."""

    model_config = ConfigDict(defer_build=True)  # until its first call: an agent uses a few tools and waits for all

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        for field in cls.__pydantic_fields__.values():
            if AS_GIVEN not in field.metadata:
                field.annotation = _tolerant(field.annotation)
        return handler(source)


class _AsSent(BeforeValidator):
    """Marks a type that is tolerant already."""


AS_GIVEN = object()
"""Marks an argument that is read as it is given: no text for people, and refused where it is not exact."""


def _tolerant(annotation: Any) -> Any:
    """The type, each part of which takes the forms that hosts send for it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *about = parts
        return annotation if any(isinstance(one, _AsSent) for one in about) else Annotated[_tolerant(inner), *about]
    if origin in (Union, UnionType):
        return reduce(or_, map(_tolerant, parts))
    if origin is list:
        return Annotated[list[_tolerant(parts[0])], _AsSent(_list_of(parts[0]))]  # type: ignore[misc]  # built here
    if _is_model(annotation):
        return Annotated[annotation, _AsSent(parsed)]
    reader = _READERS.get(origin or annotation)
    return Annotated[annotation, _AsSent(reader)] if reader else annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _list_of(entry: Any) -> Callable[[Any], Any]:
    """Reads a list of such entries; an argument that cannot be meant as one is left for pydantic to refuse."""
    bare, _ = unwrap(entry)
    is_object = get_origin(bare) is dict or _is_model(bare)

    def read(given: Any) -> Any:
        match parsed(given):
            case list() as entries:
                return entries if is_object else [each for each in entries if each not in (None, "")]
            case dict() as entry:
                return [entry] if is_object else entry
            case str() as text if not is_object:
                return [text] if bare is str else [word for word in _BETWEEN_WORDS.split(text) if word]
            case int() | float() as number if not is_object:
                return [number]
            case other:
                return other

    return read


def _dict(given: Any, info: ValidationInfo) -> Any:
    return _cleaned(parsed(given), info)


def _text(given: Any, info: ValidationInfo) -> Any:
    if isinstance(given, int | float | Decimal) and not isinstance(given, bool):
        return as_people_write_it(given)
    text = _cleaned(given, info)
    if isinstance(text, str) and text.strip() in _NULLS:
        raise PydanticCustomError(
            "null", "takes text, not the word {given}: leave it out for none", {"given": text.strip()}
        )
    return text


def _bool(given: Any) -> Any:
    """True or false, or that word in any case; pydantic alone would take 1, "yes" and "on" for true as well."""
    word = given.lower() if isinstance(given, str) else given
    if word in ("true", "false"):
        return word == "true"
    if not isinstance(given, bool):
        raise PydanticKnownError("bool_parsing")
    return given


def _int(given: Any) -> Any:
    """A whole number in plain digits; pydantic alone would take 1_5 for 15."""
    _not_a_bool(given)
    if not isinstance(given, str):
        return given
    if not _WHOLE.fullmatch(given.strip()):
        raise PydanticKnownError("int_parsing")
    return given.strip().partition(".")[0]


def _number(given: Any) -> Any:
    """A number in plain digits, rounded to 15 of them."""
    _not_a_bool(given)
    if isinstance(given, str) and not _PLAIN.fullmatch(given.strip()):
        raise PydanticKnownError("decimal_parsing")
    if isinstance(given, str | int | float | Decimal) and math.isfinite(number := Decimal(str(given).strip())):
        return _rounded(number)
    return given


def _rounded(number: Decimal) -> Decimal:
    rounded = writable(number)
    if rounded == number:
        return number
    whole = rounded.to_integral_value()
    return whole if whole == rounded else rounded.normalize()


def _not_a_bool(given: Any) -> None:
    if isinstance(given, bool):
        raise PydanticCustomError("number", "takes a number, not true or false")


def as_people_write_it(number: float | Decimal) -> str:
    """A number as text: spreadsheets hold the whole number 7 as 7.0."""
    exact = Decimal(str(number))
    if not exact.is_finite():
        raise PydanticKnownError("string_type")
    whole = exact.to_integral_value()
    return format(whole + 0 if exact == whole else exact, "f")  # -0 is 0


def _cleaned(value: Any, info: ValidationInfo, depth: int = 0) -> Any:
    """The value without invisible characters; where there were any, the name of the argument is reported."""
    match value:
        case str():
            text = visible(value)
            if text != _LINE_ENDS.sub("\n", value) and isinstance(info.context, list):
                info.context.append(info.field_name)
            return text
        case dict() if depth < _DEEPEST:
            return {_cleaned(key, info): _cleaned(part, info, depth + 1) for key, part in value.items()}
        case list() if depth < _DEEPEST:
            return [_cleaned(part, info, depth + 1) for part in value]
        case _:
            return value


def visible(text: str) -> str:
    """`text` without characters that nobody sees; the end of a line is a plain one, and tabs stay.

    Halves of characters stay as well: they are no valid text, and who sends them has to know.
    """
    if text.isascii() and text.isprintable():
        return text
    parts = _HALVES.split(_LINE_ENDS.sub("\n", text))
    return "".join(part if index % 2 else strip_invisible(part) for index, part in enumerate(parts))


_READERS: dict[Any, Callable[..., Any]] = {str: _text, bool: _bool, int: _int, Decimal: _number, dict: _dict}
