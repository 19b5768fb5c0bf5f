"""Lists of a whole account: every record exactly once, whatever pages Clientary sends, and filters that filter.

The expected records come from the account's own tables.
"""

from itertools import product
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.tools import ALL
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.lists_in_sql import whole
from tests.support.long import covering
from tool_schemas.base.models import Paging

pytestmark = pytest.mark.anyio

EVER = {"from_date": "2000-01-01", "to_date": TODAY.isoformat()}
LONG = "list_invoices"  # 412 invoices are more than one answer may hold


def of_the_largest(parent: str, table: str, where: str = "1") -> str:
    """The ids under the parent that has most of them, and the parent's id."""
    largest = (
        f"SELECT {parent} FROM {table} WHERE {where} AND {parent} > 0"  # noqa: S608 names written here
        f" GROUP BY {parent} ORDER BY count(*) DESC, {parent} LIMIT 1"
    )
    return f"SELECT id, {parent} FROM {table} WHERE {where} AND {parent} = ({largest})"  # noqa: S608 names written here


# For each list its expected ids, the parent's id if any, and arguments that return all of it.
LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "list_clients": ("SELECT id FROM clients", {}),
    "list_contacts": ("SELECT id FROM contacts", {}),
    "list_client_contacts": (of_the_largest("client_id", "contacts"), {}),
    "list_leads": ("SELECT id FROM leads", {}),
    "list_projects": ("SELECT id FROM projects", {"include_completed": True}),
    "list_client_projects": (of_the_largest("client_id", "projects"), {}),
    "list_project_hours": (of_the_largest("project_id", "hours"), {}),
    "list_tasks": ("SELECT id FROM tasks", {}),
    "list_project_tasks": (of_the_largest("project_id", "tasks"), {}),
    "list_expenses": ("SELECT id FROM expenses", EVER),
    "list_client_expenses": (of_the_largest("client_id", "expenses"), EVER),
    "list_project_expenses": (of_the_largest("project_id", "expenses"), EVER),
    "list_invoices": ("SELECT id FROM invoices", {}),
    "list_client_invoices": (of_the_largest("client_id", "invoices"), {}),
    "list_project_invoices": (of_the_largest("project_id", "invoices"), {}),
    "list_recurring_schedule_invoices": (of_the_largest("recurring_schedule_id", "invoices"), {}),
    "list_estimates": ("SELECT id FROM estimates", {}),
    "list_client_estimates": (of_the_largest("client_id", "estimates"), {}),
    "list_project_estimates": (of_the_largest("project_id", "estimates"), {}),
    "list_payments": ("SELECT id FROM payments", {}),
    "list_client_payment_profiles": (of_the_largest("client_id", "payment_profiles"), {}),
    "list_recurring_schedules": ("SELECT id FROM recurring_schedules", {}),
    "list_staff": ("SELECT id FROM staff", {}),
}


def expected(sandbox: Sandbox, tool: str) -> tuple[set[int], dict[str, Any]]:
    """The expected ids of a list, and the arguments that return all of it."""
    query, arguments = LISTS[tool]
    rows = [dict(row) for row in sandbox.connection.execute(query)]
    assert rows  # otherwise the test would prove nothing
    parent = {name: value for name, value in rows[0].items() if name != "id"}
    return {row["id"] for row in rows}, parent | arguments


def ids(sandbox: Sandbox, query: str, *values: Any) -> list[int]:
    """The ids of a query's rows, in order."""
    return [row[0] for row in sandbox.connection.execute(query, values)]


def ids_in(answer: dict[str, Any]) -> list[int]:
    """The ids of the records of an answer, in its order."""
    return [record["id"] for record in answer["records"]]


def test_every_list_has_a_case() -> None:
    lists = [tool.name for tool in ALL if issubclass(tool.arguments, Paging)]
    assert [*LISTS, "list_hours"] == sorted(lists, key="list_hours".__eq__)  # no list of Clientary's


@pytest.mark.parametrize("tool", [tool for tool in LISTS if tool != LONG])
async def test_a_limit_of_1000_returns_everything_at_once(sandbox: Sandbox, sandbox_agent: Agent, tool: str) -> None:
    wanted, arguments = expected(sandbox, tool)
    answer = await sandbox_agent.answer(tool, **arguments, limit=1000)
    assert sorted(ids_in(answer)) == sorted(wanted)
    assert (answer["returned"], answer["total_count"], answer["complete"]) == (len(wanted), len(wanted), True)
    assert "next_offset" not in answer
    assert ("notice" in answer) is (tool == "list_payments")  # which has no sums then


