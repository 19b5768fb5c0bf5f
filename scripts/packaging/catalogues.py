"""The entries for catalogues that read our repository or keep a copy in theirs: Docker, Glama, Cline."""

import json
from typing import Any

from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from scripts.packaging.facts import ACCOUNT, DESCRIPTION, IN_A_CONTAINER, NAME, PUBLISHER, QUESTIONS, SERVER, TITLE
from scripts.packaging.links import EXAMPLES, entry, when
from scripts.packaging.mcpb import offered


def docker(commit: str | None) -> dict[str, Any]:
    """`server.yaml` of Docker's catalogue; its people build the image from our Dockerfile, as of that commit."""
    shown = [each for each in IN_A_CONTAINER if not each.secret]
    return {
        "name": NAME,
        "image": f"mcp/{NAME}",
        "type": "server",
        "meta": {"category": "productivity", "tags": ["invoicing", "time-tracking", "productivity"]},
        "about": {"title": TITLE, "description": DESCRIPTION},
        "source": {"project": PUBLISHER.source} | ({"commit": commit} if commit else {}),
        "config": {
            "description": f"Connects to your {TITLE} account.",
            "secrets": [
                {"name": f"{NAME}.{each.key}", "env": each.variable, "example": EXAMPLES[each.key]}
                for each in IN_A_CONTAINER
                if each.secret
            ],
            "env": [
                {"name": each.variable, "example": EXAMPLES.get(each.key, ""), "value": f"{{{{{NAME}.{each.key}}}}}"}
                for each in shown
            ],
            "parameters": {
                "type": "object",
                "properties": {
                    each.key: {"type": "boolean" if each.is_switch else "string", "description": each.about}
                    for each in shown
                },
                "required": [each.key for each in shown if each.needed],
            },
        },
    }


def docker_tools() -> list[dict[str, Any]]:
    """`tools.json` beside it: with it, nobody has to start the server to list its tools."""
    return [_tool(tool) for tool in offered(ALL)]


def _tool(tool: Tool) -> dict[str, Any]:
    takes = tool.published.input_schema["properties"].items()
    arguments = [
        {"name": name, "type": schema.get("type", "string"), "desc": schema.get("description", "")}
        for name, schema in takes
    ]
    return {"name": tool.name, "description": tool.published.description, "arguments": arguments}


def glama() -> dict[str, Any]:
    """`glama.json`: who may look after the entry."""
    return {"$schema": "https://glama.ai/mcp/schemas/server.json", "maintainers": [PUBLISHER.owner]}


def cline() -> str:
    """`llms-install.md`: how an agent installs the server for its user, as Cline's catalogue asks."""
    configuration = json.dumps({"mcpServers": {SERVER: entry(EXAMPLES)}}, indent=2)
    asked = "\n".join(f"   - `{each.variable}`: {each.about}" for each in ACCOUNT)
    others = "\n".join(f"- `{each.variable}`: {each.about}" for each in QUESTIONS if each not in ACCOUNT)
    return f"""\
# Installing {NAME}

For an agent that installs this server for its user. {when()}

1. `uvx` must be there: it comes with uv, and brings Python if there is none.
2. Ask the user for two values. Do not guess them, and do not write the token anywhere but into the configuration.
{asked}
3. Add this to the configuration of MCP servers, with the user's values, and keep what else is in it:

```json
{configuration}
```

Then call `get_account`: it answers with the account's name.

A user without an account can try everything on made-up data: `"args": ["{NAME}", "--sandbox"]`, and no `env`.

These can be added under `env`, if the user wants them:

{others}
"""
