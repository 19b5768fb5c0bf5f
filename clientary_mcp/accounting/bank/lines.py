"""Bank lines, read from rows as banks export them: day, amount with its sign, currency, and what the payer wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.bank.columns import facts_of
from clientary_mcp.accounting.bank.numbers import Reading, decide, direction, read_amount, read_day
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.money import is_finer
from tool_schemas.base.currencies import minor_units, read_code
from tool_schemas.base.text import normalized

_SHOWN = 60
_NOT_COME = {
    "pending", "pdng", "processing", "declined", "denied", "rejected", "refused", "failed", "reverted", "reversed",
    "cancelled", "canceled", "expired", "vorgemerkt", "ausstehend", "abgelehnt", "storniert", "fehlgeschlagen",
    "en attente", "refuse", "annule", "pendiente", "rechazado", "rechazada", "cancelado", "cancelada", "in sospeso",
    "rifiutato", "annullato", "oczekujaca", "odrzucona",
}  # fmt: skip
"""What banks call a line whose money has not come, or went back."""


@dataclass(frozen=True)
class BankLine:
    """One line. Its amount is above zero for money that came in."""

    row: int
    """Counted from 1."""
    day: date
    amount: Decimal
    currency_code: str | None = None
    payer: str = ""
    text: str = ""
    """What the payer wrote, with the reference."""

    @property
    def words(self) -> str:
        """All that was written about it."""
        return " ".join(filter(None, (self.payer, self.text)))

    def in_currency(self, code: str) -> "BankLine":
        """The same line in a currency that it does not state."""
        return replace(self, currency_code=code)


def read_lines(rows: Sequence[Mapping[str, Any]], today: Today) -> list[BankLine | str]:
    """The lines in order, with what is wrong in place of one that cannot be read for certain."""
    facts = [facts_of(row) for row in rows]
    amounts = [_amount_cells(each) for each in facts]
    days = [_past(read_day(each.get("date", "")), today) for each in facts]
    as_amount = decide(reading for cells in amounts for _, reading in cells)
    as_day = decide(days)
    return [
        _line(number, each, [(sign, as_amount(reading), reading) for sign, reading in cells], as_day(day))
        for number, (each, cells, day) in enumerate(zip(facts, amounts, days, strict=True), 1)
    ]


def _past(day: Reading[date], today: Today) -> Reading[date]:
    """Without what lies in the future: money that came did not come then."""
    one, other = (None if today.is_future(each) else each for each in (day.one, day.other))
    return Reading(one, other)


def _amount_cells(facts: Mapping[str, Any]) -> list[tuple[int, Reading[Decimal]]]:
    """The cells that an amount is read from, each with its sign: one, or one for each direction."""
    code = _code(facts)
    if "amount" in facts:
        return [(direction(facts.get("sign", "")), read_amount(facts["amount"], code))]
    return [
        (sign, read_amount(facts[name], code)) for name, sign in (("money_in", 1), ("money_out", -1)) if name in facts
    ]


def _code(facts: Mapping[str, Any]) -> str | None:
    return read_code(str(facts["currency_code"])) if "currency_code" in facts else None


def _line(
    row: int, facts: Mapping[str, Any], cells: list[tuple[int, Decimal | None, Reading[Decimal]]], day: date | None
) -> BankLine | str:
    if normalized(state := str(facts.get("state", ""))) in _NOT_COME:
        return f"state: {state!r} means that the money has not come"
    if day is None:
        return _unread("date", facts.get("date"), "write it as YYYY-MM-DD, not after today")
    if not cells or any(amount is None for _, amount, _ in cells):
        cell = next((facts[name] for name in ("amount", "money_in", "money_out") if name in facts), None)
        return _unread("amount", cell, "write it like 1234.50")
    code = _code(facts) or next((reading.currency_code for *_, reading in cells if reading.currency_code), None)
    if code is not None and minor_units(code) is None:
        return _unread("currency_code", code, "write its ISO 4217 code, like EUR")
    amount = sum((abs(value) * sign if sign else value for sign, value, _ in cells if value is not None), Decimal(0))
    if is_finer(amount, code):
        return f"amount: {amount} is no amount of money in {code}"
    texts = dict.fromkeys(str(facts[name]) for name in ("text", "reference") if name in facts)
    return BankLine(row, day, amount, code, str(facts.get("payer", "")), " ".join(texts))


def _unread(field: str, cell: Any, valid: str) -> str:
    if cell is None:
        return f"{field}: is missing"
    return f"{field}: {str(cell)[:_SHOWN]!r} is not clear; {valid}"
