"""Random sequences of billing and voiding, in two processes: each hour is on at most one live invoice, none is lost."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import pytest

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Switches
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.conftest import TODAY
from tests.support.agent import Agent, confirm
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.quarry import Books
from tests.support.users import connect

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("state_directory")]

CANCELLED = 3
STEPS = 14
GROUPS = ("entry", "title", "person", "day", "project")
Row = dict[str, Any]


@asynccontextmanager
async def processes(books: Books, clock: Clock) -> AsyncIterator[list[Agent]]:
    """Two servers that share the store's file, and the clock of their machine."""
    settings = Settings(base_url="http://localhost", api_token=books.sandbox.token, time_zone="UTC")
    async with AsyncExitStack() as stack:
        agents = []
        for _ in range(2):
            memory = await stack.enter_async_context(aclosing(local_memory(settings, clock.wall, shared=True)))
            clientary = Clientary(settings, Network(books.sandbox), clock, memory)
            agents.append(await stack.enter_async_context(connect(clientary)))
        yield agents


class Sequence:
    """One sequence: what it may do at each step, and what must hold after it."""

    def __init__(self, books: Books, agents: list[Agent], dice: random.Random) -> None:
        self.books, self.agents, self.dice = books, agents, dice
        self.log: list[str] = []

    async def step(self) -> None:
        """Do one thing at random, in one of the processes."""
        acts = (self.log_hours, self.bill, self.bill, self.bill_twice, self.edit, self.cancel, self.revive, self.delete)
        act = self.dice.choice((*acts, self.cancel_there, self.delete_there, self.rewrite_there))
        self.log.append(act.__name__)
        await act()

    @property
    def agent(self) -> Agent:
        return self.dice.choice(self.agents)

    async def log_hours(self) -> None:
        for _ in range(self.dice.randint(1, 3)):
            count = len(self.books.rows("SELECT id FROM hours"))
            self.books.hours("2026-10-01", self.dice.randint(1, 800), title=f"Entry {count};")

    async def bill(self) -> None:
        await self.bill_in(self.agent)

    async def bill_in(self, agent: Agent) -> None:
        given = {"project_id": self.books.project, "note": self.dice.choice(["", "Thank you."])}
        await confirm(agent.client, "bill_project_hours", given | {"group_by": "entry", "allow_duplicate": True})

    async def bill_twice(self) -> None:
        async with anyio.create_task_group() as group:
            for agent in self.agents:
                group.start_soon(self.bill_in, agent)

    async def change(self, only: str, **given: Any) -> None:
        found = self.books.rows(f"SELECT id FROM invoices WHERE {only}")  # noqa: S608 - our own words
        if found:
            invoice = self.dice.choice(found)["id"]
            await self.agent.call("update_invoice", {"invoice_id": invoice, **given})

    async def edit(self) -> None:
        given: Row = self.dice.choice([{"note": "Edited."}, {"clear": ["note"]}, {"note": "Time entries: 70001."}])
        await self.change("status <> 3", **given)

    async def cancel(self) -> None:
        await self.change("status <> 3", status="cancelled")

    async def revive(self) -> None:
        await self.change("status = 3", status="draft")

    async def delete(self) -> None:
        if found := self.books.rows("SELECT id FROM invoices"):
            await self.agent.confirmed("delete_invoice", invoice_id=self.dice.choice(found)["id"])

    def there(self, statement: str, only: str = "status <> 3") -> None:
        """What a person does to an invoice in Clientary."""
        if found := self.books.rows(f"SELECT id FROM invoices WHERE {only}"):  # noqa: S608 - our own words
            self.books.sandbox.connection.execute(statement, (self.dice.choice(found)["id"],))

    async def cancel_there(self) -> None:
        self.there("UPDATE invoices SET status = 3 WHERE id = ?")

    async def delete_there(self) -> None:
        self.there("DELETE FROM invoices WHERE id = ?", "true")

    async def rewrite_there(self) -> None:
        self.there("UPDATE invoices SET note = 'Danke' WHERE id = ?")

    async def check(self) -> None:
        """Every hour is on at most one live invoice, and exactly the others are offered."""
        entries = {row["id"]: row for row in self.books.rows("SELECT id, title, hours FROM hours")}
        times = Counter({entry: self.books.billed_times(entry) for entry in entries})
        assert max(times.values(), default=0) <= 1, self.log
        unbilled = {entry for entry in entries if not times[entry]}
        shown = await self.agent.answer("bill_project_hours", project_id=self.books.project)
        assert offered(shown) == unbilled, self.log
        report = await self.agent.answer("unbilled_report")
        assert sum(round(row["hours"] * 100) for row in report["rows"]) == sum(
            entries[entry]["hours"] for entry in unbilled
        ), self.log


def offered(shown: Row) -> set[int]:
    """The entries on the lines of a preview."""
    runs = [step["time_entries"].split("-") for step in shown.get("steps", ()) if step["step"] == "line"]
    return {entry for run in runs for entry in range(int(run[0]), int(run[-1]) + 1)}


@pytest.mark.parametrize(
    ("key", "seed"), covering(product(["billed", None], range(100)), lambda key, seed: (key, seed % 8))
)
async def test_every_hour_is_on_one_live_invoice_or_offered(key: Any, seed: int, state_directory: Path) -> None:
    books = Books()
    books.sandbox.switches = Switches(billed_key=key)
    clock = FakeTime(TODAY).clock
    async with processes(books, clock) as agents:
        sequence = Sequence(books, agents, random.Random(seed))  # noqa: S311 - the same for each run
        await sequence.log_hours()
        await sequence.bill()
        for _ in range(STEPS):
            await sequence.step()
            await clock.sleep(1)  # what a process reads a second later is not from the time of the other's write
            await sequence.check()
    assert books.sandbox.ledger.of("POST", "invoices"), "else nothing was tried"
