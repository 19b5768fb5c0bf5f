"""Writes the golden file of every tool, and removes those of tools that are gone."""

from clientary_mcp.tools import ALL
from tests.golden import FOLDER, text_of

for stale in FOLDER.glob("*.json"):
    stale.unlink()
for tool in ALL:
    (FOLDER / f"{tool.name}.json").write_text(text_of(tool), encoding="utf-8")
