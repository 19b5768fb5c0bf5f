"""Which work invoices bill, as every process of the user knows it."""

import pytest

from clientary_mcp.state.memory import StoredMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

DAY = 86_400


async def test_another_process_knows_what_an_invoice_bills_for_years(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    assert await theirs.billed.runs() == []
    await ours.billed.add(7, 24, {"hours": [range(1, 4), range(9, 10)], "expenses": [range(3, 4)]})
    await ours.billed.add(7, 24, {"hours": [range(1, 4)]})
    await ours.billed.add(8, 24, {"hours": [range(20, 21)]})
    await time.clock.sleep(1_000 * DAY)
    found = await theirs.billed.runs(invoice_id=7)
    assert {(run.plural, run.ids) for run in found} == {
        ("hours", range(1, 4)),
        ("hours", range(9, 10)),
        ("expenses", range(3, 4)),
    }
    assert len(found) == 3, "what is noted twice counts once"
    assert {run.invoice_id for run in await theirs.billed.runs()} == {7, 8}


async def test_what_was_noted_last_of_work_is_known_in_every_process(ours: StoredMemory, theirs: StoredMemory) -> None:
    await ours.billed.add(7, 24, {"hours": [range(1, 4)]})
    await ours.billed.add(8, 24, {"hours": [range(20, 21)]})
    await theirs.billed.free(7, {"hours": [range(1, 3)]})
    last = max(await ours.billed.runs(), key=lambda run: run.order)
    assert (last.invoice_id, last.ids, last.freed) == (7, range(1, 3), True)
    await ours.billed.add(7, 24, {"hours": [range(1, 4)]})
    last = max(await theirs.billed.runs(), key=lambda run: run.order)
    assert (last.invoice_id, last.ids, last.freed) == (7, range(1, 4), False)
