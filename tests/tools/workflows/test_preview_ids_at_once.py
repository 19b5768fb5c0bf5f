"""Two processes that confirm the same preview at the same time carry it out once."""

from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from tests.support.agent import Agent
from tests.support.users import writes
from tests.support.virtual_time import VirtualLoop, clock_of
from tests.tools.workflows.test_preview_ids import (
    ALLOCATE,
    BILL,
    BULK,
    CONVERT,
    IMPORT,
    JOBS,
    RECONCILE,
    REMIND,
    Account,
    sure,
)

pytestmark = pytest.mark.anyio

DONE = {REMIND: 3, BILL: 1, IMPORT: 2, CONVERT: 4, ALLOCATE: 2, RECONCILE: 2, BULK: 2}
"""The records that each job creates, mails or, in bulk, updates."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.mark.parametrize("tool", JOBS)
async def test_the_slower_process_answers_with_the_outcome_of_the_faster(tool: str) -> None:
    answers: list[dict[str, Any]] = []

    async def go(agent: Agent, call: dict[str, Any]) -> None:
        answers.append(await agent.answer(tool, **call))

    async with AsyncExitStack() as stack:
        account = Account(stack)
        account.clock = clock_of(account.sandbox)
        agents = [await account.process() for _ in range(2)]
        call = account.jobs[tool] | sure(await agents[0].answer(tool, **account.jobs[tool]))
        async with anyio.create_task_group() as group:
            for agent in agents:
                group.start_soon(go, agent, call)
    assert [answer["done"] for answer in answers] == [True, True]
    assert ["carried out" in answer["message"] for answer in answers] == [False, True]
    made = [path for method, path in writes(account.sandbox) if method == ("PUT" if tool == BULK else "POST")]
    assert len(made) == DONE[tool]
