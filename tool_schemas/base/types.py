"""The types that arguments and records are written in: days, money, ids, and the words for Clientary's codes.

An argument of such a type is checked strictly and published in words; the same type in a record is read
leniently (see `parsing.py`). Only requests to Clientary and its answers hold codes.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tool_schemas.base.addresses import addresses_in
from tool_schemas.base.currencies import minor_units, read_code

_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)

_LONGEST_WORD = 100
_MOST_NAMED = 5
_DIGITS = 15
"""The digits that a double keeps, which is what common JSON readers make of a number."""
_WRITABLE = Context(prec=_DIGITS, rounding=ROUND_HALF_UP)

MAX_ID = 10**15

JSON_TYPES: dict[type, dict[str, str]] = {
    int: {"type": "integer"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    Decimal: {"type": "number"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    dict: {"type": "object"},
}
"""The JSON Schema of each type of field."""


@dataclass(frozen=True)
class PublishedAs:
    """The type that a schema gives for a field that accepts other forms as well."""

    kind: Any


@dataclass(frozen=True)
class ReadWith:
    """How the text of a record's field is read, where its type alone does not say."""

    reader: Callable[[str], str | None]


def unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """The type inside `Annotated` and `| None`, and its annotations."""
    about: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            about += more
        elif origin in (Union, UnionType):
            annotation = next(part for part in get_args(annotation) if part is not NoneType)
        else:
            return annotation, about


class Codes(Mapping[str, int]):
    """Clientary's numbers for the words of one field, as `Annotated[Literal[...], Codes(...)]`.

    Serializes the word as its number, and finds the word for a number that Clientary sent.
    """

    def __init__(self, **codes: int) -> None:
        self._codes = codes
        self._words = {code: word for word, code in codes.items()}

    def __getitem__(self, word: str) -> int:
        return self._codes[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def __hash__(self) -> int:
        return id(self)  # typing hashes the metadata of an Annotated type

    def word(self, sent: Any) -> str:
        """The word for a code (`2`, `"2"`) or a word in any case (`"Archived"`); an unknown one as text."""
        if isinstance(sent, bool) or not isinstance(sent, str | int | Decimal):
            raise TypeError("not a code")
        text = str(sent).strip()[:_LONGEST_WORD]
        if text.isdecimal() and (word := self._words.get(int(text))):
            return word
        spelt = text.lower().replace(" ", "_")
        return spelt if spelt in self._codes else text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        as_code = core_schema.plain_serializer_function_ser_schema(self._codes.__getitem__, when_used="json")
        return core_schema.no_info_after_validator_function(str, handler(source), serialization=as_code)


def parse_day(text: str) -> date:
    """The day of `2026-03-01` or `2026/3/1`, with or without a time behind it; ValueError otherwise."""
    if (found := _DAY.match(text.strip())) is None:
        raise ValueError(f"not a day: {text[:40]!r}")
    year, month, day = map(int, found.groups())
    return date(year, month, day)


def as_number(amount: Decimal) -> int | float | str:
    """A decimal as a JSON number; as text where it is too large for common JSON readers.

    Exact: a decimal of at most 15 digits survives a double unchanged.
    """
    if not amount.is_finite() or abs(amount.adjusted()) > 300:
        return str(amount)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def writable(number: Decimal) -> Decimal:
    """A number with at most 15 digits, so that it arrives as it was sent: what is added or divided may have more."""
    return _WRITABLE.plus(number)


def parsed(given: Any) -> Any:
    """A list or an object that a host sent as JSON text."""
    if isinstance(given, str) and given.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(given)
        except (ValueError, RecursionError):
            return given
    return given


def _day(given: Any) -> date:
    if type(given) is date:
        return given
    try:
        if isinstance(given, str) and _DAY.fullmatch(given.strip()):
            return parse_day(given)
    except ValueError:
        pass
    raise PydanticCustomError("day", "takes a day that exists, written YYYY-MM-DD, not {given}")


def _address(given: str) -> str:
    found = addresses_in(given)
    if found.one:
        return found.one
    if len(found.read) > 1:
        raise PydanticCustomError(
            "addresses",
            "takes one e-mail address, not {count}: {addresses}",
            {"count": len(found.read), "addresses": ", ".join(found.read[:_MOST_NAMED])},
        )
    raise PydanticCustomError(
        "address",
        "takes one e-mail address, like name@example.com, not {given}",
        {"given": repr(given[:80])},
    )


def _each_address(given: Any) -> Any:
    """Several addresses in one text, each by itself; where one of them cannot be read, all as they were given."""
    entries = parsed(given)
    texts = [entries] if isinstance(entries, str) else entries
    found = addresses_in(texts) if isinstance(texts, list) else None
    return found.read if found and found.read and not found.unreadable else texts


def _filled(given: str) -> str:
    if not given.strip():
        raise PydanticCustomError("blank", "takes text that is not blank")
    return given


def _below_ten_to_the_15th(given: Decimal) -> Decimal:
    if given.is_finite() and given.adjusted() >= _DIGITS:
        raise PydanticCustomError(
            "digits", f"takes a number of at most {_DIGITS} digits before the point, not {{given}}"
        )
    return given


def _id(given: int) -> int:
    if not 0 < given <= MAX_ID:
        raise PydanticCustomError("id", "takes the id of a record: a whole number above 0, not {given}")
    return given


def _currency(given: str) -> str:
    code = read_code(given)
    if code is None or minor_units(code) is None:
        raise PydanticCustomError(
            "currency",
            "takes the ISO 4217 code of a currency, like USD, not {given}",
            {"given": repr(given[:_LONGEST_WORD])},
        )
    return code


Id = Annotated[int, AfterValidator(_id)]  # no published minimum: 0 is how strict hosts say `not given`

Day = Annotated[date, BeforeValidator(_day), PlainSerializer(date.isoformat, when_used="json")]

Number = Annotated[
    Decimal,
    AfterValidator(_below_ten_to_the_15th),
    PlainSerializer(as_number, when_used="json"),
]

CurrencyCode = Annotated[str, ReadWith(read_code)]
"""The currency of a record."""

Currency = Annotated[CurrencyCode, AfterValidator(_currency), Field(description="Like USD.")]

Filled = Annotated[str, AfterValidator(_filled)]
"""Text that Clientary refuses when it is blank."""

Email = Annotated[str, AfterValidator(_address)]

Emails = Annotated[list[Email], BeforeValidator(_each_address)]
"""Addresses, each mailbox once."""
