"""When clients were last sent an invoice, and who has been without one for longest; compared with the tables."""

from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, rows, run

pytestmark = pytest.mark.anyio

Row = dict[str, Any]

LAST = """
    SELECT clients.id AS id, max(date) AS last, coalesce(max(date), substr(clients.created_at, 1, 10)) AS since
    FROM clients LEFT JOIN invoices ON client_id = clients.id AND invoices.status NOT IN (0, 3) AND date <= '2026-11-20'
    GROUP BY clients.id ORDER BY since, clients.id
"""


@pytest.mark.parametrize("switches", SWITCHES)
async def test_the_quietest_come_first_with_the_date_of_their_last_invoice(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    run(sandbox, "UPDATE invoices SET date = '2026-11-21' WHERE id IN (SELECT max(id) FROM invoices WHERE status = 1)")
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("list_clients", order="quiet", limit=1000)
    expected = [row for row in rows(sandbox, LAST) if row["last"] or switches.extra_keys]
    shown = [(row["id"], row.get("last_invoice_on")) for row in answer["records"]]
    assert {day for _, day in shown if day} == {row["last"] for row in expected if row["last"]}
    assert None in {day for _, day in shown}
    since = (
        [day for _, day in shown[: len(expected)]] if not switches.extra_keys else [row["since"] for row in expected]
    )
    assert since == [row["since"] for row in expected]
    assert dict(shown[: len(expected)]) == {row["id"]: row["last"] for row in expected}


@pytest.mark.parametrize("limit", [3, 12, 1000])
async def test_full_detail_tells_it_of_each_client(sandbox: Sandbox, sandbox_agent: Agent, limit: int) -> None:
    expected = {row["id"]: row["last"] for row in rows(sandbox, LAST)}
    sandbox.requests.clear()
    records = (await sandbox_agent.answer("list_clients", detail="full", limit=limit))["records"]
    assert {row["id"]: row.get("last_invoice_on") for row in records} == {
        row["id"]: expected[row["id"]] for row in records
    }
    paths = [path.partition("?")[0] for _, path in sandbox.requests]
    own = {f"/api/v2/clients/{row['id']}/invoices" for row in records}
    assert set(paths) == {
        "/api/v2/clients", *(own if limit < 1000 else ()), *({"/api/v2/invoices"} if limit > 3 else ()),
    }  # fmt: skip
    pages = -(-rows(sandbox, "SELECT count(*) AS count FROM invoices")[0]["count"] // 30)
    assert paths.count("/api/v2/invoices") == {3: 0, 12: 1, 1000: pages}[limit], "whichever is fewer"


async def test_otherwise_no_invoices_are_read(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    sandbox.requests.clear()
    (record, *_) = (await sandbox_agent.answer("list_clients", status="active", limit=3))["records"]
    assert "last_invoice_on" not in record
    assert {path.partition("?")[0] for _, path in sandbox.requests} == {"/api/v2/clients"}


async def test_quiet_ones_can_be_narrowed(books: Sandbox) -> None:
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("list_clients", order="quiet", status="active", limit=5)
    active = {row["id"] for row in rows(books, "SELECT id FROM clients WHERE status = 1")}
    expected = [row["id"] for row in rows(books, LAST) if row["id"] in active]
    assert [row["id"] for row in answer["records"]] == expected[:5]
    assert answer["total_count"] == len(active)


async def test_without_the_right_to_see_invoices(account: respx.MockRouter, agent: Agent) -> None:
    account.get("clients").respond(json=listed("clients", {"id": 1, "name": "Acme"}))
    account.get("clients/1/invoices").respond(403)
    account.get("invoices").respond(403)
    answer = await agent.answer("list_clients", detail="full")
    assert [row["name"] for row in answer["records"]] == ["Acme"]
    assert "last_invoice_on: not included" in answer["notice"]
    assert "not allowed" in await agent.refusal("list_clients", order="quiet")


async def test_the_clients_are_told_where_their_invoices_cannot_be_read(
    account: respx.MockRouter, agent: Agent
) -> None:
    account.get("clients").respond(json=listed("clients", {"id": 1, "name": "Acme"}))
    account.get("clients/1/invoices").respond(json={"something": "else"})
    answer = await agent.answer("list_clients", detail="full")
    assert [row["name"] for row in answer["records"]] == ["Acme"]
    assert "last_invoice_on is missing: Clientary returned something other than a list" in answer["notice"]
