"""The README's table of tools, from the tools themselves: `python -m tests.readme_table` writes it anew."""

from pathlib import Path

from clientary_mcp.catalogue import kind, signature
from clientary_mcp.tools import ALL

README = Path(__file__).parents[1] / "README.md"
REGENERATE = "python -m tests.readme_table"
_START, _END = f"<!-- tools: written by {REGENERATE} -->\n", "<!-- /tools -->\n"


def table() -> str:
    """Every tool in the order in which agents see them: its name, what it may do, its arguments."""
    rows = [f"| `{tool.name}` | {kind(tool)} | {signature(tool)} |" for tool in ALL]
    return "\n".join(["| Tool | May | Arguments |", "| --- | --- | --- |", *rows, ""])


def written(text: str) -> str:
    """The table as a README has it."""
    return text.partition(_START)[2].partition(_END)[0]


def rewritten(text: str) -> str:
    """A README with the table as it should be."""
    before, start, rest = text.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise ValueError(f"the README needs the lines {_START.strip()} and {_END.strip()}")
    return f"{before}{start}\n{table()}\n{end}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
