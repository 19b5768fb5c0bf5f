"""The timesheet, compared with SQL on the account's own tables, in hundredths of an hour."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import anyio.lowlevel
import httpx
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.replies import listed
from tool_schemas.base.results import MAX_ANSWER, as_text

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
OCTOBER = {"from_date": "2026-10-01", "to_date": "2026-10-31"}
NOVEMBER = {"from_date": "2026-11-01", "to_date": "2026-11-30"}

COLUMNS = (
    "sum(hours) AS hours, sum(billed * hours) AS billed_hours, count(*) AS entries,"
    " sum(description = '') AS without_description"
)


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read."""
    return agency()


def worked(
    sandbox: Sandbox, days: Row, by: str = "user_id, project_id", where: str = "1"
) -> dict[tuple[int, ...], Row]:
    """The columns of the report for each person and project."""
    query = (
        f"SELECT {by}, {COLUMNS} FROM hours"  # noqa: S608 - written here
        f" WHERE date BETWEEN :from_date AND :to_date AND {where} GROUP BY {by}"
    )
    keys = by.split(", ")
    found = [dict(row) for row in sandbox.connection.execute(query, days)]
    assert found  # otherwise the test would prove nothing
    return {tuple(row.pop(key) for key in keys): row for row in found}


def hundredths(row: Row) -> Row:
    reported = {name: row[name] for name in ("entries", "without_description")}
    return reported | {name: int(Decimal(str(row[name])) * 100) for name in ("hours", "billed_hours")}


def by_person_and_project(answer: Row) -> dict[tuple[int, ...], Row]:
    assert len(answer["rows"]) == answer["row_count"]
    return {(row["user_id"], row["project_id"]): hundredths(row) for row in answer["rows"]}


def names(sandbox: Sandbox, table: str) -> dict[int, str]:
    return dict(sandbox.connection.execute(f"SELECT id, name FROM {table}").fetchall())  # noqa: S608 - written here


@pytest.mark.parametrize(
    "switches",
    [
        Switches(),
        Switches(extra_keys=False, dates="iso", money_as_text=True),
        Switches(nested_client_in_projects=False, predicate_keys="plain", nulls=True),
        Switches(page_keys=False),
        Switches(bare_arrays=True),
    ],
    ids=["live", "text", "ids", "whole", "bare"],
)
async def test_hours_per_person_and_project_match_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("timesheet_report", **OCTOBER)

    assert by_person_and_project(answer) == worked(sandbox, OCTOBER)
    people = {(user["user_id"],): hundredths(user) for user in answer["people"] if user["entries"]}
    assert people == worked(sandbox, OCTOBER, "user_id")
    ((_, whole),) = worked(sandbox, OCTOBER, "1").items()
    assert [hundredths(total) for total in answer["totals"]] == [whole]

    staff, projects, clients = (names(sandbox, table) for table in ("staff", "projects", "clients"))
    owners = dict(sandbox.connection.execute("SELECT id, client_id FROM projects").fetchall())
    for row in answer["rows"]:
        assert (row["person"], row["project"]) == (staff[row["user_id"]], projects[row["project_id"]])
        assert row["client"] == clients.get(owners[row["project_id"]], "no client")


