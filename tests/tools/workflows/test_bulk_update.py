"""Many records changed at once: before and after for each, each by itself, and no more than was shown."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.users import configured, connect, writes

pytestmark = pytest.mark.anyio

JOB = "bulk_update"
PROJECTS: dict[str, Any] = {"tool": "update_project", "changes": {"rate": "+5%"}}


class Many(Books):
    """A client with three projects more, one of them completed, and another client with one."""

    def __init__(self) -> None:
        super().__init__()
        self.own = [self.project, self.a_project("Low", rate=1_001), self.a_project("None", rate=None)]
        self.done = self.a_project("Done", status=2)
        self.other = self.a_project("Else", client_id=self.add("clients", name="Other", status=1))

    def rates(self) -> dict[str, int]:
        return {row["name"]: row["rate"] for row in self.rows("SELECT name, rate FROM projects")}


@pytest.fixture
def books() -> Many:
    return Many()


async def updated(books: Many, **call: Any) -> dict[str, Any]:
    """The answer of a short-lived process to a confirmed call."""
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.confirmed(JOB, **call)


async def refused(books: Many, **call: Any) -> str:
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, **call)
    assert writes(books.sandbox) == []
    return text


async def test_the_preview_shows_before_and_after_of_each_and_changes_nothing(books: Many) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, **PROJECTS, ids=[*books.own, 999])
    assert shown["steps"] == [
        {
            "id": books.own[0],
            "outcome": "to update",
            "name": "Quarry Catalogue",
            "before": {"rate": 95},
            "after": {"rate": 99.75},
        },
        {
            "id": books.own[1],
            "outcome": "to update",
            "name": "Low",
            "before": {"rate": 10.01},
            "after": {"rate": 10.51},
        },
        {"id": books.own[2], "outcome": "left out", "name": "None", "why": "it has no rate of its own"},
        {"id": 999, "outcome": "left out", "why": "it does not exist"},
    ]
    assert "update 2 of 4 projects (2 left out)" in shown["message"]
    assert writes(books.sandbox) == []


async def test_filters_choose_what_their_list_would_show(books: Many) -> None:
    before = books.rates()
    where = {"client_id": books.client, "status": "active"}
    await updated(books, **PROJECTS | {"changes": {"rate": "-10%"}}, where=where)
    assert {name for name, rate in books.rates().items() if rate != before[name]} == {"Quarry Catalogue", "Low"}
    await updated(books, tool="update_project", changes={"status": "completed"}, where={"status": "active"})
    assert {row["status"] for row in books.rows("SELECT status FROM projects")} == {2}


async def test_changes_may_be_lists_of_pairs_and_clear(books: Many) -> None:
    books.sandbox.connection.execute("UPDATE projects SET description = 'Old'")
    pairs = [{"name": "clear", "value": '["description"]'}, {"name": "rate", "value": "80"}]
    done = await updated(books, tool="update_project", ids=[books.other], changes=pairs)
    assert done["steps"][0]["before"] == {"rate": 95, "description": "Old"}
    assert books.rows("SELECT rate, coalesce(description, '') AS d FROM projects WHERE id = ?", books.other) == [
        {"rate": 8_000, "d": ""}
    ]


async def test_what_is_so_already_is_not_sent_again(books: Many) -> None:
    call: dict[str, Any] = {"tool": "update_project", "ids": books.own, "changes": {"rate": 95}}
    done = await updated(books, **call)
    assert [row["outcome"] for row in done["steps"]] == ["already so", "updated", "updated"]
    again = await updated(books, **call)
    assert (again["done"], "3 already so" in again["message"]) == (False, True)
    assert len(writes(books.sandbox)) == 2


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"tool": "delete_project", "ids": [1], "changes": {"rate": 1}}, "is no update tool"),
        ({"tool": "update_projects", "ids": [1], "changes": {"rate": 1}}, "update_project"),
        ({"tool": "update_project", "ids": [1], "changes": {"colour": "red"}}, "there is no argument 'colour'"),
        ({"tool": "update_project", "ids": [1], "changes": {"rate": "much"}}, "rate takes a number"),
        ({"tool": "update_project", "ids": [1], "changes": {"number": "7"}}, "number cannot be the same"),
        ({"tool": "update_project", "ids": [1], "changes": {"project_id": 7}}, "project_id cannot be the same"),
        ({"tool": "update_invoice", "ids": [1], "changes": {"items": "[]"}}, "items cannot be the same"),
        ({"tool": "update_project", "ids": list(range(1, 202)), "changes": {"rate": 1}}, "ids takes at most 200"),
        ({"tool": "update_project", "changes": {"rate": 1}}, "takes either where or ids"),
        (
            {"tool": "update_project", "ids": [1], "where": {"query": "x"}, "changes": {"rate": 1}},
            "takes either where or ids",
        ),
        ({"tool": "update_project", "where": {"limit": 3}, "changes": {"rate": 1}}, "where: takes no limit"),
        ({"tool": "update_project", "where": {"colour": 3}, "changes": {"rate": 1}}, "there is no argument 'colour'"),
    ],
)
async def test_what_cannot_be_meant_is_refused(books: Many, call: dict[str, Any], why: str) -> None:
    assert why in await refused(books, **call)


async def test_more_than_200_records_are_refused(books: Many) -> None:
    for number in range(200):
        books.a_project(f"P{number}")
    assert "more than 200 projects match" in await refused(books, **PROJECTS, where={"include_completed": "true"})


async def test_only_update_tools_that_are_exposed_can_be_given(books: Many) -> None:
    chosen = {"exclude_tools": frozenset({"update_project"})}
    async with agent_of(session_with(books.sandbox, **chosen)) as agent:
        text = await agent.refusal(JOB, **PROJECTS, ids=books.own)
    assert "'update_project' is no update tool" in text


async def test_one_that_fails_stops_no_other(books: Many) -> None:
    class Gone(Faults):
        """The first project disappears just before it is changed."""

        def strike(self, method: str, path: str) -> Fault | None:
            if method == "PUT" and path.endswith(f"/{books.own[0]}"):
                books.sandbox.connection.execute("DELETE FROM projects WHERE id = ?", (books.own[0],))
            return None

    books.sandbox.faults = Gone()
    done = await updated(books, **PROJECTS, ids=books.own)
    assert [row["outcome"] for row in done["steps"]] == ["refused", "updated", "left out"]


async def test_after_a_failure_the_same_preview_goes_on(books: Many) -> None:
    time = FakeTime(TODAY)
    books.sandbox.faults = Faults([Fault("drop", "PUT", f"projects/{books.own[0]}", times=100)])
    call = PROJECTS | {"ids": books.own[:2]}
    async with connect(configured(books.sandbox, time)) as agent:
        shown = await agent.answer(JOB, **call)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        assert "So far" in await agent.refusal(JOB, **call, **sure)
        books.sandbox.faults = None
        await time.clock.sleep(180)
        done = await agent.answer(JOB, **call, **sure)
    assert [row["outcome"] for row in done["steps"]] == ["updated", "already so"]
    assert (books.rates()["Quarry Catalogue"], books.rates()["Low"]) == (9_975, 1_051)


async def test_a_record_that_changed_since_gets_a_new_preview(books: Many) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, **PROJECTS, ids=books.own)
        books.sandbox.connection.execute("UPDATE projects SET rate = 5000 WHERE id = ?", (books.own[0],))
        new = await agent.answer(JOB, **PROJECTS, ids=books.own, confirm=True, preview_id=shown["preview_id"])
    assert (new["done"], writes(books.sandbox)) == (False, [])
    assert f"changed since the preview: project {books.own[0]}" in new["message"]
