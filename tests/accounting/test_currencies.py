"""Amounts are rounded to the smallest unit of their currency."""

from decimal import Decimal

import pytest

from clientary_mcp.accounting.money import is_zero, rounded, smallest_unit
from clientary_mcp.tools.support.formatting import format_money
from tool_schemas.base.currencies import minor_units, read_code
from tool_schemas.invoices import Invoice


@pytest.mark.parametrize(
    ("code", "unit", "amount", "shown"),
    [
        ("EUR", "0.01", "1234.565", "1,234.57 EUR"),
        ("JPY", "1", "1234.5", "1,235 JPY"),
        ("KWD", "0.001", "-1234.5675", "-1,234.568 KWD"),
        ("CLF", "0.0001", "1.00005", "1.0001 CLF"),
        ("EURO", "0.01", "1.005", "1.01 in an unknown currency"),
        (None, "0.01", "1", "1.00 in an unknown currency"),
    ],
)
def test_amounts_round_and_show_by_their_currency(code: str | None, unit: str, amount: str, shown: str) -> None:
    assert smallest_unit(code) == Decimal(unit)
    assert format_money(Decimal(amount), code) == shown
    assert rounded(rounded(Decimal(amount), code), code) == rounded(Decimal(amount), code)


@pytest.mark.parametrize(("code", "half"), [("EUR", "0.005"), ("JPY", "0.5"), ("BHD", "0.0005")])
def test_less_than_half_of_the_smallest_unit_is_zero(code: str, half: str) -> None:
    assert not is_zero(Decimal(half), code)
    assert not is_zero(-Decimal(half), code)
    assert is_zero(Decimal(half) * Decimal("0.999"), code)


@pytest.mark.parametrize(("text", "code"), [(" eur ", "EUR"), ("k w d", "KWD"), ("", None), ("Euro", "EURO")])
def test_codes_are_read_without_case_and_blanks(text: str, code: str | None) -> None:
    assert read_code(text) == code
    assert Invoice.read({"id": 1, "currency_code": text}).currency_code == code


def test_what_is_no_money_has_no_smallest_unit() -> None:
    assert [minor_units(code) for code in ("XAU", "XXX", "EURO", "", None)] == [None] * 5
