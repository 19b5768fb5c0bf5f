"""Jobs of several writes, struck at each of them: the same call in another process does the rest, and nothing twice."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import anyio
import mcp_types
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.resilience.outcomes import Answer
from tests.support.agent import Agent
from tests.support.long import covering
from tests.support.quarry import Books
from tests.support.users import connect
from tests.support.virtual_time import VirtualLoop, clock_of, follow_loop
from tests.support.writes import fault_id
from tests.tools.workflows.test_invoice_from_estimate import an_estimate

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@dataclass(frozen=True)
class Job:
    """A job on a small account, and how many writes it makes."""

    tool: str
    arguments: Callable[[Books], dict[str, Any]]
    writes: int

    def __str__(self) -> str:
        return self.tool


def _owing(books: Books) -> list[int]:
    return [books.sold(f"INV-100{number}", number * 10_000) for number in (1, 2, 3)]


def _sum(books: Books) -> dict[str, Any]:
    _owing(books)
    return {"client_id": books.client, "amount": 550, "received_on": "2026-11-19", "note": "Check 7"}


def _lines(books: Books) -> dict[str, Any]:
    _owing(books)
    texts = ((300, "INV-1001, INV-1002"), (300, "INV-1003"))
    return {"rows": [{"date": "2026-11-19", "amount": amount, "currency_code": "EUR", "text": text}
                     for amount, text in texts]}  # fmt: skip


def _rates(books: Books) -> dict[str, Any]:
    projects = [books.project, books.a_project("Atlas", rate=10_010), books.a_project("Map", rate=3_333)]
    return {"tool": "update_project", "ids": projects, "changes": {"rate": "+5%"}}


def _part(books: Books) -> dict[str, Any]:
    return {"estimate_id": an_estimate(books), "due_date": "2026-12-20", "percent": 30}


def _hours(books: Books) -> dict[str, Any]:
    shop = books.a_project("Quarry Shop")
    for day, project in (("2026-10-01", books.project), ("2026-10-02", shop)):
        books.hours(day, 100, project_id=project)
    return {"client_id": books.client}


JOBS = (
    Job("allocate_payment", _sum, 3),
    Job("reconcile_payments", _lines, 3),
    Job("bulk_update", _rates, 3),
    Job("create_invoice_from_estimate", _part, 1),
    Job("bill_project_hours", _hours, 4),  # the draft, both entries, and the note that may go
)


class Step(NamedTuple):
    """The nth write of a job."""

    job: Job
    nth: int

    def __str__(self) -> str:
        return f"{self.job} {self.nth}"


STEPS = [Step(job, nth) for job in JOBS for nth in range(1, job.writes + 1)]
LOST = (
    Fault("drop"), Fault("drop", after=True), Fault(500), Fault(504), Fault("silent"), Fault(502, after=True),
    Fault("html"), Fault("html", after=True), Fault("half"), Fault("late", seconds=30),
)  # fmt: skip
TABLES = (
    "SELECT invoice_id, amount, received_on, note FROM payments ORDER BY invoice_id, amount",
    "SELECT id, rate FROM projects ORDER BY id",
    "SELECT iif(note LIKE 'Time entries%', '', note) AS note, status, total_cost, balance FROM invoices ORDER BY id",
    "SELECT id, billed FROM hours ORDER BY id",
)


class AtStep(Faults):
    """Strikes the writes from the nth one on, as many as that."""

    def __init__(self, fault: Fault, nth: int, times: int = 1) -> None:
        super().__init__(sleep=anyio.sleep)
        self._fault, self._struck_ones, self._count = fault, range(nth, nth + times), 0

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault, if it is its turn."""
        self._count += method != "GET"
        return self._fault if method != "GET" and self._count in self._struck_ones else None


class Scene:
    """An account, the processes that work on it with one store, and one call of a job."""

    def __init__(self, job: Job, stack: AsyncExitStack, *, shared: bool = True) -> None:
        self.books, self.job, self._stack, self._shared = Books(), job, stack, shared
        follow_loop(self.books.sandbox)
        self.arguments = job.arguments(self.books)

    async def process(self, **settings: Any) -> Agent:
        sandbox = self.books.sandbox
        chosen = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC", **settings)
        clock = clock_of(sandbox)
        memory = local_memory(chosen, clock.wall, shared=self._shared)
        self._stack.push_async_callback(memory.aclose)
        return await self._stack.enter_async_context(connect(Clientary(chosen, Network(sandbox), clock, memory)))

    async def preview(self) -> dict[str, Any]:
        """The arguments that confirm what is shown."""
        shown = await (await self.process()).answer(self.job.tool, **self.arguments)
        return self.arguments | {"confirm": True} | {name: shown[name] for name in ("preview_id",) if name in shown}

    async def call(self, sure: dict[str, Any], **settings: Any) -> mcp_types.CallToolResult:
        """The result of the confirmed call in a process of its own."""
        return await (await self.process(**settings)).call(self.job.tool, sure)

    def tables(self) -> list[list[dict[str, Any]]]:
        """What the account holds, but for the list of work in a note, which may stay after a crash."""
        return [self.books.rows(each) for each in TABLES]

    @property
    def made(self) -> int:
        """The records that were created; the same update may be sent again."""
        return sum(write.method == "POST" for write in self.books.sandbox.ledger)


