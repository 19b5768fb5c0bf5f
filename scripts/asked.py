"""Asks the questions of `scripts/questions/` on the embedded account, and counts what that takes.

What one-endpoint tools would need is counted by reading the lists to the end with the list tools here, as many records
an answer as they return: a tool that returns a page of Clientary's an answer needs more calls.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from string import Formatter
from textwrap import shorten
from typing import Any

import anyio
from mcp import Client

from clientary_mcp.tools.support.formatting import format_money
from scripts.embedded import agent, told
from scripts.questions import QUESTIONS
from scripts.questions.question import ACTION, FIRST, LISTS, Question
from tool_schemas.base.sentences import count_of

_SHOWN = 3
_MOST = 1000
_LONGEST = 220
_HIDDEN = "…"
"""In place of an id that is another each time."""


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
    async with agent() as client:
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
            arguments = {name: _found(value, answer) for name, value in given.items()}
            written = {name: _HIDDEN if value is ACTION else _written(arguments[name]) for name, value in given.items()}
            of_call, answer = await self._call(tool, arguments)
            cost += of_call
            calls.append(" ".join([tool, *(f"{name}={value}" for name, value in written.items())]))
        alone = Cost()
        for name in question.alone:
            alone += (await self._list(name))[0]
        return Asked(question, tuple(calls), _told(question, answer), cost, alone)

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Cost, dict[str, Any]]:
        result = await self._client.call_tool(tool, dict(arguments))
        return Cost(1, len(told(result))), result.structured_content or {}

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


def _found(value: Any, answer: Mapping[str, Any]) -> Any:
    """A value, or what stands for it in the answer before."""
    if value is FIRST:
        return (answer.get("rows") or answer["records"])[0]["id"]
    return answer["steps"][0]["action_id"] if value is ACTION else value


def _written(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)


class _Words(Formatter):
    """Fields in words: `{total:money}` is an amount with its currency, `{payments:payment}` a number with its noun."""

    def __init__(self, currency_code: str | None) -> None:
        self._currency_code = currency_code

    def format_field(self, value: Any, format_spec: str) -> str:
        """One field."""
        if format_spec == "money":
            return format_money(Decimal(str(value)), self._currency_code)
        return count_of(value, format_spec) if len(format_spec) > 1 else super().format_field(value, format_spec)


def _words(shown: str, row: Mapping[str, Any]) -> str:
    return _Words(row.get("currency_code")).vformat(shown, (), row)


def _told(question: Question, answer: Mapping[str, Any]) -> str:
    """The first rows of the part that is shown, in words, and how many more there are."""
    if not question.part:
        return shorten(_words(question.shown, answer), _LONGEST, placeholder=" …")
    fields = {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(question.shown) if name}
    rows = [row for row in answer[question.part] if fields <= row.keys()]  # a currency without payments has no mean
    limited = "limit" in question.calls[-1][1]
    counts = {"rows": answer.get("row_count"), "records": None if limited else answer.get("total_count")}
    every = counts.get(question.part) or len(rows)
    totals = answer.get("totals") or [{}]
    common = {"currency_code": totals[0].get("currency_code")} if len(totals) == 1 else {}  # of rows that name none
    shown = [_words(question.shown, common | row) for row in rows[:_SHOWN]]
    return "; ".join(shown) + (f"; and {every - _SHOWN:,} more" if every > _SHOWN else "")
