"""The schemas of arguments: flat, and exact about what is accepted."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tool_schemas.base.json_schema import input_schema
from tool_schemas.base.models import Arguments, PartialUpdate
from tool_schemas.base.pairs import NamedTexts
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.scopes import OfClientOrProject
from tool_schemas.base.types import Codes, Day, Id, Number
from tool_schemas.documents import NewItems
from tool_schemas.reports.cursor import Cursor


class Everything(Arguments):
    """Not published."""

    note: str | None = Field(None, description="Text.")
    day: Annotated[Day, Field(description="Day.")] | None = None
    word: Annotated[Literal["a", "b"], Codes(a=1, b=2)] = Field("b", description="Word.")
    amount: Number | None = Field(None, description="Money.")
    plain: bool = Field(default=False, description="Switch.")
    record_id: Id = Field(exclude=True, description="From a list.")
    extra: NamedTexts | None = Field(None, description="Pairs.")
    names: list[str] = Field(description="Names.")


def test_a_schema_contains_only_types_and_descriptions() -> None:
    assert input_schema(Everything) == {
        "type": "object",
        "properties": {
            "record_id": {"type": "integer", "description": "From a list."},
            "names": {"type": "array", "items": {"type": "string"}, "description": "Names."},
            "note": {"type": "string", "description": "Text."},
            "day": {"type": "string", "format": "date", "description": "Day."},
            "word": {"type": "string", "enum": ["a", "b"], "description": "Word.", "default": "b"},
            "amount": {"type": "number", "description": "Money."},
            "plain": {"type": "boolean", "description": "Switch."},
            "extra": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "description": "Its name."},
                        "value": {"type": "string", "description": "Its text."},
                    },
                    "required": ["name", "value"],
                },
                "description": "Pairs.",
            },
        },
        "required": ["record_id", "names"],
    }


def test_line_schemas_are_inlined() -> None:
    class Lines(Arguments):
        items: NewItems = Field(description="Lines.")

    line = input_schema(Lines)["properties"]["items"]["items"]
    assert line["required"] == ["title", "quantity", "price"]
    assert line["properties"]["item_type"]["enum"] == ["line", "section"]
    assert "additionalProperties" not in line


LIKE: dict[str, Any] = {
    "email": "a@b.co",
    "recipients": ["a@b.co"],
    "currency_code": "USD",
    "since": "2026-11-01",
    "cursor": Cursor(("client",), 0, 0).text(),
    "path": "clients/12",
    "project": {"name": "Website", "rate": 95},
    "recipients_per_client": [{"client_id": 4, "recipients": ["a@b.co"]}],
    "body": '{"client": {"city": "Bath"}}',
}
"""Values of arguments that take texts or objects of one form, which no published keyword tells."""

WORDS = {"period": "last_month", "status": "open", "group_by": "client"}
"""Values of arguments whose words stand in their description or the instructions, since several are taken."""

EITHER = {
    "client_overview": {"email"},
    "list_changes": {"cursor"},
    "send_payment_reminders": {"min_days_overdue"},
    "allocate_payment": {"invoice_ids"},
    "bill_project_hours": {"client_id"},
    "bulk_update": {"ids"},
}
"""The arguments that replace another, and are refused beside it: flat schemas cannot say so, descriptions do."""

BESIDE = EITHER | {tool.name: {"clear"} for tool in ALL if issubclass(tool.arguments, PartialUpdate)}
BESIDE |= {"bulk_update": {"where"}}
for kind, name in ((PeriodRange, "period"), (OfClientOrProject, "client_id")):
    BESIDE |= {tool.name: BESIDE.get(tool.name, set()) | {name} for tool in ALL if issubclass(tool.arguments, kind)}
"""All that are refused beside another argument: a field that is cleared is not set."""


def example_of(schema: dict[str, Any]) -> Any:
    """A value that an agent could derive from the schema."""
    if "enum" in schema:
        return schema["enum"][-1]
    match schema["type"]:
        case "object":
            return {name: example_of(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return False
        case _:
            return "2026-11-20" if schema.get("format") == "date" else "1234"


def arguments_of(tool: Tool) -> dict[str, FieldInfo]:
    """The fields of a tool's arguments, by their published names."""
    return {field.alias or name: field for name, field in tool.arguments.model_fields.items()}


@pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)
def test_values_that_match_the_schema_are_accepted(tool: Tool) -> None:
    given = example_of(tool.published.input_schema)
    assert set(given) == set(arguments_of(tool))
    published = tool.published.input_schema["properties"]
    given |= {name: value for name, value in LIKE.items() if name in given}
    given |= {name: word for name, word in WORDS.items() if name in given and "enum" not in published[name]}
    instead = BESIDE.get(tool.name, set())
    tool.arguments.model_validate({name: value for name, value in given.items() if name not in instead})
    if instead:
        with pytest.raises(ValidationError, match=r"takes .* or |both sets and clears|has both"):
            tool.arguments.model_validate(given)


def missed_by(tool: Tool) -> tuple[set[str], str]:
    """The arguments reported as missing by a call without any, and the whole error."""
    try:
        tool.arguments.model_validate({})
    except ValidationError as refusal:
        errors = refusal.errors()
        return {str(error["loc"][0]) for error in errors if error["type"] == "missing"}, str(errors)
    return set(), ""


def test_each_missing_required_argument_is_reported() -> None:
    missed = {tool.name: missed_by(tool) for tool in ALL}
    assert {name: names for name, (names, _) in missed.items()} == {
        tool.name: set(tool.published.input_schema.get("required", [])) for tool in ALL
    }
    # Two begin anew, or with the oldest, without any of them; the third lacks more than these.
    neither = ("list_changes", "allocate_payment", "bulk_update")
    either = {name: names for name, names in EITHER.items() if name not in neither}
    assert [(tool, name) for tool, names in either.items() for name in names if name not in missed[tool][1]] == []
    message = {name for name, (_, errors) in missed.items() if errors}
    assert message == {*either, *(tool.name for tool in ALL if tool.published.input_schema.get("required"))}


def test_every_published_word_is_sent_as_its_code_or_as_itself() -> None:
    differing = [
        (tool.name, name)
        for tool in ALL
        for name, schema in tool.published.input_schema["properties"].items()
        for part in arguments_of(tool)[name].metadata
        if isinstance(part, Codes) and set(schema["enum"]) != set(part)
    ]
    assert differing == []


def test_money_is_sent_as_a_number() -> None:
    args = Everything.model_validate({"record_id": 7, "names": [], "amount": Decimal("12.50"), "word": "a"})
    assert args.body() == {"names": [], "amount": 12.5, "word": 1, "plain": False}
