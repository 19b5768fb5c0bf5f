"""Sentences that name tools are `Mention`s, so that they are left out where the tool is not available."""

import ast
import re
from pathlib import Path

from clientary_mcp.tools import ALL
from tests.support.sentences import sentences

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted((ROOT / "clientary_mcp/tools").rglob("*.py")),
    *sorted((ROOT / "clientary_mcp/api").rglob("*.py")),
    *sorted((ROOT / "clientary_mcp/state").rglob("*.py")),
    *(
        ROOT / "clientary_mcp/server" / f"{name}.py"
        for name in ("app", "replies", "write_guard", "suggestions", "audit")
    ),
    *(ROOT / "tool_schemas/base" / f"{name}.py" for name in ("results", "report", "sentences")),
]
NAMES = "|".join(sorted(tool.name for tool in ALL))
# "list_changes: …" is how a tool's own errors begin.
NAMED = re.compile(rf"(?<![\w@.-])(?:{NAMES})(?![\w@-]|\.\w)(?!: )")


def test_only_mentions_name_tools_in_sentences() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.lineno} {text.value!r}"
        for path in SOURCES
        for text in sentences(ast.parse(path.read_text(encoding="utf-8")), outside="Mention")
        if NAMED.search(str(text.value))
    ]
    assert not found
