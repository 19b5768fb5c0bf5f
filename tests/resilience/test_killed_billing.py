"""SIGKILL at every step of billing and cancelling: another process bills each hour once, and loses none."""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from _pytest.mark import ParameterSet

from clientary_mcp.sandbox import Switches
from tests.resilience.test_processes import confirmed
from tests.support.held_account import HeldAccount, When
from tests.support.long import covering
from tests.support.quarry import OCTOBER, Books, october
from tests.support.stdio_servers import Killed, StdioServer, stdio_servers

pytestmark = pytest.mark.anyio

Step = tuple[str, str, When]

WHILE_BILLING: tuple[Step, ...] = (
    ("POST", "invoices", "after"),
    ("GET", "clients/*/invoices", "after"),
    ("PUT", "hours/*", "before"),
    ("PUT", "hours/*", "after"),
    ("PUT", "invoices/*", "before"),
    ("PUT", "invoices/*", "after"),
)
WHILE_VOIDING: tuple[Step, ...] = (
    ("PUT", "invoices/*", "before"),
    ("PUT", "invoices/*", "after"),
    ("PUT", "hours/*", "before"),
    ("PUT", "hours/*", "after"),
)
MAY_STILL_COME: Step = ("POST", "invoices", "after")


def cases(steps: Sequence[Step], *unmarked: Step) -> list[ParameterSet]:
    """Each step where hours can be marked; elsewhere `unmarked`: no mark is taken away, and no note taken out."""
    return covering([*product(["billed"], steps), *product([None], unmarked)], short)


def short(key: str | None, step: Step) -> Any:
    return (key, step) if key and step[1:] == ("hours/*", "after") else ()


async def made(server: StdioServer, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
    """The result of a call, confirmed where it has to be."""
    return await (server.call if tool.startswith("update") else partial(confirmed, server))(tool, arguments)


class Scene:
    """An account with hours to bill, and two processes of its owner, of which the first is to be killed."""

    def __init__(self, books: Books, account: HeldAccount, servers: list[StdioServer]) -> None:
        self.books, self.account, (self.victim, self.witness) = books, account, servers
        self.entries = october(books)
        self.job = {"project_id": books.project, **OCTOBER, "group_by": "entry", "allow_duplicate": True}

    async def kill_at(self, step: Step, tool: str, **arguments: Any) -> None:
        """Kill the first process in that step of a call."""
        hold = self.account.hold(*step)

        async def call() -> None:
            with pytest.raises(Killed):
                await made(self.victim, tool, arguments)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await hold.arrived.wait()
            await self.victim.kill()
            await hold.release()

    async def bill(self) -> dict[str, Any]:
        result = await confirmed(self.witness, "bill_project_hours", self.job)
        assert not result.is_error, result.content
        return dict(result.structured_content or {})

    async def void(self, tool: str, **arguments: Any) -> None:
        (invoice,) = self.books.rows("SELECT id FROM invoices WHERE status <> 3")
        result = await made(self.witness, tool, {"invoice_id": invoice["id"], **arguments})
        assert not result.is_error, result.content

    def times(self) -> list[int]:
        """On how many live invoices each entry is."""
        return [self.books.billed_times(entry) for entry in self.entries]


async def play(key: Any, log: Path, step: Step, *, voiding: bool) -> None:
    books = Books()
    books.sandbox.switches = Switches(billed_key=key)
    account = HeldAccount(books.sandbox)
    async with account.listening(), stdio_servers(2, account.port, log) as servers:
        scene = Scene(books, account, servers)
        if voiding:
            await scene.bill()
            (invoice,) = books.rows("SELECT id FROM invoices")
            await scene.kill_at(step, "update_invoice", invoice_id=invoice["id"], status="cancelled")
        else:
            await scene.kill_at(step, "bill_project_hours", **scene.job)
        if step == MAY_STILL_COME:
            assert (await confirmed(scene.witness, "bill_project_hours", scene.job)).is_error
        else:
            await scene.bill()
        assert scene.times() == [1, 1, 1]
        for voided in ({"tool": "update_invoice", "status": "cancelled"}, {"tool": "delete_invoice"}):
            if step != MAY_STILL_COME:
                await scene.void(**voided)
                assert scene.times() == [0, 0, 0]
                await scene.bill()
                assert scene.times() == [1, 1, 1]


@pytest.mark.parametrize(("key", "step"), cases(WHILE_BILLING, *WHILE_BILLING[:4]))
async def test_a_process_killed_while_it_bills(tmp_path: Path, key: Any, step: Step) -> None:
    await play(key, tmp_path / "log", step, voiding=False)


@pytest.mark.parametrize(("key", "step"), cases(WHILE_VOIDING, *WHILE_VOIDING[:2]))
async def test_a_process_killed_while_it_cancels(tmp_path: Path, key: Any, step: Step) -> None:
    await play(key, tmp_path / "log", step, voiding=True)
