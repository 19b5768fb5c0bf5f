"""Every tool exactly as agents get it, one file each; `python -m tests.golden` rewrites them."""

import json
from pathlib import Path

from clientary_mcp.tools.tool import Tool

FOLDER = Path(__file__).parent


def text_of(tool: Tool) -> str:
    """The expected content of a tool's file."""
    published = tool.published.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(published, indent=2, ensure_ascii=False) + "\n"
