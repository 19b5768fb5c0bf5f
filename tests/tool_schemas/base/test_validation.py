"""Errors for wrong arguments: every mistake in our own words, with the valid values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.support.long import covering
from tests.support.published import kind_of
from tool_schemas.base.validation import describe_errors, nearest
from tool_schemas.clients import ListClients, UpdateClient
from tool_schemas.hours import CreateProjectHours
from tool_schemas.invoices import CreateInvoice, SendInvoiceMessage, UpdateInvoice
from tool_schemas.payment_profiles import CreatePaymentProfile

FOREIGN = ("pydantic", "Input should", "validation error", "ctx", "type=", "{", "Field required", "Extra inputs")
INVOICE = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "USD"}


def error_for(arguments: type[BaseModel], given_value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        arguments.model_validate(given_value)
    return describe_errors(caught.value, arguments)


@pytest.mark.parametrize(
    ("arguments", "given_value", "reply"),
    [
        (ListClients, {"limit": "many"}, "limit takes a whole number, not 'many'"),
        (ListClients, {"limit": 1.5}, "limit takes a whole number, not 1.5"),
        (ListClients, {"limit": []}, "limit takes a whole number, not a list"),
        (ListClients, {"limit": True}, "limit takes a number, not true or false"),
        (ListClients, {"limit": 0}, "limit must be at least 1, not 0"),
        (ListClients, {"limit": 1001}, "limit must be at most 1000, not 1001"),
        (ListClients, {"detail": "all"}, "detail takes one of 'summary' or 'full', not 'all'"),
        (ListClients, {"updated_since": "soon"}, "takes a day that exists, written YYYY-MM-DD, not 'soon'"),
        (UpdateClient, {"name": "Acme"}, "client_id is required"),
        (UpdateClient, {"client_id": 0, "name": "A"}, "takes the id of a record: a whole number above 0, not 0"),
        (UpdateClient, {"client_id": 7, "name": " "}, "name takes text that is not blank"),
        (UpdateClient, {"client_id": 7, "name": {}}, "name takes text, not an object"),
        (UpdateClient, {"client_id": 7, "city": "x" * 50_001}, "city takes at most 50000 characters"),
        (UpdateClient, {"client_id": 7}, "the call names nothing to change; give at least one of number, address"),
        (CreateProjectHours, {"project_id": 7, "title": "x", "hours": -1}, "hours must be above 0, not -1"),
        (CreateProjectHours, {"project_id": 7, "title": "x", "hours": "1,5"}, "hours takes a number, not '1,5'"),
        (CreateProjectHours, {"project_id": 7, "title": "x", "hours": float("nan")}, "hours takes a number, not nan"),
        (CreateInvoice, {**INVOICE, "currency_code": "US$"}, "currency_code takes the ISO 4217 code of a currency"),
        (CreateInvoice, {**INVOICE, "tax": 101}, "tax must be at most 100, not 101"),
        (CreateInvoice, {**INVOICE, "tax": 10**15}, "tax takes a number of at most 15 digits before the point, not 1"),
        (CreateInvoice, {**INVOICE, "date": {}}, "date takes a day that exists, written YYYY-MM-DD, not an object"),
        (CreateInvoice, {**INVOICE, "items": "two"}, "items takes a list, not 'two'"),
        (CreateInvoice, {**INVOICE, "items": ["two"]}, "items.0 takes an object, not 'two'"),
        (CreateInvoice, {**INVOICE, "items": [{"title": "x"}]}, "items.0.quantity is required"),
        (
            UpdateInvoice,
            {"invoice_id": 7, "items": [{"title": "x"}]},
            "items.0 needs title, quantity and price for a new",
        ),
        (UpdateInvoice, {"invoice_id": 7, "items": [{"remove": True}]}, "items.0 needs item_id to say which line"),
        (SendInvoiceMessage, {"invoice_id": 7, "recipients": []}, "recipients takes a list that is not empty"),
        (SendInvoiceMessage, {"invoice_id": 7, "recipients": ["x"]}, "recipients.0 takes one e-mail address, like"),
        (
            SendInvoiceMessage,
            {"invoice_id": 7, "recipients": [f"a{n}@b.co" for n in range(51)]},
            "recipients takes at most 50 entries, not 51",
        ),
    ],
)
def test_a_mistake_is_reported_with_the_valid_values(arguments: type[BaseModel], given_value: Any, reply: str) -> None:
    message = error_for(arguments, given_value)
    assert reply in message
    assert not [word for word in FOREIGN if word in message]


@pytest.mark.parametrize("digits", ["12", "12345", "12a4", "\uff11\uff12\uff13\uff14"])
def test_the_last_digits_of_a_card_are_requested_in_words(digits: str) -> None:
    card = {"client_id": 7, "stripe_customer_id": "c", "stripe_source_id": "s", "name": "n"}
    message = error_for(CreatePaymentProfile, {**card, "expiration_date": "2030-01-01", "last_four_digits": digits})
    assert "last_four_digits takes" in message
    assert "pattern" not in message
    assert "^[0-9]" not in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [("limits", "limit"), ("detials", "detail"), ("update_since", "updated_since"), ("page", "offset")],
)
def test_an_unknown_argument_is_reported_with_the_nearest_and_all_valid_names(name: str, meant: str) -> None:
    message = error_for(ListClients, {name: 1})
    assert message.startswith(f"there is no argument {name!r}. Did you mean {meant}?")
    assert (
        "Valid: query, from_date, to_date, period, status, order, updated_since, sort, limit, offset, detail" in message
    )


def test_an_unknown_line_key_is_reported_with_the_valid_keys() -> None:
    line = {"title": "x", "quantity": 1, "price": 1, "taxible": True}
    message = error_for(CreateInvoice, {**INVOICE, "items": [line]})
    assert "no argument 'items.0.taxible'. Did you mean taxable" in message
    assert "Valid: title, quantity, price, taxable, item_type" in message


def test_many_mistakes_are_reported_within_bounds() -> None:
    message = error_for(ListClients, {f"unknown_{number}" * 50: number for number in range(500)})
    assert message.endswith("and 492 more mistakes")
    assert len(message) < 4_000


def test_given_values_are_quoted_within_bounds() -> None:
    assert len(error_for(ListClients, {"limit": "x" * 40_000})) < 200


@pytest.mark.parametrize("tool", covering(ALL, lambda tool: (kind_of(tool.name),)), ids=lambda tool: tool.name)
@given(given_value=st.dictionaries(st.sampled_from(["id", "x"]), st.integers(), max_size=2), data=st.data())
def test_any_arguments_are_accepted_or_rejected_in_our_own_words(
    tool: Tool, given_value: dict[str, Any], data: st.DataObject
) -> None:
    names = st.sampled_from([*tool.arguments.model_fields, "y"])
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
    given_value |= data.draw(st.dictionaries(names, values, max_size=6))
    try:
        tool.arguments.model_validate(given_value).body()
    except ValidationError as error:
        message = describe_errors(error, tool.arguments)
        assert message
        assert not [word for word in ("Input should", "pydantic", "Extra inputs", "Value error") if word in message]


@pytest.mark.parametrize("name", ["", "x", "zzzzzzzzzzzz", "x" * 10_000])
def test_a_name_with_no_near_match_gets_no_suggestion(name: str) -> None:
    assert nearest(name, ["limit", "offset"]) == ""