async def test_days_without_entries_are_listed_per_person(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("timesheet_report", **NOVEMBER)

    november = [date(2026, 11, day) for day in range(1, 21)]  # today is the 20th: what comes is not missing
    workdays = {day.isoformat() for day in november if day.weekday() not in (5, 6)}
    query = "SELECT DISTINCT date FROM hours WHERE user_id = ?"
    assert {user["user_id"] for user in answer["people"]} == names(books, "staff").keys()
    for user in answer["people"]:
        missing = workdays - {row[0] for row in books.connection.execute(query, [user["user_id"]])}
        assert (user["working_days"], user["days_without_entries"]) == (len(workdays), len(missing))
        assert {day for reported in user.get("no_entries_on", ()) for day in stretch(reported)} & workdays == missing
    assert any(user["days_without_entries"] for user in answer["people"])
    assert "up to today, 2026-11-20" in answer["basis"]


def stretch(reported: str) -> set[str]:
    first, last = (date.fromisoformat(part) for part in (reported.split(" to ") * 2)[:2])
    return {(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)}


async def test_someone_without_entries_is_missing_every_working_day(sandbox: Sandbox) -> None:
    with sandbox.connection as tables:
        tables.execute("DELETE FROM hours WHERE user_id = 2 AND date >= '2026-10-01'")
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("timesheet_report", from_date="2026-10-02", to_date="2026-10-12")

    (idle,) = [user for user in answer["people"] if user["user_id"] == 2]
    assert (idle["hours"], idle["entries"], idle["days_without_entries"]) == (0, 0, 7)
    assert idle["no_entries_on"] == ["2026-10-02 to 2026-10-12"]


async def test_a_weekend_is_never_missing(reader: Agent) -> None:
    answer = await reader.answer("timesheet_report", from_date="2026-11-14", to_date="2026-11-15")
    assert {user["days_without_entries"] for user in answer["people"]} == {0}


async def test_one_persons_timesheet_covers_only_that_person(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("timesheet_report", user_id=3, **OCTOBER)
    assert by_person_and_project(answer) == worked(books, OCTOBER, where="user_id = 3")
    assert [user["user_id"] for user in answer["people"]] == [3]


@pytest.mark.parametrize("argument", ["project_id", "client_id"])
async def test_a_timesheet_of_one_project_or_client_lists_no_missing_days(
    reader: Agent, books: Sandbox, argument: str
) -> None:
    of_client = "project_id IN (SELECT id FROM projects WHERE client_id = 1201)"
    where = "project_id = 2477" if argument == "project_id" else of_client
    value = 2477 if argument == "project_id" else 1201
    days = {"from_date": "2026-08-01", "to_date": "2026-11-20"}
    answer = await reader.answer("timesheet_report", **{argument: value}, **days)

    assert by_person_and_project(answer) == worked(books, days, where=where)
    assert all("days_without_entries" not in user and user["entries"] for user in answer["people"])
    assert "Days without entries: they are listed only without client_id and project_id." in answer["left_out"]


async def test_entries_without_text_are_counted_and_the_first_listed(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("timesheet_report", **OCTOBER)

    query = (
        "SELECT hours.id, date, staff.name, projects.name, hours.title FROM hours"
        " JOIN staff ON staff.id = user_id JOIN projects ON projects.id = project_id"
        " WHERE hours.description = '' AND date BETWEEN :from_date AND :to_date ORDER BY date, hours.id"
    )
    silent = [tuple(row) for row in books.connection.execute(query, OCTOBER)]
    assert [tuple(entry.values()) for entry in answer["entries_without_description"]] == silent[:10]
    assert answer["totals"][0]["without_description"] == len(silent)


async def test_of_projects_without_work_only_a_few_are_read(sandbox: Sandbox) -> None:
    with sandbox.connection as tables:
        tables.execute("DELETE FROM hours WHERE project_id < 2470")
        (busy,) = tables.execute("SELECT count(DISTINCT project_id) FROM hours").fetchone()
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("timesheet_report", **OCTOBER)

    asked = [path for _, path in sandbox.requests if path.endswith("/hours")]
    assert len(asked) == len(set(asked)) == busy + 3
    assert "they report no hours, which was checked on 3" in answer["basis"]


class Crowded(httpx.AsyncBaseTransport):
    """A network on which requests overtake each other; records which are concurrent."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.together: set[frozenset[str]] = set()
        self._network = Network(sandbox)
        self._under_way: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        self._under_way.append(path)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        self.together.add(frozenset(self._under_way))
        self._under_way.remove(path)
        return await self._network.handle_async_request(request)


async def test_staff_and_projects_are_read_at_the_same_time_and_then_the_hours_of_several(books: Sandbox) -> None:
    crowded = Crowded(books)
    settings = Settings(base_url="http://localhost", api_token=books.token, concurrency=3)
    async with agent_of(Clientary(settings, crowded, FakeTime(TODAY).clock)) as agent:
        await agent.answer("timesheet_report", **OCTOBER)

    assert {"staff", "projects"} in crowded.together
    assert max(len(paths) for paths in crowded.together) == 3
    assert any(all(path.endswith("/hours") for path in paths) for paths in crowded.together if len(paths) == 3)


async def test_an_account_without_hours_lists_only_missing_days() -> None:
    async with agent_of(session_with(Sandbox(TODAY, filled=False))) as agent:
        answer = await agent.answer("timesheet_report", **OCTOBER)
    assert answer["rows"] == []
    assert [user["days_without_entries"] for user in answer["people"]] == [22]


async def test_a_range_of_years_reports_hours_but_no_missing_days(reader: Agent, books: Sandbox) -> None:
    years = {"from_date": "0001-01-01", "to_date": "9999-12-31"}
    answer = await reader.answer("timesheet_report", **years)
    people = {(user["user_id"],): hundredths(user) for user in answer["people"]}
    assert people == worked(books, years, "user_id")
    assert "Days without entries: they are listed for at most 366 days." in answer["left_out"]


async def test_dates_in_the_wrong_order_are_rejected(account: respx.MockRouter, agent: Agent) -> None:
    text = await agent.refusal("timesheet_report", from_date="2026-11-02", to_date="2026-11-01")
    assert "from_date after to_date" in text
    assert not account.calls


@pytest.mark.parametrize("argument", ["user_id", "client_id", "project_id"])
async def test_an_unknown_id_is_an_error_rather_than_an_empty_timesheet(reader: Agent, argument: str) -> None:
    text = await reader.refusal("timesheet_report", **{argument: 999_999}, **OCTOBER)
    assert "list_" in text


async def test_another_clients_project_is_rejected(reader: Agent) -> None:
    text = await reader.refusal("timesheet_report", client_id=1202, project_id=2477, **OCTOBER)
    assert "Project 2477 does not belong to client 1202" in text


async def test_hours_without_permission_fail_the_report(sandbox: Sandbox) -> None:
    sandbox.switches = Switches(allow_hours=False)
    async with agent_of(session_with(sandbox)) as agent:
        assert "is not allowed to do this" in await agent.refusal("timesheet_report", **OCTOBER)


def entry(number: int, **reported: Any) -> Row:
    return {
        "id": number, "project_id": 1, "user_id": 12, "date": "2023/11/13", "hours": "1.50", "title": "Work",
        "description": "As told", "billed?": True, **reported,
    }  # fmt: skip


async def test_without_permission_to_read_staff_people_are_shown_by_id(account: respx.MockRouter, agent: Agent) -> None:
    account.get("staff").respond(403)
    account.get("projects").respond(json=listed("projects", {"id": 1, "name": None}))
    account.get("projects/1/hours").respond(json={"hours": [entry(1)]})
    answer = await agent.answer("timesheet_report", from_date="2023-11-13", to_date="2023-11-20")

    (row,) = answer["rows"]
    assert (row["person"], row["project"], row["client"]) == ("staff 12", "project 1", "no client")
    assert answer["people"][0]["no_entries_on"] == ["2023-11-14"]
    assert (
        "The owner of the API token is not allowed to list staff: names, and people without entries, are missing."
        in answer["left_out"]
    )


async def test_incomplete_entries_are_counted_or_excluded_and_named(account: respx.MockRouter, agent: Agent) -> None:
    account.get("staff").respond(json={"staff": [{"id": 12, "name": "Ann"}]})
    account.get("projects").respond(json=listed("projects", {"id": 1, "name": "Site", "worked_hours": None}))
    entries = [
        entry(1, hours=None),
        entry(2, date=None),
        entry(3, date="2023/11/15"),
        entry(4, user_id=None, description=" "),
        entry(5, user_id=13, project_id=None, **{"billed?": None}),
        entry(6, date="2023/11/10"),
    ]
    account.get("projects/1/hours").respond(json={"hours": entries})
    answer = await agent.answer("timesheet_report", from_date="2023-11-11", to_date="2023-11-30")

    reported = [(row["person"], row["project_id"], row["hours"], row["billed_hours"]) for row in answer["rows"]]
    assert reported == [("Ann", 1, 0, 0), ("staff 13", 1, 1.5, 0), ("unknown", 1, 1.5, 1.5)]
    assert [silent["hour_entry_id"] for silent in answer["entries_without_description"]] == [4]
    assert answer["left_out"] == [
        "1 hour entry without hours, counted as 0: id 1.",
        "1 hour entry without a date (1.50 hours): id 2.",
        "1 hour entry dated in the future (1.50 hours): id 3.",
        "2 hour entries without a rate, not in billable and worth: id 4, id 5.",
    ]


async def test_many_people_and_many_gaps_still_fit_in_one_answer(account: respx.MockRouter, agent: Agent) -> None:
    people = [{"id": number, "name": f"Person {number:03d}"} for number in range(1, 401)]
    days = [date(2023, 1, 2) + timedelta(days=2 * number) for number in range(150)]
    entries = [entry(number, user_id=1 + number % 2, date=day.isoformat()) for number, day in enumerate(days, 1)]
    account.get("staff").respond(json={"staff": people})
    account.get("projects").respond(json=listed("projects", {"id": 1, "name": "Site"}))
    account.get("projects/1/hours").respond(json={"hours": entries})
    answer = await agent.answer("timesheet_report", from_date="2023-01-01", to_date="2023-11-14")

    assert len(answer["rows"]) == 2
    assert answer["people"][0]["no_entries_on"][1].endswith("more")
    assert len(as_text(answer)) <= MAX_ANSWER
