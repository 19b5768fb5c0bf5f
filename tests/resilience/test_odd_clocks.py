"""Lost responses from accounts whose clock differs from ours, or that send no Date header."""

from itertools import product
from typing import Any

import anyio
import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from tests.resilience.outcomes import answer_to
from tests.support.agent import agent_of
from tests.support.long import covering
from tests.support.virtual_time import VirtualLoop, session_on
from tests.support.writes import ITEMS, WRITES, Write, an_unpaid_invoice

pytestmark = pytest.mark.anyio

SAMPLE = ("create_client", "create_task", "update_client", "delete_lead", "charge_payment_profile")
CHOSEN = [write for write in WRITES if write.tool in SAMPLE]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


def lose(books: Sandbox, write: str, *, after: bool) -> None:
    """Lose the response to the next write, after it took effect, or let it fail before."""
    books.faults = Faults([Fault("drop" if after else 500, write, nth=1, after=after)], sleep=anyio.sleep)


@pytest.mark.parametrize(
    ("dated", "behind"),
    [(True, 300), (True, -300), (False, 0)],
    ids=["five minutes ahead of us", "five minutes behind us", "without a Date header"],
)
@pytest.mark.parametrize(("write", "after"), covering(product(CHOSEN, [True, False])), ids=str)
async def test_a_writes_outcome_is_determined_whatever_the_accounts_clock(
    books: Sandbox, write: Write, after: bool, dated: bool, behind: int
) -> None:
    books.switches = Switches(date_header=dated)
    async with agent_of(session_on(books, behind=behind)) as clerk:
        arguments = write.arguments(books)
        lose(books, write.method, after=after)
        answer = await answer_to(clerk, write.tool, arguments)
    unseen = "unknown" if write.tool.startswith("charge") else "not done"
    assert (answer.outcome, len(books.ledger)) == ("done" if after else unseen, int(after)), answer.text


@pytest.mark.parametrize("behind", [300, -300, 0])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
async def test_an_identical_line_is_distinguished_by_the_accounts_clock(
    books: Sandbox, behind: int, after: bool
) -> None:
    async with agent_of(session_on(books, behind=behind)) as clerk:
        call = an_unpaid_invoice(books) | {"items": ITEMS}
        await clerk.answer("update_invoice", **call)
        for _ in range(60):
            books.store.now()
        lose(books, "PUT", after=after)
        answer = await answer_to(clerk, "update_invoice", call)
    assert answer.outcome == ("done" if after else "not done"), answer.text


async def test_without_a_date_header_an_earlier_record_may_be_the_created_one(books: Sandbox) -> None:
    books.switches = Switches(date_header=False)
    async with agent_of(session_on(books, behind=-200)) as clerk:
        lose(books, "POST", after=True)
        answer = await answer_to(clerk, "create_lead", {"name": "Maybe & Sons"})
    assert (answer.outcome, len(books.ledger)) == ("unknown", 1), answer.text
