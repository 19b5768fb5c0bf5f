"""Every suppression of a check names what it suppresses, and why."""

import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("clientary_mcp", "tool_schemas", "tests", "benchmarks", "scripts")
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)\b")
WITH_REASON = re.compile(r"# (noqa: [A-Z]+\d+(, [A-Z]+\d+)*|type: ignore\[[a-z-]+(, [a-z-]+)*\]  #)( -)? \w")


def test_every_suppression_has_a_code_and_a_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{token.start[0]}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.COMMENT and SUPPRESSION.match(token.string) and not WITH_REASON.match(token.string)
    ]
    assert bare == []
