"""What the server advertises: only what it serves."""

import pytest
from mcp import MCPError

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.support.agent import Era, agent_of

pytestmark = pytest.mark.anyio


async def test_list_changes_and_subscriptions_are_not_advertised(sandbox: Sandbox, era: Era) -> None:
    async with agent_of(session_with(sandbox), era) as agent:
        capabilities = agent.client.server_capabilities
    assert capabilities.tools
    assert capabilities.prompts
    assert capabilities.resources
    assert not capabilities.tools.list_changed
    assert not capabilities.prompts.list_changed
    assert not capabilities.resources.list_changed
    assert not capabilities.resources.subscribe


async def test_there_is_no_change_stream_to_listen_to(sandbox: Sandbox) -> None:
    async with agent_of(session_with(sandbox)) as agent:
        with pytest.raises(MCPError, match="not found"):
            async with agent.client.listen(tools_list_changed=True):
                pass
