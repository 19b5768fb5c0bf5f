"""No reminder is sent twice, and no more than the quota allows, after failures and lost responses."""

from itertools import product
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, Era, agent_of, confirm
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.users import User, configured, connect
from tests.support.writes import fault_id
from tests.tools.workflows.test_payment_reminders import DAY, HOUR, JOB, Debtors, reminded, three, why

pytestmark = pytest.mark.anyio

ALL: dict[str, Any] = {"min_days_overdue": 1}


@pytest.fixture
def books() -> Debtors:
    return Debtors()


def mailed(books: Debtors) -> list[int]:
    return [invoice for invoice, _ in books.mailed()]


async def call(agent: Agent, **more: Any) -> str:
    """The answer to a call, whether it fails or not."""
    (content,) = (await confirm(agent.client, JOB, ALL | more)).content
    return str(getattr(content, "text", ""))


UNSURE = [
    *(Fault(kind, after=after) for kind in ("drop", 500, 502, 503, "html") for after in (False, True)),
    *(Fault(kind) for kind in ("truncated", "half", "empty", 504)),
]


@pytest.mark.parametrize(("fault", "nth"), covering(product(UNSURE, [1, 2, 3])), ids=fault_id)
async def test_after_a_lost_response_the_same_call_mails_only_the_rest(books: Debtors, fault: Fault, nth: int) -> None:
    ids = three(books)
    books.sandbox.faults = Faults([Fault(fault.kind, "POST", "invoices/*/messages", nth=nth, after=fault.after)])
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await call(agent)
        books.sandbox.faults = None
        again = await call(agent)
    assert len(mailed(books)) == len(set(mailed(books)))
    left_out = set(ids) - set(mailed(books))
    assert left_out <= {ids[nth - 1]}
    if '"done":true' not in text:
        assert "unknown whether" in text
        assert "may have been mailed" in again
        assert text.count("mail of") == (nth if nth > 1 else 0)
        assert ("Done before" in text) == (nth > 1)


async def test_a_failure_midway_reports_the_mails_sent(books: Debtors) -> None:
    three(books)
    books.sandbox.faults = Faults([Fault(429, "POST", "invoices/*/messages", nth=3, times=100)])
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await call(agent)
        books.sandbox.faults = None
        assert "2@example.com" in text.partition("Done before")[0]
        assert "1@example.com" in text.partition("Done before")[2]
        assert "The same call continues from there" in text
        rest = await agent.confirmed(JOB, **ALL)
    assert len(mailed(books)) == len(set(mailed(books))) == 3
    assert rest["message"].startswith("1 reminder mailed, 2 invoices skipped. ")
    assert set(why(rest).values()) == {"it was mailed in the last day; allow_duplicate=true mails it again"}


async def test_a_mail_that_clientary_rejects_blocks_no_other(books: Debtors) -> None:
    ids = three(books)

    class Gone(Faults):
        """The second invoice disappears just before it is mailed."""

        def strike(self, method: str, path: str) -> Fault | None:
            if method == "POST":
                books.sandbox.connection.execute("DELETE FROM invoices WHERE id = ?", (ids[1],))
            return None

    books.sandbox.faults = Gone()
    done = await reminded(books, **ALL, confirm=True)
    assert mailed(books) == [ids[0], ids[2]]
    assert [step["step"] for step in done["steps"]] == ["mailed", "refused", "mailed"]
    assert "was not found" in done["steps"][1]["why"]
    assert done["message"].startswith("2 reminders mailed, 1 refused by Clientary. ")


async def test_nobody_is_reminded_again_within_a_day(books: Debtors) -> None:
    three(books)
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        await agent.confirmed(JOB, **ALL)
        await time.clock.sleep(DAY - 60)
        assert (await agent.confirmed(JOB, **ALL))["done"] is False
        assert len(mailed(books)) == 3
        await time.clock.sleep(120)
        assert (await agent.confirmed(JOB, **ALL))["done"] is True
    assert len(mailed(books)) == 6


async def test_allow_duplicate_reminds_again_immediately(books: Debtors) -> None:
    three(books)
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        await agent.confirmed(JOB, **ALL)
        await time.clock.sleep(1)
        await agent.confirmed(JOB, **ALL, allow_duplicate=True)
    assert len(mailed(books)) == 6


