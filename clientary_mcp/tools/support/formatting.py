"""Names, quotations, counts and amounts in sentences."""

import re
from collections.abc import Sequence
from decimal import Decimal

from clientary_mcp.accounting.money import rounded
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.models import Record

_QUOTED = 60
_FEW = 3


def name_of(record: Record) -> str:
    """What people call a record: its name, number or title, else its id."""
    return _own_name(record) or str(record.id)


def label(record: Record) -> str:
    """A record in a sentence: `“1042”`, or `id 12` for one without a name."""
    name = _own_name(record)
    return quote(name) if name else f"id {record.id}"


def _own_name(record: Record) -> str | None:
    names = (getattr(record, field, None) for field in ("name", "number", "title", "description"))
    return next((str(name) for name in names if name), None)


def plural_name(kind: type[Record]) -> str:
    """`invoices`: what several records of a kind are called."""
    return "recurring schedules" if kind.plural == "recurring" else kind.plural.replace("_", " ")


def singular_name(plural: str) -> str:
    """`invoice`: what a record of that list is called."""
    return _SINGULARS.get(plural) or plural.removesuffix("s").replace("_", " ")


_SINGULARS = {"hours": "hour entry", "recurring": "recurring schedule"}


def format_money(amount: Decimal | None, currency_code: str | None) -> str:
    """`1,250.50 USD`, `1,250 JPY`; `an unknown amount` for None."""
    if amount is None:
        return "an unknown amount"
    known = minor_units(currency_code) is not None
    return f"{rounded(amount, currency_code):,f} {currency_code if known else 'in an unknown currency'}"


def few(texts: Sequence[str]) -> str:
    """The first of several texts, and how many more there are: `a, b, c and 4 more`."""
    more = f" and {len(texts) - _FEW} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more


def capital(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def quote(text: str) -> str:
    """A record's text inside a sentence: one line, shortened, in quotation marks that it cannot close."""
    flat = " ".join(re.sub('[“”"]', "", text).split())
    return f"“{flat if len(flat) <= _QUOTED else flat[: _QUOTED - 1] + '…'}”"
