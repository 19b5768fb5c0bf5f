"""The answers to the example calls, each shortened to what a page can hold, with a word on what was left out."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp import Client

from scripts.embedded import agent, told
from scripts.reference.examples import EXAMPLES

_ENTRIES = 2
_LETTERS = 240
_WIDTH = 100
_RANDOM = ("preview_id", "action_id", "cursor")
"""What is another each time."""


@cache
def answers() -> Mapping[str, str]:
    """What each example call answers, as JSON with remarks, which is JSON5."""
    return anyio.run(_ask)


async def _ask() -> Mapping[str, str]:
    with TemporaryDirectory() as folder:
        everything = {"toolsets": frozenset({"all", "raw"}), "export_dir": Path(folder)}
        async with agent(**everything) as client:
            return {name: await _answer(client, name, given) for name, given in EXAMPLES.items()}


async def _answer(client: Client, name: str, given: Mapping[str, Any]) -> str:
    return shortened(json.loads(told(await client.call_tool(name, dict(given)))))


def shortened(value: Any, indent: str = "") -> str:
    """A value as JSON5, with the first entries of each list, and long texts cut."""
    if isinstance(value, str):
        value = value if len(value) <= _LETTERS else f"{value[:_LETTERS].rstrip()}…"
    if not value or not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    more = indent + "  "
    if isinstance(value, dict):
        cells = {name: "…" if name in _RANDOM and cell else cell for name, cell in value.items()}
        parts = [f"{json.dumps(name)}: {shortened(cell, more)}" for name, cell in cells.items()]
        left, (begin, end) = 0, "{}"
    else:
        parts = [shortened(entry, more) for entry in value[:_ENTRIES]]
        left, (begin, end) = len(value) - len(parts), "[]"
    line = f"{begin}{', '.join(parts)}{end}"
    if not left and "\n" not in line and len(indent + line) <= _WIDTH:
        return line
    remark = f"{more}// … and {left} more\n" if left else ""
    return f"{begin}\n" + ",\n".join(more + part for part in parts) + f"\n{remark}{indent}{end}"
