"""A lead is converted once, whatever fails, whoever calls again, and even if the name is in use."""

from itertools import product
from typing import Any

import anyio
import pytest

from clientary_mcp.sandbox import Fault, Faults, Switches
from clientary_mcp.server.app import ClientaryServer
from tests.conftest import session_with
from tests.support.agent import confirm
from tests.support.long import covering
from tests.support.users import host, text_of, writes
from tests.support.writes import fault_id
from tests.tools.workflows.test_convert_lead import COMPANY, PROJECT, Won, converted, outcomes, refused

pytestmark = pytest.mark.anyio


@pytest.fixture
def won() -> Won:
    return Won()


def made_once(won: Won) -> bool:
    """Whether everything exists exactly once."""
    counts = [len(won.made(table)) for table in ("clients", "projects", "tasks")] + [len(won.people())]
    return counts == [1, 1, 2, 2] and won.of_the_leads() == won.before


# Failures half-way

STEPS = ["client", "Ann Quay", "Bob Pier", "project", "Kick-off", "Photos"]
LOST = [Fault(kind, after=after) for kind in ("drop", 500, 504, "html") for after in (False, True)]


async def first_try(won: Won) -> str:
    """The answer to a confirmed call, which may fail."""
    async with host(ClientaryServer(session_with(won.sandbox))) as client:
        return text_of(await confirm(client, "convert_lead", won.job))


@pytest.mark.parametrize(("nth", "fault"), covering(product(range(1, 7), LOST)), ids=fault_id)
async def test_after_any_failure_the_same_call_continues_and_repeats_nothing(won: Won, nth: int, fault: Fault) -> None:
    won.sandbox.faults = Faults([Fault(fault.kind, "POST", nth=nth, after=fault.after)])
    text = await first_try(won)
    won.sandbox.faults = None
    if '"done":true' not in text:
        if nth > 1:
            assert STEPS[nth - 1] in text.partition("Done before:")[0]
            assert all(step in text.partition("Done before:")[2] for step in STEPS[: nth - 1])
            assert "The same call continues from there and does nothing twice." in text
        await converted(won)
    assert made_once(won)
    assert outcomes(await converted(won)) == ["already there"] * 6
    assert made_once(won)


@pytest.mark.parametrize(
    ("what", "table", "before"), [("contacts", "contacts", 1), ("projects", "projects", 3), ("tasks", "tasks", 4)]
)
async def test_a_full_plan_stops_the_job_which_continues_later(won: Won, what: str, table: str, before: int) -> None:
    won.sandbox.switches = Switches(plan_limit=frozenset({what}))
    text = await refused(won)
    assert f"plan allows no more {what}" in text
    assert all(step in text.partition("Done before:")[2] for step in STEPS[:before])
    won.sandbox.switches = Switches()
    await converted(won)
    assert made_once(won)


async def test_a_plan_without_room_for_the_client_changes_nothing(won: Won) -> None:
    won.sandbox.switches = Switches(plan_limit=frozenset({"clients"}))
    text = await refused(won)
    assert "plan allows no more clients. Nothing was changed." in text
    assert "Done before" not in text
    assert len(won.sandbox.ledger) == 0


async def test_a_rejected_task_is_created_by_the_next_call(won: Won) -> None:
    text = await refused(won, tasks=[{"title": "Kick-off"}, {"title": "Photos", "assignee_id": 99}])
    assert "assignee_id: “must exist”" in text
    assert "Kick-off" in text.partition("Done before:")[2]
    await converted(won)
    assert made_once(won)


async def test_a_read_that_fails_changes_nothing(won: Won) -> None:
    for path in ("leads/*", "clients", "contacts"):
        won.sandbox.faults = Faults([Fault("html", "GET", path)])
        assert "Nothing was changed" in await refused(won)
    assert not writes(won.sandbox)


async def test_two_concurrent_identical_calls_create_one_client(won: Won) -> None:
    async with host(ClientaryServer(session_with(won.sandbox))) as client, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(confirm, client, "convert_lead", won.job)
    assert made_once(won)


async def test_two_tasks_with_the_same_title_remain_two(won: Won) -> None:
    tasks = [{"title": "Call"}, {"title": "Call", "due_date": "2026-12-24"}, {"title": "call  them"}]
    won.sandbox.faults = Faults([Fault("drop", "POST", "tasks", nth=2)])
    assert "Stopped at: task “Call”" in await refused(won, tasks=tasks)
    won.sandbox.faults = None
    assert outcomes(await converted(won, tasks=tasks))[-3:] == ["already there", "done", "done"]
    assert outcomes(await converted(won, tasks=tasks))[-3:] == ["already there"] * 3
    assert [task["title"] for task in won.made("tasks")] == ["Call", "Call", "call  them"]


async def test_when_everything_exists_no_confirmation_is_requested(won: Won) -> None:
    await converted(won)
    for confirmed in (False, True):
        answer = await converted(won, confirm=confirmed)
        assert answer["done"] is False
        assert "has all of it already" in answer["message"]
        assert "The lead stays" in answer["message"]
        assert "to_proceed" not in answer


