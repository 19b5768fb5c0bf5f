"""Reads records from Clientary leniently, by the type of each field.

A value that is not of its field's type neither fails nor is lost: it is kept in `unreadable` as sent.
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, Self, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

from tool_schemas.base.types import JSON_TYPES, Codes, ReadWith, as_number, parse_day, unwrap

Reader = Callable[[Any], Any]
LenientModelT = TypeVar("LenientModelT", bound="LenientModel")

OURS = ("notice", "unreadable")
"""Fields of our own in answers; a field of Clientary's with such a name is renamed."""

# client_view_url is the secret in another form: it opens the document without logging in.
SECRETS = frozenset({"secret", "gateway_token", "client_view_url", "stripe_customer_id", "stripe_source_id"})

_JOINED = "[^\x00-\u05ff\u1e00-\u203b]"
"""Letters of scripts that are joined, and emoji: a joiner between two of them is seen."""
# Characters that are invisible in text: controls, direction marks, fillers, and everything else without width. They
# can hide instructions from the owner, or control a terminal.
_INVISIBLE = re.compile(
    f"(?<!{_JOINED})[\u200c\u200d]|[\u200c\u200d](?!{_JOINED})|"
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LARGEST_EXPONENT = 100
_EVERYDAY = 10**18
"""Whole numbers below it need no closer look."""
_SLASHED = re.compile(r"\d{4}/\d{2}/\d{2}")


class LenientModel(BaseModel):
    """Something Clientary sent. Every declared field may be missing; unknown ones are kept as extras."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    unreadable: dict[str, Any] | None = None
    """Values that are not of the documented type, as Clientary sent them."""

    @classmethod
    def renamed(cls) -> dict[str, str]:
        """Clientary's name of a field → ours, where they differ."""
        return {}

    @classmethod
    def our_name(cls, key: str) -> str:
        """Our name for a key of Clientary's: `billed?` is `billed`."""
        name = key.removesuffix("?")
        return cls.renamed().get(name, name)

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """The record in `sent`. Key by key: `billed?` is read as `billed`, secrets are left out."""
        empty, by_key = _blueprint(cls)
        record: Self = copy(empty)
        known, extra = record.__dict__, cast("dict[str, Any]", record.__pydantic_extra__)
        unreadable: dict[str, Any] = {}
        for key, value in sent.items():
            if value is None:
                continue
            if (field := by_key.get(key) or cls._field(key)) is None:
                continue
            name, reader = field
            try:
                if reader is None:
                    extra.setdefault(name, sanitized(value))
                elif (read := reader(value)) is not None:
                    known[name] = read
            except (ValueError, TypeError, InvalidOperation, OverflowError):
                unreadable[name] = sanitized(value)
        if unreadable:
            known["unreadable"] = unreadable
        return record

    @classmethod
    def _field(cls, key: str) -> tuple[str, Reader | None] | None:
        """Our name for a key of Clientary's and the reader of its value, if the field is known; None for a secret."""
        name = cls.our_name(strip_invisible(key))
        if name in OURS:
            name = f"clientary_{name}"
        if name in SECRETS:
            return None
        return name, _readers(cls).get(name)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON holds it: everything that was sent, less nulls and secrets."""
        values = {**self.__dict__, **(self.__pydantic_extra__ or {})}
        return {name: as_json(value) for name, value in values.items() if value is not None}


def strip_invisible(text: str) -> str:
    """`text` without invisible characters."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)


def as_json(value: Any) -> Any:
    """`value` as JSON holds it: decimals as numbers, days and times as text, nothing that is null."""
    match value:
        case str() | int():  # most values
            return value
        case Decimal():
            return as_number(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case LenientModel():
            return value.to_json()
        case dict():
            return {key: as_json(part) for key, part in value.items() if part is not None}
        case list() | tuple():
            return [as_json(part) for part in value]
        case _:
            return value


_DEEPEST = 20
"""Levels of a value of no known field that are kept."""


def sanitized(value: Any, depth: int = 0) -> Any:
    """The value of an unknown field, without secrets at any depth or invisible characters, and with ISO dates."""
    if depth > _DEEPEST and isinstance(value, dict | list):
        return "… [nested too deeply]"
    match value:
        case dict():
            parts = {strip_invisible(key): part for key, part in value.items()}
            return {
                key: sanitized(part, depth + 1) for key, part in parts.items() if key.removesuffix("?") not in SECRETS
            }
        case list():
            return [sanitized(part, depth + 1) for part in value]
        case str() if _SLASHED.fullmatch(value):
            return value.replace("/", "-")
        case str():
            return strip_invisible(value)
        case _:
            return value


def read_int(sent: Any) -> int | None:
    """A whole number, sent as one or as text."""
    if type(sent) is int and abs(sent) < _EVERYDAY:
        return sent
    number = read_number(sent)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def read_number(sent: Any) -> Decimal | None:
    """A finite number, sent as one or as text; empty text is none."""
    if isinstance(sent, bool):
        raise TypeError("not a number")
    if isinstance(sent, str) and not sent.strip():
        return None
    text = str(sent).strip()
    if "_" in text or not text.isascii():  # Decimal takes both
        raise ValueError("not a plain number")
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("not a number that JSON can hold")
    return number


def _text(sent: Any) -> str:
    if isinstance(sent, bool):
        return str(sent).lower()
    if isinstance(sent, str):
        return strip_invisible(sent)
    if isinstance(sent, int | float | Decimal):
        return str(sent)
    raise TypeError("not text")


def _read_as(special: ReadWith) -> Reader:
    return lambda sent: special.reader(_text(sent))


def _bool(sent: Any) -> bool | None:
    text = str(sent).strip().lower()
    if text == "":
        return None
    if text not in ("true", "false", "1", "0"):
        raise ValueError("neither true nor false")
    return text in ("true", "1")


def read_day(sent: Any) -> date | None:
    """A day, in any form that Clientary uses; empty text is none."""
    if not isinstance(sent, str):
        raise TypeError("not a day")
    return parse_day(sent) if sent.strip() else None


def _stamp(sent: Any) -> datetime | None:
    if not isinstance(sent, str):
        raise TypeError("not a time")
    if not sent.strip():
        return None
    try:
        return datetime.fromisoformat(sent)
    except ValueError:
        return datetime.strptime(sent, "%Y/%m/%d %H:%M:%S %z")  # what version 1 of the API sent


def _object(sent: Any) -> dict[str, Any] | None:
    if sent == "":  # sent for a client without extra fields, in one known response
        return None
    if not isinstance(sent, dict):
        raise TypeError("not an object")
    return dict(sanitized(sent))


def _list_of(reader: Reader) -> Reader:
    def read(sent: Any) -> list[Any]:
        if not isinstance(sent, list):
            raise TypeError("not a list")
        return [read for part in sent if (read := reader(part)) is not None]

    return read


def _part(kind: type[LenientModel]) -> Reader:
    def read(sent: Any) -> LenientModel | None:
        if not isinstance(sent, dict):
            raise TypeError("not an object")
        return kind.read(sent) if sent else None

    return read


_READERS: dict[Any, Reader] = {
    int: read_int,
    str: _text,
    bool: _bool,
    Decimal: read_number,
    date: read_day,
    datetime: _stamp,
    dict: _object,
}


def _kind(annotation: Any) -> tuple[Reader, dict[str, Any]]:
    """What a field of that type is read with, and its schema in answers."""
    bare, about = unwrap(annotation)
    if special := next((part for part in about if isinstance(part, ReadWith)), None):
        return _read_as(special), dict(JSON_TYPES[bare])
    if get_origin(bare) is Literal:
        codes = next((part for part in about if isinstance(part, Codes)), None)
        return (codes.word if codes else _text), {"type": "string"}
    if get_origin(bare) is list:
        reader, schema = _kind(get_args(bare)[0])
        return _list_of(reader), {"type": "array", "items": schema}
    if isinstance(bare, type) and issubclass(bare, LenientModel):
        return _part(bare), output_schema(bare)
    kind = get_origin(bare) or bare
    return _READERS[kind], dict(JSON_TYPES[kind])


@cache
def _fields(kind: type[LenientModel]) -> dict[str, tuple[Reader, dict[str, Any]]]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: _kind(hints[name]) for name in kind.model_fields if name != "unreadable"}


@cache
def _readers(kind: type[LenientModel]) -> dict[str, Reader]:
    return {name: reader for name, (reader, _) in _fields(kind).items()}


@cache
def _blueprint(kind: type[LenientModelT]) -> tuple[LenientModelT, dict[str, tuple[str, Reader]]]:
    """An empty record to copy, which takes a tenth of a constructor's time; and each field by the keys it may have."""
    sent_as = {ours: sent for sent, ours in kind.renamed().items()}
    plain = {name: reader for name, reader in _readers(kind).items() if name not in SECRETS and name not in OURS}
    by_key = {sent_as.get(name, name): (name, reader) for name, reader in plain.items()}
    return kind.model_construct(**dict.fromkeys(kind.model_fields)), by_key


@cache
def output_schema(kind: type[LenientModel]) -> dict[str, Any]:
    """JSON Schema of a record in an answer: types alone, nothing required but an id, anything more allowed."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema for name, (_, schema) in _fields(kind).items()},
    }
    if "id" in kind.model_fields and kind.model_fields["id"].is_required():
        schema["required"] = ["id"]
    return schema
