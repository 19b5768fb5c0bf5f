"""Part and deposit invoices of an estimate: one line for each set of taxes, and never more than the whole."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.accounting.money import line_amount
from clientary_mcp.accounting.shares import WHOLE, share_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.users import configured, connect, writes
from tests.tools.workflows.test_invoice_from_estimate import CANCELLED, DUE, JOB, an_estimate
from tool_schemas.documents import Item

pytestmark = pytest.mark.anyio

TAXED, UNTAXED = 169_997, 13_336
"""The cents of the lines of the estimate that are taxed, and of those that are not."""


@pytest.fixture
def books() -> Books:
    return Books()


async def part(books: Books, estimate: int, percent: float, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived process."""
    call = {"estimate_id": estimate, "due_date": DUE, "percent": percent, "confirm": True}
    async with agent_of(session_with(books.sandbox)) as agent:
        return await agent.answer(JOB, **call | more)


async def refused(books: Books, estimate: int, **more: Any) -> str:
    before = writes(books.sandbox)
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, **{"estimate_id": estimate, "due_date": DUE, "confirm": True, **more})
    assert writes(books.sandbox) == before
    return text


def lines(books: Books, invoice: int) -> list[tuple[str, int, int, bool]]:
    rows = books.rows("SELECT * FROM invoice_items WHERE invoice_id = ? ORDER BY id", invoice)
    return [(row["title"], row["quantity"], row["price"], bool(row["taxable"])) for row in rows]


async def test_a_part_has_one_line_for_each_set_of_taxes(books: Books) -> None:
    estimate = an_estimate(books)
    done = await part(books, estimate, 30)
    title = "30 % of estimate “E-77”"
    assert lines(books, done["record"]["id"]) == [
        (f"{title}, GST 5 % and QST 9.975 %", 100, 50_999, True),
        (f"{title}, without tax", 100, 4_001, False),
    ]
    (invoice,) = books.rows("SELECT * FROM invoices")
    assert invoice["note"] == f"Valid for 30 days\nEstimate E-77 (id {estimate}), 30%."
    assert (invoice["tax"], invoice["tax2"], invoice["compound_tax"]) == (5_000, 9_975, 1)


async def test_a_label_is_the_text_of_the_line(books: Books) -> None:
    estimate = an_estimate(books)
    books.sandbox.connection.execute("DELETE FROM estimate_items WHERE NOT taxable")
    done = await part(books, estimate, 25, label="Deposit")
    assert [line[0] for line in lines(books, done["record"]["id"])] == ["Deposit"]
    assert "takes label only with percent" in await refused(books, estimate, label="Deposit")


async def test_parts_come_to_the_whole_and_no_further(books: Books) -> None:
    estimate = an_estimate(books)
    first = await part(books, estimate, 33.3)
    second = await part(books, estimate, 33.3)
    assert "33.3 % of estimate “E-77”, after 33.3 % billed by invoice" in second["message"]
    assert "33.4 % is left" in second["message"]
    assert "percent: 50 % is more than is left of estimate “E-77”: 66.6 % is billed by" in await refused(
        books, estimate, percent=50
    )
    last = await part(books, estimate, 33.4)
    assert "together with the earlier ones" in last["message"]
    made = [each["record"]["id"] for each in (first, second, last)]
    prices = [[price for _, _, price, _ in lines(books, each)] for each in made]
    assert [sum(each) for each in zip(*prices, strict=True)] == [TAXED, UNTAXED]
    assert "valid" not in (text := await refused(books, estimate, percent=1))
    assert "nothing is left" in text


async def test_a_part_of_an_estimate_that_shrank_says_by_how_much_all_parts_exceed_it(books: Books) -> None:
    estimate = an_estimate(books)
    await part(books, estimate, 50)
    books.sandbox.connection.execute("UPDATE estimate_items SET price = price / 4")
    books.sandbox.connection.execute("UPDATE estimates SET total_cost = total_cost / 4, subtotal = subtotal / 4")
    shown = await part(books, estimate, 25, confirm=False)
    assert "together with the earlier ones, that is" in shown["message"]
    assert "more than the estimate's own total of 524.09" in shown["message"]


async def test_the_preview_says_what_was_billed_before_and_what_is_left(books: Books) -> None:
    estimate = an_estimate(books)
    await part(books, estimate, 30)
    shown = await part(books, estimate, 50, confirm=False)
    assert "with 50 % of estimate “E-77”, after 30 % billed by invoice" in shown["message"]
    assert "20 % is left" in shown["message"]
    assert len(writes(books.sandbox)) == 1


