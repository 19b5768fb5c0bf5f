"""Bank lines as banks export them: columns in several languages, signs, decimal marks, days and currencies."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.accounting.bank.columns import missing_facts, unknown_columns
from clientary_mcp.accounting.bank.lines import BankLine, read_lines
from clientary_mcp.accounting.days import Today
from tool_schemas.workflows.reconcile_payments import ReconcilePayments

TODAY = Today.on(date(2026, 11, 20))


def read(*rows: dict[str, Any]) -> list[BankLine | str]:
    return read_lines(rows, TODAY)


def line_of(**row: Any) -> BankLine:
    (line,) = read({"date": "2026-03-14", "amount": 1, **row})
    assert isinstance(line, BankLine), line
    return line


def amounts(*cells: Any, **more: Any) -> list[Decimal | None]:
    lines = read(*({"date": "2026-03-14", "amount": cell, **more} for cell in cells))
    return [line.amount if isinstance(line, BankLine) else None for line in lines]


def days(*cells: str) -> list[str | None]:
    lines = read(*({"date": cell, "amount": 1} for cell in cells))
    return [str(line.day) if isinstance(line, BankLine) else None for line in lines]


@pytest.mark.parametrize(
    "row",
    [
        {"date": "2026-03-14", "amount": 1234.5, "currency_code": "eur", "text": "INV-7", "payer": "Acme"},
        {"Date": "14 Mar 2026", "Description": "INV-7", "Paid in": "1,234.50", "Currency": "EUR", "Name": "Acme"},
        {
            "Buchungstag": "14.03.2026",
            "Verwendungszweck": "INV-7",
            "Beguenstigter/Zahlungspflichtiger": "Acme",
            "Betrag (EUR)": "1.234,50",
        },
        {
            "Datum": "20260314",
            "Naam / Omschrijving": "Acme",
            "Af Bij": "Bij",
            "Bedrag (EUR)": "1234,50",
            "Mededelingen": "INV-7",
        },
        {"Date opération": "14/03/26", "Libellé": "INV-7", "Crédit": "1 234,50 €", "Tiers": "Acme"},
        {"Fecha": "14/03/2026", "Concepto": "INV-7", "Importe": "1.234,50", "Divisa": "EUR", "Ordenante": "Acme"},
        {"Data": "14.3.2026", "Causale": "INV-7", "Accredito": "1'234.50", "Valuta": "EUR", "Ordinante": "Acme"},
        {"Data operacji": "2026-03-14", "Tytuł": "INV-7", "Kwota": "+1 234,50", "Waluta": "EUR", "Nadawca": "Acme"},
    ],
)
def test_the_columns_of_banks_are_understood(row: dict[str, Any]) -> None:
    assert read(row) == [BankLine(1, date(2026, 3, 14), Decimal("1234.50"), "EUR", "Acme", "INV-7")]
    assert unknown_columns(row) == []


def test_the_columns_that_the_tool_names_are_understood() -> None:
    about = ReconcilePayments.model_fields["rows"].description or ""
    named = about.rpartition(", as ")[2].rstrip(".").split(", ")
    assert len(named) > 20
    assert unknown_columns(dict.fromkeys(named, "1")) == []


def test_a_column_that_is_not_known_is_named_and_not_used() -> None:
    assert unknown_columns({"date": "2026-03-14", "amount": 1, "Saldo": "5.000,00", "IBAN": ""}) == ["Saldo"]


@pytest.mark.parametrize(
    "row",
    [
        {"amount": "-12.50"},
        {"amount": "12.50-"},
        {"amount": "(12.50)"},
        {"amount": "\u221212,50 \u20ac"},
        {"amount": "12.50 DR"},
        {"amount": "12,50 S"},
        {"amount": "12,50", "Soll/Haben": "S"},
        {"amount": -12.5, "Debit/Credit": "Debit"},
        {"amount": None, "Debit": "12.50"},
        {"amount": None, "Soll": "-12,50", "Haben": ""},
        {"amount": None, "Money out": "12.50", "Money in": "0.00"},
    ],
)
def test_money_that_went_out_is_below_zero(row: dict[str, Any]) -> None:
    assert line_of(**row).amount == Decimal("-12.5")


@pytest.mark.parametrize("amount", ["12.50 CR", "12,50 H", "+12.50", "EUR 12,50", 12.5])
def test_money_that_came_in_is_above_zero(amount: Any) -> None:
    assert line_of(amount=amount).amount == Decimal("12.5")


def test_a_comma_is_decimal_only_if_every_row_allows_it() -> None:
    assert amounts("12,50", "1.234,50") == [Decimal("12.5"), Decimal("1234.5")]
    assert amounts("12,50", "1,234.50") == [None, Decimal("1234.5")]
    assert amounts("1,234", "99.50") == [Decimal(1234), Decimal("99.5")]
    assert amounts("1,234") == [Decimal(1234)]  # no euros and no dollars have three decimals
    assert amounts("1,234", currency_code="KWD") == [None]  # dinars have
    assert amounts("1,234", "1,2", currency_code="KWD") == [Decimal("1.234"), Decimal("1.2")]


@pytest.mark.parametrize("cell", ["", "n/a", "12.34.56", "1e3", "12,5,0", True, float("nan"), "12 EUR 345", "12a345"])
def test_an_amount_that_is_not_clear_is_not_read(cell: Any) -> None:
    assert amounts(cell) == [None]
    assert amounts(cell, "1.00") == [None, Decimal(1)]


def test_an_order_of_day_and_month_holds_for_all_rows_or_for_none() -> None:
    assert days("03/04/2026", "14/03/2026") == ["2026-04-03", "2026-03-14"]
    assert days("03/04/2026", "03/14/2026") == ["2026-03-04", "2026-03-14"]
    assert days("03/04/2026", "03/03/2026") == [None, "2026-03-03"]
    assert days("03.04.2026") == ["2026-04-03"]  # with points, the day is always first
    assert days("03/11/2026", "12/11/2026") == ["2026-11-03", "2026-11-12"]  # December is still to come


@pytest.mark.parametrize("cell", ["2026-11-21", "2026-02-30", "soon", "", "31/31/2026"])
def test_a_day_that_cannot_be_is_not_read(cell: str) -> None:
    assert days(cell) == [None]


def test_a_day_may_have_words_and_a_time() -> None:
    written = ("12. März 2026", "Mar 12, 2026", "12 mars 2026", "2026-03-12T10:00:00Z", "2026/3/12", "12-03-26 10:00")
    assert days(*written) == ["2026-03-12"] * len(written)


@pytest.mark.parametrize("state", ["PENDING", "Declined", "REVERTED", "Vorgemerkt", "Annulé"])
def test_money_that_has_not_come_is_not_read(state: str) -> None:
    (line,) = read({"date": "2026-03-14", "amount": 1, "State": state})
    assert line == f"state: {state!r} means that the money has not come"
    assert line_of(State="COMPLETED").amount == 1


@pytest.mark.parametrize(
    "heading", ["Betrag (\u20ac)", "Amount (EUR)", "Montant euros", "Importe en EUR", "Credit in EUR"]
)
def test_a_currency_in_a_heading_is_that_of_its_amount(heading: str) -> None:
    assert read({"date": "2026-03-14", heading: "1.00"}) == [BankLine(1, date(2026, 3, 14), Decimal(1), "EUR")]


def test_what_no_row_has_a_column_for_is_told_with_the_names_that_are_understood() -> None:
    assert missing_facts([{"Tag": "2026-03-14"}, {"Soll": "5"}]).keys() == {"date"}
    named = missing_facts([{"Tag": "2026-03-14", "Wieviel": 5}])
    assert named["date"][0] == "date"
    assert {"amount", "paid in", "soll"} <= {*named["amount"]}


def test_what_is_wrong_with_a_row_is_said() -> None:
    missing, unknown, fine = read(
        {"amount": 1},
        {"date": "2026-03-14", "amount": 1, "currency": "XXQ"},
        {"date": "2026-03-14", "amount": 0.5, "currency": "JPY"},
    )
    assert missing == "date: is missing"
    assert "currency_code: 'XXQ' is not clear" in str(unknown)
    assert "no amount of money in JPY" in str(fine)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=5))
def test_every_way_to_write_amounts_is_read_back(cents: list[int]) -> None:
    values = [Decimal(each) / 100 for each in cents]
    for point, group in ((".", ","), (",", "."), (",", " "), (".", "'"), (".", "")):
        written = [f"{value:,.2f}".translate({ord(","): group, ord("."): point}) for value in values]
        assert amounts(*written) == values