LIMITED = [("list_tasks", {}), ("list_tasks", {"status": "open"}), ("list_projects", {}), ("list_estimates", {}),
    ("list_projects", {"status": ["active", "completed"]}), ("list_estimates", {"status": "open,accepted"}),
    ("list_invoices", {}), ("list_invoices", {"status": "open"}), ("list_clients", {"status": "open"})]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 10, 20])
@pytest.mark.parametrize(("tool", "filters"), LIMITED, ids=str)
async def test_limit_holds_exactly_whether_filtered_or_not(
    sandbox_agent: Agent, tool: str, filters: dict[str, Any], limit: int
) -> None:
    first = await sandbox_agent.answer(tool, **filters, limit=limit)
    second = await sandbox_agent.answer(tool, **filters, limit=limit, offset=first["next_offset"])
    assert [len(ids_in(first)), len(ids_in(second)), len({*ids_in(first), *ids_in(second)})] == [
        limit,
        limit,
        2 * limit,
    ]
    assert first["returned"] == first["next_offset"] == limit


async def test_a_list_too_large_for_one_answer_is_marked_incomplete(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    wanted, _ = expected(sandbox, LONG)
    answer = await sandbox_agent.answer(LONG, limit=1000)
    assert (answer["total_count"], answer["complete"]) == (len(wanted), False)
    assert len(wanted) > answer["returned"] == len(set(ids_in(answer)))
    assert "Truncated: continue with next_offset, or add filters." in answer["notice"]
    assert answer["next_offset"] == answer["returned"]
    rest = await sandbox_agent.answer(LONG, limit=1000, offset=answer["next_offset"])
    assert rest["complete"] is True
    assert sorted(ids_in(answer) + ids_in(rest)) == sorted(wanted)


@pytest.mark.parametrize(("tool", "limit"), covering(product(LISTS, [50, 7])))
async def test_following_next_offset_yields_every_record_exactly_once(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, limit: int
) -> None:
    wanted, arguments = expected(sandbox, tool)
    found: list[int] = []
    while True:
        answer = await sandbox_agent.answer(tool, **arguments, limit=limit, offset=len(found))
        assert answer["returned"] == len(answer["records"])
        assert answer["total_count"] == len(wanted)
        found += ids_in(answer)
        if answer["complete"]:
            break
        assert answer["returned"] == limit
        assert answer["next_offset"] == len(found)
    assert "next_offset" not in answer
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(
    "switches", [Switches(page_keys=False), Switches(bare_arrays=True), Switches(honour_page_size=True)]
)
@pytest.mark.parametrize("tool", ["list_clients", "list_contacts", "list_client_invoices"])
async def test_following_next_offset_yields_every_record_once_however_lists_are_paged(
    tool: str, switches: Switches
) -> None:
    sandbox = agency()
    sandbox.switches = switches
    wanted, arguments = expected(sandbox, tool)
    async with agent_of(session_with(sandbox)) as agent:
        found, _ = await whole(agent, tool, limit=40, **arguments)
    assert len(found) == len(wanted)
    assert set(found) == wanted


async def test_a_list_reads_no_page_beyond_its_limit(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_clients", limit=11)
    assert (answer["returned"], answer["total_count"], answer["complete"]) == (11, 64, False)
    assert answer["next_offset"] == 11
    assert list(sandbox.requests) == [("GET", "/api/v2/clients"), ("GET", "/api/v2/clients?page=2")]


async def test_the_default_limit_is_fifty_records(sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_invoices")
    assert (answer["returned"], answer["total_count"], answer["complete"], answer["next_offset"]) == (
        50,
        412,
        False,
        50,
    )


async def test_an_offset_past_the_end_returns_nothing_with_a_message(sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_clients", offset=99)
    assert (answer["records"], answer["returned"], answer["complete"]) == ([], 0, True)
    assert "past the end of the list of 64 records" in answer["notice"]


async def test_contacts_are_read_a_hundred_per_page(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    await sandbox_agent.answer("list_contacts", limit=1000)
    assert len(sandbox.requests) == 2
    assert all("page_size=100" in path for _, path in sandbox.requests)


FILTERS = [
    ("list_clients", {"updated_since": "2026-09-01"}, "SELECT id FROM clients WHERE updated_at >= '2026-09-01'"),
    ("list_invoices", {"updated_since": "2026-09-01"}, "SELECT id FROM invoices WHERE updated_at >= '2026-09-01'"),
    ("list_projects", {}, "SELECT id FROM projects WHERE status <> 2"),
    ("list_projects", {"include_completed": True}, "SELECT id FROM projects"),
    ("list_expenses", {}, "SELECT id FROM expenses WHERE incurred_on BETWEEN '2026-02-01' AND '2027-01-31'"),
    (
        "list_expenses",
        {"from_date": "2026-05-01", "to_date": "2026-05-31"},
        "SELECT id FROM expenses WHERE incurred_on LIKE '2026-05-%'",
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "query"), FILTERS)
async def test_a_filter_returns_the_matching_records(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, arguments: dict[str, Any], query: str
) -> None:
    answer = await sandbox_agent.answer(tool, **arguments, limit=1000)
    assert answer["returned"] > 0
    assert sorted(ids_in(answer)) == ids(sandbox, f"{query} ORDER BY id")


@pytest.mark.parametrize("billed", [True, False])
async def test_hours_are_listed_by_whether_they_are_billed(
    sandbox: Sandbox, sandbox_agent: Agent, *, billed: bool
) -> None:
    (project,) = ids(sandbox, "SELECT project_id FROM hours GROUP BY 1 HAVING min(billed) < max(billed) LIMIT 1")
    answer = await sandbox_agent.answer("list_project_hours", project_id=project, billed=billed, limit=1000)
    wanted = ids(sandbox, "SELECT id FROM hours WHERE project_id = ? AND billed = ? ORDER BY id", project, billed)
    assert sorted(ids_in(answer)) == wanted
    assert {record["billed"] for record in answer["records"]} == {billed}


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        ({}, "2026-02-01", "2027-01-31"),
        ({"from_date": "2025-01-01", "to_date": "2025-12-31"}, "2025-01-01", "2025-12-31"),
    ],
)
async def test_expenses_report_their_date_range(
    sandbox_agent: Agent, arguments: dict[str, Any], first: str, last: str
) -> None:
    answer = await sandbox_agent.answer("list_expenses", **arguments)
    assert (answer["from_date"], answer["to_date"]) == (first, last)


ORDERS = [
    ("list_clients", {}, "clients ORDER BY name COLLATE NOCASE, id"),
    ("list_clients", {"sort": "name"}, "clients ORDER BY name COLLATE NOCASE, id"),
    ("list_clients", {"sort": "date"}, "clients ORDER BY created_at DESC, id DESC"),
    ("list_leads", {}, "leads ORDER BY created_at DESC, id DESC"),
    ("list_leads", {"sort": "newest"}, "leads ORDER BY created_at DESC, id DESC"),
    ("list_leads", {"sort": "oldest"}, "leads ORDER BY created_at, id"),
    ("list_leads", {"sort": "name"}, "leads ORDER BY name COLLATE NOCASE, id"),
    ("list_payments", {}, "payments ORDER BY received_on DESC, id DESC"),
    ("list_payments", {"sort": "received_on"}, "payments ORDER BY received_on DESC, id DESC"),
    ("list_payments", {"sort": "created_at"}, "payments ORDER BY created_at DESC, id DESC"),
]


@pytest.mark.parametrize(("tool", "arguments", "order"), ORDERS)
async def test_joined_pages_keep_the_requested_order(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, arguments: dict[str, Any], order: str
) -> None:
    answer = await sandbox_agent.answer(tool, **arguments, limit=1000)
    assert ids_in(answer) == ids(sandbox, f"SELECT id FROM {order}")  # noqa: S608 names written here


async def test_a_summary_is_short_and_full_detail_contains_everything(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    (client,) = ids(sandbox, "SELECT client_id FROM invoices GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    brief = (await sandbox_agent.answer("list_client_invoices", client_id=client))["records"][0]
    full = (await sandbox_agent.answer("list_client_invoices", client_id=client, detail="full"))["records"][0]
    assert brief.pop("client") == full["client"]["name"]
    assert brief.items() <= full.items()
    assert "items" not in brief
    assert full == await sandbox_agent.answer("get_invoice", invoice_id=full["id"])


@pytest.mark.parametrize(("tool", "detail"), covering(product(LISTS, ["full", "summary"])))
async def test_secrets_stay_out_of_every_list(sandbox: Sandbox, sandbox_agent: Agent, tool: str, detail: str) -> None:
    _, arguments = expected(sandbox, tool)
    text = str(await sandbox_agent.answer(tool, **arguments, detail=detail))
    for table, column in (("invoices", "secret"), ("estimates", "secret"), ("payment_profiles", "stripe_customer_id")):
        secrets = sandbox.connection.execute(f"SELECT {column} FROM {table}")  # noqa: S608 names written here
        assert not [row[0] for row in secrets if row[0] in text]