# Clients of the same name


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"name": "Harbour Café", "city": "Hull"}, "city"),
        ({"name": "HARBOUR CAFE", "address": ""}, "name, address"),
        ({"name": "harbour  café!", "invoice_extra_fields": '{"VAT": "GB 2"}'}, "name, invoice_extra_fields"),
        ({"name": "Harbour Café", "number": "H-1"}, "number"),
    ],
)
async def test_another_client_with_the_same_name_is_named_and_not_reused(
    won: Won, other: dict[str, Any], differs: str
) -> None:
    there = won.add("clients", **COMPANY | other)
    for confirmed in (False, True):
        text = await refused(won, confirm=confirmed)
        assert "A client of that name exists" in text
        assert f"{there} “{other['name'].replace('  ', ' ')}” (differs in {differs})" in text
        assert "Nothing was sent" in text
    assert not writes(won.sandbox)


async def test_the_call_continues_with_the_client_given_by_the_caller(won: Won) -> None:
    there = won.add("clients", **COMPANY | {"city": "Hull"})
    before = won.rows("SELECT * FROM clients WHERE id = ?", there)
    assert f"continuing with client {there}" in (await converted(won, client_id=there, confirm=False))["message"]
    done = await converted(won, client_id=there)
    assert outcomes(done) == ["already there"] + ["done"] * 5
    assert won.rows("SELECT * FROM clients WHERE id = ?", there) == before
    assert {task["client_id"] for task in won.made("tasks")} == {there}
    assert made_once(won)
    assert "was not found" in await refused(won, client_id=9_999)


async def test_two_possible_clients_are_both_named(won: Won) -> None:
    one, other = (won.add("clients", **COMPANY) for _ in range(2))
    text = await refused(won)
    assert "2 clients of that name exist" in text
    assert all(f"{client} “Harbour Café” (no differences)" in text for client in (one, other))


async def test_among_clients_with_the_same_name_the_one_with_the_leads_data_is_used(won: Won) -> None:
    won.add("clients", **COMPANY | {"city": "Hull"})
    there = won.add("clients", **COMPANY)
    assert outcomes(await converted(won)) == ["already there"] + ["done"] * 5
    assert {task["client_id"] for task in won.made("tasks")} == {there}


async def test_a_client_changed_in_the_meantime_needs_a_decision(won: Won) -> None:
    await converted(won, tasks=[{"title": "Kick-off"}])
    client = won.made("clients")[0]["id"]
    won.sandbox.connection.execute("UPDATE clients SET website = '' WHERE id = ?", (client,))
    assert "differs in website" in await refused(won)
    assert outcomes(await converted(won, client_id=client))[-1] == "done"
    assert made_once(won)


# A project of the same name


async def test_a_project_with_the_same_name_is_reused_and_differences_are_reported(won: Won) -> None:
    await converted(won, tasks=None)
    done = await converted(won, project={**PROJECT, "name": "menu ", "rate": 80})
    (project,) = [step for step in done["steps"] if "project" in step["step"]]
    assert (project["outcome"], project["differs"]) == ("already there", ["rate"])
    assert made_once(won)
    assert won.made("projects")[0]["rate"] == 9_550


async def test_a_completed_project_with_the_same_name_is_found(won: Won) -> None:
    await converted(won)
    won.sandbox.connection.execute("UPDATE projects SET status = 2")
    assert outcomes(await converted(won)) == ["already there"] * 6


async def test_another_clients_project_with_the_same_name_is_not_reused(won: Won) -> None:
    won.a_project("Menu")
    await converted(won)
    assert len(won.made("projects")) == 2


# What is wrong with a call

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"project": {"name": "Menu"}}, "project.rate is required"),
    ({"project": {**PROJECT, "client_id": 1}}, "there is no argument 'project.client_id'"),
    ({"project": {**PROJECT, "rat": 1}}, "Did you mean rate?"),
    ({"project": "Menu"}, "project takes an object, not 'Menu'"),
    ({"tasks": [{"title": " "}]}, "tasks.0.title takes text that is not blank"),
    ({"tasks": [{"title": "x"}, {"titel": "x"}]}, "tasks.1.title is required"),
    ({"tasks": ["x"]}, "tasks.0 takes an object, not 'x'"),
    ({"tasks": [{"title": "x"}] * 101}, "at most 100"),
]


@pytest.mark.parametrize(("wrong", "text"), WRONG)
async def test_an_invalid_project_or_task_is_rejected_before_anything_is_sent(
    won: Won, wrong: dict[str, Any], text: str
) -> None:
    refusal = await refused(won, **wrong)
    assert text in refusal
    assert "Nothing was sent" in refusal
    assert not won.sandbox.requests


async def test_a_missing_lead_is_reported(won: Won) -> None:
    assert "leads/99 was not found" in await refused(won, lead_id=99)
