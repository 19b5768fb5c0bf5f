"""Bulk updates: the same fields of many records, shown before and after, each with its own result."""

from typing import Any

import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Switches
from clientary_mcp.sandbox.network import Network
from clientary_mcp.state.memory import local_memory
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.users import configured, connect, writes

pytestmark = pytest.mark.anyio

JOB = "bulk_update"


class Studio(Books):
    """Three open projects in euros, one in yen, and one that is completed."""

    def __init__(self) -> None:
        super().__init__()
        self.sandbox.connection.execute("DELETE FROM projects")
        self.book, self.atlas, self.map = (
            self.a_project(name, rate=cents) for name, cents in (("Book", 9_500), ("Atlas", 10_010), ("Map", 3_333))
        )
        self.done = self.a_project("Done", rate=5_000, status=2)
        self.yen = self.a_project("Sumo", rate=101_00, currency_code="JPY")
        self.all_open = [self.atlas, self.book, self.map, self.yen]

    def rates(self) -> dict[int, float]:
        return {row["id"]: row["rate"] / 100 for row in self.rows("SELECT id, rate FROM projects")}

    def change(self, table: str, record_id: int, **values: Any) -> None:
        """Change a record behind the server's back."""
        fields = ", ".join(f"{name} = ?" for name in values)
        with self.sandbox.connection:
            self.sandbox.connection.execute(
                f"UPDATE {table} SET {fields} WHERE id = ?",  # noqa: S608 ours
                (*values.values(), record_id),
            )


@pytest.fixture
def studio() -> Studio:
    return Studio()


def call(changes: dict[str, Any], tool: str = "update_project", **which: Any) -> dict[str, Any]:
    """The arguments of a call, in the form that the schema asks for."""
    pairs = {name: [{"name": key, "value": each} for key, each in value.items()] for name, value in which.items()
             if isinstance(value, dict)}  # fmt: skip
    return {"tool": tool, "changes": [{"name": key, "value": each} for key, each in changes.items()], **which, **pairs}


RAISE = {"rate": "+5%"}
ACTIVE = {"status": "active"}


async def updated(studio: Studio, changes: dict[str, Any], **which: Any) -> dict[str, Any]:
    """The answer of a short-lived process to a confirmed call."""
    async with agent_of(session_with(studio.sandbox)) as agent:
        return await agent.confirmed(JOB, **call(changes, **which))


def outcomes(answer: dict[str, Any]) -> dict[int, str]:
    return {row["id"]: row["outcome"] for row in answer["steps"]}


# What is shown, and what is done


async def test_the_preview_shows_each_record_before_and_after_and_changes_nothing(studio: Studio) -> None:
    async with agent_of(session_with(studio.sandbox)) as agent:
        shown = await agent.answer(JOB, **call({"end_date": "2027-01-31", "budget": 40}, where=ACTIVE))
    assert [row["id"] for row in shown["steps"]] == studio.all_open
    assert shown["steps"][0] == {
        "row": 1,
        "outcome": "to change",
        "id": studio.atlas,
        "record": "Atlas",
        "client_id": studio.client,
        "client_name": "Quarry Books",
        "status": "active",
        "project_type": "hourly",
        "currency_code": "EUR",
        "before": {"end_date": "", "budget": ""},
        "after": {"end_date": "2027-01-31", "budget": 40},
    }
    assert "This would change budget, end_date of 4 projects." in shown["message"]
    assert shown["preview_id"]
    assert writes(studio.sandbox) == []


async def test_only_the_given_fields_of_the_matching_records_are_sent(studio: Studio) -> None:
    done = await updated(studio, {"status": "completed"}, where=ACTIVE)
    assert outcomes(done) == dict.fromkeys(studio.all_open, "changed")
    assert sorted(writes(studio.sandbox)) == [("PUT", f"/api/v2/projects/{each}") for each in sorted(studio.all_open)]
    assert {row["status"] for row in studio.rows("SELECT status FROM projects")} == {2}
    assert studio.rates()[studio.book] == 95


async def test_records_are_named_by_ids_and_those_that_need_nothing_or_are_not_there_are_told(studio: Studio) -> None:
    done = await updated(studio, {"status": "completed"}, ids=[studio.map, studio.done, 987_654, studio.map])
    assert outcomes(done) == {studio.map: "changed", studio.done: "already so", 987_654: "not there"}
    assert done["steps"][2]["why"] == "project 987654 does not exist"
    assert "Changed status of 1 project (already so: row 2; not there: row 3)." in done["message"]
    assert writes(studio.sandbox) == [("PUT", f"/api/v2/projects/{studio.map}")]


