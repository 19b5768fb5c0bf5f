"""Pages that hosts show beside an answer (MCP Apps), one for each kind of picture; imported when one is asked for.

A page holds all that it needs and loads nothing: its host sends it the result of the call. The pages beside this
module are generated from `scripts/pictures/`.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from clientary_mcp.tools.tool import Picture

MIME_TYPE = "text/html;profile=mcp-app"

META: dict[str, Any] = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": True,
    }
}
"""The metadata of every page: it loads nothing from anywhere."""

_NO_ANSWER = ">null</script>"


def page(picture: Picture, answer: Mapping[str, Any] | None = None) -> str:
    """The page of a picture: for a host, which sends it the answer, or with the answer in it, for a browser."""
    text = (files(__name__) / f"{picture}.html").read_text("utf-8")
    if answer is None:
        return text
    # No text in the answer can end the element that holds it.
    held = json.dumps({"structuredContent": answer}, ensure_ascii=False).replace("<", "\\u003c")
    return text.replace(_NO_ANSWER, f">{held}</script>")
