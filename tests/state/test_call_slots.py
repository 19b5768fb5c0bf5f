"""The slots of callers in one process."""

import anyio
import pytest

from clientary_mcp.errors import RateLimited
from clientary_mcp.state.call_slots import LocalCallSlots

pytestmark = pytest.mark.anyio


async def test_calls_of_a_caller_take_turns_in_the_order_of_arrival() -> None:
    slots = LocalCallSlots(2)
    begun: list[str] = []
    ends = {name: anyio.Event() for name in "abcd"}

    async def call(name: str) -> None:
        async with slots.taken("caller", 60):
            begun.append(name)
            await ends[name].wait()

    async with anyio.create_task_group() as group:
        for name in ends:
            group.start_soon(call, name)
            await anyio.wait_all_tasks_blocked()
        assert begun == ["a", "b"]
        async with slots.taken("another caller", 60):
            begun.append("another's")
        for name, event in ends.items():
            event.set()
            await anyio.wait_all_tasks_blocked()
            assert begun[2:] == ["another's", *"cd"[: "abcd".index(name) + 1]]


async def test_a_call_without_a_slot_before_its_deadline_is_told_so_and_leaves_the_queue() -> None:
    slots = LocalCallSlots(1)
    async with slots.taken("caller", 60):
        with pytest.raises(RateLimited, match="runs 1 of one caller at a time") as late:
            async with slots.taken("caller", 0):
                pass
    assert late.value.effect == "not sent"
    async with slots.taken("caller", 60):
        pass
