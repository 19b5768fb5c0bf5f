"""A capable agent on one account; counts its calls and the characters that it reads."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import mcp_types

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of

Answer = dict[str, Any]


class Play:
    """One conversation; every answer counts."""

    def __init__(self, agent: Agent, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.calls = self.characters = 0
        self._agent = agent

    async def ask(self, tool: str, /, **arguments: Any) -> Answer:
        """The answer to a call that must succeed."""
        answer: Answer = self._read(await self._agent.call(tool, arguments), failing=False)
        return answer

    async def refused(self, tool: str, /, **arguments: Any) -> str:
        """The error message of a call that must fail."""
        text: str = self._read(await self._agent.call(tool, arguments), failing=True)
        return text

    async def confirm(self, tool: str, shown: Answer, /, **arguments: Any) -> Answer:
        """The answer to a call that is confirmed after its preview, and must succeed."""
        return await self.ask(tool, **arguments, confirm=True, preview_id=shown["preview_id"])

    def _read(self, result: mcp_types.CallToolResult, *, failing: bool) -> Any:
        (content,) = result.content
        assert isinstance(content, mcp_types.TextContent)
        self.calls += 1
        self.characters += len(content.text)
        assert bool(result.is_error) is failing, content.text
        return content.text if failing else result.structured_content

    async def whole(self, tool: str, /, **arguments: Any) -> list[Answer]:
        """All records of a list, answer after answer, as tools for single endpoints need them."""
        records: list[Answer] = []
        offset: int | None = 0
        while offset is not None:
            answer = await self.ask(tool, limit=1000, offset=offset, **arguments)
            records += answer["records"]
            offset = answer.get("next_offset")
        return records


def in_cents(amount: float) -> int:
    """An amount of an answer in cents, as in the tables; must be exact."""
    exact = Decimal(str(amount)) * 100
    assert exact == exact.to_integral_value(), amount
    return int(exact)


@dataclass(frozen=True)
class Cost:
    """The cost of one conversation."""

    calls: int
    characters: int


@dataclass(frozen=True)
class Compared:
    """The cost of a job with this server's tools and with one tool per endpoint."""

    job: str
    ours: Cost
    alone: Cost


COMPARED: list[Compared] = []
"""Filled by the tests that ran; printed when all are over."""


@asynccontextmanager
async def play_on(sandbox: Sandbox, **settings: Any) -> AsyncIterator[Play]:
    """An agent on that account."""
    async with agent_of(session_with(sandbox, **settings)) as agent:
        yield Play(agent, sandbox)


async def compare(job: str, ours: Play, alone: Callable[[Play], Awaitable[object]], account: Sandbox) -> None:
    """Run the job again on an equal account, with one tool per endpoint."""
    async with play_on(account) as play:
        await alone(play)
        COMPARED.append(Compared(job, Cost(ours.calls, ours.characters), Cost(play.calls, play.characters)))
        assert ours.calls <= play.calls, "the one-endpoint tools alone would have been less work"