async def test_a_repeat_that_fails_midway_continues_without_a_third_mail(books: Debtors) -> None:
    ids = three(books)
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        await agent.confirmed(JOB, **ALL)
        await time.clock.sleep(1)
        again = ALL | {"allow_duplicate": True}
        shown = await agent.answer(JOB, **again)
        await time.clock.sleep(1)
        books.sandbox.faults = Faults([Fault(429, "POST", "invoices/*/messages", nth=2, times=100)])
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        assert "The same call continues from there" in await agent.refusal(JOB, **again, **sure)
        books.sandbox.faults = None
        assert (await agent.answer(JOB, **again, **sure))["message"].startswith("2 reminders mailed")
    assert sorted(mailed(books)) == sorted(ids * 2)


async def test_another_text_to_the_same_people_is_not_a_new_reminder(books: Debtors) -> None:
    ids = three(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed(JOB, **ALL)
        await agent.confirmed(JOB, invoice_ids=ids, subject="Again")
        assert len(mailed(books)) == 3
        client = books.rows("SELECT client_id FROM invoices WHERE id = ?", ids[0])[0]["client_id"]
        books.add("contacts", client_id=client, name="Bo", email="new@example.com")
        await agent.confirmed(JOB, invoice_ids=ids, subject="Again")
    assert mailed(books)[3:] == [ids[0]]


async def test_concurrent_different_calls_mail_once(books: Debtors) -> None:
    ids = three(books)
    books.sandbox.faults = Faults([Fault("slow")], sleep=lambda _: anyio.lowlevel.checkpoint())
    async with agent_of(session_with(books.sandbox)) as agent, anyio.create_task_group() as group:
        group.start_soon(confirm, agent.client, JOB, ALL)
        group.start_soon(confirm, agent.client, JOB, {"invoice_ids": ids})
        group.start_soon(confirm, agent.client, JOB, ALL | {"subject": "Please"})
    assert sorted(mailed(books)) == sorted(ids)


# Quotas


async def test_the_quota_stops_the_batch_and_the_same_call_continues_an_hour_later(books: Debtors) -> None:
    ids = three(books)
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time, mails_per_hour=2)) as agent:
        shown = await agent.answer(JOB, min_days_overdue=1)
        assert "At most 2 mails are sent in an hour" in shown["not_visible"]
        text = await agent.refusal_of_confirmed(JOB, **ALL)
        assert text.startswith("Stopped at: mail of invoice “2”")
        assert "CLIENTARY_MAILS_PER_HOUR" in text
        assert "Nothing was sent" not in text
        assert mailed(books) == ids[:2]
        assert "Nothing was sent" in await agent.refusal_of_confirmed(JOB, **ALL)
        await time.clock.sleep(HOUR)
        await agent.confirmed(JOB, **ALL)
    assert mailed(books) == ids


async def test_a_mail_quota_of_zero_sends_none(books: Debtors) -> None:
    three(books)
    async with connect(configured(books.sandbox, FakeTime(TODAY), mails_per_hour=0)) as agent:
        assert "Nothing was sent" in await agent.refusal_of_confirmed(JOB, **ALL)
    assert mailed(books) == []


# Approval


async def test_the_question_shows_every_mail_before_any_is_sent(books: Debtors, era: Era) -> None:
    three(books)
    user = User()
    async with connect(configured(books.sandbox, FakeTime(TODAY)), era, user) as agent:
        await agent.confirmed(JOB, **ALL)
    (question,) = user.questions
    for number in range(3):
        assert (
            f'client: "Client {number}", number: "{number}", status: "sent", total cost: 100, balance: 100' in question
        )
        assert f'recipients: ["{number}@example.com"]' in question
    assert 'Totals:\n- currency code: "EUR", count: 3, balance: 300' in question
    assert len(mailed(books)) == 3


async def test_a_payment_received_during_the_question_stops_the_batch(books: Debtors, era: Era) -> None:
    first, *_ = three(books)
    user = User(meanwhile=lambda: books.paid(first, 0))
    async with connect(configured(books.sandbox, FakeTime(TODAY)), era, user) as agent:
        answer = await agent.confirmed(JOB, **ALL)
    assert answer["done"] is False
    assert why(answer) == {first: f"the client paid on {TODAY}"}
    assert mailed(books) == []


async def test_a_long_batch_is_shown_whole(books: Debtors) -> None:
    for number in range(130):
        books.owed(books.client_with(f"{number}@example.com"), str(number))
    shown = await reminded(books, min_days_overdue=1)
    assert len(shown["steps"]) == 130
    assert shown["totals"] == [{"currency_code": "EUR", "count": 130, "balance": 13_000}]
