"""Every argument of every tool takes the forms in which hosts and tables write its type, and no others."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from operator import getitem
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import respx
from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools import ALL
from tests.conftest import SETTINGS
from tests.support.agent import Agent, agent_of
from tests.support.gated import EVERYTHING
from tool_schemas.base.argument_forms import AS_GIVEN, ArgumentModel
from tool_schemas.base.models import StrictModel
from tool_schemas.base.types import unwrap
from tool_schemas.base.validation import models_in
from tool_schemas.workflows.import_contacts import NewContact

pytestmark = pytest.mark.anyio


def fields_of(model: type[BaseModel], place: str) -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a model, and of the models inside it."""
    for name, field in model.model_fields.items():
        yield f"{place}.{name}", field
        for part in models_in(field.annotation):
            yield from fields_of(part, f"{place}.{name}")


FIELDS = {place: field for tool in ALL for place, field in fields_of(tool.arguments, tool.name)}
FIELDS |= dict(fields_of(NewContact, "row of import_contacts"))


def of_type(*kinds: Any) -> list[Any]:
    """One field of each name that has such a type."""
    found = {
        place.rpartition(".")[2]: place
        for place, field in FIELDS.items()
        if AS_GIVEN not in field.metadata and (get_origin(kind := unwrap(field.annotation)[0]) or kind) in kinds
    }
    return [pytest.param(FIELDS[place], id=place) for place in found.values()]


def read(field: FieldInfo, value: Any) -> Any:
    """What a tool reads as that argument."""
    kind: Any = getitem(Annotated, (field.annotation, "as in the tool", *field.metadata))
    model: Any = create_model("Read", __base__=StrictModel, value=(kind, ...))
    return model.model_validate({"value": value}).value


def refused(field: FieldInfo, value: Any) -> bool:
    try:
        read(field, value)
    except ValidationError:
        return True
    return False


def sample(kind: Any) -> Any:
    """A valid value of a type of entry."""
    bare, about = unwrap(kind)
    if get_origin(bare) is Literal:
        return get_args(bare)[0]
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        one = {"title": "A", "quantity": 1, "price": 2} if "price" in bare.model_fields else {}
        return one or {
            name: sample(field.annotation) for name, field in bare.model_fields.items() if field.is_required()
        }
    if get_origin(bare) is list:
        return [sample(get_args(bare)[0])]
    if bare is str:
        return "ann@x.example" if about else "A"
    return {int: 7, Decimal: 2}.get(bare, {"name": "A"})


@pytest.mark.parametrize("field", of_type(list))
def test_a_list_is_taken_in_every_form_that_hosts_send(field: FieldInfo) -> None:
    (entry,) = get_args(unwrap(field.annotation)[0])
    one = sample(entry)
    forms = [[one], json.dumps([one]), one, *([json.dumps(one), [json.dumps(one)]] if isinstance(one, dict) else ())]
    assert [read(field, form) for form in forms] == [read(field, [one])] * len(forms)


@pytest.mark.parametrize("field", of_type(int, Decimal))
def test_a_number_is_plain(field: FieldInfo) -> None:
    assert read(field, " 7.0 ") == read(field, 7.0) == read(field, 7) == 7
    odd = ("1_5", "1e1", "\uff11\uff12", "\u0667", "7;", "0x7", True, False, "null", "7 EUR")
    assert [value for value in odd if not refused(field, value)] == []


@pytest.mark.parametrize("field", of_type(bool))
def test_true_is_true_or_that_word_in_any_case(field: FieldInfo) -> None:
    assert [read(field, yes) for yes in (True, "TRUE", "true")] == [True] * 3
    assert [value for value in (1, "1", "yes", "on", " true", 1.0) if not refused(field, value)] == []


@pytest.mark.parametrize("field", of_type(str))
def test_a_word_for_nothing_is_no_text(field: FieldInfo) -> None:
    assert [word for word in ("null", "undefined", "None", "NaN") if not refused(field, word)] == []


def test_every_part_of_arguments_is_read_so() -> None:
    parts = {part for tool in ALL for field in fields_of(tool.arguments, "") for part in models_in(field[1].annotation)}
    assert [part for part in parts if not issubclass(part, ArgumentModel)] == []


