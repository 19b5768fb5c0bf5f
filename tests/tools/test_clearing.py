"""Clearing fields of a record by an update: which can be cleared, and what Clientary is sent for them."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.support.agent import Era
from tests.support.users import configured, connect, some, writes
from tool_schemas.base.models import PartialUpdate

pytestmark = pytest.mark.anyio

COMPANY = "number address address_2 city state zip country website description invoice_extra_fields"
TAXES = "tax tax_label tax2 tax2_label tax3 tax3_label"
TEXTS = "number title note summary"

CLEARABLE = {
    "update_client": COMPANY,
    "update_contact": "title phone ext mobile",
    "update_lead": COMPANY,
    "update_project": "client_id number description budget end_date",
    "update_hour_entry": "date description rate",
    "update_task": "project_id client_id assignee_id description due_date",
    "update_expense": "client_id project_id description incurred_on",
    "update_invoice": f"{TAXES} client_id {TEXTS} po",
    "update_estimate": f"{TAXES} client_id {TEXTS}",
    "update_recurring_schedule": f"{TAXES} {TEXTS} po payment_profile_id occurrences_remaining",
}
TABLES = {
    **{name: f"{name.removeprefix('update_')}s" for name in CLEARABLE},
    "update_hour_entry": "hours",
}
FILLED_BY_CLIENTARY = {"update_hour_entry": {"date", "rate"}} | {
    f"update_{kind}": {"number"} for kind in ("invoice", "estimate", "recurring_schedule")
}
"""Fields that Clientary fills in itself when they are empty: today, the project's rate, the next number."""
UPDATES = [tool for tool in ALL if issubclass(tool.arguments, PartialUpdate)]

every_update = pytest.mark.parametrize("tool", UPDATES, ids=lambda tool: tool.name)


def address(sandbox: Sandbox, tool: Tool) -> dict[str, Any]:
    """A record of the sandbox that the tool can update."""
    (record,) = some(sandbox, TABLES[tool.name])
    (name,) = tool.arguments.addresses()
    return {name: record}


@every_update
def test_the_fields_that_can_be_cleared_are_published(tool: Tool) -> None:
    assert set(tool.published.input_schema["properties"]["clear"]["items"]["enum"]) == set(CLEARABLE[tool.name].split())
    assert CLEARABLE.keys() == {each.name for each in UPDATES}


@every_update
async def test_a_cleared_field_is_sent_as_empty_text_and_becomes_empty(sandbox: Sandbox, tool: Tool, era: Era) -> None:
    names = CLEARABLE[tool.name].split()
    where = address(sandbox, tool)
    async with connect(configured(sandbox), era) as agent:
        answer = await agent.answer(tool.name, **where, clear=names)
    assert [method for method, _ in writes(sandbox)] == ["PUT"]
    filled = {name for name in names if answer.get(name) not in (None, "", 0, [], {})}
    assert filled <= FILLED_BY_CLIENTARY.get(tool.name, set())


@every_update
async def test_every_other_field_is_rejected_with_the_clearable_ones(sandbox: Sandbox, tool: Tool) -> None:
    others = tool.arguments.model_fields.keys() - {*CLEARABLE[tool.name].split()}
    where = address(sandbox, tool)
    async with connect(configured(sandbox)) as agent:
        for name in (*others, "no_such_field"):
            text = await agent.refusal(tool.name, **where, clear=[name])
            assert text.startswith(f"{tool.name}: clear.0 takes one of ")
            assert all(repr(valid) in text for valid in CLEARABLE[tool.name].split())
    assert not sandbox.requests


@pytest.mark.parametrize("clear", [["city"], '["city"]'])
async def test_a_field_can_be_cleared_while_others_are_set(sandbox: Sandbox, clear: Any) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox)) as agent:
        answer = await agent.answer("update_client", client_id=client, clear=clear, state="OR", zip="")
    assert (answer.get("city"), answer["state"]) == ("", "OR")
    kept = sandbox.connection.execute("SELECT zip FROM clients WHERE id = ?", (client,)).fetchone()["zip"]
    assert kept


@every_update
async def test_a_field_cannot_be_both_set_and_cleared(sandbox: Sandbox, tool: Tool) -> None:
    name = next(each for each in CLEARABLE[tool.name].split() if each in ("description", "note", "title"))
    where = address(sandbox, tool)
    async with connect(configured(sandbox)) as agent:
        text = await agent.refusal(tool.name, **where, **{name: "Something"}, clear=[name])
    assert f"both sets and clears {name}" in text
    assert not sandbox.requests


async def test_an_update_with_every_argument_filled_in_changes_only_the_intended_fields(
    sandbox: Sandbox, era: Era
) -> None:
    (invoice,) = some(sandbox, "invoices")
    before = dict(sandbox.connection.execute("SELECT * FROM invoices WHERE id = ?", (invoice,)).fetchone())
    empty: dict[str, Any] = {"client_id": 0, "number": "", "due_date": "", "status": "", "items": [], "clear": []}
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("update_invoice", invoice_id=invoice, title="Renamed", **empty)
    after = dict(sandbox.connection.execute("SELECT * FROM invoices WHERE id = ?", (invoice,)).fetchone())
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"updated_at"} == {"title"}
