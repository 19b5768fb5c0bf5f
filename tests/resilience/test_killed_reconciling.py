"""SIGKILL while bank lines are recorded: another process records the rest, and nothing twice."""

from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.resilience.test_processes import confirmed
from tests.support.held_account import HeldAccount, When
from tests.support.quarry import Books
from tests.support.stdio_servers import Killed, stdio_servers

pytestmark = pytest.mark.anyio

JOB = "reconcile_payments"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_killed_between_two_payments_of_a_line(tmp_path: Path, when: When) -> None:
    books = Books()
    one, two = (books.sold(f"INV-100{n}", n * 10_000) for n in (1, 2))
    rows = [{"date": "2026-11-10", "amount": 300, "currency_code": "EUR", "text": "INV-1001, INV-1002"}]
    account = HeldAccount(books.sandbox)
    async with account.listening(), stdio_servers(2, account.port, tmp_path / "log") as (victim, witness):
        hold = account.hold("POST", f"invoices/{two}/payments", when)

        async def call() -> None:
            with pytest.raises(Killed):
                await partial(confirmed, victim)(JOB, {"rows": rows})

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await hold.arrived.wait()
            await victim.kill()
            await hold.release()
        for _ in range(2):
            await confirmed(witness, JOB, {"rows": rows})
            paid = books.recorded()
            assert len(paid) == len(set(paid))
            assert set(paid) <= {(one, 10_000), (two, 20_000)}
        if when == "after":
            assert books.recorded() == [(one, 10_000), (two, 20_000)]
