"""The README's tables, from the code itself: `python -m tests.rules.readme_table` writes them anew."""

from dataclasses import fields
from pathlib import Path

from clientary_mcp.cli.tool_table import kind, signature
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL

README = Path(__file__).parents[2] / "README.md"
REGENERATE = "python -m tests.rules.readme_table"


def tools() -> str:
    """Every tool in the order in which agents see them: its name, what it may do, its arguments."""
    rows = [f"| `{tool.name}` | {kind(tool)} | {signature(tool)} |" for tool in ALL]
    return "\n".join(["| Tool | May | Arguments |", "| --- | --- | --- |", *rows, ""])


def settings() -> str:
    """Every variable, its default, and what it is."""
    rows = [
        f"| `{setting.metadata['variable']}` | {_default(setting.default)} | {setting.metadata['about']} |"
        for setting in fields(Settings)
    ]
    return "\n".join(["| Variable | Default | What it is |", "| --- | --- | --- |", *rows, ""])


def _default(value: object) -> str:
    return "none" if value is None or value == "" or value == frozenset() else f"`{str(value).lower()}`"


TABLES = {"tools": tools, "settings": settings}


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by {REGENERATE} -->\n", f"<!-- /{name} -->\n"


def written(text: str, name: str) -> str:
    """The table of that name as a README has it."""
    start, end = _marks(name)
    return text.partition(start)[2].partition(end)[0]


def rewritten(text: str) -> str:
    """A README with the tables as they should be."""
    for name, table in TABLES.items():
        mark, close = _marks(name)
        before, start, rest = text.partition(mark)
        _, end, after = rest.partition(close)
        if not start or not end:
            raise ValueError(f"the README needs the lines {mark.strip()} and {close.strip()}")
        text = f"{before}{start}\n{table()}\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
