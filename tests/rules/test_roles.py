"""A server may serve people who do not run it: no sentence that they read speaks of its owner, only of a token's."""

import ast
import re
from pathlib import Path

from clientary_mcp.tools import ALL
from tests.support.published import what_a_model_reads
from tests.support.sentences import sentences

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("clientary_mcp", "tool_schemas") for path in sorted((ROOT / folder).rglob("*.py"))]
THE_OWNER = re.compile(r"\bthe owner\b(?! of the (API )?token)", re.IGNORECASE)


def test_the_owner_is_one_of_an_api_token() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.lineno} {text.value!r}"
        for path in SOURCES
        for text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if THE_OWNER.search(str(text.value))
    ]
    assert not found
    assert [tool.name for tool in ALL if THE_OWNER.search(what_a_model_reads(tool))] == []
