"""What a change is remembered with: the record is read before it, unless Clientary does not return it in time."""

from typing import Any

import anyio
import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.conftest import agency
from tests.support.agent import agent_of
from tests.support.users import some
from tests.support.virtual_time import VirtualLoop, session_on

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.mark.parametrize("fault", [Fault(503, "GET"), Fault("silent", "GET")], ids=["503", "silent"])
async def test_a_record_that_cannot_be_read_does_not_stop_its_update(fault: Fault) -> None:
    books: Sandbox = agency()
    (client,) = some(books, "clients")
    books.faults = Faults([fault], sleep=anyio.sleep)
    async with agent_of(session_on(books, deadline=20)) as agent:
        await agent.answer("update_client", client_id=client, city="Bonn")
        listed = await agent.answer("undo")
    assert [(write.method, write.path) for write in books.ledger] == [("PUT", f"clients/{client}")]
    assert [(step["tool"], step["can_be_taken_back"]) for step in listed["steps"]] == [("update_client", False)]
