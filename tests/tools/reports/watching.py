"""Shared by the tests of list_changes: an agent's calls, and the changes according to the tables."""

from collections import Counter
from typing import Any

from clientary_mcp.sandbox import Sandbox
from tests.support.agent import Agent
from tool_schemas.reports.cursor import TYPES

Row = dict[str, Any]
Changes = Counter[tuple[str, int, str]]

TABLES: dict[str, str] = {each: each if each == "staff" else f"{each}s" for each in TYPES}


def run(sandbox: Sandbox, query: str, *values: Any) -> None:
    with sandbox.connection:
        sandbox.connection.execute(query, values)


def stamped(sandbox: Sandbox, since: str = "") -> Changes:
    """Every record of every type changed since then, with its timestamp."""
    found: Changes = Counter()
    for each, table in TABLES.items():
        rows = sandbox.connection.execute(f"SELECT id, updated_at FROM {table} WHERE updated_at >= ?", (since,))  # noqa: S608 ours
        found.update((each, row["id"], row["updated_at"]) for row in rows)
    return found


def reported(answer: Row) -> list[tuple[str, int, str]]:
    return [(row["type"], row["id"], row.get("at", "")) for row in answer["rows"]]


def named(answer: Row) -> list[tuple[str, int, str]]:
    return [(row["type"], row["id"], row["change"]) for row in answer["rows"]]


async def now(agent: Agent, **arguments: Any) -> str:
    """A cursor from now on."""
    answer = await agent.answer("list_changes", **arguments)
    assert (answer["rows"], answer["complete"]) == ([], True)
    return str(answer["cursor"])


async def walk(agent: Agent, **arguments: Any) -> list[Row]:
    """Answers until one is complete."""
    answers = [await agent.answer("list_changes", **arguments)]
    while not answers[-1]["complete"]:
        assert answers[-1]["rows"], "otherwise it would never end"
        answers.append(await agent.answer("list_changes", cursor=answers[-1]["cursor"]))
    return answers
