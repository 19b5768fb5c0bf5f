"""Writes what language models read into the built site: every page as Markdown, llms.txt, and llms-full.txt.

    python -m scripts.llms site

It needs no plugin, so it is the same whichever program builds the site.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML has no types

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def write(site: Path) -> None:
    """Write all of it into this folder."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    sections: dict[str, list[str]] = {}
    texts = []
    for section, name, page in _pages(settings["nav"], "Guides"):
        text = (DOCS / page).read_text(encoding="utf-8")
        sections.setdefault(section, []).append(f"- [{name}]({page}): {_first_sentence(text)}")
        texts.append(text)
        (site / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DOCS / page, site / page)
    lists = (f"## {section}\n\n" + "\n".join(lines) for section, lines in sections.items())
    head = f"# {settings['site_name']}\n\n> {settings['site_description']}"
    (site / "llms.txt").write_text("\n\n".join([head, *lists]) + "\n", encoding="utf-8")
    (site / "llms-full.txt").write_text("\n".join(texts), encoding="utf-8")


def _pages(nav: list[dict[str, Any]], section: str) -> Iterator[tuple[str, str, str]]:
    """The section, the name and the file of every page."""
    for entry in nav:
        for name, inside in entry.items():
            if isinstance(inside, str):
                yield section, name, inside
            else:
                yield from _pages(inside, name)


def _first_sentence(text: str) -> str:
    """What a page says that it is about, without links, which lead elsewhere from here."""
    paragraph = text.split("\n\n")[1].replace("\n", " ")
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", paragraph).partition(". ")[0].rstrip(".:") + "."


if __name__ == "__main__":
    write(Path(sys.argv[1]))
