"""Currencies by ISO 4217: how their codes are written, and the smallest unit of each."""

from functools import cache


def read_code(text: str) -> str | None:
    """A code without blanks and in upper case, so that `eur` is EUR; None if it is empty."""
    return "".join(text.split()).upper() or None


def minor_units(code: str | None) -> int | None:
    """How many decimals amounts in a currency have: 2 for EUR, 0 for JPY, 3 for KWD; None for an unknown code."""
    return _minor_units().get(code or "")


@cache
def _minor_units() -> dict[str, int]:
    from iso4217 import Currency  # imported when it is first needed: it reads a table, which takes as long as a request

    return {each.code: each.exponent for each in Currency if each.exponent is not None}
