"""Undo: one case for each kind of change, taken back or refused, and by whose leave."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime
from tests.support.gated import EVERYTHING, record_for
from tests.support.users import User, configured, connect, some, writes

pytestmark = pytest.mark.anyio


def row_of(sandbox: Sandbox, table: str, record_id: int) -> dict[str, Any] | None:
    """A record as the account holds it."""
    found = sandbox.connection.execute(f"SELECT * FROM {table} WHERE id = ?", (record_id,)).fetchone()  # noqa: S608 ours
    return dict(found) if found else None


async def latest(agent: Agent) -> dict[str, Any]:
    """The newest action."""
    steps: list[dict[str, Any]] = (await agent.answer("undo"))["steps"]
    return steps[0]


async def undo(agent: Agent) -> dict[str, Any]:
    """Take the newest action back, after its preview."""
    action = (await latest(agent))["action_id"]
    assert (await agent.answer("undo", action_id=action))["to_proceed"]
    return await agent.answer("undo", action_id=action, confirm=True)


async def refused(agent: Agent) -> str:
    """Why the newest action is not taken back."""
    action = await latest(agent)
    return await agent.refusal("undo", action_id=action["action_id"], confirm=True)


# The list


async def test_changes_are_listed_newest_first_with_what_can_be_taken_back(sandbox: Sandbox, era: Era) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox), era) as agent:
        assert (await agent.answer("undo"))["message"].endswith("This server remembers no change.")
        lead = await agent.answer("create_lead", name="Globex")
        await agent.answer("update_client", client_id=client, city="Bath")
        await agent.answer("list_leads")
        mail, _ = record_for(sandbox, "send_invoice_message")
        await agent.answer("send_invoice_message", **mail, confirm=True)
        listed = await agent.answer("undo")
    mailed, update, create = listed["steps"]
    assert listed["done"] is False
    assert (create["tool"], create["id"], create["record"]) == ("create_lead", lead["id"], "Globex")
    assert (update["tool"], update["client_id"]) == ("update_client", client)
    assert [row["can_be_taken_back"] for row in listed["steps"]] == [False, True, True]
    assert mailed["why_not"] == "What was mailed cannot be taken back."


async def test_what_changed_nothing_is_not_listed(sandbox: Sandbox, era: Era, time: FakeTime) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(500, "PUT", "leads/*")])
    async with connect(configured(sandbox, time), era) as agent:
        await agent.answer("delete_lead", lead_id=lead)
        await agent.refusal("update_lead", lead_id=lead, city="Bath")
        await agent.refusal("delete_lead", lead_id=999_999, confirm=True)
        assert "steps" not in await agent.answer("undo")


async def test_the_last_200_changes_are_remembered(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox)) as agent:
        for number in range(203):
            await agent.answer("create_lead", name=f"Lead {number}")
        steps = (await agent.answer("undo"))["steps"]
    assert [len(steps), steps[0]["record"], steps[-1]["record"]] == [200, "Lead 202", "Lead 3"]


@pytest.mark.parametrize(
    ("arguments", "message"), [({"action_id": "x"}, "no remembered action"), ({}, "needs action_id")]
)
async def test_an_action_has_to_be_named_by_its_id(
    sandbox: Sandbox, era: Era, arguments: dict[str, Any], message: str
) -> None:
    async with connect(configured(sandbox), era) as agent:
        assert message in await agent.refusal("undo", **arguments, confirm=True)


# Updates


async def test_an_update_gets_its_earlier_values_back(sandbox: Sandbox, era: Era) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.connection.execute("UPDATE clients SET city = 'Ulm', website = '' WHERE id = ?", (client,))
    before = row_of(sandbox, "clients", client)
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath", website="x.example", status="archived")
        action = (await latest(agent))["action_id"]
        preview = await agent.answer("undo", action_id=action)
        assert {"field": "city", "now": "Bath", "then": "Ulm"} in preview["steps"]
        answer = await undo(agent)
        assert answer["done"] is True
        assert "city, website, status" in answer["message"]
    after = row_of(sandbox, "clients", client)
    assert before is not None
    assert after is not None
    assert after | {"updated_at": ""} == before | {"updated_at": ""}


async def test_a_field_that_somebody_changed_since_is_not_overwritten(sandbox: Sandbox, era: Era) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath", zip="BA1")
        sandbox.connection.execute("UPDATE clients SET city = 'Wells', country = 'UK' WHERE id = ?", (client,))
        assert "somebody changed city since" in await refused(agent)
    assert len(writes(sandbox)) == 1


async def test_an_update_that_is_undone_already_by_somebody_needs_nothing(sandbox: Sandbox, era: Era) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.connection.execute("UPDATE clients SET city = 'Ulm' WHERE id = ?", (client,))
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath")
        sandbox.connection.execute("UPDATE clients SET city = 'Ulm' WHERE id = ?", (client,))
        action = (await latest(agent))["action_id"]
        answer = await agent.answer("undo", action_id=action, confirm=True)
    assert "is as it was before" in answer["message"]
    assert len(writes(sandbox)) == 1


async def test_lines_of_a_document_come_back(sandbox: Sandbox, era: Era) -> None:
    invoice = sandbox.connection.execute(
        "SELECT invoice_id FROM invoice_items GROUP BY 1 HAVING count(*) > 2 LIMIT 1"
    ).fetchone()[0]
    async with connect(configured(sandbox), era) as agent:
        old = await agent.answer("get_invoice", invoice_id=invoice)
        first, second, *_ = old["items"]
        items = [
            {"item_id": first["item_id"], "price": 7.5},
            {"item_id": second["item_id"], "remove": True},
            {"title": "More", "quantity": 1, "price": 2},
        ]
        await agent.answer("update_invoice", invoice_id=invoice, items=items)
        await undo(agent)
        new = await agent.answer("get_invoice", invoice_id=invoice)

    def content(record: dict[str, Any]) -> list[tuple[Any, ...]]:
        return sorted((line["title"], line["quantity"], line["price"]) for line in record["items"])

    assert content(new) == content(old)
    assert new["total_cost"] == old["total_cost"]


async def test_an_update_whose_earlier_values_could_not_be_read_is_refused(
    sandbox: Sandbox, era: Era, time: FakeTime
) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.faults = Faults([Fault("html", "GET", "clients/*", nth=1, times=6)])
    async with connect(configured(sandbox, time), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath")
        assert "earlier values are not known" in await refused(agent)


# Creates

CREATES: list[tuple[str, dict[str, Any], str]] = [
    ("create_client", {"name": "Globex"}, "clients"),
    ("create_lead", {"name": "Globex"}, "leads"),
    ("create_task", {"title": "Call"}, "tasks"),
    ("create_expense", {"amount": 12.5}, "expenses"),
    ("create_project_hours", {"title": "Meeting", "hours": 1}, "hours"),
    ("create_contact", {"name": "Ann", "email": "ann@example.com"}, "contacts"),
    ("create_payment", {"amount": 1}, "payments"),
    ("create_project", {"name": "Move", "rate": 90}, "projects"),
]


def addressed(sandbox: Sandbox, tool: str) -> dict[str, int]:
    owners = {"create_project_hours": ("projects", "project_id"), "create_contact": ("clients", "client_id")}
    if tool == "create_payment":
        row = sandbox.connection.execute("SELECT id FROM invoices WHERE status = 1 AND balance > 5").fetchone()
        return {"invoice_id": row["id"]}
    table, name = owners.get(tool, ("", ""))
    return {name: some(sandbox, table)[0]} if table else {}


@pytest.mark.parametrize(("tool", "arguments", "table"), CREATES)
async def test_a_create_is_taken_back_by_deleting(
    sandbox: Sandbox, tool: str, arguments: dict[str, Any], table: str
) -> None:
    async with connect(configured(sandbox)) as agent:
        made = await agent.answer(tool, **arguments, **addressed(sandbox, tool))
        assert row_of(sandbox, table, made["id"])
        preview = await agent.answer("undo", action_id=(await latest(agent))["action_id"])
        assert "This would delete" in preview["message"]
        assert row_of(sandbox, table, made["id"])
        assert (await undo(agent))["done"] is True
    assert row_of(sandbox, table, made["id"]) is None
    assert [method for method, _ in writes(sandbox)] == ["POST", "DELETE"]


async def test_a_delete_by_undo_counts_towards_the_quota(sandbox: Sandbox, era: Era) -> None:
    async with connect(configured(sandbox, deletes_per_hour=1), era) as agent:
        for name in ("Globex", "Initech"):
            await agent.answer("create_lead", name=name)
        await undo(agent)
        first = (await agent.answer("undo"))["steps"][-1]["action_id"]
        assert "hourly limit of 1 delete" in await agent.refusal("undo", action_id=first, confirm=True)
    assert [method for method, _ in writes(sandbox)] == ["POST", "POST", "DELETE"]


# Deletes


@pytest.mark.parametrize(("kind", "table"), [("contact", "contacts"), ("task", "tasks"), ("expense", "expenses")])
async def test_a_simple_delete_is_made_again_with_a_new_id(sandbox: Sandbox, kind: str, table: str, era: Era) -> None:
    arguments, _ = record_for(sandbox, f"delete_{kind}")
    (old_id,) = arguments.values()
    old = row_of(sandbox, table, old_id)
    async with connect(configured(sandbox), era) as agent:
        await agent.answer(f"delete_{kind}", **arguments, confirm=True)
        answer = await undo(agent)
    new_id = answer["record"]["id"]
    assert f"new id {new_id}" in answer["message"]
    new = row_of(sandbox, table, new_id)
    assert old is not None
    assert new is not None
    same = old.keys() - {"id", "created_at", "updated_at", "user_id", "invoice_id", "invoice_item_id", "lead_id"}
    assert {name: new[name] for name in same} == {name: old[name] for name in same}


async def test_a_deleted_hour_entry_is_billed_again_if_it_was(sandbox: Sandbox, era: Era) -> None:
    entry = sandbox.connection.execute("SELECT * FROM hours WHERE billed AND rate > 0").fetchone()
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("delete_hour_entry", hour_entry_id=entry["id"], confirm=True)
        answer = await undo(agent)
    new = row_of(sandbox, "hours", answer["record"]["id"])
    assert new is not None
    assert new["id"] != entry["id"]
    names = ("project_id", "title", "hours", "rate", "date", "description", "billed")
    assert {name: new[name] for name in names} == {name: entry[name] for name in names}


async def test_a_done_task_is_done_again(sandbox: Sandbox) -> None:
    task = sandbox.connection.execute("SELECT id FROM tasks WHERE complete").fetchone()["id"]
    async with connect(configured(sandbox)) as agent:
        await agent.answer("delete_task", task_id=task, confirm=True)
        new = row_of(sandbox, "tasks", (await undo(agent))["record"]["id"])
    assert new is not None
    assert new["complete"]


async def test_a_contact_of_a_lead_cannot_be_made_again(sandbox: Sandbox) -> None:
    contact = sandbox.connection.execute("SELECT id FROM contacts WHERE lead_id > 0").fetchone()["id"]
    async with connect(configured(sandbox)) as agent:
        await agent.answer("delete_contact", contact_id=contact, confirm=True)
        assert "lacks what a new one must have" in await refused(agent)


CASCADES = ["client", "project", "invoice", "lead", "estimate", "payment", "recurring_schedule", "payment_profile"]
FINAL = [(f"delete_{kind}", "cannot be made again") for kind in CASCADES] + [
    ("send_invoice_message", "mailed"),
    ("charge_payment_profile", "charge"),
    ("api_request", "several records"),
]


@pytest.mark.parametrize(("tool", "why"), FINAL)
async def test_what_is_final_is_refused_with_the_reason(sandbox: Sandbox, tool: str, why: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, toolsets=EVERYTHING)) as agent:
        await agent.confirmed(tool, **arguments)
        before = writes(sandbox)
        action = await latest(agent)
        assert (action["tool"], action["can_be_taken_back"]) == (tool, False)
        assert why in action["why_not"]
        assert why in await refused(agent)
    assert writes(sandbox) == before


# Once


async def test_an_action_is_taken_back_once_and_that_is_an_action_too(sandbox: Sandbox, era: Era) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox), era) as agent:
        await agent.answer("update_lead", lead_id=lead, city="Bath")
        await undo(agent)
        taken, updated = (await agent.answer("undo"))["steps"]
        assert (taken["tool"], updated["why_not"]) == ("undo", "It was taken back already.")
        assert "make that change again" in await refused(agent)
        message = await agent.refusal("undo", action_id=updated["action_id"], confirm=True)
        assert "it was taken back already" in message
    assert len(writes(sandbox)) == 2


async def test_a_failed_undo_can_be_tried_again(sandbox: Sandbox, era: Era, time: FakeTime) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, time), era) as agent:
        await agent.answer("update_lead", lead_id=lead, city="Bath")
        action = (await latest(agent))["action_id"]
        sandbox.faults = Faults([Fault(500, "PUT", "leads/*", nth=1)])
        await agent.refusal("undo", action_id=action, confirm=True)
        assert (await agent.answer("undo", action_id=action, confirm=True))["done"] is True


async def test_a_record_whose_making_again_was_lost_is_not_made_twice(
    sandbox: Sandbox, era: Era, time: FakeTime
) -> None:
    arguments, _ = record_for(sandbox, "delete_task")
    async with connect(configured(sandbox, time), era) as agent:
        await agent.answer("delete_task", **arguments, confirm=True)
        action = (await latest(agent))["action_id"]
        sandbox.faults = Faults([Fault("drop", "POST", "tasks", after=True), Fault("html", "GET")])
        await agent.refusal("undo", action_id=action, confirm=True)
        sandbox.faults = None
        assert "already" in await agent.refusal("undo", action_id=action, confirm=True)
    assert sum(method == "POST" for method, _ in writes(sandbox)) == 1


async def test_a_record_that_was_made_again_but_not_finished_is_not_made_twice(
    sandbox: Sandbox, era: Era, time: FakeTime
) -> None:
    task = sandbox.connection.execute("SELECT id FROM tasks WHERE complete").fetchone()["id"]
    async with connect(configured(sandbox, time), era) as agent:
        await agent.answer("delete_task", task_id=task, confirm=True)
        action = (await latest(agent))["action_id"]
        sandbox.faults = Faults([Fault(429, "PUT", "tasks/*")])
        told = await agent.refusal("undo", action_id=action, confirm=True)
        assert "was made again, with the new id" in told
        assert "Part of the job is done." in told
        sandbox.faults = None
        assert "already" in await agent.refusal("undo", action_id=action, confirm=True)
    assert sum(method == "POST" for method, _ in writes(sandbox)) == 1


# By whose leave


async def test_the_user_is_asked_with_the_preview_of_the_delete(sandbox: Sandbox, era: Era) -> None:
    user = User()
    async with connect(configured(sandbox), era, user) as agent:
        made = await agent.answer("create_lead", name="Globex")
        action = (await latest(agent))["action_id"]
        assert (await agent.answer("undo", action_id=action, confirm=True))["done"] is True
    (question,) = user.questions
    assert "delete lead" in question
    assert row_of(sandbox, "leads", made["id"]) is None


@pytest.mark.parametrize(
    ("settings", "call"),
    [
        ({"toolsets": frozenset({"write"})}, ("create_lead", {"name": "Globex"})),
        ({"exclude_tools": frozenset({"delete_lead"})}, ("create_lead", {"name": "Globex"})),
        ({"exclude_tools": frozenset({"create_task"})}, ("delete_task", {"confirm": True})),
    ],
)
async def test_a_server_without_the_tool_that_takes_back_does_not(
    sandbox: Sandbox, settings: dict[str, Any], call: tuple[str, dict[str, Any]]
) -> None:
    tool, arguments = call
    ids = record_for(sandbox, tool)[0] if tool.startswith("delete") else {}
    async with connect(configured(sandbox, **settings)) as agent:
        await agent.answer(tool, **ids, **arguments)
        assert "settings of this server do not allow it" in await refused(agent)
    assert len(writes(sandbox)) == 1


async def test_a_server_that_only_reads_has_no_undo(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, read_only=True)) as agent:
        assert "no tool 'undo'" in await agent.refusal("undo")


async def test_without_undo_an_update_reads_nothing_first(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, exclude_tools=frozenset({"undo"}))) as agent:
        await agent.answer("update_lead", lead_id=lead, city="Bath")
    assert sandbox.requests[0][0] == "PUT"