async def test_fields_can_be_emptied(studio: Studio) -> None:
    studio.change("projects", studio.book, description="Old")
    done = await updated(studio, {"clear": '["description"]'}, ids=[studio.book])
    assert done["steps"][0]["before"] == {"description": "Old"}
    assert done["steps"][0]["after"] == {"description": ""}
    assert studio.rows("SELECT description FROM projects WHERE id = ?", studio.book) == [{"description": ""}]


async def test_documents_are_told_with_their_client_and_statuses(studio: Studio) -> None:
    one, two = studio.sold("INV-1", 10_000), studio.sold("INV-2", 20_000, status=0)
    async with agent_of(session_with(studio.sandbox)) as agent:
        shown = await agent.answer(JOB, **call({"note": "Thanks"}, "update_invoice", ids=[one, two]))
    assert "note of 2 invoices (1 sent, 1 draft)" in shown["message"]
    first = shown["steps"][0]
    assert (first["record"], first["client"], first["balance"]) == ("INV-1", "Quarry Books", 100)


async def test_a_list_of_one_client_is_read_where_only_that_takes_the_filter(studio: Studio) -> None:
    other = studio.add("clients", name="Other", status=1)
    mine, theirs = studio.sold("INV-1", 10_000), studio.sold("INV-2", 20_000, client_id=other)
    done = await updated(studio, {"po": "7"}, tool="update_invoice", where={"client_id": other})
    assert outcomes(done) == {theirs: "changed"}
    assert studio.rows("SELECT po FROM invoices WHERE id = ?", mine) != [{"po": "7"}]


@pytest.mark.parametrize(
    "switches",
    [
        Switches(dates="iso", money_as_text=True, put_reply="record"),
        Switches(page_keys=False, nulls=True),
        Switches(bare_arrays=True, status_as_text=True, nested_client_in_projects=False),
    ],
)
async def test_accounts_of_other_kinds_are_changed_the_same(studio: Studio, switches: Switches) -> None:
    studio.sandbox.switches = switches
    assert outcomes(await updated(studio, RAISE, ids=[studio.book])) == {studio.book: "changed"}
    assert studio.rates()[studio.book] == 99.75


# Once, whatever happens


EXPECTED = {"Book": 9_975, "Atlas": 10_511, "Map": 3_500, "Done": 5_000, "Sumo": 10_600}


async def test_after_a_crash_half_way_the_same_call_goes_on_and_raises_no_rate_twice(studio: Studio) -> None:
    arguments, time = call(RAISE, where=ACTIVE), FakeTime(TODAY)

    def rates() -> dict[str, int]:
        return {row["name"]: row["rate"] for row in studio.rows("SELECT name, rate FROM projects")}

    async with connect(configured(studio.sandbox, time)) as agent:
        shown = await agent.answer(JOB, **arguments)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        studio.sandbox.faults = Faults([Fault("drop", "PUT", "projects/*", nth=3, times=100)])
        text = await agent.refusal(JOB, **arguments, **sure)
        assert (
            f"changed: ids {studio.book}-{studio.atlas}; " in text
        )  # not by rows, which another list would count anew
        assert "The same call continues from there and does nothing twice." in text
        assert rates() == EXPECTED | {"Map": 3_333, "Sumo": 10_100}
        studio.sandbox.faults = None
        done = await agent.answer(JOB, **arguments, **sure)
        assert list(outcomes(done).values()) == ["already so", "already so", "changed", "changed"]
        assert rates() == EXPECTED
        again = await agent.answer(JOB, **arguments, **sure)
        assert "nothing was done again" in again["message"]
        fresh = await agent.answer(JOB, **arguments)
    assert set(outcomes(fresh).values()) == {"already so"}
    assert "its rate was changed by +5% within the last day" in fresh["steps"][0]["why"]
    assert rates() == EXPECTED


async def test_a_lost_answer_of_a_change_that_was_made_counts_as_changed(studio: Studio) -> None:
    studio.sandbox.faults = Faults([Fault("drop", "PUT", "projects/*", after=True)])
    done = await updated(studio, RAISE, ids=[studio.book])
    assert outcomes(done) == {studio.book: "changed"}
    assert "The response was lost" in done["steps"][0]["notice"]
    assert studio.rates()[studio.book] == 99.75


async def test_a_process_that_knows_nothing_of_the_first_raises_no_rate_twice(studio: Studio) -> None:
    studio.sandbox.faults = Faults([Fault("drop", "PUT", "projects/*", nth=2, times=100)])
    for _ in range(2):
        session, clock = configured(studio.sandbox), FakeTime(TODAY).clock
        memory = local_memory(session.settings, clock.wall, shared=True)
        async with connect(Clientary(session.settings, Network(studio.sandbox), clock, memory)) as agent:
            shown = await agent.answer(JOB, **call(RAISE, where=ACTIVE))
            await agent.call(JOB, call(RAISE, where=ACTIVE) | {"confirm": True, "preview_id": shown["preview_id"]})
        studio.sandbox.faults = None
        await memory.aclose()
    assert {row["name"]: row["rate"] for row in studio.rows("SELECT name, rate FROM projects")} == EXPECTED


