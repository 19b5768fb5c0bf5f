"""The project status report: every figure compared with the account's own tables."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.tables import SWITCHES, exact, put, rows, run

pytestmark = pytest.mark.anyio

Row = dict[str, Any]

FIGURES = ("budget", "used", "remaining", "hours", "billed_hours", "unbilled_hours", "unbilled_amount")


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """The account for tests that only read; some entries on hourly projects have no rate of their own."""
    sandbox = agency()
    run(
        sandbox,
        "UPDATE hours SET rate = NULL, cost = (2 * hours * p.rate + 100) / 200 FROM projects AS p"
        " WHERE p.id = project_id AND project_type = 0 AND hours.id % 5 = 0",
    )
    return sandbox


def standing(sandbox: Sandbox, project: Row) -> Row:
    """The expected figures of a project, from its single entries; amounts in cents, hours in hundredths."""
    entries = rows(sandbox, "SELECT * FROM hours WHERE project_id = ?", project["id"])
    fixed = project["project_type"] == 2

    def worth(chosen: list[Row]) -> int:
        rates = [(entry["hours"], entry["rate"] if entry["rate"] is not None else project["rate"]) for entry in chosen]
        return sum((2 * hours * rate + 100) // 200 for hours, rate in rates)

    hours, unbilled = sum(entry["hours"] for entry in entries), [entry for entry in entries if not entry["billed"]]
    reported: Row = {"hours": hours, "billed_hours": sum(entry["hours"] for entry in entries if entry["billed"])}
    reported["unbilled_hours"] = hours - reported["billed_hours"]
    reported["unbilled_amount"] = None if fixed else worth(unbilled)
    if project["budget"]:
        used = worth(entries) if project["budget_type"] else hours
        share = Decimal(used) / project["budget"] * 100
        reported |= {"budget": project["budget"], "used": used, "remaining": project["budget"] - used}
        reported["percentage"] = share.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return reported


def reported(row: Row) -> Row:
    """The figures of a row, in the same units."""
    found: Row = {name: exact(row[name]) for name in FIGURES if name in row and row[name] != "no budget"}
    found.setdefault("unbilled_amount", None)
    if "percentage" in row:
        found["percentage"] = Decimal(str(row["percentage"])).quantize(Decimal("0.1"))
    return found


def closed_projects(sandbox: Sandbox) -> tuple[int, str]:
    """How many projects are completed, and the sentence on them with the sum of their hours."""
    closed = {row["id"] for row in rows(sandbox, "SELECT id FROM projects WHERE status = 2")}
    hours = sum(row["hours"] for row in rows(sandbox, "SELECT * FROM hours") if row["project_id"] in closed)
    total = f"{Decimal(hours) / 100:,.2f} worked hours of all days"
    return len(closed), f"{len(closed)} completed projects that count only with include_completed=true ({total})."


def open_projects(sandbox: Sandbox) -> dict[int, Row]:
    return {row["id"]: row for row in rows(sandbox, "SELECT * FROM projects WHERE status <> 2")}


@pytest.mark.parametrize("switches", SWITCHES, ids=["live", "text", "ids", "whole", "bare", "samples"])
async def test_open_projects_near_their_budget_are_listed_however_clientary_answers(
    books: Sandbox, switches: Switches
) -> None:
    books.switches = switches
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("project_status")
    books.switches = Switches()
    everything = {number: standing(books, project) for number, project in open_projects(books).items()}
    full = {
        number: figures
        for number, figures in everything.items()
        if "budget" in figures and 100 * figures["used"] >= 80 * figures["budget"]
    }
    assert 3 < len(full) < len(everything)
    assert {row["project_id"]: reported(row) for row in answer["rows"]} == full
    shares = [row["percentage"] for row in answer["rows"]]
    assert shares == sorted(shares, reverse=True)
    clients = {row["id"]: row["name"] for row in rows(books, "SELECT id, name FROM clients")}
    assert all(row["client"] == clients.get(row.get("client_id"), "no client") for row in answer["rows"])
    without = sum("budget" not in figures for figures in everything.values())
    under = len(everything) - len(full) - without
    assert answer["left_out"] == [
        closed_projects(books)[1],
        f"{without} open projects without a budget.",
        f"{under} open projects under 80 %.",
    ]


async def test_a_threshold_of_zero_lists_every_open_project(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("project_status", threshold=0)
    projects = open_projects(books)
    assert {row["project_id"]: reported(row) for row in answer["rows"]} == {
        number: standing(books, project) for number, project in projects.items()
    }
    for row in answer["rows"]:
        project = projects[row["project_id"]]
        assert row["currency_code"] == project["currency_code"]
        assert row["status"] == {1: "active", 4: "billable"}[project["status"]]
        if project["budget"] is None:
            assert row["budget"] == "no budget"
            assert not {"used", "remaining", "percentage", "budget_type"} & row.keys()
        else:
            assert row["budget_type"] == ("amount" if project["budget_type"] else "hours")
    assert [row["budget"] == "no budget" for row in answer["rows"]] == sorted(
        row["budget"] == "no budget" for row in answer["rows"]
    )
    completed, remark = closed_projects(books)
    assert answer["left_out"] == [remark]
    everything = await reader.answer("project_status", threshold=0, include_completed=True)
    assert len(everything["rows"]) == len(projects) + completed
    assert "left_out" not in everything


async def test_hours_are_read_for_the_listed_projects_and_the_nearest_three(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("project_status", threshold=100)
    asked = {int(path.split("/")[-2]) for _, path in books.requests if path.endswith("/hours")}
    listed = {row["project_id"] for row in answer["rows"]}
    assert listed < asked
    assert len(asked) == len(listed) + 3 < len(open_projects(books)) / 2


async def test_where_a_reported_figure_is_wrong_every_project_is_read(account: respx.MockRouter, agent: Agent) -> None:
    site = {"status": 1, "budget": 10, "budget_type": 0}
    projects = [{**site, "id": number, "worked_hours": number / 2} for number in range(1, 8)]
    account.get("projects").respond(json={"projects": projects})
    account.get("invoices").respond(json={"invoices": []})
    account.get("projects/7/hours").respond(json={"hours": [{"id": 70, "hours": 9}]})
    account.get("projects/1/hours").respond(json={"hours": [{"id": 10, "hours": 8}]})
    account.get(path__regex="/hours$").respond(json={"hours": [{"id": 1, "hours": 1}]})
    answer = await agent.answer("project_status")
    assert [row["project_id"] for row in answer["rows"]] == [7, 1]


def by_person(sandbox: Sandbox, project: int) -> list[Row]:
    query = (
        "SELECT user_id, name, sum(hours) AS hours FROM hours JOIN staff ON staff.id = user_id WHERE project_id = ?"
        " GROUP BY user_id ORDER BY 3 DESC, user_id"
    )
    return rows(sandbox, query, project)


def in_hundredths(people: list[Row]) -> list[Row]:
    return [{**user, "hours": exact(user["hours"])} for user in people]


async def test_hours_per_person_are_included_on_request(reader: Agent, books: Sandbox) -> None:
    assert not any("people" in row for row in (await reader.answer("project_status"))["rows"])
    for row in (await reader.answer("project_status", by_person=True))["rows"]:
        assert in_hundredths(row["people"]) == by_person(books, row["project_id"])


@pytest.mark.parametrize(
    "kind", ["status = 2", "status <> 2 AND budget IS NULL", "project_type = 2 AND budget_type = 1"]
)
async def test_a_single_project_is_shown_with_its_people_whatever_its_status(
    reader: Agent, books: Sandbox, kind: str
) -> None:
    project = rows(books, f"SELECT * FROM projects WHERE {kind}")[0]  # noqa: S608 ours
    answer = await reader.answer("project_status", project_id=project["id"])
    (row,) = answer["rows"]
    assert reported(row) == standing(books, project)
    assert in_hundredths(row["people"]) == by_person(books, project["id"])
    assert ("fixed price" in answer["basis"]) is (project["project_type"] == 2 and project["budget_type"] == 1)


async def test_a_clients_report_covers_its_open_projects(reader: Agent, books: Sandbox) -> None:
    client = rows(
        books,
        "SELECT client_id AS id FROM projects WHERE status = 2 INTERSECT"
        " SELECT client_id FROM projects WHERE status <> 2",
    )[0]["id"]
    answer = await reader.answer("project_status", client_id=client, threshold=0)
    own = {number for number, project in open_projects(books).items() if project["client_id"] == client}
    assert {row["project_id"] for row in answer["rows"]} == own


# An account with one project and incomplete records


@pytest.fixture
def small() -> Sandbox:
    """A client with a project at 80.00 an hour in EUR and a budget of ten hours."""
    sandbox = Sandbox(TODAY, filled=False)
    client = put(sandbox, "clients", name="Acme")
    put(sandbox, "projects", name="Site", client_id=client, rate=8_000, currency_code="EUR", budget=1_000)
    return sandbox


def work(sandbox: Sandbox, hours: int | None, **values: Any) -> int:
    project = rows(sandbox, "SELECT id FROM projects")[0]["id"]
    plain = {"title": "Work", "user_id": 1, "rate": None, "cost": 0, "billed": False, "date": "2026-11-02"}
    return put(sandbox, "hours", project_id=project, hours=hours, **(plain | values))


async def asked(sandbox: Sandbox, **arguments: Any) -> Row:
    async with agent_of(session_with(sandbox)) as agent:
        return await agent.answer("project_status", **arguments)


async def test_the_threshold_is_inclusive(small: Sandbox) -> None:
    work(small, 799)
    answer = await asked(small)
    assert answer["rows"] == []
    assert answer["left_out"] == ["1 open project under 80 %."]
    work(small, 1)
    (row,) = (await asked(small))["rows"]
    assert (row["used"], row["remaining"], row["percentage"]) == (8, 2, 80)
    assert (await asked(small, threshold=80.1))["rows"] == []


@pytest.mark.parametrize("budget", [None, 0])
async def test_no_budget_is_not_a_budget_of_zero(small: Sandbox, budget: int | None) -> None:
    run(small, "UPDATE projects SET budget = ?", budget)
    work(small, 150)
    (row,) = (await asked(small, threshold=0))["rows"]
    assert row["budget"] == "no budget"
    assert not {"used", "remaining", "percentage"} & row.keys()
    assert (row["hours"], row["unbilled_amount"]) == (1.5, 120)
    answer = await asked(small)
    assert (answer["rows"], answer["left_out"]) == ([], ["1 open project without a budget."])


async def test_a_difference_between_clientarys_figure_and_the_hours_is_reported(small: Sandbox) -> None:
    run(small, "UPDATE projects SET budget_type = 1, budget = 100000")
    work(small, 1_000, cost=90_000)
    answer = await asked(small)
    (row,) = answer["rows"]
    assert (row["budget_type"], row["used"], row["percentage"]) == ("amount", 800, 80)
    assert answer["left_out"] == ["1 project where Clientary's own figure differs from used: “Site” (900)."]


@pytest.mark.parametrize(("budget_type", "text"), [
    (9, "1 project whose budget is neither in hours nor in money: “Site”."),
    (0, "1 open project under 80 %."),
])  # fmt: skip
async def test_every_project_with_unknown_budget_use_is_mentioned(
    account: respx.MockRouter, agent: Agent, budget_type: int, text: str
) -> None:
    site = {"id": 1, "name": "Site", "status": 1, "budget": 10, "budget_type": budget_type}
    account.get("projects").respond(json={"projects": [site]})
    account.get("invoices").respond(json={"invoices": []})
    account.get("projects/1/hours").respond(json={"hours": [{"id": 2, "hours": 1, "rate": 5}]})
    assert text in (await agent.answer("project_status"))["left_out"]


async def test_incomplete_entries_are_named(small: Sandbox) -> None:
    run(small, "UPDATE projects SET rate = NULL, budget_type = 1, budget = 100000")
    empty = work(small, None)
    late, unpriced = work(small, 200, date="2026-11-21", rate=5_000, cost=10_000), work(small, 300)
    answer = await asked(small, threshold=0)
    assert [(row["hours"], row["used"]) for row in answer["rows"]] == [(3, 0)]
    assert answer["left_out"] == [
        f"1 hour entry dated in the future (2 hours): id {late}.",
        f"1 hour entry without a rate, counted in hours and not in money: id {unpriced} of “Site”.",
        f"1 hour entry without hours: id {empty}.",
        "1 project where Clientary's own figure differs from used: “Site” (100).",
    ]


async def test_people_missing_from_the_staff_list_are_shown_by_id(small: Sandbox) -> None:
    work(small, 100)
    run(small, "PRAGMA foreign_keys = OFF")
    run(small, "UPDATE hours SET user_id = 77")
    work(small, 50, user_id=None)
    (row,) = (await asked(small, threshold=0, by_person=True))["rows"]
    assert row["people"] == [{"user_id": 77, "name": "staff 77", "hours": 1}, {"name": "unknown", "hours": 0.5}]


async def test_an_account_without_projects_has_an_empty_report() -> None:
    answer = await asked(Sandbox(TODAY, filled=False))
    assert (answer["rows"], answer["row_count"]) == ([], 0)
    assert "left_out" not in answer


async def test_an_unanswerable_question_is_refused_with_the_reason(small: Sandbox) -> None:
    project = rows(small, "SELECT id FROM projects")[0]["id"]
    async with agent_of(session_with(small)) as agent:
        assert "list_projects" in await agent.refusal("project_status", project_id=9)
        assert f"Project {project} does not belong to client 9" in await agent.refusal(
            "project_status", project_id=project, client_id=9
        )
        assert "must be at least 0" in await agent.refusal("project_status", threshold=-1)
        assert "takes a number" in await agent.refusal("project_status", threshold=True)
        work(small, 900)
        small.switches = Switches(allow_hours=False)
        assert "is not allowed to do this" in await agent.refusal("project_status")
