"""Arguments that a host filled in because it must: empty text, an id of 0 and an empty list count as not given."""

from typing import Any, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.tool_schemas.base.test_json_schema import LIKE, arguments_of, example_of
from tool_schemas.base.models import Arguments, Confirmed, PartialUpdate
from tool_schemas.base.types import unwrap
from tool_schemas.base.validation import models_in
from tool_schemas.contacts import UpdateContact
from tool_schemas.invoices import CreateInvoice, UpdateInvoice
from tool_schemas.workflows.convert_lead import ConvertLead
from tool_schemas.workflows.import_contacts import ImportContacts, NewContact

ONE_OF: dict[str, dict[str, Any]] = {
    "client_overview": {"client_id": 7},
    "send_payment_reminders": {"min_days_overdue": 5},
    "bill_project_hours": {"project_id": 7},
    "bulk_update": {"ids": [7]},
}
"""An argument that a tool needs although its schema cannot say that it is required."""

INVOICE = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "USD"}

every_tool = pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)


def least_of(tool: Tool) -> dict[str, Any]:
    """The fewest arguments that a tool takes."""
    schema = tool.published.input_schema
    given = {name: example_of(schema["properties"][name]) for name in schema.get("required", [])}
    given |= {name: value for name, value in LIKE.items() if name in given} | ONE_OF.get(tool.name, {})
    if issubclass(tool.arguments, PartialUpdate):
        given["clear"] = schema["properties"]["clear"]["items"]["enum"][:1]
    return given


def not_given_in(tool: Tool) -> dict[str, list[Any]]:
    """Per optional argument, the values that mean "not given"."""
    values: dict[str, list[Any]] = {}
    for name, field in arguments_of(tool).items():
        if not field.is_required() and name not in least_of(tool):
            bare, _ = unwrap(field.annotation)
            an_id = bare is int and name.endswith("_id")
            a_list = get_origin(bare) is list
            values[name] = [None, "", *([0] if an_id else []), *([[], "[]"] if a_list else [])]
    return values


@every_tool
def test_an_empty_optional_argument_counts_as_not_given(tool: Tool) -> None:
    least = least_of(tool)
    plain = tool.arguments.model_validate(least)
    for name, values in not_given_in(tool).items():
        for value in values:
            assert tool.arguments.model_validate({**least, name: value}) == plain, (name, value)


@every_tool
def test_all_optional_arguments_may_be_empty_at_once(tool: Tool) -> None:
    """Hosts that make every argument required send calls like this."""
    least = least_of(tool)
    empty = {name: values[-1] for name, values in not_given_in(tool).items()}
    assert tool.arguments.model_validate({**least, **empty}) == tool.arguments.model_validate(least)


@every_tool
def test_a_required_argument_of_empty_text_is_missing(tool: Tool) -> None:
    least = least_of(tool)
    for name in tool.published.input_schema.get("required", []):
        with pytest.raises(ValidationError) as caught:
            tool.arguments.model_validate({**least, name: ""})
        assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [((name,), "missing")]


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        (CreateInvoice, {**INVOICE, "tax": 0}, {"tax": 0}),
        (UpdateInvoice, {"invoice_id": 7, "compound_tax": False}, {"compound_tax": False}),
        (UpdateContact, {"contact_id": 7, "title": " "}, {"title": " "}),
        (UpdateContact, {"contact_id": 7, "title": "0"}, {"title": "0"}),
    ],
)
def test_other_numbers_words_and_booleans_count_as_given(
    kind: type[Arguments], given: dict[str, Any], read: dict[str, Any]
) -> None:
    assert read.items() <= kind.model_validate(given).body().items()


def test_an_id_that_is_false_is_refused() -> None:
    with pytest.raises(ValidationError, match="takes a number, not true or false"):
        CreateInvoice.model_validate({**INVOICE, "client_id": False})


def test_empty_fields_of_lines_rows_and_tasks_count_as_not_given() -> None:
    line = {"item_id": 0, "remove": None, "title": "Work", "quantity": 1, "price": 0, "item_type": ""}
    changes = UpdateInvoice.model_validate({"invoice_id": 7, "items": [line]})
    assert changes.body()["invoice_items_attributes"] == [{"title": "Work", "quantity": 1, "price": 0}]
    row = {"client_id": 0, "client": "Acme", "name": "Ann", "email": "ann@example.com", "title": "", "phone": ""}
    (read,) = ImportContacts.model_validate({"rows": [row]}).read()
    assert read == NewContact.model_validate({"client": "Acme", "name": "Ann", "email": "ann@example.com"})
    (task,) = ConvertLead.model_validate({"lead_id": 7, "tasks": [{"title": "Call", "due_date": ""}]}).tasks or []
    assert task.body() == {"title": "Call"}


def models_of(arguments: type[BaseModel]) -> set[type[BaseModel]]:
    """The arguments of a tool and every object inside them."""
    inner = {model for field in arguments.model_fields.values() for model in models_in(field.annotation)}
    return {arguments}.union(*(models_of(model) for model in inner))


def test_unknown_names_are_refused_at_every_depth() -> None:
    models = {NewContact}.union(*(models_of(tool.arguments) for tool in ALL))
    for model in models:
        with pytest.raises(ValidationError) as caught:
            model.model_validate({"no_such_thing": 1})
        assert ("no_such_thing",) in [error["loc"] for error in caught.value.errors() if "extra" in error["type"]]


GATED = [tool for tool in ALL if issubclass(tool.arguments, Confirmed)]


@pytest.mark.parametrize("tool", GATED, ids=lambda tool: tool.name)
def test_only_true_confirms(tool: Tool) -> None:
    least = least_of(tool)
    for yes in (True, "true", "True", "TRUE"):
        args = tool.arguments.model_validate(acting(tool, least) | {"confirm": yes})
        assert isinstance(args, Confirmed)
        assert args.confirm
    for other in ("1", 1, "yes", "on", "y", 1.0, "truthy", " true"):
        with pytest.raises(ValidationError, match="confirm"):
            tool.arguments.model_validate(least | {"confirm": other})


def acting(tool: Tool, given: dict[str, Any]) -> dict[str, Any]:
    """A call that has to be confirmed; without these, two tools only read."""
    return given | {"api_request": {"method": "PUT"}, "undo": {"action_id": "1"}}.get(tool.name, {})
