"""Names beside ids in lists: in few requests, or not at all and with a remark."""

import re
from collections import Counter
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import SETTINGS
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

Rows = list[dict[str, Any]]
SIZES = {"clients": 10, "projects": 20, "invoices": 30, "estimates": 30, "payments": 30, "tasks": 50, "recurring": 10}


class Account:
    """Clients, projects and whatever else a test lists, as documented: nothing carries a name but what has it."""

    def __init__(self, clients: int, **lists: Rows) -> None:
        self.clients = {number: {"id": number, "name": f"Client {number}"} for number in range(1, clients + 1)}
        self.lists: dict[str, Rows] = {"clients": list(self.clients.values()), **lists}
        self.requests: Counter[str] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        self.requests[path] += 1
        if one := re.fullmatch(r"(\w+)/(\d+)", path):
            found = [row for row in self.lists.get(one[1], []) if row["id"] == int(one[2])]
            return httpx.Response(200, json=found[0]) if found else httpx.Response(404)
        name = path.rpartition("/")[2]
        rows = self.lists.get(name)
        if rows is None:
            return httpx.Response(403)
        if (size := SIZES.get(name)) is None:
            return httpx.Response(200, json={name: rows})
        page = int(request.url.params.get("page", 1))
        counts = {"page_count": -(-len(rows) // size), "page_size": size, "total_count": len(rows)}
        return httpx.Response(200, json={**counts, name: rows[(page - 1) * size : page * size]})

    async def answer(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a tool, and nothing but its requests counted."""
        self.requests.clear()
        session = Clientary(SETTINGS, httpx.MockTransport(self), FakeTime().clock)
        async with agent_of(session) as agent:
            return await agent.answer(tool, **arguments)

    @property
    def beyond(self) -> int:
        """Requests beyond the first."""
        return self.requests.total() - 1


def documents(*client_ids: int | None) -> Rows:
    return [
        {"id": 900 - place, "number": f"N-{place}", "client_id": client_id, "status": 1, "currency_code": "EUR"}
        for place, client_id in enumerate(client_ids)
    ]


@pytest.mark.parametrize(("tool", "plural"), [
    ("list_invoices", "invoices"), ("list_estimates", "estimates"), ("list_recurring_schedules", "recurring"),
])  # fmt: skip
@pytest.mark.parametrize("detail", ["summary", "full"])
async def test_documents_carry_their_client(tool: str, plural: str, detail: str) -> None:
    account = Account(300, **{plural: documents(7, 7, None, 8, 999)[:5]})
    rows = (await account.answer(tool, detail=detail))["records"]
    assert [row.get("client") for row in rows] == ["Client 7", "Client 7", None, "Client 8", None]
    assert all(list(row).index("client") == list(row).index("client_id") + 1 for row in rows if "client" in row)
    assert account.beyond <= 4


@pytest.mark.parametrize(
    ("clients", "wanted", "most"),
    [
        (300, [5] * 50, 1),
        (300, [5, 290] * 25, 2),
        (10, list(range(1, 11)), 1),
        (30, list(range(1, 31)), 3),
        (100, list(range(1, 101, 2)), 10),
        (300, list(range(100, 109)), 10),
        (10_000, [*range(1, 4), 5_000, 7_000], 3),
    ],
)
async def test_names_cost_no_more_than_ten_requests_or_the_pages_of_one_list(
    clients: int, wanted: list[int], most: int
) -> None:
    account = Account(clients, invoices=documents(*wanted))
    answer = await account.answer("list_invoices", limit=1000)
    pages = -(-len(wanted) // 30) - 1
    assert [row["client"] for row in answer["records"]] == [f"Client {number}" for number in wanted]
    assert account.beyond - pages <= most
    assert "notice" not in answer or "by id alone" not in str(answer["notice"])


async def test_more_names_than_that_are_left_out_with_a_remark() -> None:
    account = Account(1_000, invoices=documents(*range(500, 530)))
    answer = await account.answer("list_invoices")
    assert all("client" not in row for row in answer["records"])
    assert "Some clients are shown by id alone" in answer["notice"]
    assert account.beyond == 1


async def test_names_that_records_carry_cost_nothing(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    for tool in ("list_invoices", "list_estimates", "list_recurring_schedules"):
        sandbox.requests.clear()
        answer = await sandbox_agent.answer(tool, limit=20)
        assert all(row["client"] for row in answer["records"] if "client_id" in row), tool
        assert len(sandbox.requests) <= 3, tool


@pytest.mark.parametrize("extra_keys", [True, False])
async def test_hours_and_tasks_carry_project_and_person(
    sandbox: Sandbox, sandbox_agent: Agent, *, extra_keys: bool
) -> None:
    sandbox.switches = Switches(extra_keys=extra_keys)
    names = {row["id"]: row["name"] for row in sandbox.connection.execute("SELECT id, name FROM projects")}
    staff = {row["id"]: row["name"] for row in sandbox.connection.execute("SELECT id, name FROM staff")}
    for tool, person in (
        ("list_hours", "user_id"),
        ("list_project_hours", "user_id"),
        ("list_project_tasks", "assignee_id"),
    ):
        given = {} if tool == "list_hours" else {"project_id": min(names)}
        rows = (await sandbox_agent.answer(tool, **given))["records"]
        assert rows
        assert [row.get("project") for row in rows] == [names[row["project_id"]] for row in rows], tool
        assert [row.get("person") for row in rows] == [staff.get(row.get(person)) for row in rows], tool


async def test_an_expense_without_a_client_carries_that_of_its_project() -> None:
    projects = [
        {"id": 3, "name": "Website", "client_id": 8},
        {"id": 4, "name": "App", "client": {"id": 9, "name": "X"}},
    ]
    expenses = [
        {"id": 1, "project_id": 3},
        {"id": 2, "client_id": 7, "project_id": 3},
        {"id": 5, "project_id": 4},
        {"id": 6},
    ]
    account = Account(50, projects=projects, expenses=expenses)
    rows = (await account.answer("list_expenses"))["records"]
    assert [row.get("client") for row in rows] == ["Client 8", "Client 7", "X", None]


async def test_payments_carry_number_client_and_currency() -> None:
    payments = [{"id": 70 - place, "invoice_id": 900 - place, "amount": 5} for place in range(3)]
    account = Account(50, invoices=documents(7, 8, 7), payments=[*payments, {"id": 9, "amount": 1}])
    rows = (await account.answer("list_payments"))["records"]
    assert [(row["invoice_number"], row["client_id"], row["client"], row["currency_code"]) for row in rows[:3]] == [
        ("N-0", 7, "Client 7", "EUR"), ("N-1", 8, "Client 8", "EUR"), ("N-2", 7, "Client 7", "EUR"),
    ]  # fmt: skip
    assert rows[3] == {"id": 9, "amount": 1}
    assert account.beyond <= 3


async def test_a_list_is_answered_though_names_cannot_be_read() -> None:
    account = Account(0, hours=[{"id": 1, "project_id": 2, "user_id": 3, "hours": 1}])
    answer = await account.answer("list_project_hours", project_id=2)
    assert answer["records"] == [{"id": 1, "project_id": 2, "user_id": 3, "hours": 1}]
    assert "Some staff are shown by id alone" in answer["notice"]


@pytest.mark.parametrize(("tool", "plural"), [("list_hours", "hours"), ("list_tasks", "tasks")])
async def test_lists_that_tell_no_client_ask_for_none(tool: str, plural: str) -> None:
    plain = {"name": "P", "status": 1, "currency_code": "EUR"}
    projects = [{"id": number, "client_id": number, **plain} for number in range(1, 21)]
    account = Account(1_000, projects=projects, staff=[], **{plural: [{"id": 1, "project_id": 3}]})
    answer = await account.answer(tool)
    assert answer["records"][0]["project"] == "P"
    assert "by id alone" not in str(answer.get("notice"))
    assert not [path for path in account.requests if path.startswith("clients")]


@pytest.mark.parametrize(
    ("clients", "wanted", "most"),
    [(1_000, range(500, 512), 13), (1_000, range(1, 13), 3), (100, range(80, 100), 10), (1_000, range(1, 900, 3), 100)],
)
async def test_reports_name_all_clients_one_by_one_or_as_a_list_whichever_is_fewer_requests(
    clients: int, wanted: range, most: int
) -> None:
    plain = {"status": 0, "time_interval": 3, "currency_code": "EUR", "subtotal": 5, "total_cost": 5, "unlimited": True}
    account = Account(clients, recurring=[{"id": number, "client_id": number, **plain} for number in wanted])
    answer = await account.answer("recurring_revenue_report")
    assert {row["client"] for row in answer["rows"]} == {f"Client {number}" for number in wanted}
    asked = [path for path in account.requests.elements() if path.startswith("clients")]
    assert len(asked) <= most
