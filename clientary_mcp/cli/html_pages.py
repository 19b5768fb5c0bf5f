"""Answers as pages for a browser: the pictures that hosts show, each in one file that holds its answer."""

from typing import Any

from clientary_mcp.errors import SettingsError
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Picture

_PICTURES: dict[str, Picture] = {tool.name: tool.picture for tool in ALL if tool.picture and tool.effect.reads_only}
"""Those of reports; the card of a preview speaks of a conversation, in which it is confirmed."""


def require_picture(tool: str) -> None:
    """SettingsError if there is no picture of what the tool returns."""
    if tool not in _PICTURES:
        raise SettingsError(f"{tool} has no picture. These have one: {', '.join(_PICTURES)}.")


def as_page(tool: str, answer: dict[str, Any]) -> str:
    """The page that shows the answer."""
    from clientary_mcp.pictures import page  # loaded here, since it reads files that no other call needs

    return page(_PICTURES[tool], answer)