async def test_records_that_stop_matching_by_the_change_itself_are_not_missed(studio: Studio) -> None:
    arguments = call({"status": "completed"}, where=ACTIVE)
    studio.sandbox.faults = Faults([Fault(500, "PUT", "projects/*", nth=3, times=100)])
    time = FakeTime(TODAY)
    async with connect(configured(studio.sandbox, time)) as agent:
        shown = await agent.answer(JOB, **arguments)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        assert "Part of the job is done" in await agent.refusal(JOB, **arguments, **sure)
        studio.sandbox.faults = None
        done = await agent.answer(JOB, **arguments, **sure)
    assert done["done"] is True
    assert sorted(outcomes(done)) == sorted(studio.all_open)
    assert sorted(outcomes(done).values()) == ["already so", "already so", "changed", "changed"]


async def test_a_record_that_somebody_changed_since_the_preview_calls_for_a_new_one(studio: Studio) -> None:
    arguments = call(RAISE, where=ACTIVE)
    async with agent_of(session_with(studio.sandbox)) as agent:
        shown = await agent.answer(JOB, **arguments)
        studio.change("projects", studio.atlas, rate=20_000)
        again = await agent.answer(JOB, **arguments, confirm=True, preview_id=shown["preview_id"])
        assert again["done"] is False
        assert f"changed since the preview: project {studio.atlas}" in again["message"]
        assert writes(studio.sandbox) == []
        await agent.answer(JOB, **arguments, confirm=True, preview_id=again["preview_id"])
    assert studio.rates()[studio.atlas] == 210


async def test_a_record_that_matches_only_since_the_preview_is_left_out(studio: Studio) -> None:
    arguments = call(RAISE, where=ACTIVE)
    async with agent_of(session_with(studio.sandbox)) as agent:
        shown = await agent.answer(JOB, **arguments)
        new = studio.a_project("New", rate=1_000)
        done = await agent.answer(JOB, **arguments, confirm=True, preview_id=shown["preview_id"])
    assert outcomes(done)[new] == "left out"
    assert studio.rates()[new] == 10


async def test_a_record_that_clientary_refuses_stops_no_other(studio: Studio) -> None:
    class Gone(Faults):
        """The record disappears just before it is changed."""

        def strike(self, method: str, path: str) -> Fault | None:
            if (method, path) == ("PUT", f"projects/{studio.atlas}"):
                studio.sandbox.connection.execute("DELETE FROM projects WHERE id = ?", (studio.atlas,))
            return None

    studio.sandbox.faults = Gone()
    done = await updated(studio, RAISE, where=ACTIVE)
    assert done["done"] is True
    assert outcomes(done) == dict.fromkeys(studio.all_open, "changed") | {studio.atlas: "refused"}
    assert "was not found" in done["steps"][0]["why"]


# Taken back


@pytest.mark.parametrize("fails", [False, True])
async def test_each_change_can_be_taken_back_by_itself_also_where_the_job_failed(studio: Studio, fails: bool) -> None:
    studio.sandbox.faults = Faults([Fault("drop", "PUT", "projects/*", nth=3, times=100)]) if fails else None
    async with connect(configured(studio.sandbox, FakeTime(TODAY))) as agent:
        arguments = call(RAISE, where=ACTIVE)
        shown = await agent.answer(JOB, **arguments)
        await agent.call(JOB, arguments | {"confirm": True, "preview_id": shown["preview_id"]})
        studio.sandbox.faults = None
        listed = (await agent.answer("undo"))["steps"]
        assert [row["tool"] for row in listed] == ["update_project"] * (2 if fails else 4)
        action = next(row for row in listed if row["record"] == "Atlas")
        taken = await agent.answer("undo", action_id=action["action_id"], confirm=True)
    assert taken["done"] is True
    assert (studio.rates()[studio.atlas], studio.rates()[studio.book]) == (100.1, 99.75)