@pytest.mark.parametrize(
    ("tool", "filters"),
    [
        (
            "list_invoices",
            ("status", "from_date", "to_date", "query", "order", "min_balance", "overdue", "updated_since"),
        ),
        ("list_projects", ("query", "from_date", "status")),
    ],
)
@pytest.mark.parametrize("nothing", ["", " ", "\u200b", None])
async def test_an_empty_filter_is_not_given(
    account: respx.MockRouter, agent: Agent, tool: str, filters: tuple[str, ...], nothing: Any
) -> None:
    resource = tool.removeprefix("list_")
    account.get(resource).respond(json={resource: [{"id": 1}]})
    assert (await agent.answer(tool, **dict.fromkeys(filters, nothing)))["returned"] == 1
    assert not {"updated_since"} & set(account.calls.last.request.url.params)


# What was cleaned is told with every kind of answer


async def test_what_was_taken_out_of_a_text_is_told(account: respx.MockRouter, agent: Agent) -> None:
    account.post("clients").respond(201, json={"id": 7, "name": "AB", "city": "Bath"})
    answer = await agent.answer("create_client", name="A\x00B", city="Bath\u200b", description="one\n\ttwo")
    assert answer["notice"] == "Invisible characters were taken out of city, name."
    sent = json.loads(account.calls.last.request.content)["client"]
    assert sent == {"name": "AB", "city": "Bath", "description": "one\n\ttwo"}


async def test_it_is_told_beside_another_notice(account: respx.MockRouter, agent: Agent) -> None:
    account.post("clients").respond(201, json={"id": 7, "name": "AB", "city": None})
    notice = (await agent.answer("create_client", name="A\x00B", city="Bath"))["notice"]
    assert notice.startswith("Not everything is as it was sent. city: sent “Bath”")
    assert notice.endswith("Invisible characters were taken out of name.")


async def test_it_is_told_with_lists_reports_previews_and_outcomes(account: respx.MockRouter, agent: Agent) -> None:
    account.get("clients").respond(json={"clients": [{"id": 7, "name": "Acme"}]})
    account.get("invoices/7").respond(json={"id": 7})
    account.post("invoices/7/messages").respond(200)
    mail = {"invoice_id": 7, "recipients": ["a@b.co"], "subject": "Hi\u202e"}
    remarks = [
        (await agent.answer("list_clients", query="ac\u200bme"))["notice"],
        (await agent.answer("search", query="ac\u200bme", types="client"))["notice"],
        (await agent.answer("send_invoice_message", **mail))["notice"],
        (await agent.answer("send_invoice_message", **mail, confirm=True))["notice"],
    ]
    told = ("query", "query", "subject", "subject")
    assert [text for text, name in zip(remarks, told, strict=True) if f"taken out of {name}." not in text] == []


async def test_rows_are_cleaned_and_told(account: respx.MockRouter, agent: Agent) -> None:
    account.get("clients/7").respond(json={"id": 7, "name": "Acme"})
    account.get("contacts").respond(json={"contacts": []})
    rows = [
        {"client_id": 7, "name": "Null", "email": "a\u200b@b.co"},
        {"client_id": 7, "name": "null", "email": "c@d.co"},
    ]
    answer = await agent.answer("import_contacts", rows=rows)
    assert answer["notice"] == "Invisible characters were taken out of rows."
    assert [step["outcome"] for step in answer["steps"]] == ["to import", "refused"]
    assert answer["steps"][1]["why"].startswith("name takes text, not the word null")


async def test_a_raw_body_is_cleaned_and_told_by_the_name_of_its_argument(account: respx.MockRouter) -> None:
    account.post("clients").respond(201, json={"id": 7})
    async with agent_of(Clientary(replace(SETTINGS, toolsets=EVERYTHING))) as agent:
        body = json.dumps({"client": {"name": "A\x00B", "city": "null"}})
        answer = await agent.answer("api_request", method="POST", path="clients", body=body, confirm=True)
    assert answer["notice"] == "Invisible characters were taken out of body."
    assert json.loads(account.calls.last.request.content) == {"client": {"name": "AB", "city": "null"}}
