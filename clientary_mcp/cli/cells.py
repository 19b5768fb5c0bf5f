"""Texts and numbers as they stand in a terminal: on one line, as wide as they are there, cut where they must be."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import decimals_of
from tool_schemas.base.parsing import strip_invisible
from tool_schemas.base.results import as_text

Number = int | float | Decimal

_MOST_DECIMALS = 6


def decimals(value: Number | None, currency_code: str | None = None) -> int:
    """How many decimals a value needs: as many as amounts in its currency have, and no fewer than it has itself."""
    own = -min(0, int(Decimal(str(value or 0)).normalize().as_tuple().exponent))
    return min(max(own, decimals_of(currency_code) if currency_code else 0), _MOST_DECIMALS)


def formatted(value: Number | None, places: int) -> str:
    """A number with so many decimals; nothing where there is none."""
    return "" if value is None else f"{Decimal(str(value)):,.{places}f}"


def one_line(value: Any) -> str:
    """Any value on one line, without what a terminal would obey."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() if not any(isinstance(each, dict | list) for each in value):
            return " ".join(map(one_line, value)) if _are_sentences(value) else ", ".join(map(one_line, value))
        case dict() | list():
            return one_line(as_text(value))
        case _:
            return " ".join(strip_invisible(str(value)).split())


def _are_sentences(values: Iterable[Any]) -> bool:
    return all(str(value).endswith(".") for value in values)


def display_width(text: str) -> int:
    """Columns of a terminal: letters of East Asia take two, vowel signs of Thai none."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # loaded here, since a server needs none

    return int(wcswidth(text))


def cut(text: str, width: int) -> str:
    """A text in at most that many columns, marked where it was cut."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) >= width:
        text = text[:-1]
    return f"{text}…" if width > 0 else ""
