"""The types of arguments and records: dates, codes, ids, addresses, numbers."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError, create_model

from tool_schemas.base.argument_forms import ArgumentModel
from tool_schemas.base.types import (
    MAX_ID,
    Codes,
    Currency,
    Day,
    Email,
    Emails,
    Filled,
    Id,
    Number,
    as_number,
    parse_day,
)

CODES = Codes(active=1, archived=2, every_2_weeks=7)


def taken(kind: Any, given_value: Any) -> Any:
    """What an argument of that type is read as."""
    read: Any = create_model("Read", __base__=ArgumentModel, value=(kind, ...)).model_validate({"value": given_value})
    return read.value


def refused(kind: Any, given_value: Any) -> bool:
    try:
        taken(kind, given_value)
    except ValidationError:
        return True
    return False


# Days


@given(st.dates())
def test_a_date_is_parsed_in_every_form_that_clientary_sends(day: date) -> None:
    forms = [day.isoformat(), day.strftime("%Y/%m/%d").zfill(10), f"{day.year:04}/{day.month}/{day.day}"]
    for form in [*forms, f" {day.isoformat()} ", f"{day.isoformat()}T10:00:00Z", f"{forms[1]} 10:00:00 -0700"]:
        assert parse_day(form) == day


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13-01", "2026-02-30", "20/11/2026", "0000-01-01", "today", "2026/1"]
)
def test_an_invalid_date_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_day(text)


@pytest.mark.parametrize(
    "given_value",
    ["2026-02-30", "2026-13-01", "2026-11-20T10:00:00", "20.11.2026", "tomorrow", "", 20261120, 1.5, True, [], {}],
)
def test_an_invalid_date_argument_is_rejected(given_value: Any) -> None:
    assert refused(Day, given_value)


@pytest.mark.parametrize("given_value", ["2026-11-20", "2026/11/20", " 2026-11-20 ", date(2026, 11, 20)])
def test_a_date_argument_is_sent_in_iso_format(given_value: Any) -> None:
    assert TypeAdapter(Day).dump_python(taken(Day, given_value), mode="json") == "2026-11-20"


# Codes


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        (1, "active"),
        ("2", "archived"),
        (" 2 ", "archived"),
        ("Archived", "archived"),
        ("Every 2 weeks", "every_2_weeks"),
        (Decimal(2), "archived"),
    ],
)
def test_a_code_becomes_its_word_in_every_form(sent: Any, word: str) -> None:
    assert CODES.word(sent) == word


@pytest.mark.parametrize(("sent", "shown"), [(9, "9"), ("9", "9"), (0, "0"), (-1, "-1"), ("Odd", "Odd"), ("", "")])
def test_an_unknown_code_is_unchanged(sent: Any, shown: str) -> None:
    assert CODES.word(sent) == shown


# Numbers

NOT_PLAIN = ["1_5", "1e3", "1E3", "\uff11\uff12", "\u0661", "0x10", "1,250", "1.250,00", "12 EUR", "1 250", "--1", "+"]


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 15))
@example(10**14 + 1, 2)
@example(999_999_999_999_999, 15)
@example(1, 0)
def test_a_decimal_of_15_digits_survives_json(digits: int, places: int) -> None:
    amount = Decimal(digits).scaleb(-places)
    assert json.loads(json.dumps(as_number(amount)), parse_float=Decimal) == amount
    assert TypeAdapter(Number).dump_python(taken(Number, f"{amount:f}"), mode="json") == as_number(amount)


@pytest.mark.parametrize(
    ("given_value", "meant"),
    [
        (0.1 + 0.2, "0.3"),
        (100 / 3, "33.3333333333333"),
        ("33.33333333333333333333", "33.3333333333333"),
        (29.999999999999996, "30"),
        (-2 / 3, "-0.666666666666667"),
        (1234567.8900000001, "1234567.89"),
        (5e-17, "0.00000000000000005"),
        ("2.50", "2.50"),
    ],
)
def test_a_number_is_rounded_to_15_digits(given_value: Any, meant: str) -> None:
    assert f"{taken(Number, given_value):f}" == meant


def test_a_whole_decimal_is_shown_without_a_point() -> None:
    assert json.dumps([as_number(Decimal("5.00")), as_number(Decimal("5.10"))]) == "[5, 5.1]"


@pytest.mark.parametrize("given_value", [5, 5.5, "5.5", " 5 ", "-3", 0, "+7.", ".5", 1e3, 0.1])
def test_a_number_is_accepted_as_number_or_text(given_value: Any) -> None:
    assert taken(Number, given_value) == Decimal(str(given_value).strip())


@pytest.mark.parametrize(
    "given_value",
    [
        True,
        "",
        "five",
        "1,5",
        [],
        {},
        float("nan"),
        float("inf"),
        "NaN",
        "-Infinity",
        "1e400",
        "1" * 16,
        10**20,
        *NOT_PLAIN,
    ],
)
def test_an_invalid_or_too_long_number_is_rejected(given_value: Any) -> None:
    assert refused(Number, given_value)


@pytest.mark.parametrize("given_value", [1, "7", " 7 ", 7.0, "7.0", MAX_ID])
def test_an_id_is_a_whole_number_above_0(given_value: Any) -> None:
    assert taken(Id, given_value) == int(float(given_value))


@pytest.mark.parametrize(
    "given_value", [0, -1, MAX_ID + 1, 10**400, 1.5, "1.5", True, "seven", "", None, [], {}, "7; x", *NOT_PLAIN]
)
def test_an_invalid_id_is_rejected(given_value: Any) -> None:
    assert refused(Id, given_value)


# Texts


@pytest.mark.parametrize(
    "given_value",
    ["a@b.co, Ann <c@d.co>", ["a@b.co; c@d.co", "A@B.co"], '["a@b.co", "mailto:c@d.co"]', ["a@b.co", "c@d.co", ""]],
)
def test_addresses_are_read_each_by_itself_and_each_once(given_value: Any) -> None:
    assert taken(Emails, given_value) == ["a@b.co", "c@d.co"]


@pytest.mark.parametrize(
    "given_value", ["a@b.co, Ann", ["a@b.co", "Ann"], [7], [{"email": 7}], {"to": "a@b.co"}, "null"]
)
def test_addresses_of_which_one_cannot_be_read_are_rejected(given_value: Any) -> None:
    assert refused(Emails, given_value)


@pytest.mark.parametrize(
    ("given_value", "address"),
    [
        ("a@b.co", "a@b.co"),
        (" a.b+c@mail.example.com ", "a.b+c@mail.example.com"),
        ("ü@bücher.example", "ü@bücher.example"),
        ("Ann <a@b.co>", "a@b.co"),
        ("mailto:a@b.co?subject=Hi", "a@b.co"),
    ],
)
def test_an_email_address_is_accepted_as_people_paste_it(given_value: str, address: str) -> None:
    assert taken(Email, given_value) == address


@pytest.mark.parametrize(
    "given_value",
    [
        "",
        "a",
        "a@b",
        "@b.co",
        "a@",
        "a@b.",
        "a b@c.co",
        "a@b.co,c@d.co",
        "a@b@c.co",
        "a@b.co\nBcc: x@y.co",
    ],
)
def test_anything_but_a_single_email_address_is_rejected(given_value: str) -> None:
    assert refused(Email, given_value)


@pytest.mark.parametrize(("given_value", "code"), [("USD", "USD"), ("eur", "EUR"), (" gbp ", "GBP")])
def test_a_currency_is_three_letters(given_value: str, code: str) -> None:
    assert taken(Currency, given_value) == code
    assert refused(Currency, f"{given_value}x")


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_blank_text_is_rejected_where_clientary_rejects_it(blank: str) -> None:
    assert refused(Filled, blank)
    assert taken(Filled, f"{blank}x") == f"{blank}x"