async def undisturbed(job: Job) -> tuple[list[list[dict[str, Any]]], int]:
    """What a job makes of its account, and with how many writes."""
    async with AsyncExitStack() as stack:
        scene = Scene(job, stack, shared=False)
        agent = await scene.process()
        await agent.confirmed(job.tool, **scene.arguments)
        return scene.tables(), scene.made


@pytest.fixture
async def stack(state_directory: Any) -> Any:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.mark.parametrize("job", JOBS, ids=str)
async def test_every_write_of_a_job_is_struck(job: Job) -> None:
    async with AsyncExitStack() as stack:
        scene = Scene(job, stack, shared=False)
        await (await scene.process()).confirmed(job.tool, **scene.arguments)
        assert len(scene.books.sandbox.ledger) == job.writes


@pytest.mark.parametrize(
    ("step", "fault"),
    covering(product(STEPS, LOST), lambda step, fault: (step, (fault.kind, fault.after))),
    ids=fault_id,
)
async def test_an_answer_lost_at_any_step_is_told_and_the_same_call_does_the_rest_once(
    stack: AsyncExitStack, step: Step, fault: Fault
) -> None:
    job, nth = step
    whole, count = await undisturbed(job)
    scene = Scene(job, stack)
    sure = await scene.preview()
    ledger = scene.books.sandbox.ledger
    scene.books.sandbox.faults = AtStep(fault, nth)
    answer = Answer.of(await scene.call(sure))
    assert answer.outcome != "not done" or not len(ledger), answer.text
    assert answer.outcome != "done" or scene.tables() == whole, answer.text
    scene.books.sandbox.faults = None
    await anyio.sleep(300)  # what was lost has come, or comes no more
    for _ in range(2):
        assert Answer.of(await scene.call(sure), may_have_nothing_to_do=True).outcome in ("done", "not done")
        assert scene.tables() == whole
        assert scene.made == count


@pytest.mark.parametrize(
    ("step", "how"), covering(product(STEPS, ("too fast", "too slow")), lambda step, how: (step[0], how)), ids=str
)
async def test_a_limit_or_the_deadline_reached_at_any_step_leaves_the_rest_to_the_same_call(
    stack: AsyncExitStack, step: Step, how: str
) -> None:
    job, nth = step
    whole, count = await undisturbed(job)
    scene = Scene(job, stack)
    sure = await scene.preview()
    fault = Fault(429, retry_after=50) if how == "too fast" else Fault("slow", seconds=25)
    scene.books.sandbox.faults = AtStep(fault, nth, times=100)
    answer = Answer.of(await scene.call(sure, deadline=20.0))
    assert answer.outcome != "not done" or not len(scene.books.sandbox.ledger), answer.text
    if how == "too fast":
        assert answer.outcome != "unknown"
        assert answer.outcome != "done" or scene.tables() == whole, answer.text
        assert len(scene.books.sandbox.ledger) == nth - 1
    scene.books.sandbox.faults = None
    await anyio.sleep(300)
    rest = Answer.of(await scene.call(sure), may_have_nothing_to_do=True)
    assert rest.outcome in ("done", "not done"), rest.text
    assert scene.tables() == whole
    assert scene.made == count


CHANGES = {
    "allocate_payment": ("UPDATE invoices SET balance = 29000 WHERE number = 'INV-1003'", "changed since the preview"),
    "reconcile_payments": ("UPDATE invoices SET balance = 29000 WHERE number = 'INV-1003'", "to choose: row 2"),
    "bulk_update": ("UPDATE projects SET rate = 5000 WHERE name = 'Map'", "changed since the preview: project"),
}


@pytest.mark.parametrize("job", [job for job in JOBS if job.tool in CHANGES], ids=str)
async def test_what_somebody_changed_after_a_part_was_done_is_not_done_as_it_was_shown(
    stack: AsyncExitStack, job: Job
) -> None:
    scene = Scene(job, stack)
    sure = await scene.preview()
    scene.books.sandbox.faults = AtStep(Fault(429, retry_after=50), 2, times=100)
    assert Answer.of(await scene.call(sure, deadline=20.0)).outcome == "half"
    scene.books.sandbox.faults = None
    change, said = CHANGES[job.tool]
    scene.books.sandbox.connection.execute(change)
    before = scene.tables()
    answer = await scene.call(sure)
    assert said in str(answer.content)
    done_before, done_now = len(before[0]), len(scene.tables()[0])
    assert scene.tables()[1] == before[1]
    assert done_now == (done_before if job.tool == "allocate_payment" else min(done_before + 1, done_now))
