"""Amounts and days as banks write them; what can be read in two ways is decided by all rows together, or by none."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar
from unicodedata import normalize

from clientary_mcp.accounting.money import is_finer
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.text import normalized

ValueT = TypeVar("ValueT", Decimal, date)

_GROUPS = "['\u2019 ]"
_WITH_COMMA = re.compile(rf"(\d{{1,3}}(?:(?:\.|{_GROUPS})\d{{3}})+|\d+)(?:,(\d{{1,3}}))?", re.ASCII)
_WITH_POINT = re.compile(rf"(\d{{1,3}}(?:(?:,|{_GROUPS})\d{{3}})+|\d+)(?:\.(\d{{1,3}}))?", re.ASCII)
CURRENCY_SIGNS = {"\u20ac": "EUR", "\xa3": "GBP", "\u20b9": "INR", "\u20aa": "ILS", "z\u0142": "PLN"}
"""The signs that stand for one currency alone: a dollar is that of many countries."""
_LETTERS = re.compile(r"[^\W\d_]+\.?|[$\u00a2-\u00a5\u20a0-\u20cf]")
_LETTERS_INSIDE = re.compile(r"\d[^\d]*[^\W\d_].*\d")
_OUT, _IN = ("dr", "s", "d", "af"), ("cr", "h", "c", "bij")

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?|(\d{4})(\d\d)(\d\d)", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)(?:[ ,].*)?", re.ASCII)
_WORDED = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)? ([a-z]{3,}) |([a-z]{3,}) (\d{1,2})(?:st|nd|rd|th)? )(\d{4}|\d\d)")
_MONTHS = (
    "jan gen ene", "feb fev", "mar mrz maa", "apr avr abr", "may mai mag maj mei", "jun juin giu", "jul juil lug",
    "aug aou ago", "sep set", "oct okt ott out", "nov", "dec dez dic des",
)  # fmt: skip
_CENTURY = 2000


class Reading(NamedTuple, Generic[ValueT]):
    """What one cell may mean, read the one way and the other; None where it cannot be read so."""

    one: ValueT | None
    other: ValueT | None
    currency_code: str | None = None


def decide(readings: Iterable[Reading[ValueT]]) -> Callable[[Reading[ValueT]], ValueT | None]:
    """How cells are to be read: the one way if every row allows it, else the other; None for what stays open.

    Where every row allows both ways, only those that mean the same either way are read.
    """
    found = [each for each in readings if each.one is not None or each.other is not None]
    one, other = all(each.one is not None for each in found), all(each.other is not None for each in found)
    if one and other:
        return lambda reading: reading.one if reading.one == reading.other else None
    if one:
        return lambda reading: reading.one
    return lambda reading: reading.other


def read_amount(cell: Any, currency_code: str | None) -> Reading[Decimal]:
    """An amount with a decimal comma, or with a decimal point."""
    if isinstance(cell, bool):
        return Reading(None, None)
    if isinstance(cell, int | float | Decimal):
        number = Decimal(str(cell))
        return Reading(number, number) if number.is_finite() else Reading(None, None)
    text = normalize("NFKC", str(cell)).strip().replace("\u2212", "-").replace("\u2013", "-")
    if _LETTERS_INSIDE.search(text):
        return Reading(None, None)
    letters = [word.rstrip(".") for word in _LETTERS.findall(text)]
    sign, code, rest = 1, None, _LETTERS.sub(" ", text)
    for word in letters:
        if word.casefold() in _OUT:
            sign = -1
        elif word.casefold() not in _IN:
            code = (
                code
                or CURRENCY_SIGNS.get(word.casefold())
                or (word.upper() if minor_units(word.upper()) is not None else None)
            )
    rest = " ".join(rest.split())
    if rest.startswith("(") and rest.endswith(")"):
        sign, rest = -1, rest[1:-1]
    if rest[:1] in ("-", "+"):
        sign, rest = sign * (-1 if rest[0] == "-" else 1), rest[1:]
    elif rest[-1:] in ("-", "+"):
        sign, rest = sign * (-1 if rest[-1] == "-" else 1), rest[:-1]
    rest = rest.strip()
    values = [_number(form, rest, sign, code or currency_code) for form in (_WITH_COMMA, _WITH_POINT)]
    return Reading(values[0], values[1], code)


def _number(form: re.Pattern[str], text: str, sign: int, currency_code: str | None) -> Decimal | None:
    found = form.fullmatch(text)
    if found is None:
        return None
    whole, decimals = re.sub(r"[^0-9]", "", found[1]), found[2]
    number = sign * Decimal(f"{whole}.{decimals}" if decimals else whole)
    # Without a currency, three decimals are taken for thousands, as in most currencies.
    return None if is_finer(number, currency_code or "EUR") else number


def read_day(cell: Any) -> Reading[date]:
    """A day with the day first, or with the month first."""
    text = str(cell).strip()
    if found := _ISO.fullmatch(text):
        both = _day(*(int(part) for part in found.groups() if part))
        return Reading(both, both)
    if found := _NUMERIC.fullmatch(text):
        first, mark, second, written = found.groups()
        year = _year(written)
        day_first = _day(year, int(second), int(first))
        return Reading(day_first, day_first if mark == "." else _day(year, int(first), int(second)))
    if found := _WORDED.fullmatch(normalized(text)):
        before, word, other_word, after, written = found.groups()
        named = next((n for n, names in enumerate(_MONTHS, 1) if _is_month(word or other_word, names)), 0)
        both = _day(_year(written), named, int(before or after))
        return Reading(both, both)
    return Reading(None, None)


def _year(written: str) -> int:
    return int(written) + (_CENTURY if len(written) == len("26") else 0)


def _is_month(word: str, names: str) -> bool:
    return any(word.startswith(name) for name in names.split())


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return datetime(year, month, day).date()  # noqa: DTZ001 - a day has no time zone
    except ValueError:
        return None


def direction(cell: Any) -> int:
    """-1 for money going out, 1 for money coming in, 0 where a cell does not say."""
    word = normalized(str(cell))
    if word in _OUT or word.startswith(("deb", "soll", "out", "dbit", "dare", "uit")) or str(cell).strip() == "-":
        return -1
    if word in _IN or word.startswith(("cred", "haben", "in", "crdt", "avere")) or str(cell).strip() == "+":
        return 1
    return 0
