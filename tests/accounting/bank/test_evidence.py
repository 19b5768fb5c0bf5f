"""The numbers and the names that the words of a bank line hold."""

import pytest

from clientary_mcp.accounting.bank.evidence import Names, Numbers, has_digits_of
from tool_schemas.invoices import Invoice

NUMBERS = ("INV-2026-001", "1042", "7", "2026", "INV-2026-0017", "A-5001", "B-5001")
INVOICES = [Invoice.read({"id": number, "number": text}) for number, text in enumerate(NUMBERS, 1)]
NAMES = {
    1: "Acme Ltd",
    2: "Acme Holding GmbH",
    3: "Müller & Söhne KG",
    4: "Twin",
    5: "twin inc.",
    6: "Oy",
    None: "no client",
}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Invoice INV-2026-001 thanks", {1}),
        ("inv2026-001 / RE1042", {1, 2}),
        ("RE 1042, 1042.50 EUR on 10.04.2026", {2}),
        ("10420 or 104-2", set()),
        ("1.042,00 EUR", set()),
        ("no. 7 and 7 more", {3}),
        ("7 more", set()),
        ("INV-2026-0017", {5}),
        ("A-5001", {6}),
        ("5001", set()),
        ("invoice 2026-001", set()),
        ("DE89 3704 1042 0532 0130 00", set()),
        ("", set()),
    ],
)
def test_numbers_are_found_however_they_are_spaced(text: str, named: set[int]) -> None:
    assert Numbers(INVOICES).named_in(text) - {4} == named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ACME LIMITED", {1}),
        ("Acme Holding", {2}),
        ("MUELLER UND SOEHNE", {3}),
        ("Muller & Sohne KG, Graz", {3}),
        ("TWIN GMBH", {4, 5}),
        ("Acmeville", set()),
        ("Oy Vey", set()),
    ],
)
def test_names_are_found_with_or_without_their_legal_form(text: str, named: set[int]) -> None:
    assert Names(NAMES).named_in(text) == named


def test_transposed_digits_are_seen() -> None:
    assert has_digits_of("INV-1042", "for INV-1024")
    assert not has_digits_of("INV-1042", "for INV-1042 of 1043")
    assert not has_digits_of(None, "1042")
