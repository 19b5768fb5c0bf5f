"""Parsing of records: every form that Clientary uses, without losing data, showing secrets or failing."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # brings no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.long import covering
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import SECRETS, output_schema
from tool_schemas.base.results import as_text, show_record
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import Payment
from tool_schemas.projects import Project
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.staff import Staff
from tool_schemas.tasks import Task

KINDS: tuple[type[Record], ...] = (
    Client, Contact, Lead, Project, HourEntry, Task, Expense, Invoice, Estimate, Payment, PaymentProfile,
    RecurringSchedule, Staff,
)  # fmt: skip


def wire_names(kind: type[Record]) -> list[str]:
    """Every key that a record of this kind may have, and some that are special in Python."""
    renamed = {ours: theirs for theirs, ours in kind.renamed().items()}
    names = [renamed.get(name, name) for name in kind.model_fields]
    odd = ["cls", "self", "_fields_set", "__dict__", "__class__", "model_config", "shown", "read", "", "?", "id?"]
    return [*names, *(f"{name}?" for name in names), *odd, *SECRETS]


json_numbers = (
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
    | st.sampled_from([Decimal("1e5000"), Decimal("-1e-5000"), 10**30, -1])
)
json_texts = st.text(max_size=12) | st.sampled_from(
    ["", " ", "1.50", "2026/11/20", "2026-11-20", "2026-99-99", "true", "NaN", "1e5000", "²", "\ud83d", "[]", "{}"]
)
scalars = st.none() | st.booleans() | json_numbers | json_texts
rows = st.dictionaries(
    st.sampled_from(["id", "title", "price", "quantity", "taxable?", "amount", "name", "secret"]), scalars, max_size=4
)
values = st.recursive(
    scalars | rows | st.lists(rows, max_size=2),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(json_texts, parts, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_object_with_an_id_is_parsed_and_matches_the_published_schema(
    kind: type[Record], data: st.DataObject
) -> None:
    sent = data.draw(st.dictionaries(st.sampled_from(wire_names(kind)) | json_texts, values, max_size=8))
    record = kind.read({**sent, "id": 7})
    published = jsonschema.Draft202012Validator(output_schema(kind))
    for shown in (record.to_json(), show_record(record), record.summarized()):
        text = as_text(shown)
        text.encode()
        published.validate(json.loads(text, parse_constant=pytest.fail))


# Unreadable values are kept unchanged


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (Client, "status", {"code": 1}),
        (Client, "status", [1]),
        (Client, "created_at", 1_700_000_000),
        (Client, "created_at", "yesterday"),
        (Client, "amount_outstanding", "lots"),
        (Client, "amount_outstanding", "NaN"),
        (Client, "amount_outstanding", True),
        *((Invoice, "balance", text) for text in ("1,250.00", "1.250,00", "12 EUR", "1_5", "\uff11\uff12")),
        (Client, "name", ["Acme"]),
        (Client, "contact_viewable", "perhaps"),
        (Invoice, "date", 20_261_120),
        (Invoice, "date", "2026-02-30"),
        (Invoice, "due_date", {"year": 2026}),
        (Invoice, "due_date", True),
        (Invoice, "client_id", "seven"),
        (Invoice, "client_id", 1.5),
        (Invoice, "payments", [{"amount": 5}]),
        (Invoice, "payments", {"1": {}}),
        (Project, "client", 7),
        (Project, "client", [7]),
    ],
)
def test_a_value_of_another_type_is_kept_unchanged(kind: type[Record], key: str, value: Any) -> None:
    shown = kind.read({"id": 7, key: value, "other": "kept"}).to_json()
    assert shown == {"id": 7, "other": "kept", "unreadable": {key: value}}


@pytest.mark.parametrize("name", ["client", "notice", "unreadable", "cls", "self", "_fields_set", "model_config"])
def test_an_unknown_field_is_kept_whatever_its_name(name: str) -> None:
    shown = Client.read({"id": 7, "name": "Acme", name: "theirs"}).to_json()
    assert shown["name"] == "Acme"
    assert "theirs" in shown.values()
    assert shown.get("notice") is None
    assert "unreadable" not in shown


@pytest.mark.parametrize("row", [{}, None, 7, "line", []])
def test_invalid_lines_break_nothing(row: Any) -> None:
    shown = Invoice.read({"id": 7, "number": "1", "invoice_items": [{"id": 1, "title": "Work"}, row]}).to_json()
    jsonschema.validate(shown, output_schema(Invoice))
    assert shown["number"] == "1"
    assert "Work" in as_text(shown)


NO_IDS: list[dict[str, Any]] = [{}, {"id": None}, {"id": ""}, {"id": "x"}, {"id": 1.5}, {"id": True}, {"id": []}]


@pytest.mark.parametrize(("kind", "sent"), covering(product(KINDS, NO_IDS)))
def test_an_object_without_an_id_is_not_a_record(kind: type[Record], sent: Any) -> None:
    with pytest.raises(ValueError, match="without an id"):
        kind.read(sent)


# The forms that Clientary uses


@pytest.mark.parametrize("sent", ["2026/03/01", "2026-03-01", "2026-03-01T00:00:00Z", "2026/3/1"])
def test_dates_are_parsed_with_slashes_or_hyphens(sent: str) -> None:
    invoice = Invoice.read({"id": 7, "due_date": sent})
    assert invoice.due_date == date(2026, 3, 1)
    assert invoice.to_json()["due_date"] == "2026-03-01"


@pytest.mark.parametrize(
    ("sent", "stamp", "shown"),
    [
        ("2012-11-08T21:20:47Z", datetime(2012, 11, 8, 21, 20, 47, tzinfo=UTC), "2012-11-08T21:20:47Z"),
        (
            "2013-02-06T21:23:21-08:00",
            datetime(2013, 2, 6, 21, 23, 21, tzinfo=timezone(timedelta(hours=-8))),
            "2013-02-06T21:23:21-08:00",
        ),
        ("2013-12-09T20:28:18.000Z", datetime(2013, 12, 9, 20, 28, 18, tzinfo=UTC), "2013-12-09T20:28:18Z"),
        (
            "2011/06/29 23:01:08 -0700",
            datetime(2011, 6, 29, 23, 1, 8, tzinfo=timezone(timedelta(hours=-7))),
            "2011-06-29T23:01:08-07:00",
        ),
    ],
)
def test_timestamps_are_parsed_in_the_forms_of_both_api_versions(sent: str, stamp: datetime, shown: str) -> None:
    client = Client.read({"id": 7, "created_at": sent})
    assert client.created_at == stamp
    assert client.to_json()["created_at"] == shown


@pytest.mark.parametrize(
    ("sent", "shown"), [("49.99", 49.99), (49.99, 49.99), ("50.00", 50), (" 7 ", 7), ("-0.5", -0.5)]
)
def test_money_is_parsed_from_number_or_text(sent: Any, shown: float) -> None:
    assert Invoice.read({"id": 7, "balance": sent}).to_json()["balance"] == shown


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 6), st.booleans())
def test_money_keeps_its_exact_value(digits: int, places: int, as_number: bool) -> None:
    amount = Decimal(digits).scaleb(-places)
    record = Invoice.read(json.loads(f'{{"id": 7, "balance": {amount:f}}}', parse_float=Decimal))
    if not as_number:
        record = Invoice.read({"id": 7, "balance": f"{amount:f}"})
    assert json.loads(as_text(record.to_json()), parse_float=Decimal)["balance"] == amount


@pytest.mark.parametrize(
    ("sent", "billed"),
    [(True, True), (False, False), ("true", True), ("False", False), (1, True), (0, False), ("1", True)],
)
@pytest.mark.parametrize("key", ["billed", "billed?"])
def test_booleans_are_parsed_with_or_without_a_question_mark(key: str, sent: Any, billed: bool) -> None:
    entry = HourEntry.read({"id": 7, key: sent})
    assert entry.billed is billed
    assert entry.to_json() == {"id": 7, "billed": billed}


@pytest.mark.parametrize("key", ["taxable", "taxable?"])
@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (Invoice, "invoice_items"),
        (Estimate, "estimate_items"),
        (RecurringSchedule, "recurring_schedule_items"),
    ],
)
def test_lines_are_items_with_an_item_id(kind: type[Record], lines: str, key: str) -> None:
    sent = {"id": 7, lines: [{"id": 3, key: True, "price": "49.99", "quantity": 2, "item_type": 3, "odd": "kept"}]}
    line = {"item_id": 3, "taxable": True, "price": 49.99, "quantity": 2, "item_type": "line", "odd": "kept"}
    assert kind.read(sent).to_json() == {"id": 7, "items": [line]}


@pytest.mark.parametrize(("sent", "word"), [(1, "active"), ("2", "archived"), ("Archived", "archived"), (9, "9")])
def test_codes_become_words_and_unknown_codes_are_unchanged(sent: Any, word: str) -> None:
    assert Client.read({"id": 7, "status": sent}).to_json()["status"] == word


@pytest.mark.parametrize("kind", KINDS)
def test_nulls_are_omitted_at_any_depth(kind: type[Record]) -> None:
    sent = {**dict.fromkeys(wire_names(kind)), "id": 7, "extra": {"deep": None, "kept": [1]}}
    assert kind.read(sent).to_json() == {"id": 7, "extra": {"kept": [1]}}


@pytest.mark.parametrize("empty", ["", " "])
def test_empty_text_for_a_date_number_or_choice_is_omitted(empty: str) -> None:
    shown = Invoice.read(
        {"id": 7, "due_date": empty, "balance": empty, "client_id": empty, "updated_at": empty}
    ).to_json()
    assert shown == {"id": 7}


@given(st.dictionaries(st.from_regex(r"x_[a-z_]{1,9}", fullmatch=True), scalars, max_size=5))
def test_unknown_fields_are_shown_in_full_detail(extra: dict[str, Any]) -> None:
    shown = Client.read({"id": 7, "extra": extra, **extra}).to_json()
    given_a_value = {key for key, value in extra.items() if value is not None}
    assert set(shown) == {"id", "extra", *given_a_value}
    assert set(shown["extra"]) == given_a_value


def test_a_project_has_its_client_whether_sent_as_an_object_or_an_id() -> None:
    whole = Project.read({"id": 7, "client": {"id": 3, "name": "Acme", "secret": "x"}}).to_json()
    assert (whole["client_id"], whole["client_name"]) == (3, "Acme")
    assert "secret" not in whole["client"]
    assert Project.read({"id": 7, "client_id": 3}).to_json() == {"id": 7, "client_id": 3}


# Secrets


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_secret_is_shown_at_any_depth(kind: type[Record], data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(sorted(SECRETS)))
    hidden: Any = {secret: "hush-hush", "kept": 1}
    for wrap in data.draw(st.lists(st.sampled_from(["list", "dict"]), max_size=4)):
        hidden = [hidden] if wrap == "list" else {"inner": hidden}
    key = data.draw(st.sampled_from([name for name in wire_names(kind) if name.removesuffix("?") != "id"]))
    record = kind.read({"id": 7, key: hidden, secret: "hush-hush"})
    assert "hush-hush" not in as_text(record.to_json())
    assert "hush-hush" not in repr(record)
