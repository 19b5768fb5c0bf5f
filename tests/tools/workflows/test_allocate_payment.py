"""One sum over several open invoices: each gets its share, none more than its balance, and nothing twice."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.users import configured, connect, writes
from tests.tools.workflows.test_payment_reminders import DRAFT, PENDING, Debtors, ago

pytestmark = pytest.mark.anyio

JOB = "allocate_payment"


class Owing(Debtors):
    """A client that owes 100, 300 and 200 EUR, the oldest first."""

    def __init__(self) -> None:
        super().__init__()
        owed = ((1, "2026-07-01"), (3, "2026-08-01"), (2, "2026-09-01"))
        self.open = [self.sold(f"Q-{n}", n * 10_000, date=day) for n, day in owed]
        self.owed(self.client, "draft", status=DRAFT)
        self.owed(self.client, "pending", status=PENDING)
        self.owed(self.client_with(), "other")


@pytest.fixture
def books() -> Owing:
    return Owing()


async def allocated(books: Owing, **more: Any) -> dict[str, Any]:
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.confirmed(JOB, **{"client_id": books.client, "amount": 350} | more)


async def refused(books: Owing, **more: Any) -> str:
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, **{"client_id": books.client, "amount": 350} | more)
    assert writes(books.sandbox) == []
    return text


async def test_the_preview_shows_each_share_and_new_balance(books: Owing) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, client_id=books.client, amount=350)
    shares = [(row["invoice_id"], row["amount"], row["balance_before"], row["balance_after"]) for row in shown["steps"]]
    assert shares == [(books.open[0], 100, 100, 0), (books.open[1], 250, 300, 50)]
    assert shown["totals"] == [{"currency_code": "EUR", "amount": 350, "allocated": 350, "left_over": 0}]
    assert "record 350.00 EUR from “Quarry Books” on 2 invoices" in shown["message"]
    assert writes(books.sandbox) == []


@pytest.mark.parametrize(
    ("more", "shares"),
    [
        ({}, [(0, 100), (1, 250)]),
        ({"order": "largest"}, [(1, 300), (2, 50)]),
        ({"order": "smallest"}, [(0, 100), (2, 200), (1, 50)]),
        ({"invoice_ids": [2, 0]}, [(2, 200), (0, 100)]),
        ({"amount": 1_000}, [(0, 100), (1, 300), (2, 200)]),
    ],
)
async def test_no_invoice_gets_more_than_its_balance(
    books: Owing, more: dict[str, Any], shares: list[tuple[int, int]]
) -> None:
    given = more | (
        {"invoice_ids": [books.open[each] for each in more["invoice_ids"]]} if "invoice_ids" in more else {}
    )
    done = await allocated(books, **given)
    assert books.recorded() == [(books.open[each], amount * 100) for each, amount in shares]
    left = given.get("amount", 350) - sum(amount for _, amount in shares)
    assert done["totals"][0]["left_over"] == left
    assert ("is left over" in done["message"]) is (left > 0)


async def test_the_day_and_the_note_are_recorded(books: Owing) -> None:
    await allocated(books, received_on=ago(3), note="Check 7")
    rows = books.rows("SELECT DISTINCT received_on, note FROM payments")
    assert rows == [{"received_on": ago(3), "note": "Check 7"}]


async def test_the_preview_shows_day_and_note_and_the_outcome_the_payments(books: Owing) -> None:
    given = {"client_id": books.client, "amount": 350, "received_on": ago(3), "note": "Check 7"}
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, **given)
        done = await agent.confirmed(JOB, **given)
    assert f"on 2 invoices, received on {ago(3)}, with the note “Check 7”." in shown["message"]
    payments = [row["id"] for row in books.rows("SELECT id FROM payments ORDER BY id")]
    assert [(row["step"], row["payment_id"]) for row in done["steps"]] == [("recorded", each) for each in payments]
    assert all((row["step"], "payment_id" in row) == ("record", False) for row in shown["steps"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"amount": 0}, "is not above zero"),
        ({"amount": -5}, "is not above zero"),
        ({"amount": 0.001}, "is no amount of money in EUR"),
        ({"received_on": "2026-11-21"}, "is after today"),
        ({"order": "largest", "invoice_ids": [1]}, "takes either order or invoice_ids"),
        ({"invoice_ids": [999]}, "999: not of client"),
        ({"order": "newest"}, "order takes one of"),
    ],
)
async def test_what_cannot_be_meant_is_refused(books: Owing, more: dict[str, Any], why: str) -> None:
    assert why in await refused(books, **more)


async def test_an_invoice_on_which_nothing_is_owed_is_refused_by_name(books: Owing) -> None:
    (draft,) = books.rows("SELECT id FROM invoices WHERE status = ?", DRAFT)
    assert "nothing is owed on invoice “draft”" in await refused(books, invoice_ids=[draft["id"]])


async def test_two_currencies_need_one_to_be_named(books: Owing) -> None:
    dollars = books.owed(books.client, "USD-1", 90, currency_code="USD")
    assert "currency_code is needed: open invoices are in EUR, USD" in await refused(books)
    await allocated(books, currency_code="usd", amount=40)
    assert books.recorded() == [(dollars, 4_000)]


async def test_an_invoice_in_another_currency_than_the_sum_is_refused_by_name(books: Owing) -> None:
    dollars = books.owed(books.client, "USD-1", 90, currency_code="USD")
    more = {"currency_code": "EUR", "invoice_ids": [books.open[0], dollars]}
    assert f"invoice_ids: not in EUR: invoice “USD-1” (id {dollars})" in await refused(books, **more)


async def test_a_client_that_owes_nothing_is_told(books: Owing) -> None:
    client = books.client_with(name="Paid up")
    done = await allocated(books, client_id=client)
    assert (done["done"], "Nothing is owed" in done["message"]) == (False, True)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
async def test_after_a_failure_the_same_preview_goes_on_and_records_nothing_twice(
    books: Owing, nth: int, after: bool
) -> None:
    job = {"client_id": books.client, "amount": 550, "order": "largest"}
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        shown = await agent.answer(JOB, **job)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        books.sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=nth, times=100, after=after)])
        await agent.call(JOB, job | sure)
        books.sandbox.faults = None
        await time.clock.sleep(180)  # until what was lost can come no more
        rest = await agent.answer(JOB, **job, **sure)
    assert rest["done"] is True
    assert books.recorded() == [(books.open[1], 30_000), (books.open[2], 20_000), (books.open[0], 5_000)]


async def test_a_payment_that_may_still_come_is_not_sent_again(books: Owing) -> None:
    job = {"client_id": books.client, "amount": 100}
    time = FakeTime(TODAY)
    async with connect(configured(books.sandbox, time)) as agent:
        sure = {"confirm": True, "preview_id": (await agent.answer(JOB, **job))["preview_id"]}
        books.sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=1)])
        assert "unknown" in await agent.refusal(JOB, **job, **sure)
        assert "and it may still come." in await agent.refusal(JOB, **job, **sure)
        assert len(writes(books.sandbox)) == 1
        await time.clock.sleep(180)
        await agent.answer(JOB, **job, **sure)
    assert books.recorded() == [(books.open[0], 10_000)]


async def test_a_balance_that_changed_since_gets_a_new_preview(books: Owing) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, client_id=books.client, amount=350)
        books.sandbox.connection.execute("UPDATE invoices SET balance = 20000 WHERE id = ?", (books.open[1],))
        new = await agent.answer(JOB, client_id=books.client, amount=350, confirm=True, preview_id=shown["preview_id"])
    assert (new["done"], writes(books.sandbox)) == (False, [])
    assert f"changed since the preview: invoice {books.open[1]}" in new["message"]


async def test_a_balance_that_changed_when_a_part_was_recorded_gets_no_preview_of_the_whole_sum_again(
    books: Owing,
) -> None:
    job = {"client_id": books.client, "amount": 350, "order": "largest"}
    async with connect(configured(books.sandbox, FakeTime(TODAY))) as agent:
        shown = await agent.answer(JOB, **job)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        books.sandbox.faults = Faults([Fault(429, "POST", "invoices/*/payments", nth=2, times=100)])
        await agent.refusal(JOB, **job, **sure)
        books.sandbox.faults = None
        books.sandbox.connection.execute("UPDATE invoices SET balance = 19000 WHERE id = ?", (books.open[2],))
        text = await agent.refusal(JOB, **job, **sure)
    assert f"changed since the preview: invoice {books.open[2]}" in text
    assert f"A part may be recorded already: 300.00 EUR for invoice “Q-3” (id {books.open[1]})." in text
    assert "Call again without preview_id, with the amount that is left." in text
    assert books.recorded() == [(books.open[1], 30_000)]


async def test_an_equal_payment_of_the_same_day_is_another_one(books: Owing) -> None:
    await allocated(books, amount=50)
    await allocated(books, amount=50)
    assert books.recorded() == [(books.open[0], 5_000)] * 2
    assert str(TODAY) == books.rows("SELECT received_on FROM payments")[0]["received_on"]


async def test_the_preview_says_what_of_that_day_is_recorded_already(books: Owing) -> None:
    call: dict[str, Any] = {"client_id": books.client, "amount": 50}
    async with agent_of(session_with(books.sandbox)) as agent:
        assert "already" not in (await agent.answer(JOB, **call))["message"]
    await allocated(books, amount=350)
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, **call)
        other_day = await agent.answer(JOB, **call, received_on=ago(1))
    told = f"Of {TODAY}, 350.00 EUR from this client is recorded already, in 2 payments: it may be the same money."
    assert told in shown["message"]
    assert "already" not in other_day["message"]
