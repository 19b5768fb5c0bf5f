"""Answers as tables: they fit the terminal, numbers stand one below the other, and nothing is obeyed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from clientary_mcp.cli.answers import printed, remarks
from clientary_mcp.cli.cells import cut
from clientary_mcp.cli.text_tables import facts, table

OWED = [
    {"client_id": 7, "client": "Acme", "currency_code": "EUR", "overdue": 1234.5, "days": 12},
    {"client_id": 8, "client": "山田商店", "currency_code": "JPY", "overdue": 500000, "days": 3},
    {"client_id": 9, "client": "Bücher", "currency_code": "KWD", "overdue": 2, "days": 1200},
]


def test_amounts_have_the_decimals_of_their_currency_and_stand_at_the_right() -> None:
    assert table(OWED, 80).splitlines() == [
        "client  client    currency   overdue   days",
        "id                code",
        "───────────────────────────────────────────",
        "7       Acme      EUR       1,234.50     12",
        "8       山田商店  JPY        500,000      3",
        "9       Bücher    KWD          2.000  1,200",
    ]


def test_without_a_currency_a_column_has_the_decimals_of_its_finest_number() -> None:
    assert table([{"hours": 7.25}, {"hours": 10}], 80).splitlines()[2:] == [" 7.25", "10.00"]


def test_columns_without_room_are_named_and_names_come_before_ids() -> None:
    shown = table(OWED, 34).splitlines()
    assert shown[0].split() == ["client", "currency", "overdue"]
    assert "No room for: client id, days. --format json" in " ".join(shown)


def test_why_stands_below_where_there_is_no_room_for_it() -> None:
    reasons = ("it is paid", None, "it is paid")
    rows = [{"client": "Acme", "number": "x" * 20, "why": why} for why in reasons]
    assert table(rows, 30).splitlines()[-1] == "why, rows 1, 3: it is paid"
    assert "why, rows 7, 9: it is paid" in table([{**row, "row": 7 + n} for n, row in enumerate(rows)], 32)
    assert "why," not in table(rows, 60)


def test_a_long_text_is_cut_and_a_number_never() -> None:
    row = {"note": "x" * 200, "amount": 123456789012.25}
    *_, line = table([row], 50).splitlines()
    assert line.endswith("123,456,789,012.25")
    assert "x…" in line


@given(st.text("a山ส\u0e31 ", max_size=12), st.integers(0, 12))
def test_a_text_is_cut_to_any_width_even_to_none(text: str, width: int) -> None:
    short = cut(text, width)
    assert wcswidth(short) <= width
    assert text.startswith(short.removesuffix("…"))


def test_parts_of_a_row_are_columns() -> None:
    assert table([{"drafts": {"count": 2, "total": 1.5}}], 80).splitlines()[-1].split() == ["2", "1.5"]


@pytest.mark.parametrize(
    "text", ["\x1b]0;owned\x07red", "\x1b[2Jred", "r\u202eed", "r\u200bed", "red\x9b31m", "[bold]red"]
)
def test_a_terminal_obeys_nothing_that_a_record_holds(text: str) -> None:
    for shown in (table([{"name": text, text: 1}], 80), facts({"name": text, text: 1}, 80, None)):
        assert all(letter.isprintable() for letter in shown.replace("\n", ""))
        assert "ed" in shown


VALUES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=90) | st.floats(-1e9, 1e9)
NAMES = st.sampled_from(["id", "client_id", "client", "status", "total_cost", "currency_code", "days_overdue"])


@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1), min_size=1, max_size=5), st.integers(40, 160))
def test_a_table_is_no_wider_than_the_terminal(rows: list[dict[str, Any]], width: int) -> None:
    assert all(wcswidth(line) <= width for line in table(rows, width).splitlines())


def test_an_answer_is_told_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    answer = {
        "as_of": "2026-01-31",
        "rows": [],
        "row_count": 0,
        "totals": [{"currency_code": "EUR", "overdue": 1.5}],
        "left_out": ["20 drafts.", "13 cancelled invoices."],
    }
    assert printed(answer, "table") == (
        "as of  2026-01-31\n\nnone\n\nrow count  0\n\n"
        "Totals\ncurrency  overdue\ncode\n─────────────────\nEUR          1.50\n\n"
        "left out  20 drafts. 13 cancelled invoices.\n"
    )


def test_of_a_record_single_values_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    record = {"id": 10_001, "items": [{"price": 90}], "payments": [], "total_cost": 1234.5, "currency_code": "USD"}
    assert printed(record, "table") == (
        "id             10001\ntotal cost     1,234.50\ncurrency code  USD\n\nItems\nprice\n─────\n   90\n"
    )


def test_csv_holds_the_rows_and_the_rest_stands_beside_them() -> None:
    page = {"records": [{"id": 1, "name": "=cmd"}, {"id": 2, "tags": ["a"]}], "next_offset": 2, "notice": "Note."}
    assert printed(page, "csv").splitlines() == ["id,name,tags", "1,'=cmd,", '2,,"[""a""]"']
    assert list(remarks(page)) == ["This is not the whole list: it goes on at offset=2.", "Note."]


def test_an_empty_list_has_no_rows_as_csv() -> None:
    assert printed({"records": [], "returned": 0, "complete": True}, "csv").strip() == ""
