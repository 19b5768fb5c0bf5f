"""Asks the questions of `scripts/questions/` on the embedded account, and counts what that takes.

What one-endpoint tools would need is counted by reading the lists to the end with the list tools here, as many records
an answer as they return: a tool that returns a page of Clientary's an answer needs more calls.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from string import Formatter
from typing import Any

import anyio
import mcp_types
from mcp import Client

from clientary_mcp import Clientary, Settings
from clientary_mcp.api.call import Clock
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from scripts.questions import QUESTIONS
from scripts.questions.question import FIRST, LISTS, Question
from tool_schemas.base.sentences import count_of

DAY = date(2026, 11, 27)
_SHOWN = 3
_MOST = 1000
_LONGEST = 220


@dataclass(frozen=True)
class Cost:
    """What answers take: calls, and characters that a model reads."""

    calls: int = 0
    characters: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.calls + other.calls, self.characters + other.characters)

    def __str__(self) -> str:
        return f"{count_of(self.calls, 'call')}, {self.characters:,} characters"


@dataclass(frozen=True)
class Asked:
    """A question with its answer."""

    question: Question
    calls: tuple[str, ...]
    answer: str
    cost: Cost
    alone: Cost


@cache
def asked() -> Mapping[str, list[Asked]]:
    """All questions with their answers, by topic."""
    return anyio.run(_ask_all)


async def _ask_all() -> Mapping[str, list[Asked]]:
    sandbox = Sandbox(DAY)
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC).timestamp()
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC")
    clientary = Clientary(settings, Network(sandbox), Clock(wall=lambda: noon))
    async with clientary, Client(ClientaryServer(clientary)) as client:
        account = _Account(client)
        return {topic: [await account.ask(each) for each in questions] for topic, questions in QUESTIONS.items()}


class _Account:
    """An agent on the account, which reads each whole list once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lists: dict[str, tuple[Cost, list[dict[str, Any]]]] = {}

    async def ask(self, question: Question) -> Asked:
        """Make the calls of a question, and count what its lists would take."""
        calls, cost, answer = [], Cost(), dict[str, Any]()
        for tool, given in question.calls:
            arguments = {name: _id_in(answer) if value is FIRST else value for name, value in given.items()}
            of_call, answer = await self._call(tool, arguments)
            cost += of_call
            calls.append(" ".join([tool, *(f"{name}={_written(value)}" for name, value in arguments.items())]))
        alone = Cost()
        for name in question.alone:
            alone += (await self._list(name))[0]
        return Asked(question, tuple(calls), _told(question, answer), cost, alone)

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Cost, dict[str, Any]]:
        result = await self._client.call_tool(tool, dict(arguments))
        (content,) = result.content
        if result.is_error or not isinstance(content, mcp_types.TextContent):
            raise ValueError(f"{tool} {arguments} failed: {content}")
        return Cost(1, len(content.text)), result.structured_content or {}

    async def _list(self, name: str) -> tuple[Cost, list[dict[str, Any]]]:
        if name not in self._lists:
            tool, given = LISTS.get(name, (name, {}))
            if tool == "list_project_hours":
                _, projects = await self._list("list_projects include_completed=true")
                parts = [await self._whole(tool, {"project_id": project["id"]}) for project in projects]
            else:
                parts = [await self._whole(tool, given)]
            cost = sum((part[0] for part in parts), Cost())
            self._lists[name] = cost, [record for part in parts for record in part[1]]
        return self._lists[name]

    async def _whole(self, tool: str, given: Mapping[str, Any]) -> tuple[Cost, list[dict[str, Any]]]:
        """A list to its end, answer after answer."""
        cost, records = Cost(), list[dict[str, Any]]()
        offset: int | None = 0
        while offset is not None:
            of_call, answer = await self._call(tool, {**given, "limit": _MOST, "offset": offset})
            cost += of_call
            records += answer["records"]
            offset = answer.get("next_offset")
        return cost, records


def _id_in(answer: Mapping[str, Any]) -> int:
    found: int = (answer.get("rows") or answer["records"])[0]["id"]
    return found


def _written(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)


def _told(question: Question, answer: Mapping[str, Any]) -> str:
    """The first rows of the part that is shown, in words, and how many more there are."""
    if not question.part:
        told = question.shown.format(**answer)
        return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
    fields = {name for _, name, _, _ in Formatter().parse(question.shown) if name}
    rows = [row for row in answer[question.part] if fields <= row.keys()]  # a currency without payments has no mean
    limited = "limit" in question.calls[-1][1]
    counts = {"rows": answer.get("row_count"), "records": None if limited else answer.get("total_count")}
    every = counts.get(question.part) or len(rows)
    shown = [question.shown.format(**row) for row in rows[:_SHOWN]]
    return "; ".join(shown) + (f"; and {every - _SHOWN:,} more" if every > _SHOWN else "")
