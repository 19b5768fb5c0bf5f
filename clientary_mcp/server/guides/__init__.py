"""The guides to statuses and money: Markdown files beside this module, read on request."""

from importlib.resources import files
from typing import Literal

Guide = Literal["statuses", "money"]


def read_guide(guide: Guide) -> str:
    """The text of one guide."""
    return (files(__name__) / f"{guide}.md").read_text(encoding="utf-8")
