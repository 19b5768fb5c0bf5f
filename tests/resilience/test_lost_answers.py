"""Every write under every fault: it is sent at most once, and its outcome is reported correctly."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Any

import anyio
import pytest
from _pytest.mark import ParameterSet

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.tools import ALL
from tests.conftest import agency
from tests.resilience.outcomes import Answer, Outcome, answer_to
from tests.support.agent import Agent, agent_of, confirm
from tests.support.gated import JOBS, record_for
from tests.support.long import covering
from tests.support.published import kind_of
from tests.support.virtual_time import VirtualLoop, clock_of, session_on
from tests.support.writes import CHARGE, CREATES, DELETES, MAILS, UPDATES, WRITES, Write, fault_id, newest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


ANSWERED = [Fault(500), Fault(502), Fault(503), Fault(503, retry_after=1)]
BEFORE = [Fault("drop"), *ANSWERED]
AFTER = [
    *(Fault(kind, after=True) for kind in ("drop", 500, 502, 503, "html")),
    *(Fault(kind) for kind in ("truncated", "half", "empty")),
]
PENDING = [Fault(504), Fault("silent")]
PENDING_AFTER = [Fault(504, after=True), Fault("silent", after=True)]
METHODS = ("POST", "PUT")
SLOW_DOWN = [Fault(429), Fault(429, retry_after=3), Fault(429, retry_after=timedelta(seconds=3))]


def each_kind_meets_each(faults: Iterable[Fault], writes: Iterable[Write] = WRITES) -> pytest.MarkDecorator:
    """Each kind of write with every fault."""
    cases = covering(product(writes, faults), lambda write, fault: ((kind_of(write.tool), fault),))
    return _writes_and_faults(cases)


def each_write_meets_one_of(faults: Iterable[Fault], writes: Iterable[Write] = WRITES) -> pytest.MarkDecorator:
    """Each kind of write with every fault, and every write with one of them."""
    cases = covering(product(writes, faults), lambda write, fault: ((kind_of(write.tool), fault), write))
    return _writes_and_faults(cases)


def _writes_and_faults(cases: list[ParameterSet]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("write", "fault"), cases, ids=fault_id)


VISIBLE = [write for write in WRITES if not write.mails]
"""What somebody can see afterwards."""


def strike(books: Sandbox, write: Write, fault: Fault, *, times: int | None = None) -> None:
    """Let the first requests of this write fail, by default one."""
    meant = Fault(
        fault.kind,
        write.method,
        write.path,
        times=times or 1,
        after=fault.after,
        retry_after=fault.retry_after,
    )
    books.faults = Faults([meant], sleep=anyio.sleep, wall=clock_of(books).wall)


def sent(books: Sandbox) -> int:
    """The number of writes sent to Clientary."""
    return sum(method != "GET" for method, _ in books.requests)


async def attempt(clerk: Agent, books: Sandbox, write: Write, fault: Fault) -> Answer:
    """The answer to a write whose first request has this fault; checks that it was sent once and reported correctly."""
    arguments = write.arguments(books)
    strike(books, write, fault)
    answer = await answer_to(clerk, write.tool, arguments)
    assert books.faults is not None
    assert len(books.faults.struck) == 1
    assert sent(books) == 1
    effects = len(books.ledger)
    wrong: dict[Outcome, bool] = {
        "done": effects != 1,
        "not done": effects != 0,
        "unknown": False,
        "half": True,
        "defect": True,
    }
    assert not wrong[answer.outcome], f"{effects} writes took effect, but the answer was: {answer.text}"
    return answer


def test_every_tool_that_changes_something_has_a_case() -> None:
    # Tools without a fixed write: a job sends several; test_raw_rules.py covers raw requests, test_undo.py undo.
    others = {*JOBS, "api_request", "undo"}
    assert {write.tool for write in WRITES} | others == {tool.name for tool in ALL if not tool.effect.reads_only}


# Money is in test_lost_payments.py: it is not done only where Clientary itself says so.
@each_write_meets_one_of(ANSWERED, [write for write in VISIBLE if not write.path.endswith("/payments")])
async def test_a_write_without_effect_is_reported_and_can_be_repeated(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    arguments = write.arguments(books)
    answer = await attempt(clerk, books, write, fault)
    assert answer.outcome == "not done"
    assert "safe to retry" in answer.text
    books.faults = None
    assert (await answer_to(clerk, write.tool, arguments)).outcome == "done"
    assert len(books.ledger.of(write.method, write.path)) == len(books.ledger) == 1


@each_write_meets_one_of([*AFTER, *PENDING_AFTER], VISIBLE)
async def test_a_write_that_took_effect_is_reported_as_done_with_its_record(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    given = write.arguments(books)
    answer = await attempt(clerk, books, write, fault)
    assert answer.outcome == "done"
    if write in (*CREATES, *UPDATES):
        assert answer.content["id"] == books.ledger[0].id
        plain = [name for name in given if name in answer.content and name != "items"]
        assert {name: answer.content[name] for name in plain} == {name: given[name] for name in plain}


@each_kind_meets_each([*PENDING, Fault("drop")])
async def test_a_pending_write_is_reported_as_unknown_with_the_tool_to_check(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    answer = await attempt(clerk, books, write, fault)
    assert answer.outcome == "unknown"
    assert write.checked_with in answer.text


@each_kind_meets_each([Fault("html")])
async def test_an_html_page_instead_of_the_response_is_not_a_success(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    # A proxy or a maintenance page answered 200 and forwarded nothing.
    answer = await attempt(clerk, books, write, fault)
    assert answer.outcome in ("not done", "unknown")
    assert answer.outcome == "not done" or write.checked_with in answer.text


@each_kind_meets_each([Fault("redirect"), Fault("redirect", after=True)])
async def test_a_redirect_is_reported_correctly(clerk: Agent, books: Sandbox, write: Write, fault: Fault) -> None:
    await attempt(clerk, books, write, fault)


@pytest.mark.parametrize("fault", [*BEFORE, *(fault for fault in AFTER if fault.after)], ids=fault_id)
@pytest.mark.parametrize("write", MAILS, ids=str)
async def test_a_mail_whose_response_is_lost_is_reported_as_unknown(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    answer = await attempt(clerk, books, write, fault)
    assert answer.outcome == "unknown"
    assert write.checked_with in answer.text


@each_kind_meets_each(SLOW_DOWN)
async def test_a_rate_limited_write_waits_and_is_done_once(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault
) -> None:
    arguments = write.arguments(books)
    strike(books, write, fault, times=2)
    assert (await answer_to(clerk, write.tool, arguments)).outcome == "done"
    assert sent(books) == 3
    assert len(books.ledger) == 1


@pytest.mark.parametrize("write", covering(WRITES, lambda write: (kind_of(write.tool),)), ids=str)
async def test_a_write_rejected_on_every_attempt_changes_nothing_and_can_be_repeated(
    clerk: Agent, books: Sandbox, write: Write
) -> None:
    arguments = write.arguments(books)
    strike(books, write, Fault(429, retry_after=30), times=100)
    answer = await answer_to(clerk, write.tool, arguments)
    assert answer.outcome == "not done"
    assert len(books.ledger) == 0
    books.faults = None
    assert (await answer_to(clerk, write.tool, arguments)).outcome == "done"
    assert len(books.ledger) == 1


class ThenBlind(Faults):
    """The write's response is lost, and so is every read after it."""

    def __init__(self, write: Write, look: Fault, *, after: bool) -> None:
        super().__init__([Fault("drop", write.method, write.path, nth=1, after=after)], sleep=anyio.sleep)
        self._look = look

    def strike(self, method: str, path: str) -> Fault | None:
        if method == "GET":
            return self._look if self.struck else None
        return super().strike(method, path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@each_kind_meets_each([Fault("html"), Fault(502)], VISIBLE)
async def test_when_the_check_fails_too_the_outcome_is_unknown(
    clerk: Agent, books: Sandbox, write: Write, fault: Fault, after: bool
) -> None:
    arguments = write.arguments(books)
    books.faults = ThenBlind(write, fault, after=after)
    answer = await answer_to(clerk, write.tool, arguments)
    assert answer.outcome == "unknown"
    assert write.checked_with in answer.text
    assert len(books.ledger) == sent(books) - (not after)


@pytest.mark.parametrize("write", covering(DELETES, lambda _: ("a delete",)), ids=str)
async def test_a_lost_response_to_a_delete_that_took_effect_is_reported_as_done(
    clerk: Agent, books: Sandbox, write: Write
) -> None:
    arguments = write.arguments(books)
    await attempt(clerk, books, write, Fault("drop", after=True))
    books.faults = None
    again = await clerk.refusal(write.tool, **arguments)
    assert "was not found" in again
    assert len(books.ledger) == 1


LOOKS = [Fault("html"), Fault("half"), Fault("empty"), Fault(502), Fault(429)]


@pytest.mark.parametrize(
    ("tool", "look", "after"),
    covering(product(["create_lead", "update_client", "delete_task", "charge_payment_profile"], LOOKS, [False, True])),
    ids=fault_id,
)
async def test_a_check_that_fails_once_is_repeated(
    clerk: Agent, books: Sandbox, tool: str, look: Fault, after: bool
) -> None:
    write = next(write for write in WRITES if write.tool == tool)
    arguments = write.arguments(books)
    script = [
        Fault("drop" if after else 500, write.method, write.path, nth=1, after=after),
        Fault(look.kind, "GET", nth=1 + (write is CHARGE)),  # a charge reads the invoice before, too
    ]
    books.faults = Faults(script, sleep=anyio.sleep)
    answer = await answer_to(clerk, write.tool, arguments)
    assert answer.outcome == ("done" if after else "unknown" if write is CHARGE else "not done")
    assert len(books.ledger) == after


@pytest.mark.parametrize(
    "fault", [Fault(502), Fault("html"), Fault("redirect"), Fault(429, retry_after=50)], ids=fault_id
)
async def test_a_failure_of_the_read_before_a_write_reports_that_nothing_was_sent(
    clerk: Agent, books: Sandbox, fault: Fault
) -> None:
    books.faults = Faults([Fault(fault.kind, "GET", retry_after=fault.retry_after)], sleep=anyio.sleep)
    schedule = newest(books, "recurring_schedules", "payment_profile_id IS NOT NULL")
    answer = await answer_to(
        clerk, "update_recurring_schedule", {"recurring_schedule_id": schedule, "action": "autobill"}
    )
    assert answer.outcome == "not done"
    assert sent(books) == 0


# Jobs: whatever fault a write has, repeating the call continues the job, and everything is done once

FAULTS = {
    **dict.fromkeys(BEFORE, "before"),
    **dict.fromkeys(AFTER, "after"),
    **dict.fromkeys([*PENDING, *PENDING_AFTER], "pending"),
    Fault("html"): "a page",
    Fault("redirect"): "a redirect",
    Fault(429, retry_after=3): "too fast",
}
"""Every fault, and what it leaves a job with."""


def effects(books: Sandbox) -> list[tuple[str, str, str]]:
    """The writes, without their times and generated numbers."""
    return sorted(
        (write.method, write.resource, write.path if write.method == "PUT" else str(write.body))
        for write in books.ledger
    )


@pytest.mark.parametrize(
    ("tool", "fault", "nth"),
    covering(product(JOBS, FAULTS, (1, 2)), lambda tool, fault, nth: ((tool, FAULTS[fault]), (tool, nth), fault)),
    ids=fault_id,
)
async def test_a_job_interrupted_by_a_fault_completes_exactly_once_when_repeated(
    clerk: Agent, books: Sandbox, tool: str, fault: Fault, nth: int
) -> None:
    arguments = record_for(books, tool)[0]
    undisturbed = agency()
    async with agent_of(session_on(undisturbed)) as other:
        await other.confirmed(tool, **arguments)
    meant = [Fault(fault.kind, method, nth=nth, after=fault.after, retry_after=fault.retry_after) for method in METHODS]
    books.faults = Faults(meant, sleep=anyio.sleep, wall=clock_of(books).wall)
    outcome = [Answer.of(await confirm(clerk.client, tool, arguments))]
    assert books.faults.struck or nth > 1  # not every job has one
    assert outcome[0].outcome != "not done" or not books.ledger, outcome[0].text
    books.faults = None
    await anyio.sleep(300)  # pending writes have taken effect
    for _ in range(300):
        books.store.now()  # the account's clock, which the session's is set by, moves with writes alone
    outcome.append(Answer.of(await confirm(clerk.client, tool, arguments), may_have_nothing_to_do=True))
    assert "done" in {each.outcome for each in outcome} or "unknown" in {each.outcome for each in outcome}
    if tool == "send_payment_reminders" and outcome[0].outcome == "unknown":
        assert len(books.ledger) <= 1  # a mail that may have been sent is not sent again
    else:
        assert effects(books) == effects(undisturbed)