async def test_after_a_part_all_that_was_changed_is_taken_back_but_what_somebody_changed_since(studio: Studio) -> None:
    before = studio.rates()
    studio.sandbox.faults = Faults([Fault(429, "PUT", "projects/*", nth=4, times=100)])
    async with connect(configured(studio.sandbox, FakeTime(TODAY), concurrency=1)) as agent:
        arguments = call(RAISE, where=ACTIVE)
        shown = await agent.answer(JOB, **arguments)
        text = await agent.refusal(JOB, **arguments, confirm=True, preview_id=shown["preview_id"])
        assert f"not changed: id {studio.yen}" in text
        studio.sandbox.faults = None
        studio.change("projects", studio.book, rate=20_000)
        listed = (await agent.answer("undo"))["steps"]
        assert {row["project_id"] for row in listed} == {studio.atlas, studio.book, studio.map}
        for row in listed:
            again = {"action_id": row["action_id"], "confirm": True}
            if row["project_id"] == studio.book:
                assert "somebody changed rate since" in await agent.refusal("undo", **again)
            else:
                assert (await agent.answer("undo", **again))["done"] is True
    assert studio.rates() == before | {studio.book: 200}


# What is refused


BAD = {
    "a field of another tool": (
        call({"city": "Bath"}, ids=[1]),
        "update_project has no field 'city'. Valid: client_id, number",
    ),
    "the id": (call({"project_id": 3}, ids=[1]), "has no field 'project_id'"),
    "lines": (call({"items": "[]"}, "update_invoice", ids=[1]), "items belong to one record"),
    "a wrong value": (call({"status": "open"}, ids=[1]), "status takes one of 'active', 'completed' or 'billable'"),
    "no changes": (call({}, ids=[1]), "changes takes a list that is not empty"),
    "too many ids": (call(RAISE, ids=[*range(1, 202)]), "ids takes at most 200 entries, not 201"),
    "both": (call(RAISE, ids=[1], where=ACTIVE), "takes either where or ids"),
    "neither": (call(RAISE), "takes either where or ids"),
    "an unknown tool": (call(RAISE, "update_projects", ids=[1]), "Did you mean update_project"),
    "another verb": (call({}, "delete_project", ids=[1]) | {"changes": [{"name": "a", "value": "b"}]}, "Valid: update"),
    "a filter of none": (call(RAISE, where={"colour": "red"}), "no list of projects takes 'colour'. Valid: "),
    "a page": (call(RAISE, where={"limit": 3}), "leave out limit; all projects that match are changed"),
    "a percentage without a sign": (call({"rate": "5%"}, ids=[1]), "a percentage with its sign"),
    "all of it": (call({"rate": "-100%"}, ids=[1]), "above -100%"),
    "a percentage of a text": (call({"name": "+5%", "rate": "x"}, ids=[1]), "rate takes a number"),
}


@pytest.mark.parametrize(("arguments", "why"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("confirm", [False, True])
async def test_what_cannot_be_meant_is_refused_with_what_is_valid(
    studio: Studio, arguments: dict[str, Any], why: str, confirm: bool
) -> None:
    async with agent_of(session_with(studio.sandbox)) as agent:
        assert why in await agent.refusal(JOB, **arguments, confirm=False)
        if confirm:
            await agent.call(JOB, arguments | {"confirm": True, "preview_id": "bcdfghjk"})
    assert writes(studio.sandbox) == []


async def test_more_than_200_records_are_refused_with_their_number(studio: Studio) -> None:
    for number in range(201):
        studio.add("tasks", title=f"Task {number}", project_id=studio.book, complete=False)
    async with agent_of(session_with(studio.sandbox)) as agent:
        arguments = call({"complete": "true"}, "update_task", where={"query": "Task"})
        assert "where: 201 records match, and 200 are changed at most" in await agent.refusal(JOB, **arguments)
        studio.sandbox.connection.execute("DELETE FROM tasks WHERE title = 'Task 7'")
        shown = await agent.answer(JOB, **arguments)
    assert [row["outcome"] for row in shown["steps"]] == ["to change"] * 200


# By whose leave


async def test_only_tools_that_are_offered_can_be_given(studio: Studio) -> None:
    closed = configured(studio.sandbox, exclude_tools=frozenset({"update_project", "list_tasks", "list_project_tasks"}))
    async with connect(closed) as agent:
        assert "'update_project' is no update tool" in await agent.refusal(JOB, **call(RAISE, ids=[studio.book]))
        text = await agent.refusal(JOB, **call({"complete": True}, "update_task", where={"query": "x"}))
        assert "no list of tasks is offered here; give ids" in text


async def test_a_server_without_mail_changes_no_schedules_in_bulk(studio: Studio) -> None:
    async with connect(configured(studio.sandbox, toolsets=frozenset({"read", "write"}))) as agent:
        arguments = call({"status": "paused"}, "update_recurring_schedule", ids=[1])
        assert "is no update tool" in await agent.refusal(JOB, **arguments)


async def test_a_server_that_only_reads_has_no_bulk_update(studio: Studio) -> None:
    async with connect(configured(studio.sandbox, read_only=True)) as agent:
        assert f"no tool '{JOB}'" in await agent.refusal(JOB)
