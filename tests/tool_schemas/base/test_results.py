"""Answers: compact, bounded in size whatever the records contain, and explicit about every truncation."""

import json
from decimal import Decimal
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # brings no types
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tool_schemas.base.results import MAX_ANSWER, Outcome, Page, answer_schema, as_text, bounded, show_record
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice

QUOTES = '"' * 30_000
"""Text that doubles when it is written as JSON."""


def client(number: int, length: int, letter: str = "x") -> Client:
    return Client.read({"id": number, "name": f"Client {number}", "description": letter * length})


def clients(count: int, lengths: list[int]) -> list[Client]:
    """This many clients with descriptions of these lengths, in turn."""
    return [client(number, lengths[number % len(lengths)]) for number in range(1, count + 1)]


def fits(shown: dict[str, Any], kind: Any) -> dict[str, Any]:
    assert len(as_text(shown)) <= MAX_ANSWER
    jsonschema.validate(shown, answer_schema(kind))
    return shown


# Pages


@given(
    count=st.integers(0, 200),
    lengths=st.lists(st.integers(0, 3_000), min_size=1, max_size=5),
    offset=st.integers(0, 900),
    more=st.booleans(),
)
@example(count=40, lengths=[1_954], offset=0, more=False)
@example(count=60, lengths=[1_938], offset=50, more=True)
def test_as_many_records_as_fit_are_returned_with_next_offset(
    count: int, lengths: list[int], offset: int, more: bool
) -> None:
    records = clients(count, lengths)
    shown = fits(Page(records, offset, more, 999, complete=not more).to_json("full"), Page[Client])
    fitting = shown["returned"]
    assert [row["id"] for row in shown["records"]] == [each.id for each in records[:fitting]]
    assert fitting >= min(count, 1)
    assert shown.get("next_offset") == (offset + fitting if more or fitting < count else None)
    assert shown["complete"] is ("next_offset" not in shown)
    assert (shown.get("notice") == "Truncated: continue with next_offset, or add filters.") is (fitting < count)


@pytest.mark.parametrize("length", [1, 1_990, 2_000, 5_000])
def test_records_at_the_size_limit_stay_within_bounds(length: int) -> None:
    for count in range(25, 36):
        fits(Page(clients(count, [length])).to_json("full"), Page[Client])


@pytest.mark.parametrize("place", [0, 1])
def test_a_record_too_large_for_an_answer_is_returned_as_its_summary(place: int) -> None:
    huge = Client.read({"id": 77, "name": "Huge", **{f"field_{number}": "x" * 2_000 for number in range(40)}})
    records = clients(2, [10])
    records.insert(place, huge)
    shown = fits(Page(records).to_json("full"), Page[Client])
    assert shown["records"][place] == huge.summarized()
    assert (shown["returned"], shown["complete"]) == (3, True)
    assert "shown as its summary" in shown["notice"]


def test_too_many_summaries_are_truncated_with_next_offset_too() -> None:
    rows = [Client.read({"id": 1, "name": QUOTES, "number": QUOTES, "city": QUOTES}) for _ in range(200)]
    shown = fits(Page(rows).to_json(), Page[Client])
    assert 0 < shown["returned"] < 200
    assert shown["next_offset"] == shown["returned"]
    assert not shown["complete"]


@given(st.integers(0, 30), st.sampled_from(["summary", "full"]))
def test_a_page_of_short_records_is_returned_whole(count: int, detail: Any) -> None:
    page = Page(clients(count, [10]))
    shown = fits(page.to_json(detail), Page[Client])
    assert shown["returned"] == count
    assert shown["complete"]
    assert "notice" not in shown
    assert all(("description" in row) is (detail == "full") for row in shown["records"])


def test_a_long_text_in_a_list_is_truncated_with_a_marker() -> None:
    (row,) = Page([client(1, 5_000)]).to_json("full")["records"]
    assert row["description"] == "x" * 2_000 + "… [5,000 characters]"


def test_absent_fields_are_omitted() -> None:
    assert Page[Client]([]).to_json() == {"records": [], "returned": 0, "complete": True}


# One record


def test_a_short_record_is_returned_unchanged() -> None:
    assert show_record(client(1, 40_000)) == client(1, 40_000).to_json()


@pytest.mark.parametrize("letter", ["x", '"', "\\", "é", "\U0001f600"])
def test_a_note_of_5_mb_is_truncated_with_a_marker_and_the_rest_stays(letter: str) -> None:
    shown = fits(show_record(client(1, 5_000_000, letter)), Client)
    assert shown["name"] == "Client 1"
    assert shown["description"].startswith(letter * 100)
    assert shown["description"].endswith("… [5,000,000 characters]")
    assert "cut at" in shown["notice"]


def test_a_thousand_lines_are_truncated_with_a_marker() -> None:
    lines = [{"id": number, "title": f"Line {number}", "price": 1, "note": "x" * 90} for number in range(1_000)]
    shown = fits(show_record(Invoice.read({"id": 7, "number": "1", "invoice_items": lines})), Invoice)
    assert len(as_text(shown)) <= MAX_ANSWER
    assert shown["items"][0] == {"item_id": 0, "title": "Line 0", "price": 1, "note": "x" * 90}
    assert shown["items"][-1] == {"cut": "… [1,000 entries]"}


@pytest.mark.parametrize(
    "sent",
    [
        {f"field_{number}": "x" * 50 for number in range(5_000)},
        {"extra": {"deep": {f"field_{number}": "x" for number in range(20_000)}}},
        {"extra": ["x" * 3_000] * 3_000},
        {"x" * 100_000: 1},
    ],
)
def test_a_record_of_any_shape_stays_within_bounds(sent: dict[str, Any]) -> None:
    shown = fits(show_record(Client.read({"id": 7, "name": "Acme", **sent})), Client)
    assert (shown["id"], shown["name"]) == (7, "Acme")
    assert shown["notice"]


def test_texts_within_the_bounds_are_unchanged() -> None:
    value = {"a": ["x" * 10, {"b": "y" * 10}], "c": 5, "d": None}
    assert bounded(value, 10, 2) == value


# Outcomes, and the text form


def test_an_outcome_matches_its_schema_and_omits_absent_fields() -> None:
    shown = fits(Outcome(done=True, message="Done.").to_json(), Outcome)
    assert shown == {"done": True, "message": "Done."}


def test_an_outcome_shows_money_as_numbers_and_stays_within_bounds() -> None:
    money = [{"currency_code": "USD", "total_cost": Decimal("1234.50"), "balance": Decimal(0)}]
    names = ["x" * 5_000] * 10
    goes = {name: {"count": 10, "first": names, "amounts": money} for name in ("projects", "invoices", "estimates")}
    shown = Outcome(done=False, message="m" * 5_000, record={"id": 7}, goes_with_it=goes).to_json()
    fits(shown, Outcome)
    assert shown["goes_with_it"]["invoices"]["amounts"] == [
        {"currency_code": "USD", "total_cost": 1234.5, "balance": 0}
    ]


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_the_text_of_an_answer_is_compact_json(value: Any) -> None:
    text = as_text(value)
    assert json.loads(text) == value
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
