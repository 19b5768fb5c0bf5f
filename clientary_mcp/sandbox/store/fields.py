"""What a field is: how its value is stored, and how it is read from and written to the wire.

Money, hours and quantities are stored as whole hundredths, percentages as whole thousandths, dates as ISO
text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Literal

from clientary_mcp.sandbox.controls.switches import Switches

Kind = Literal[
    "text",
    "integer",
    "money",
    "quantity",
    "percent",
    "flag",
    "date",
    "slash_date",
    "timestamp",
    "pacific",
    "json",
]
Shown = Literal["always", "extra", "never"]
Orphan = Literal["CASCADE", "SET NULL"]

TODAY = object()
"""Default of dates that are the day of the write unless given."""

LARGEST = {"money": 10**8, "quantity": 10**6, "percent": 10**3, "integer": 10**13}
"""Numbers must be smaller than these, so that no total outgrows its column."""
PACIFIC = timezone(timedelta(hours=-8))


class InvalidError(Exception):
    """The value cannot be stored; the argument says why, in the words that validations use."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a resource, and its key on the wire."""

    name: str
    kind: Kind = "text"
    required: bool = False
    unique: bool = False
    writable: bool = True
    """Whether requests may set it."""
    shown: Shown = "always"
    """`extra`: a key of live replies that the documented samples lack."""
    null: bool = False
    """Empty text is null even where the account prefers ""."""
    default: Any = None
    among: frozenset[int] = frozenset()
    refers: str = ""
    """The table whose id this is."""
    orphan: Orphan = "SET NULL"
    """What happens to this record when the one it refers to is deleted."""


def is_blank(value: Any) -> bool:
    """Whether a value counts as missing for a required field."""
    return value is None or (isinstance(value, str) and not value.strip())


def hundredths(number: Decimal) -> int:
    """A decimal number as whole hundredths, rounded half up."""
    return int((number * 100).quantize(Decimal(1), ROUND_HALF_UP))


def stored(field: Field, value: Any) -> Any:
    """The value of a request in the form the table keeps; raises InvalidError."""
    if is_blank(value):
        return "" if field.kind == "text" and not field.null else None
    return _PARSERS[field.kind](value)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidError("is invalid")
    text = str(value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidError("is invalid")  # half a surrogate pair: no text that could be stored
    return text


def _number(value: Any, kind: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidError("is not a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidError("is not a number") from None
    if not number.is_finite():
        raise InvalidError("is not a number")
    if abs(number) >= LARGEST[kind]:
        raise InvalidError("is too large")
    return number


def _money(value: Any) -> int:
    return hundredths(_number(value, "money"))


def _quantity(value: Any) -> int:
    return hundredths(_number(value, "quantity"))


def _percent(value: Any) -> int:
    return int((_number(value, "percent") * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def _integer(value: Any) -> int:
    number = _number(value, "integer")
    if number != int(number):
        raise InvalidError("must be an integer")
    return int(number)


def flag(value: Any) -> bool:
    """A yes or no in any of the forms that Rails takes."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"1", "true", "t", "yes", "on"}:
        return True
    if word in {"0", "false", "f", "no", "off"}:
        return False
    raise InvalidError("is not included in the list")


def iso_date(value: Any) -> str:
    """A date as YYYY-MM-DD, from that form, from YYYY/MM/DD, or from a timestamp that starts so."""
    try:
        return date.fromisoformat(str(value).strip()[:10].replace("/", "-")).isoformat()
    except ValueError:
        raise InvalidError("is not a valid date") from None


def instant(value: str) -> str:
    """A date or ISO timestamp as the UTC text that created_at and updated_at are stored in."""
    try:
        moment = datetime.fromisoformat(value.strip().replace("/", "-").replace("Z", "+00:00"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise InvalidError("is not a valid date") from None


def _json(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str)
    return json.dumps(_text(value))


_PARSERS: Mapping[Kind, Any] = {
    "text": _text,
    "integer": _integer,
    "money": _money,
    "quantity": _quantity,
    "percent": _percent,
    "flag": flag,
    "date": iso_date,
    "slash_date": iso_date,
    "timestamp": instant,
    "pacific": instant,
    "json": _json,
}


def plain_number(units: int, scale: int = 100) -> int | float:
    """Stored units as a JSON number, whole ones without a fraction."""
    return units // scale if units % scale == 0 else units / scale


def money(cents: int, switches: Switches) -> int | float | str:
    """An amount as this account writes it."""
    return f"{Decimal(cents) / 100:.2f}" if switches.money_as_text else plain_number(cents)


def wire_date(text: str, switches: Switches) -> str:
    """A date of a field whose sample shows slashes."""
    return text.replace("-", "/") if switches.dates == "slash" else text


def shown(field: Field, value: Any, switches: Switches) -> Any:
    """A stored value in the form the wire has."""
    if field.kind == "text":
        return value or (None if field.null or (switches.nulls and not field.required) else "")
    if value is None:
        return None
    match field.kind:
        case "money":
            return money(value, switches)
        case "quantity":
            return plain_number(value)
        case "percent":
            return plain_number(value, 1000)
        case "flag":
            return bool(value)
        case "slash_date":
            return wire_date(value, switches)
        case "pacific":
            return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(PACIFIC).isoformat()
        case "json":
            return json.loads(value)
        case _:
            return value
