"""Writes that take effect after their connection broke: their reported outcomes, and pending ones."""

from itertools import product
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotDone, OutcomeUnknown
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.settings import Settings
from tests.api.test_writes_while_reading import Account, create
from tests.resilience.outcomes import answer_to
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.published import kind_of
from tests.support.virtual_time import VirtualLoop, session_on
from tests.support.writes import CHARGE, CREATES, DELETES, UPDATES, Write
from tool_schemas.projects import Project

pytestmark = pytest.mark.anyio

A_LOOK = 30.0
"""Seconds after which whoever looks for a write has stopped."""
VISIBLE = (*CREATES, *UPDATES, *DELETES)
LOST = [Fault("drop"), Fault(500), Fault(502), Fault(503), Fault("html")]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


def lose(books: Sandbox, write: Write, kind: Any, seconds: float = 1) -> Faults:
    """Break the connection of the next such write; a late one takes effect that many seconds afterwards."""
    books.faults = Faults([Fault(kind, write.method, write.path, nth=1, seconds=seconds)], sleep=anyio.sleep)
    return books.faults


@pytest.mark.parametrize(
    ("write", "seconds"),
    covering(product([*VISIBLE, CHARGE], [0.5, 5]), lambda write, seconds: (write, (kind_of(write.tool), seconds))),
    ids=str,
)
async def test_a_write_that_takes_effect_seconds_after_a_broken_connection_is_reported_as_done(
    clerk: Agent, books: Sandbox, write: Write, seconds: float
) -> None:
    arguments = write.arguments(books)
    lose(books, write, "late", seconds)
    answer = await answer_to(clerk, write.tool, arguments)
    assert answer.outcome == "done", answer.text
    assert len(books.ledger) == 1
    assert sum(method != "GET" for method, _ in books.requests) == 1


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: str(fault.kind))
async def test_a_charge_that_cannot_be_checked_is_never_reported_as_not_done(
    clerk: Agent, books: Sandbox, fault: Fault
) -> None:
    arguments = CHARGE.arguments(books)
    lose(books, CHARGE, fault.kind)
    answer = await answer_to(clerk, CHARGE.tool, arguments)
    assert answer.outcome == "unknown"
    assert "repeated" not in answer.text
    assert "get_invoice" in answer.text


async def test_a_charge_made_after_the_last_check_is_reported_as_unknown(clerk: Agent, books: Sandbox) -> None:
    arguments = CHARGE.arguments(books)
    lose(books, CHARGE, "late", A_LOOK)
    answer = await answer_to(clerk, CHARGE.tool, arguments)
    assert (answer.outcome, len(books.ledger)) == ("unknown", 0)
    await anyio.sleep(A_LOOK)
    assert len(books.ledger) == 1
    invoice = await clerk.answer("get_invoice", invoice_id=arguments["invoice_id"])
    assert invoice["balance"] == 0


@pytest.mark.parametrize("write", covering(VISIBLE, lambda write: (kind_of(write.tool),)), ids=str)
async def test_without_time_for_another_check_nothing_is_reported_as_not_done(books: Sandbox, write: Write) -> None:
    arguments = write.arguments(books)
    async with agent_of(session_on(books, deadline=5)) as clerk:
        lose(books, write, "drop")
        answer = await answer_to(clerk, write.tool, arguments)
    assert answer.outcome == "unknown"
    assert write.checked_with in answer.text


def test_a_late_effect_does_not_also_happen_in_time() -> None:
    with pytest.raises(ValueError, match="after the harm"):
        Fault("late", after=True)


async def test_waiting_for_another_check_is_reported_with_the_reason(clerk: Agent, books: Sandbox) -> None:
    heard: list[str] = []
    outcome = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")
        outcome.set()

    books.faults = Faults([Fault("drop", "POST", nth=1)], sleep=anyio.sleep)
    result = await clerk.client.call_tool("create_lead", {"name": "Globex"}, progress_callback=on_progress)
    await outcome.wait()
    assert result.is_error
    assert ["may still be working on it: waiting" in each for each in heard] == [True]


async def test_a_successful_write_is_not_delayed(time: FakeTime) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json={}) if request.method == "POST" else httpx.Response(200, json={"leads": []})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with agent_of(Clientary(settings, httpx.MockTransport(answer), time.clock)) as agent:
        assert (await answer_to(agent, "create_lead", {"name": "Globex"})).outcome == "unknown"
    assert not time.waits


@pytest.mark.parametrize(("status", "minutes", "readings"), [(504, 1, 2), (504, 3, 1), (502, 1, 1)])
async def test_a_pending_write_counts_for_lists_read_in_the_next_two_minutes(
    time: FakeTime, status: int, minutes: int, readings: int
) -> None:
    account = Account([create("projects")])

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if request.method == "DELETE" else await account(request)

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with Clientary(settings, httpx.MockTransport(answer), time.clock) as clientary:
        with pytest.raises(OutcomeUnknown if status == 504 else NotDone):
            await clientary.delete("projects/1")
        await time.clock.sleep(60 * minutes)
        account.writer = clientary
        page = await clientary.collect(Project, "projects", limit=None)
    assert account.asked.count(1) == readings
    assert page.complete
