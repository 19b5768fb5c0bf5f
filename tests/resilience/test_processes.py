"""Several real processes on one account, as hosts start them: nothing is made twice, and no cap is exceeded.

One such test is in the short run. `tests/state` has the same with two sessions in one process.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.held_account import HeldAccount
from tests.support.long import covering
from tests.support.stdio_servers import Killed, StdioServer, stdio_servers
from tests.support.users import text_of
from tests.support.writes import CHARGE, CREATES, MAILS

pytestmark = pytest.mark.anyio

ONCE = [
    *(write for write in CREATES if write.tool in ("create_payment", "create_client")),
    MAILS[0],
    CHARGE,
]


@pytest.fixture
async def account() -> AsyncIterator[HeldAccount]:
    """An account of today, since processes go by the real clock."""
    account = HeldAccount(Sandbox())
    async with account.listening():
        yield account


async def at_once(servers: list[StdioServer], *calls: tuple[str, dict[str, Any]]) -> list[mcp_types.CallToolResult]:
    """The results of these calls, all made in all processes at the same time."""
    results: list[mcp_types.CallToolResult] = []

    async def call(server: StdioServer, tool: str, arguments: dict[str, Any]) -> None:
        results.append(await server.call(tool, arguments))

    async with anyio.create_task_group() as calls_under_way:
        for server in servers:
            for tool, arguments in calls:
                calls_under_way.start_soon(call, server, tool, arguments)
    return results


async def confirmed(server: StdioServer, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
    """The result of a job that is previewed, then confirmed."""
    shown = (await server.call(tool, arguments)).structured_content or {}
    given = {name: shown[name] for name in ("preview_id",) if name in shown}
    return await server.call(tool, arguments | given | {"confirm": True})


@pytest.mark.parametrize("count", covering([2, 3, 10], lambda _: ("several",)))
async def test_the_same_call_in_all_processes_at_once_has_one_effect_and_one_outcome(
    account: HeldAccount, tmp_path: Path, count: int
) -> None:
    async with stdio_servers(count, account.port, tmp_path / "log") as servers:
        for number, write in enumerate(ONCE, 1):
            results = await at_once(servers, (write.tool, write.arguments(account.sandbox)))
            assert [text_of(result) for result in results if result.is_error] == []
            assert len(account.sandbox.ledger) == number, write.tool
            answers = [result.structured_content or {} for result in results]
            assert len({answer.get("id") for answer in answers}) == 1, answers
            told = ("Skipped as a duplicate", "It was not made again")  # with the record, or where there is none
            assert sum(any(words in str(answer) for words in told) for answer in answers) == count - 1


@pytest.mark.long
async def test_a_cap_counts_over_all_processes(account: HeldAccount, tmp_path: Path) -> None:
    mail = MAILS[0].arguments(account.sandbox)
    async with stdio_servers(3, account.port, tmp_path / "log", CLIENTARY_MAILS_PER_HOUR="5") as servers:
        results = []
        async with anyio.create_task_group() as group:

            async def send(server: StdioServer, number: int) -> None:
                subject = {"subject": f"Number {number}"}
                results.append(await server.call(MAILS[0].tool, mail | subject))

            for number in range(12):
                group.start_soon(send, servers[number % 3], number)
    refused = [text_of(result) for result in results if result.is_error]
    assert len(account.sandbox.sent_messages) == 5
    assert len(refused) == 7
    assert all("CLIENTARY_MAILS_PER_HOUR" in text and "Nothing was sent" in text for text in refused)


def a_project_to_bill(account: HeldAccount) -> dict[str, Any]:
    """A project with unbilled hours, but not so many that it takes long."""
    rows = account.sandbox.connection.execute(
        "SELECT project_id FROM hours WHERE billed = 0 GROUP BY project_id HAVING count(*) < 40 ORDER BY count(*) DESC"
    )
    return {"project_id": rows.fetchone()["project_id"]}


@pytest.mark.long
async def test_a_job_whose_process_is_killed_before_it_knows_its_invoice_makes_no_second_one(
    account: HeldAccount, tmp_path: Path
) -> None:
    job, hold = a_project_to_bill(account), account.hold("POST", "invoices", "after")
    async with (
        stdio_servers(2, account.port, tmp_path / "log") as (victim, witness),
        anyio.create_task_group() as group,
    ):

        async def bill() -> None:
            with pytest.raises(Killed):
                await confirmed(victim, "bill_project_hours", job)

        group.start_soon(bill)
        await hold.arrived.wait()
        await victim.kill()
        answer = text_of(await confirmed(witness, "bill_project_hours", job))
    assert "may still be created" in answer
    assert "Nothing was sent" in answer
    assert len(account.sandbox.ledger.of("POST", "invoices")) == 1


@pytest.mark.long
async def test_two_processes_that_bill_one_project_at_once_make_one_invoice(
    account: HeldAccount, tmp_path: Path
) -> None:
    job = a_project_to_bill(account)
    results: list[mcp_types.CallToolResult] = []
    async with stdio_servers(2, account.port, tmp_path / "log") as servers, anyio.create_task_group() as group:

        async def bill(server: StdioServer) -> None:
            results.append(await confirmed(server, "bill_project_hours", job))

        for server in servers:
            group.start_soon(bill, server)
    assert [text_of(result) for result in results if result.is_error] == []
    assert len(account.sandbox.ledger.of("POST", "invoices")) == 1
    assert sorted(bool((result.structured_content or {})["done"]) for result in results) == [False, True]


@pytest.mark.long
async def test_a_list_that_another_process_changes_meanwhile_is_not_called_complete_wrongly(
    account: HeldAccount, tmp_path: Path
) -> None:
    first = account.sandbox.connection.execute("SELECT id FROM clients ORDER BY name").fetchone()["id"]
    listed: dict[str, Any] = {}
    hold = account.hold("GET", "clients", query=b"page=2")
    async with (
        stdio_servers(2, account.port, tmp_path / "log") as (reader, writer),
        anyio.create_task_group() as group,
    ):

        async def read() -> None:
            listed.update((await reader.call("list_clients", {"limit": 1000})).structured_content or {})

        group.start_soon(read)
        await hold.arrived.wait()
        assert not (await writer.call("create_client", {"name": "AAA first of all"})).is_error
        assert not (await writer.call("delete_client", {"client_id": first, "confirm": True})).is_error
        await hold.release()
    there = {row["id"] for row in account.sandbox.connection.execute("SELECT id FROM clients")}
    assert not listed["complete"] or {record["id"] for record in listed["records"]} == there