async def test_a_cancelled_part_may_be_billed_again(books: Books) -> None:
    estimate = an_estimate(books)
    await part(books, estimate, 80)
    books.sandbox.connection.execute("UPDATE invoices SET status = ?", (CANCELLED,))
    assert (await part(books, estimate, 80))["done"] is True


async def test_after_a_whole_invoice_there_is_no_part_and_after_a_part_no_whole(books: Books) -> None:
    estimate = an_estimate(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.answer(JOB, estimate_id=estimate, due_date=DUE, confirm=True)
    assert "nothing is left" in await refused(books, estimate, percent=10)
    other = an_estimate(books, number="E-78")
    await part(books, other, 10)
    for more in ({}, {"allow_duplicate": True}):
        async with agent_of(session_with(books.sandbox)) as agent:
            answer = await agent.answer(JOB, estimate_id=other, due_date=DUE, confirm=True, **more)
        assert answer["done"] is False
        assert "10 % of the estimate “E-78” is billed by" in answer["message"]
        assert "percent bills the rest, 90 %, or a part of it." in answer["message"]
    assert len(writes(books.sandbox)) == 2


@pytest.mark.parametrize("percent", [0, -5, 101, "half"])
async def test_a_percent_that_cannot_be_is_refused(books: Books, percent: Any) -> None:
    assert "percent" in await refused(books, an_estimate(books), percent=percent)


async def test_the_same_call_bills_a_part_once_in_whatever_process(books: Books) -> None:
    estimate, time = an_estimate(books), FakeTime(TODAY)
    call = {"estimate_id": estimate, "due_date": DUE, "percent": 30, "confirm": True}

    async def made(**more: Any) -> dict[str, Any]:
        settings = Settings(base_url="http://localhost", api_token=books.sandbox.token, time_zone="UTC")
        memory = local_memory(settings, time.clock.wall, shared=True)
        async with connect(Clientary(settings, Network(books.sandbox), time.clock, memory)) as agent:
            answer = await agent.answer(JOB, **call | more)
        await memory.aclose()
        return answer

    first = await made()
    for more in ({"confirm": False}, {}):
        again = await made(**more)
        assert (again["done"], again["record"]["id"]) == (False, first["record"]["id"])
        assert again["alternative"] == "allow_duplicate=true bills as much again."
    assert (await made(label="Second part"))["done"] is True
    assert (await made(percent=10, allow_duplicate=True))["done"] is True
    await time.clock.sleep(601)
    assert (await made())["done"] is True
    assert len(writes(books.sandbox)) == 4


async def test_a_part_that_was_deleted_or_cancelled_since_is_billed_again_by_the_same_call(books: Books) -> None:
    estimate = an_estimate(books)
    call = {"estimate_id": estimate, "due_date": DUE, "percent": 80, "confirm": True}
    async with connect(configured(books.sandbox, FakeTime(TODAY))) as agent:
        one = (await agent.answer(JOB, **call))["record"]["id"]
        await agent.answer("delete_invoice", invoice_id=one, confirm=True)
        two = (await agent.answer(JOB, **call))["record"]["id"]
        await agent.answer("update_invoice", invoice_id=two, status="cancelled")
        three = (await agent.answer(JOB, **call))["record"]["id"]
    assert len({one, two, three}) == 3


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(-50_000, 500_000), st.booleans()), min_size=1, max_size=6),
    st.lists(st.integers(1, 400), max_size=5),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_shares_that_come_to_the_whole_bill_exactly_the_whole(
    given: list[tuple[int, int, bool]], parts: list[int], currency: str
) -> None:
    items = [
        Item.read({"quantity": quantity / 100, "price": price / 100, "taxable": taxable})
        for quantity, price, taxable in given
    ]
    percents = [Decimal(each) / 10 for each in parts if sum(parts) < 1_000]
    percents.append(WHOLE - sum(percents, Decimal(0)))
    billed = Decimal(0)
    sums = {True: Decimal(0), False: Decimal(0)}
    for percent in percents:
        for (taxable, _, _), amount in share_of(items, billed, percent, currency).items():
            sums[bool(taxable)] += amount
        billed += percent
    for taxed in (True, False):
        whole = [item for item in items if item.taxable is taxed and item.quantity and item.price]
        assert sums[taxed] == sum(line_amount(i.quantity or Decimal(0), i.price or Decimal(0), currency) for i in whole)
