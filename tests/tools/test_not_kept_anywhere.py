"""Whatever a create or update sends and Clientary shows otherwise is named, for every field; nothing else is."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from clientary_mcp.tools import ALL
from tests.conftest import SETTINGS, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.writes import CREATES, UPDATES, Write
from tool_schemas.base.models import AllowsUnusual, Record
from tool_schemas.base.parsing import SECRETS

pytestmark = pytest.mark.anyio

KEPT = "Not everything is as it was sent"
_EXAMPLES: dict[str, Any] = {
    "integer": 7, "number": 2.5, "boolean": True, "date": "2026-12-20", "string": "Words", "email": "ann@x.example",
    "currency_code": "EUR", "next_date": "2030-01-01", "due_date": "2030-01-31", "last_four_digits": "4242",
}  # fmt: skip
_OURS = {"confirm", "allow_duplicate", "allow_unusual", "clear"}


def example(name: str, schema: dict[str, Any]) -> Any:
    """A valid value of an argument, by its published schema."""
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [example("", schema["items"])]
    if schema["type"] == "object":
        parts = schema["properties"].items()
        return {part: example(part, about) for part, about in parts if part not in ("item_id", "remove")}
    return _EXAMPLES[schema.get("format", schema["type"])]


def writes() -> Iterator[Any]:
    """Each create and update of one record, with every argument given."""
    for tool in ALL:
        if (
            tool.name.startswith(("create_", "update_"))
            and isinstance(tool.answer, type)
            and issubclass(tool.answer, Record)
        ):
            properties = tool.published.input_schema["properties"].items()
            given = {name: example(name, about) for name, about in properties if name not in _OURS}
            meant = {"allow_unusual": True} if issubclass(tool.arguments, AllowsUnusual) else {}
            yield pytest.param(tool, given | meant, id=tool.name)


class Echo:
    """Clientary, keeping whatever it is sent, except for a change."""

    def __init__(self, change: dict[str, Any]) -> None:
        self._change = change
        self._record: dict[str, Any] = {"id": 7, "balance": "100", "total_cost": "100", "currency_code": "EUR"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            (sent,) = json.loads(request.content).values()
            self._record |= {_shown_as(name): value for name, value in sent.items()} | self._change
        return httpx.Response(200, json=self._record)


async def notice(tool: str, arguments: dict[str, Any], change: dict[str, Any], time: FakeTime) -> str | None:
    network = httpx.MockTransport(Echo(change))
    async with agent_of(Clientary(SETTINGS, network, time.clock)) as agent:
        answer = await agent.answer(tool, **arguments)
    text: str | None = answer.get("notice")
    return text


@pytest.mark.parametrize(("tool", "arguments"), list(writes()))
async def test_what_is_kept_is_not_remarked_upon(time: FakeTime, tool: Any, arguments: dict[str, Any]) -> None:
    assert KEPT not in (await notice(tool.name, arguments, {}, time) or "")


@pytest.mark.parametrize(("tool", "arguments"), list(writes()))
async def test_every_field_that_is_not_kept_is_named(time: FakeTime, tool: Any, arguments: dict[str, Any]) -> None:
    given = {name: field for name, field in tool.arguments.model_fields.items() if name in arguments}
    sent = {field.serialization_alias or name: name for name, field in given.items() if not field.exclude}
    compared = {key: name for key, name in sent.items() if name not in SECRETS and name != "complete"}
    told = {name: await notice(tool.name, arguments, {_shown_as(key): None}, time) for key, name in compared.items()}
    lists = {"items"}  # a document that shows no lines does not show that any was lost
    assert [name for name, text in told.items() if name not in (text or "") and name not in lists] == []


def _shown_as(key: str) -> str:
    return key.removesuffix("_attributes")


def variants() -> Iterator[Switches]:
    """The account with one switch turned at a time."""
    hints = get_type_hints(Switches)
    for field in fields(Switches):
        kind = hints[field.name]
        values = get_args(kind) if get_origin(kind) is Literal else (True, False) if kind is bool else ()
        yield from (replace(Switches(), **{field.name: value}) for value in values if value != field.default)


@pytest.mark.parametrize(
    ("switches", "write"),
    covering((switches, write) for switches in variants() for write in (*CREATES, *UPDATES)),
)
async def test_no_account_that_keeps_everything_is_remarked_upon(
    sandbox: Sandbox, switches: Switches, write: Write
) -> None:
    sandbox.switches = switches
    async with agent_of(session_with(sandbox)) as agent:
        result = await agent.call(write.tool, write.arguments(sandbox))
    assert KEPT not in str(result.content)


@pytest.mark.parametrize("loss", ["empty", "drop"])
async def test_a_record_found_after_its_answer_was_lost_is_compared_as_well(sandbox: Sandbox, loss: Any) -> None:
    rate = 90.504  # the account keeps cents
    sandbox.faults = Faults([Fault(loss, "POST", "projects", nth=1, after=True)])
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("create_project", name="Salvage", rate=rate)
    assert "made exactly once" in answer["notice"]
    assert f"{KEPT}. rate: sent {rate}, Clientary shows 90.5." in answer["notice"]
