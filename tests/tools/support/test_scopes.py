"""The lists of the whole account, asked for one client's or one project's records: those, and no others' pages."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.agent import Agent
from tests.support.lists_in_sql import EVER, LISTS, ids, whole

pytestmark = pytest.mark.anyio

SCOPES = [
    *((f"list_{kind}", "client_id") for kind in ("contacts", "projects", "expenses", "invoices", "estimates")),
    *((f"list_{kind}", "project_id") for kind in ("tasks", "hours", "expenses", "invoices", "estimates")),
]


def parent(sandbox: Sandbox, table: str, of: str, condition: str = "1") -> int:
    """The client or project with the most rows that match."""
    found = sandbox.connection.execute(
        f"SELECT {of} FROM {table} WHERE {of} > 0 AND {condition} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"  # noqa: S608 ours
    ).fetchone()
    return int(found[0])


@pytest.mark.parametrize(("tool", "of"), SCOPES)
async def test_the_records_of_one_client_or_project_are_read_where_they_are(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, of: str
) -> None:
    table = LISTS[tool].table
    number = parent(sandbox, table, of)
    given = EVER if table == "expenses" else {"include_completed": True} if table == "projects" else {}
    found, answer = await whole(sandbox_agent, tool, **{of: number}, **given)
    assert sorted(found) == ids(sandbox, table, f"{of} = {number}") != []
    assert answer["total_count"] == len(found)
    read = {path.removeprefix("/api/v2/").partition("?")[0] for _, path in sandbox.requests}
    assert f"{of.removesuffix('_id')}s/{number}/{table}" in read
    assert table not in read


async def test_completed_projects_of_a_client_are_hidden_unless_asked_for(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    number = parent(sandbox, "projects", "client_id", "status = 2")
    of = f"client_id = {number}"
    hidden, _ = await whole(sandbox_agent, "list_projects", client_id=number)
    done, _ = await whole(sandbox_agent, "list_projects", client_id=number, status="completed")
    assert sorted(hidden) == ids(sandbox, "projects", f"{of} AND status <> 2")
    assert sorted(done) == ids(sandbox, "projects", f"{of} AND status = 2") != []


async def test_open_invoices_of_a_client_that_changed_since_a_day(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    number = parent(sandbox, "invoices", "client_id")
    of = f"client_id = {number}"
    (day,) = sandbox.connection.execute(
        f"SELECT substr(max(updated_at), 1, 10) FROM invoices WHERE {of}"  # noqa: S608 ours
    ).fetchone()
    changed = ids(sandbox, "invoices", f"{of} AND substr(updated_at, 1, 10) >= '{day}'")
    found, answer = await whole(sandbox_agent, "list_invoices", client_id=number, updated_since=day)
    assert sorted(found) == changed
    assert 0 < len(changed) == answer["total_count"] < len(ids(sandbox, "invoices", of))
