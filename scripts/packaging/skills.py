"""The prompts as skills, for the plugins of hosts that have skills but show no prompts of servers."""

import json

from clientary_mcp.server.prompts import PROMPTS, Prompt
from scripts.packaging.facts import SERVER, TITLE


def skills() -> dict[str, str]:
    """The text of every skill, by its name."""
    return {_name(prompt): _text(prompt) for prompt in PROMPTS}


def _name(prompt: Prompt) -> str:
    return prompt.name.replace("_", "-")


def _text(prompt: Prompt) -> str:
    asked = "\n".join(
        f"- {name.replace('_', ' ')}: {about}{' Needed: ask for it.' if name in prompt.required else ''}"
        for name, about in prompt.arguments.items()
    )
    return f"""\
---
name: {_name(prompt)}
description: {json.dumps(f"{prompt.about} Use when the user asks for this in {TITLE}.")}
---

# {prompt.published.title}

{prompt.about} The tools are those of the MCP server {SERVER}. The user may have named:

{asked}

{prompt.filled({})}
"""
