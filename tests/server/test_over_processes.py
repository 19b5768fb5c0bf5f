"""The same call in two processes of one user: here two sessions with one store, in virtual time."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import MINUTE
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.resilience.outcomes import Answer, answer_to
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.virtual_time import VirtualLoop, clock_of
from tests.support.writes import CREATES, MAILS

pytestmark = pytest.mark.anyio

CLIENT = {"name": "Globex"}
PAYMENT = next(write for write in CREATES if write.tool == "create_payment")
MAIL = MAILS[0]
_BILLABLE = """
    SELECT project_id FROM hours WHERE billed = 0 GROUP BY project_id HAVING count(*) < 40 ORDER BY count(*) DESC
"""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@asynccontextmanager
async def process(sandbox: Sandbox, **settings: Any) -> AsyncIterator[Agent]:
    """An agent of another process."""
    chosen = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC", **settings)
    clock = clock_of(sandbox)
    memory = local_memory(chosen, clock.wall, shared=True)
    async with aclosing(memory), agent_of(Clientary(chosen, Network(sandbox), clock, memory)) as agent:
        yield agent


@pytest.fixture
async def ours(running: Sandbox) -> AsyncIterator[Agent]:
    async with process(running) as agent:
        yield agent


@pytest.fixture
async def theirs(running: Sandbox) -> AsyncIterator[Agent]:
    async with process(running) as agent:
        yield agent


def fail(sandbox: Sandbox, *faults: Fault) -> None:
    sandbox.faults = Faults(faults, sleep=anyio.sleep)


class Held:
    """Writes to some path, which the account answers only when the test lets it."""

    def __init__(self, sandbox: Sandbox, path: str) -> None:
        self.arrived, self._released = anyio.Event(), anyio.Event()
        sandbox.faults = Faults([Fault("slow", "POST", path, nth=1)], sleep=self._hold)

    async def _hold(self, _: float) -> None:
        self.arrived.set()
        await self._released.wait()

    def release(self) -> None:
        self._released.set()


async def test_a_process_that_is_not_first_waits_for_the_outcome_and_gets_the_same_record(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    answers: list[dict[str, Any]] = []

    async def create(agent: Agent) -> None:
        answers.append(await agent.answer("create_client", **CLIENT))

    async with anyio.create_task_group() as group:
        for agent in (ours, theirs, ours, theirs):
            group.start_soon(create, agent)
    assert len(running.ledger) == 1
    assert {answer["id"] for answer in answers} == {running.ledger[0].id}
    assert sum("Skipped as a duplicate" in answer.get("notice", "") for answer in answers) == 3


async def test_an_outcome_that_was_lost_in_one_process_is_found_in_another_and_then_known(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    given = PAYMENT.arguments(running)
    fail(running, Fault("late", "POST", PAYMENT.path, nth=1, seconds=60))
    assert (await answer_to(ours, PAYMENT.tool, given)).outcome == "unknown"
    assert (await answer_to(theirs, PAYMENT.tool, given)).outcome == "unknown"
    await anyio.sleep(MINUTE)
    found = await theirs.answer(PAYMENT.tool, **given)
    again = await ours.answer(PAYMENT.tool, **given)
    assert found["id"] == again["id"] == running.ledger[0].id
    assert "It was not made again" in again["notice"]
    assert len(running.ledger) == 1


async def test_what_never_took_effect_is_made_once_it_cannot_any_more(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    given = PAYMENT.arguments(running)
    fail(running, Fault("drop", "POST", PAYMENT.path, nth=1))
    await ours.call(PAYMENT.tool, given)
    await anyio.sleep(3 * MINUTE)
    made = await theirs.answer(PAYMENT.tool, **given)
    assert [write.id for write in running.ledger] == [made["id"]]


async def test_a_mail_of_unknown_outcome_is_sent_again_only_by_those_who_insist(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    given = MAIL.arguments(running)
    fail(running, Fault("drop", "POST", MAIL.path, nth=1, after=True))
    for agent in (ours, theirs, ours):
        assert (await answer_to(agent, MAIL.tool, given)).outcome == "unknown"
        await anyio.sleep(10 * MINUTE)
    assert len(running.sent_messages) == 1
    assert (await answer_to(theirs, MAIL.tool, given | {"allow_duplicate": True})).outcome == "done"
    assert len(running.sent_messages) == 2


async def test_those_who_insist_wait_for_the_call_that_is_under_way(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    held, answers = Held(running, "clients"), []

    async def create(agent: Agent, **how: bool) -> None:
        answers.append(await agent.answer("create_client", **CLIENT, **how))

    async with anyio.create_task_group() as group:
        group.start_soon(create, ours)
        await held.arrived.wait()
        group.start_soon(create, theirs)
        group.start_soon(lambda: create(theirs, allow_duplicate=True))
        await anyio.sleep(5)
        assert len(running.ledger) <= 1
        held.release()
    assert len(running.ledger) == 2
    assert len({answer["id"] for answer in answers}) == 2


async def test_insisting_in_vain_does_not_forget_the_call_before(running: Sandbox, ours: Agent, theirs: Agent) -> None:
    first = await ours.answer("create_client", **CLIENT)
    fail(running, Fault("html", "POST", "clients", nth=1))
    await theirs.call("create_client", CLIENT | {"allow_duplicate": True})
    await ours.call("create_client", CLIENT)
    assert len(running.ledger) == 1
    assert first["id"] == running.ledger[0].id


async def test_a_call_that_its_host_cancels_while_it_waits_leaves_nothing_behind(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    held = Held(running, "clients")
    async with anyio.create_task_group() as group:

        async def create() -> None:
            await ours.answer("create_client", **CLIENT)

        group.start_soon(create)
        await held.arrived.wait()
        with anyio.move_on_after(5) as waiting:
            await theirs.call("create_client", CLIENT)
        assert waiting.cancelled_caught
        held.release()
    again = await theirs.answer("create_client", **CLIENT)
    assert [write.id for write in running.ledger] == [again["id"]]


async def test_a_record_that_another_process_deleted_is_made_anew(running: Sandbox, ours: Agent, theirs: Agent) -> None:
    first = await ours.answer("create_client", **CLIENT)
    await theirs.answer("delete_client", client_id=first["id"], confirm=True)
    second = await ours.answer("create_client", **CLIENT)
    assert second["id"] != first["id"]
    assert "notice" not in second


async def test_a_window_of_zero_repeats_nothing_but_what_is_under_way_or_unknown(running: Sandbox) -> None:
    async with process(running, duplicate_window=0) as ours, process(running, duplicate_window=0) as theirs:
        ids = [(await agent.answer("create_client", **CLIENT))["id"] for agent in (ours, theirs, ours)]
        assert len(set(ids)) == 3
        fail(running, Fault("drop", "POST", MAIL.path, nth=1, after=True))
        given = MAIL.arguments(running)
        for agent in (ours, theirs):
            assert (await answer_to(agent, MAIL.tool, given)).outcome == "unknown"
    assert len(running.sent_messages) == 1


async def test_caps_count_what_both_sent(running: Sandbox) -> None:
    given = MAIL.arguments(running)
    async with process(running, mails_per_hour=5) as ours, process(running, mails_per_hour=5) as theirs:
        outcomes: list[str] = []

        async def send(agent: Agent, number: int) -> None:
            result = await agent.call(MAIL.tool, given | {"subject": f"Number {number}"})
            outcomes.append(Answer.of(result).outcome)

        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(send, (ours, theirs)[number % 2], number)
    assert sorted(outcomes) == ["done"] * 5 + ["not done"] * 7
    assert len(running.sent_messages) == 5


async def test_two_processes_that_bill_one_project_make_one_invoice(
    running: Sandbox, ours: Agent, theirs: Agent
) -> None:
    row = running.connection.execute(_BILLABLE).fetchone()
    done: list[bool] = []

    async def bill(agent: Agent) -> None:
        shown = await agent.answer("bill_project_hours", project_id=row["project_id"])
        given = {name: shown[name] for name in ("preview_id",) if name in shown}
        job = given | {"project_id": row["project_id"], "confirm": True}
        done.append((await agent.answer("bill_project_hours", **job))["done"])

    async with anyio.create_task_group() as group:
        for agent in (ours, theirs):
            group.start_soon(bill, agent)
    assert sorted(done) == [False, True]
    assert len(running.ledger.of("POST", "invoices")) == 1


async def test_a_process_that_stood_still_for_longer_than_its_lease_sends_nothing_any_more() -> None:
    time, stood_still, sent = FakeTime(), 0.0, []

    async def sleep(seconds: float) -> None:  # of a laptop, whose other clock stands still meanwhile
        nonlocal stood_still
        await time.clock.sleep(seconds)
        stood_still += 10 * MINUTE

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return httpx.Response(429 if len(sent) == 1 else 201, json={"id": 1, "name": "Globex"})

    clock = Clock(time.clock.now, lambda: time.clock.wall() + stood_still, sleep)
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with agent_of(Clientary(settings, httpx.MockTransport(answer), clock)) as agent:
        assert "Nothing was" in await agent.refusal("create_lead", name="Globex")
        assert sent == ["POST"]
        await agent.answer("create_lead", name="Globex")


async def test_the_same_call_after_midnight_is_the_same(running: Sandbox, ours: Agent, theirs: Agent) -> None:
    given = {name: value for name, value in PAYMENT.arguments(running).items() if name != "received_on"}
    now = datetime.fromisoformat(running.store.latest).astimezone()
    midnight = datetime.combine(now.date() + timedelta(days=1), time()).astimezone()
    await anyio.sleep((midnight - now).total_seconds() - 30)
    fail(running, Fault("drop", "POST", PAYMENT.path, nth=1, after=True))
    async with process(running, deadline=5) as hasty:
        await hasty.call(PAYMENT.tool, given)
    await anyio.sleep(60)
    for agent in (ours, theirs):
        await agent.call(PAYMENT.tool, given)
    assert len(running.ledger) == 1
