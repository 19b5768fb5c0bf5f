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


CONTAINED = ("1", "10", "2026-10", "RE-2026-010", "1042", "20261012")
IN_EACH_OTHER = [Invoice.read({"id": number, "number": text}) for number, text in enumerate(CONTAINED, 1)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Rechnungen 1 und 10", {1, 2}),
        ("Invoices 1, 10", {1, 2}),
        ("invoice 1 of 10", {1}),
        ("Rechnung 1-10", {1, 2}),
        ("Rechnung 1 bis 10", {1, 2}),
        ("Rechnung 1-9", set()),
        ("Rechnung 10/2025", set()),
        ("Kunden-Nr. 10", set()),
        ("Customer no 1042", set()),
        ("Kundennummer 1042", set()),
        ("Rechnung Nr. 10", {2}),
        ("October 2026-10", set()),
        ("Rechnung 2026-10", {3}),
        ("booked 20261012", set()),
        ("RE 20261012", {6}),
        ("RE-2026-010", {4}),
    ],
)
def test_what_may_be_another_number_is_none(text: str, named: set[int]) -> None:
    assert Numbers(IN_EACH_OTHER).named_in(text) == named


@pytest.mark.parametrize(
    ("text", "similar"),
    [("RE-2026-10", {3, 4}), ("RE-2026-010", {4}), ("2026-10", set()), ("invoice 2026-10", {3}), ("Rechnung 9", set())],
)
def test_numbers_that_differ_in_leading_zeros_alone_are_similar(text: str, similar: set[int]) -> None:
    assert Numbers(IN_EACH_OTHER).similar_in(text) == similar


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
