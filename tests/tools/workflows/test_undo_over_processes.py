"""Undo over several processes: what the store keeps where the owner lets it, and one undo for each change."""

from pathlib import Path

import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.support.agent import Era
from tests.support.users import connect, some
from tests.tools.workflows.test_undo import row_of

pytestmark = pytest.mark.anyio


def content(directory: Path) -> bytes:
    """Everything in the store's files."""
    return b"".join(path.read_bytes() for path in directory.rglob("*.sqlite3*"))


async def test_another_process_takes_back_what_the_store_kept_without_secrets(
    sandbox: Sandbox, era: Era, state_directory: Path
) -> None:
    invoice = sandbox.connection.execute("SELECT id, secret FROM invoices WHERE status = 1").fetchone()
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, undo_hours=1)
    old = row_of(sandbox, "invoices", invoice["id"])

    def process() -> Clientary:
        clientary = Clientary(settings, Network(sandbox))
        clientary.memory = local_memory(settings, clientary.clock.wall, shared=True)
        return clientary

    async with connect(process(), era) as agent:
        await agent.answer("update_invoice", invoice_id=invoice["id"], title="March")
        await agent.answer("update_client", client_id=some(sandbox, "clients")[0], city="Bath")
    async with connect(process(), era) as agent:
        action = (await agent.answer("undo"))["steps"][1]["action_id"]
        assert (await agent.answer("undo", action_id=action, confirm=True))["done"] is True
    async with connect(process(), era) as agent:
        assert "already" in await agent.refusal("undo", action_id=action, confirm=True)
    new = row_of(sandbox, "invoices", invoice["id"])
    assert old is not None
    assert new is not None
    assert new["title"] == old["title"]
    stored = content(state_directory)
    assert b"March" in stored
    assert invoice["secret"].encode() not in stored
