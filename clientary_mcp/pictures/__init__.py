"""Pages that hosts show beside an answer (MCP Apps), one for each kind of picture; imported when one is asked for.

A page holds all that it needs and loads nothing: its host sends it the result of the call. It is put together from
the files beside this module: the styles and scripts that it shares with others, and a script of its own.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from clientary_mcp.tools.tool import Picture

MIME_TYPE = "text/html;profile=mcp-app"

META: dict[str, Any] = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": True,
    }
}
"""The metadata of every page: it loads nothing from anywhere."""


class _Made(NamedTuple):
    """What a page is made of: its title, and the parts that it uses beside those that all share."""

    title: str
    uses: tuple[str, ...] = ()


_PAGES: Mapping[Picture, _Made] = {
    "receivables": _Made("Receivables by age", ("marks", "bars", "whole")),
    "budgets": _Made("Budgets", ("marks", "bars")),
    "unbilled": _Made("Unbilled work", ("marks", "bars", "whole")),
    "timesheet": _Made("Timesheet", ("marks", "bars", "whole")),
    "sales": _Made("Sales", ("marks", "bars", "columns")),
    "cash_forecast": _Made("Cash forecast", ("marks", "columns")),
    "recurring_revenue": _Made("Recurring revenue", ("marks", "bars")),
    "confirmation": _Made("What this call does"),
}

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AROUND = re.compile(r"\s*([{};:,>])\s*")
_QUOTED = re.compile(r'("[^"\n]*"|`[^`]*`)')
_BETWEEN = re.compile(r"\s*([=+*/<>?:,;{}()|&!-])\s*")
_ALONE = re.compile(r"\((\w+)\)=>")
_INSERTED = re.compile(r"\$\{[^{}\"]*\}")


def page(picture: Picture, answer: Mapping[str, Any] | None = None) -> str:
    """The page of a picture: for a host, which sends it the answer, or with the answer in it, for a browser."""
    if answer is None:
        return _page(picture).replace(_PLACE, "")
    # No text in the answer can end the element that holds it.
    text = json.dumps({"structuredContent": answer}, ensure_ascii=False).replace("<", "\\u003c")
    return _page(picture).replace(_PLACE, f'<script type="application/json" id="answer">{text}</script>\n')


_PLACE = "<!-- answer -->\n"


@cache
def _page(picture: Picture) -> str:
    title, uses = _PAGES[picture]
    parts = ("shared", *uses, picture)
    return Template(_file("page.html")).substitute(
        title=title,
        style="".join(_bare_style(_file(f"{part}.css")) for part in parts),
        script="\n".join(_bare_script(_file(f"{part}.js")) for part in parts),
    )


def _bare_style(text: str) -> str:
    """Styles without comments and blanks."""
    return _AROUND.sub(r"\1", _COMMENT.sub("", text)).strip().replace(";}", "}")


def _bare_script(text: str) -> str:
    """A script without comments, which stand on lines of their own, and blanks, but for those between quotes.

    Each statement ends with a semicolon or a brace, so that no line has to end.
    """
    lines = (line.strip() for line in text.splitlines())
    parts = _QUOTED.split("\n".join(line for line in lines if line and not line.startswith("//")))
    parts[::2] = [_ALONE.sub(r"\1=>", _BETWEEN.sub(r"\1", part)) for part in parts[::2]]
    parts[1::2] = [_INSERTED.sub(lambda found: _BETWEEN.sub(r"\1", found[0]), part) for part in parts[1::2]]
    return "".join(parts)


@cache
def _file(name: str) -> str:
    """A file beside this module; nothing where a part has none of that kind."""
    file = files(__name__) / name
    return file.read_text("utf-8") if file.is_file() else ""
