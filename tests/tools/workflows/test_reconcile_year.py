"""A year of bank lines: nothing is recorded that is not certain, and everything certain once, whatever fails."""

from collections import Counter
from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import session_with
from tests.support.agent import agent_of, confirm
from tests.support.bank_year import Year

pytestmark = pytest.mark.anyio

JOB = "reconcile_payments"


async def reconciled(year: Year) -> list[dict[str, Any]]:
    """The rows of a process of its own that reconciles the year."""
    async with agent_of(session_with(year.sandbox)) as agent:
        return [row for rows in year.batches() for row in (await agent.confirmed(JOB, rows=rows))["steps"]]


def check(year: Year) -> None:
    """Compare what is recorded with the truth."""
    recorded = Counter(year.recorded())
    certain = Counter(pays for line in year.lines if line.certain for pays in line.pays)
    true = Counter(pays for line in year.lines for pays in line.pays)
    assert certain - recorded == Counter()
    assert recorded - true == Counter()
    # What nobody can be sure of is recorded only where nothing else can be meant.
    kinds = {line.kind for line in year.lines for pays in line.pays if pays in recorded - certain}
    assert kinds <= {"transposed"}


async def test_a_year_is_recorded_once_and_only_as_far_as_it_is_certain() -> None:
    year = Year()
    assert len(year.lines) == 300
    rows = await reconciled(year)
    check(year)
    recorded = year.recorded()
    for line, row in zip(year.lines, rows, strict=True):
        if line.kind in ("fee", "unnamed"):
            assert line.pays[0][0] in [each["invoice_id"] for each in row["candidates"]], line
        assert (row["outcome"] == "money out") is (line.kind == "out")
        assert (row["outcome"] == "recorded") is line.certain or line.kind == "transposed", (line, row)
    again = await reconciled(year)
    assert year.recorded() == recorded
    assert Counter(row["outcome"] for row in again)["already recorded"] == len(
        [row for row in rows if row["outcome"] == "recorded"]
    )


async def test_the_sums_agree_with_the_rows() -> None:
    year = Year()
    async with agent_of(session_with(year.sandbox)) as agent:
        for rows in year.batches():
            shown = await agent.answer(JOB, rows=rows)
            (totals,) = shown["totals"]
            sums: Counter[str] = Counter()
            for row in shown["steps"]:
                sums[row["outcome"].replace("to record", "recorded").replace(" ", "_")] += round(row["amount"] * 100)
            assert {name: round(totals[name] * 100) for name in sums} == sums
            money_in = sum(amount for name, amount in sums.items() if name != "money_out")
            assert round(totals["received"] * 100) == money_in
    assert year.recorded() == []


@pytest.mark.parametrize("nth", [1, 60, 130])
@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_half_way_the_rest_is_recorded_and_nothing_twice(nth: int, after: bool) -> None:
    year = Year(seed=11)
    rows = year.batches()[0]
    year.sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=nth, times=1_000, after=after)])
    async with agent_of(session_with(year.sandbox)) as agent:
        result = await confirm(agent.client, JOB, {"rows": rows})
        assert result.is_error is not after
    year.sandbox.faults = None
    await reconciled(year)  # by a process that knows nothing of the first one
    check(year)
