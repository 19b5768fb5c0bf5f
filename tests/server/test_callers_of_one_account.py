"""Nothing twice, between people of one account: who repeats another's call is told of it, and gets no record."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import MINUTE
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import StoredMemory, local_memory
from tests.resilience.outcomes import answer_to
from tests.support.agent import Agent, agent_of
from tests.support.gated import record_for
from tests.support.users import OWED, some
from tests.support.virtual_time import VirtualLoop, clock_of
from tests.support.writes import CREATES, MAILS

pytestmark = pytest.mark.anyio

CLIENT = {"name": "Globex"}
PAYMENT = next(write for write in CREATES if write.tool == "create_payment")
HOURS = next(write for write in CREATES if write.tool == "create_project_hours")
MAIL = MAILS[0]
ANN, BO = "a" * 16, "b" * 16


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Server:
    """A process that serves callers of one account."""

    def __init__(self, sandbox: Sandbox, stack: AsyncExitStack) -> None:
        self._sandbox, self._stack, self._clock = sandbox, stack, clock_of(sandbox)
        self._settings = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC")
        self.memory: StoredMemory = local_memory(self._settings, self._clock.wall, shared=True)
        stack.push_async_callback(self.memory.aclose)

    async def agent(self, caller: str, **limits: Any) -> Agent:
        """An agent of that caller, in a session of its own."""
        settings = replace(self._settings, **limits)
        network, memory = Network(self._sandbox), self.memory.of(caller, settings)
        return await self._stack.enter_async_context(agent_of(Clientary(settings, network, self._clock, memory)))


@asynccontextmanager
async def serving(sandbox: Sandbox) -> AsyncIterator[Server]:
    async with AsyncExitStack() as stack:
        yield Server(sandbox, stack)


@pytest.fixture
async def server(running: Sandbox) -> AsyncIterator[Server]:
    async with serving(running) as server:
        yield server


@pytest.fixture
async def ann(server: Server) -> Agent:
    return await server.agent(ANN)


@pytest.fixture
async def bo(server: Server) -> Agent:
    return await server.agent(BO)


async def test_who_repeats_the_call_of_another_is_told_what_was_made_and_gets_no_record(
    running: Sandbox, ann: Agent, bo: Agent
) -> None:
    made = await ann.answer("create_client", **CLIENT, city="Bath")
    await anyio.sleep(2 * MINUTE)
    told = await bo.answer("create_client", **CLIENT, city="Bath")
    assert told == {
        "id": made["id"],
        "notice": (
            f"The same call succeeded 2 minutes ago, made by another person of this account (client {made['id']})."
            " It was not made again: pass allow_duplicate=true to make it all the same."
        ),
    }
    assert len(running.ledger) == 1
    assert "result is repeated here" in (await ann.answer("create_client", **CLIENT, city="Bath"))["notice"]


async def test_it_is_the_same_over_processes(running: Sandbox, ann: Agent) -> None:
    made = await ann.answer("create_client", **CLIENT)
    async with serving(running) as elsewhere:
        told = await (await elsewhere.agent(BO)).answer("create_client", **CLIENT)
        again = await (await elsewhere.agent(ANN)).answer("create_client", **CLIENT)
    assert told.keys() == {"id", "notice"}
    assert again["name"] == made["name"]
    assert len(running.ledger) == 1


async def test_where_the_record_cannot_be_read_the_notice_does_not_claim_to_repeat_it(
    running: Sandbox, ann: Agent
) -> None:
    invoice = some(running, "invoices", 1, OWED)[0]
    paid = await ann.answer("create_payment", invoice_id=invoice, amount=1)
    async with serving(running) as elsewhere:
        told = await (await elsewhere.agent(ANN)).answer("create_payment", invoice_id=invoice, amount=1)
    notice = f"The same call succeeded less than a minute ago (payment {paid['id']}). It was not made again: "
    assert told == {"id": paid["id"], "notice": notice + "pass allow_duplicate=true to make it all the same."}


async def test_who_insists_makes_it_once_more_and_then_it_is_their_call(
    running: Sandbox, ann: Agent, bo: Agent
) -> None:
    first = await ann.answer("create_client", **CLIENT)
    second = await bo.answer("create_client", **CLIENT, allow_duplicate=True)
    assert first["id"] != second["id"]
    assert "result is repeated here" in (await bo.answer("create_client", **CLIENT))["notice"]
    told = await ann.answer("create_client", **CLIENT)
    assert told.keys() == {"id", "notice"}
    assert told["id"] == second["id"]


async def test_at_once_one_makes_it_and_the_other_waits_and_is_told(running: Sandbox, ann: Agent, bo: Agent) -> None:
    running.faults = Faults([Fault("slow", "POST", "clients", nth=1, seconds=5)], sleep=anyio.sleep)
    answers: list[dict[str, Any]] = []

    async def create(agent: Agent) -> None:
        answers.append(await agent.answer("create_client", **CLIENT))

    async with anyio.create_task_group() as group:
        for agent in (ann, bo, ann, bo):
            group.start_soon(create, agent)
    assert len(running.ledger) == 1
    assert {answer["id"] for answer in answers} == {running.ledger[0].id}
    assert sum(answer.keys() == {"id", "notice"} for answer in answers) == 2


async def test_a_mail_of_another_is_told_without_an_id(running: Sandbox, ann: Agent, bo: Agent) -> None:
    arguments, _ = record_for(running, MAIL.tool)
    given = arguments | {"confirm": True}
    await ann.answer(MAIL.tool, **given)
    told = await bo.answer(MAIL.tool, **given)
    assert told["done"] is True
    assert "made by another person of this account. It was not made again" in told["message"]
    assert len(running.sent_messages) == 1


async def test_a_call_of_another_whose_outcome_is_unknown_is_told_and_not_looked_for(
    running: Sandbox, ann: Agent, bo: Agent
) -> None:
    given = PAYMENT.arguments(running)
    running.faults = Faults([Fault("late", "POST", PAYMENT.path, nth=1, seconds=60)], sleep=anyio.sleep)
    assert (await answer_to(ann, PAYMENT.tool, given)).outcome == "unknown"
    await anyio.sleep(5 * MINUTE)
    text = await bo.refusal(PAYMENT.tool, **given)
    assert "minutes ago by another person of this account and its outcome is unknown, so it is not made again" in text
    assert "allow_duplicate=true makes it nevertheless" in text
    assert len(running.ledger) == 1
    found = await ann.answer(PAYMENT.tool, **given)
    assert found["id"] == running.ledger[0].id


async def test_the_same_hours_of_two_people_are_two_entries(running: Sandbox, ann: Agent, bo: Agent) -> None:
    given = HOURS.arguments(running)
    entries = [await agent.answer(HOURS.tool, **given) for agent in (ann, bo, ann, bo)]
    assert len({entry["id"] for entry in entries}) == len(running.ledger) == 2
    assert ["notice" in entry for entry in entries] == [False, False, True, True]
    assert entries[0]["id"] == entries[2]["id"]


async def test_a_reminder_that_two_people_ask_for_is_one_mail(running: Sandbox, ann: Agent, bo: Agent) -> None:
    given, _ = record_for(running, "send_payment_reminders")
    shown = [await agent.answer("send_payment_reminders", **given) for agent in (ann, bo)]
    answers = [
        await agent.answer("send_payment_reminders", **given, confirm=True, preview_id=preview["preview_id"])
        for agent, preview in zip((ann, bo), shown, strict=True)
    ]
    assert answers[0]["done"] is True
    assert len(running.sent_messages) == 1
    assert "mailed in the last day" in str(answers[1])


async def test_a_preview_shown_to_another_confirms_nothing(running: Sandbox, ann: Agent, bo: Agent) -> None:
    given, _ = record_for(running, "send_payment_reminders")
    shown = await ann.answer("send_payment_reminders", **given)
    anew = await bo.answer("send_payment_reminders", **given, confirm=True, preview_id=shown["preview_id"])
    assert "unknown or has expired" in anew["message"]
    assert anew["preview_id"] != shown["preview_id"]
    assert not running.sent_messages


async def test_what_another_changed_cannot_be_taken_back(running: Sandbox, ann: Agent, bo: Agent) -> None:
    made = await ann.answer("create_client", **CLIENT)
    assert "remembers no change" in (await bo.answer("undo"))["message"]
    (action,) = (await ann.answer("undo"))["steps"]
    assert "no remembered action" in await bo.refusal("undo", action_id=action["action_id"], confirm=True)
    assert action["id"] == made["id"]
    assert len(running.ledger) == 1


async def test_a_callers_own_limit_leaves_the_others_theirs(running: Sandbox, server: Server, bo: Agent) -> None:
    limited = await server.agent(ANN, mails_per_hour=1)
    arguments, _ = record_for(running, MAIL.tool)
    given = arguments | {"confirm": True, "allow_duplicate": True}
    await limited.answer(MAIL.tool, **given)
    assert "hourly limit of 1 e-mail for this caller" in await limited.refusal(MAIL.tool, **given)
    await bo.answer(MAIL.tool, **given)
    assert len(running.sent_messages) == 2


async def test_a_session_that_ends_leaves_the_memory_to_the_others(running: Sandbox) -> None:
    settings = Settings(base_url="http://localhost", api_token=running.token)
    memory = local_memory(settings, clock_of(running).wall, shared=False)
    for caller, told in ((ANN, False), (BO, True)):
        session = Clientary(settings, Network(running), clock_of(running), memory.of(caller, settings))
        async with agent_of(session) as agent:
            assert ("notice" in await agent.answer("create_client", **CLIENT)) is told
    await memory.aclose()
