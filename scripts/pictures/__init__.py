"""Puts together the pages of `clientary_mcp/pictures/`, which `python -m scripts.pictures` writes.

A page holds all that it needs: the styles and scripts beside this module that it shares with others, and a script of
its own. esbuild minifies them, so that pages are small and their sources can be read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import NamedTuple

from clientary_mcp.tools.tool import Picture
from scripts.environments import ENVIRONMENTS, ROOT, Environment, run

ESBUILD = Environment(ENVIRONMENTS / "esbuild", ("esbuild@0.28.2",), in_python=False)
WRITTEN_TO = ROOT / "clientary_mcp" / "pictures"

_HERE = Path(__file__).parent
_MINIFY = ("--minify", "--format=iife", "--charset=utf8", "--target=es2020")
"""As functions that name nothing outside of them, so that their names can be short."""
_SECONDS = 120


class _Made(NamedTuple):
    """What a page is made of: its title, and the parts that it uses beside those that all share."""

    title: str
    uses: tuple[str, ...] = ()


_PAGES: Mapping[Picture, _Made] = {
    "receivables": _Made("Receivables by age", ("marks", "narrowing", "bars", "whole")),
    "budgets": _Made("Budgets", ("marks", "narrowing", "bars")),
    "unbilled": _Made("Unbilled work", ("marks", "narrowing", "bars", "whole")),
    "timesheet": _Made("Timesheet", ("marks", "narrowing", "bars", "whole")),
    "sales": _Made("Sales", ("marks", "narrowing", "bars", "columns")),
    "cash_forecast": _Made("Cash forecast", ("marks", "narrowing", "bars", "columns")),
    "recurring_revenue": _Made("Recurring revenue", ("marks", "narrowing", "bars")),
    "confirmation": _Made("What this call does"),
}


def pages() -> Iterator[tuple[Path, str]]:
    """Each page, and where it is written to; OSError where esbuild cannot be installed."""
    ESBUILD.install(_SECONDS)
    page = Template((_HERE / "page.html").read_text("utf-8"))
    for picture, (title, uses) in _PAGES.items():
        parts = ("shared", *uses, picture)
        style, script = (_minified(parts, kind) for kind in ("css", "js"))
        yield WRITTEN_TO / f"{picture}.html", page.substitute(title=title, style=style, script=script)


def _minified(parts: tuple[str, ...], kind: str) -> str:
    """What the parts have of a kind, as one."""
    files = [_HERE / f"{part}.{kind}" for part in parts]
    with TemporaryDirectory() as folder:
        together = Path(folder, f"page.{kind}")
        together.write_text("".join(file.read_text("utf-8") for file in files if file.is_file()), "utf-8")
        return run([str(ESBUILD.commands / "esbuild"), str(together), *_MINIFY], _HERE, _SECONDS).strip()
