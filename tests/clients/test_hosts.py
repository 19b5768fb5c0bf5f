"""Behaviors of clients and hosts that no single module covers; the README in this folder lists the other tests."""

import json
import re
import subprocess
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from clientary_mcp.sandbox import Sandbox
from tests.support.agent import Agent, Era
from tests.support.gated import record_for
from tests.support.processes import COMMAND, PATIENCE, environment
from tests.support.users import configured, connect, writes

pytestmark = pytest.mark.anyio

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


async def test_a_client_that_starts_a_process_per_call_can_preview_and_then_confirm(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "delete_lead")
    async with connect(configured(sandbox), era) as first:
        assert (await first.answer("delete_lead", **arguments))["done"] is False
    assert not writes(sandbox)
    async with connect(configured(sandbox), era) as second:
        assert (await second.answer("delete_lead", **arguments, confirm=True))["done"] is True
    assert len(writes(sandbox)) == 1


LEAK = re.compile(
    r"\b(leak|exfiltrate|export|dump) [^\n]*(parameter|context|files?|credentials?|keys?|tokens?|secrets?)\b",
    re.IGNORECASE,
)
"""What Cisco's scanner takes for credential harvesting, with yara rules that hosts run before they admit a server."""


async def test_no_description_reads_like_credential_harvesting(agent: Agent) -> None:
    tools = (await agent.client.list_tools()).tools
    assert not [tool.name for tool in tools if LEAK.search(tool.model_dump_json(by_alias=True, exclude={"title"}))]


def message(number: int, method: str, params: str = "{}") -> bytes:
    return f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{params}}}\n'.encode()


@pytest.mark.parametrize(
    "argument",
    ['"\\ud800"', "1" * 5_000, "[" * 3_000 + "]" * 3_000],
    ids=["half a surrogate", "5,000 digits", "3,000 levels"],
)
async def test_an_unparsable_message_over_stdio_is_ignored_and_the_next_one_answered(
    argument: str, tmp_path: Path
) -> None:
    call = f'{{"name":"get_lead","arguments":{{"lead_id":{argument}}}}}'
    with anyio.fail_after(PATIENCE), (tmp_path / "stderr").open("wb") as stderr:
        async with await anyio.open_process(
            [*COMMAND, "--sandbox"], stdin=subprocess.PIPE, stderr=stderr, env=environment()
        ) as process:
            assert process.stdin
            assert process.stdout
            answers = BufferedByteReceiveStream(process.stdout)
            await process.stdin.send(message(1, "initialize", json.dumps(INITIALIZE)))
            await process.stdin.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
            await process.stdin.send(message(2, "tools/call", call) + message(3, "ping"))
            answered = [json.loads(await answers.receive_until(b"\n", 1_000_000))["id"] for _ in range(2)]
            await process.stdin.aclose()
    assert answered == [1, 3]
