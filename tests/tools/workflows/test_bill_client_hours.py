"""Billing all hourly projects of a client: one draft, a section for each project, and nothing twice."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Switches
from tests.conftest import session_with
from tests.support.agent import agent_of
from tests.support.quarry import Books
from tests.support.users import writes

pytestmark = pytest.mark.anyio

JOB = "bill_project_hours"
LINES = "SELECT title, quantity, price, item_type FROM invoice_items WHERE invoice_id = ? ORDER BY id"


class Studio(Books):
    """A client with two hourly projects, one of them completed, one with a fixed price, and another client."""

    def __init__(self) -> None:
        super().__init__()
        self.done = self.a_project("Quarry Shop", status=2, rate=10_000)
        self.fixed = self.a_project("Quarry Film", project_type=2)
        self.idle = self.a_project("Quarry Radio")
        other = self.add("clients", name="Other", status=1)
        self.elsewhere = self.a_project("Else", client_id=other)
        self.entries = [
            self.hours("2026-10-01", 150, title="Layout"),
            self.hours("2026-10-02", 200, title="Cart", project_id=self.done, rate=None),
            self.hours("2026-10-03", 100, title="Cover"),
        ]
        self.hours("2026-10-04", 100, title="Cut", project_id=self.fixed)
        self.hours("2026-10-04", 100, title="Else", project_id=self.elsewhere)

    def unbilled(self) -> set[str]:
        return {row["title"] for row in self.rows("SELECT title FROM hours WHERE NOT billed")}


@pytest.fixture
def books() -> Studio:
    return Studio()


async def billed(books: Studio, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived process."""
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.confirmed(JOB, **{"client_id": books.client} | more)


async def test_the_preview_shows_a_section_for_each_project(books: Studio) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, client_id=books.client)
    assert "4.5 hours in 3 time entries of 2 projects of “Quarry Books”" in shown["message"]
    assert [row["title"] for row in shown["steps"] if row["step"] == "section"] == ["Quarry Catalogue", "Quarry Shop"]
    assert [row["project"] for row in shown["steps"] if "fixed price" in row.get("why", "")] == ["Quarry Film"]
    assert (shown["totals"][0]["total"], shown["totals"][0]["hours"]) == (437.5, 4.5)
    assert writes(books.sandbox) == []


async def test_one_draft_bills_all_hourly_projects_of_the_client_and_no_other(books: Studio) -> None:
    done = await billed(books)
    assert [tuple(row.values()) for row in books.rows(LINES, done["record"]["id"])] == [
        ("Quarry Catalogue", 0, 0, 0),
        ("2026-10-01 Layout", 150, 9_500, 3),
        ("2026-10-03 Cover", 100, 9_500, 3),
        ("Quarry Shop", 0, 0, 0),
        ("2026-10-02 Cart", 200, 10_000, 3),
    ]
    assert books.unbilled() == {"Cut", "Else"}
    (invoice,) = books.rows("SELECT client_id, total_cost, status FROM invoices")
    assert invoice == {"client_id": books.client, "total_cost": 43_750, "status": 0}


async def test_expenses_are_in_the_section_of_their_project(books: Studio) -> None:
    books.expense("2026-10-05", 1_250, project_id=books.done)
    done = await billed(books, include_expenses=True)
    assert [row["title"] for row in books.rows(LINES, done["record"]["id"])][-1] == "2026-10-05 Paper"


async def test_work_in_two_currencies_is_refused(books: Studio) -> None:
    books.hours("2026-10-06", 100, project_id=books.a_project("Dollars", currency_code="USD"))
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, client_id=books.client)
    assert "is in EUR and USD, which one invoice cannot hold" in text
    assert writes(books.sandbox) == []


@pytest.mark.parametrize("given", [{}, {"client_id": 1, "project_id": 1}])
async def test_either_a_project_or_a_client_is_billed(books: Studio, given: dict[str, int]) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        assert "takes either project_id or client_id" in await agent.refusal(JOB, **given)


async def test_a_client_without_unbilled_hours_is_told(books: Studio) -> None:
    await billed(books)
    answer = await billed(books)
    assert (answer["done"], "There is nothing to bill on" in answer["message"]) == (False, True)


async def test_a_client_with_fixed_prices_alone_is_told_that_and_why(books: Studio) -> None:
    client = books.add("clients", name="Mural Ltd", status=1)
    books.a_project("Mural", client_id=client, project_type=2)
    answer = await billed(books, client_id=client)
    assert "nothing to bill on hourly projects of “Mural Ltd”: no unbilled hours." in answer["message"]
    assert [("fixed price" in step["why"], step["project"]) for step in answer["steps"]] == [(True, "Mural")]


@pytest.mark.parametrize("key", ["billed", None])
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("after", [False, True])
async def test_after_a_failure_each_entry_is_billed_once(books: Studio, key: Any, method: str, after: bool) -> None:
    books.sandbox.switches = Switches(billed_key=key)
    books.sandbox.faults = Faults([Fault("drop", method, times=1, after=after)])
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, client_id=books.client)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        await agent.call(JOB, {"client_id": books.client, **sure})
    books.sandbox.faults = None
    await billed(books)  # by a process that knows nothing of the first one
    for project in (books.project, books.done):
        async with agent_of(session_with(books.sandbox)) as agent:
            await agent.confirmed(JOB, project_id=project)
    assert [books.billed_times(entry) for entry in books.entries] == [1, 1, 1]


async def test_cancelling_the_invoice_frees_the_work_of_every_project(books: Studio) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        done = await agent.confirmed(JOB, client_id=books.client)
        await agent.answer("update_invoice", invoice_id=done["record"]["id"], status="cancelled")
        assert books.unbilled() == {"Layout", "Cart", "Cover", "Cut", "Else"}
        await agent.confirmed(JOB, client_id=books.client, allow_duplicate=True)
    assert [books.billed_times(entry) for entry in books.entries] == [1, 1, 1]
