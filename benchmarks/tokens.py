"""The size of the tools in a model's context, in characters and in tokens: `python -m benchmarks.tokens`.

Tokens are counted by gpt-tokenizer, which brings its encodings along; npm installs it into a temporary directory.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import CORE
from tests.support.published import what_a_model_reads

TOKENIZER = "gpt-tokenizer@4.0.0"
ENCODINGS = ("cl100k_base", "o200k_base")
MOST_OF_CORE = 9_000
"""Tokens that the toolset core may take, by the first encoding."""

_COUNT = """
const {{ encode }} = require('gpt-tokenizer/encoding/{encoding}');
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(texts.map((text) => encode(text).length)));
"""


def count_tokens(texts: Sequence[str], encoding: str, folder: str) -> list[int]:
    """The tokens of each text; `folder` is where the tokenizer is installed."""
    counted = subprocess.run(
        ["node", "-e", _COUNT.format(encoding=encoding)],  # noqa: S607 - whichever node is on the PATH
        input=json.dumps(texts),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(counted.stdout))


def table(tools: Sequence[Tool], folder: str) -> str:
    """The average, the maximum and the sum of what a model reads of these tools."""
    texts = [what_a_model_reads(tool) for tool in tools]
    rows = {"characters": [len(text) for text in texts]} | {
        f"tokens ({encoding})": count_tokens(texts, encoding, folder) for encoding in ENCODINGS
    }
    lines = [f"| {len(texts)} tools | A tool | The largest | All |", "| --- | ---: | ---: | ---: |"]
    for name, sizes in rows.items():
        lines.append(f"| {name} | {sum(sizes) / len(sizes):,.0f} | {max(sizes):,} | {sum(sizes):,} |")
    return "\n".join(lines)


def main() -> None:
    """Print the sizes of all tools, and of those of the toolset core; the exit status is 1 if core is too large."""
    core = [tool for tool in ALL if tool.name in CORE]
    with tempfile.TemporaryDirectory() as folder:
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", TOKENIZER]
        subprocess.run(install, cwd=folder, check=True)
        print(f"{table(ALL, folder)}\n\nThe toolset core:\n\n{table(core, folder)}")
        took = sum(count_tokens([what_a_model_reads(tool) for tool in core], ENCODINGS[0], folder))
    sys.exit(took > MOST_OF_CORE)


if __name__ == "__main__":
    main()
