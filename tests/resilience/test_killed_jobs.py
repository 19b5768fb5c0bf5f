"""SIGKILL between the writes of the newer jobs: the same call in another process does the rest, and nothing twice."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.resilience.test_job_steps import JOBS, TABLES, Job, undisturbed
from tests.support.held_account import HeldAccount, When
from tests.support.long import covering
from tests.support.quarry import Books
from tests.support.stdio_servers import Killed, stdio_servers

pytestmark = pytest.mark.anyio

BETWEEN = {
    "allocate_payment": ("POST", "invoices/20102/payments"),
    "reconcile_payments": ("POST", "invoices/20102/payments"),
    "bulk_update": ("PUT", "projects/*"),
    "create_invoice_from_estimate": ("POST", "invoices"),
    "bill_project_hours": ("PUT", "hours/*"),
}
"""A write of each job, with others before or after it where it has several."""


def no_more(tables: list[list[dict[str, Any]]], whole: list[list[dict[str, Any]]]) -> bool:
    """Whether there is no payment and no invoice that an undisturbed job does not make."""
    return all(table.count(row) <= meant.count(row) for table, meant in zip(tables[::2], whole[::2], strict=True)
               for row in table if "status" not in row or row["status"] == 0)  # fmt: skip


@pytest.mark.parametrize(
    ("job", "when"),
    covering([(job, when) for job in JOBS for when in ("before", "after")], lambda _, when: (when,)),
    ids=str,
)
async def test_a_job_whose_process_is_killed_is_finished_by_another(tmp_path: Path, job: Job, when: When) -> None:
    whole, _ = await undisturbed(job)
    books = Books()
    arguments, account = job.arguments(books), HeldAccount(books.sandbox)

    def tables() -> list[list[dict[str, Any]]]:
        return [books.rows(each) for each in TABLES]

    async with account.listening(), stdio_servers(2, account.port, tmp_path / "log") as (victim, witness):
        shown = (await victim.call(job.tool, arguments)).structured_content or {}
        sure = arguments | {"confirm": True} | {name: shown[name] for name in ("preview_id",) if name in shown}
        hold = account.hold(*BETWEEN[job.tool], when)

        async def call() -> None:
            with pytest.raises(Killed):
                await victim.call(job.tool, sure)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await hold.arrived.wait()
            await victim.kill()
            await hold.release()
        for _ in range(2):
            await witness.call(job.tool, sure)
            assert no_more(tables(), whole)
        if when == "after" and job.tool != "create_invoice_from_estimate":
            assert tables() == whole
