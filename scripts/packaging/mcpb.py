"""The manifest of the bundle for Claude Desktop: MCPB 0.4, in which the host brings Python through uv."""

from collections.abc import Collection
from typing import Any

from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from scripts.packaging.facts import (
    DESCRIPTION,
    ICON,
    NAME,
    PROJECT,
    PUBLISHER,
    TITLE,
    VENDOR_PRIVACY,
    VERSION,
    filled_in,
    form,
    run_in,
)

_LONG_DESCRIPTION = f"""\
{DESCRIPTION}.

It reads and makes simple changes at once. Before it deletes, e-mails, charges a card or makes several changes \
together, it shows what would happen, and asks where the host can ask. For example:

- *Which clients owe us more than 20,000 that is over 30 days late?* It lists them, each with the amount in its \
currency and the oldest due date.
- *Draft the November invoice for the Meridian Booking System.* It shows the hours, the lines and the total, and makes \
the draft once you agree.
- *Remind everybody who is 30 days late, but not those who have just paid.* It shows which mail would go to whom and \
why, and sends them once you agree.

The address you log in at and an API token are all it needs; the token is on your profile page in {TITLE}. With \
*Read only*, nothing can be changed."""


def manifest() -> dict[str, Any]:
    """The manifest; its paths are those inside the bundle."""
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": VERSION,
        "description": DESCRIPTION,
        "long_description": _LONG_DESCRIPTION,
        "author": PUBLISHER.author,
        "repository": {"type": "git", "url": PUBLISHER.source},
        "homepage": PUBLISHER.homepage,
        "documentation": PUBLISHER.homepage,
        "support": PUBLISHER.issues,
        "icon": ICON.name,
        "server": {
            "type": "uv",
            "entry_point": "clientary_mcp/__main__.py",
            "mcp_config": {
                **run_in("${__dirname}"),
                "env": filled_in(),
            },
        },
        "tools": [{"name": tool.name, "description": str(tool.published.description)} for tool in offered(ALL)],
        "tools_generated": True,  # the settings take some away
        "prompts_generated": True,
        "keywords": PROJECT["keywords"],
        "license": PROJECT["license"],
        "privacy_policies": [PUBLISHER.privacy, VENDOR_PRIVACY],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": form(),
    }


def offered(tools: Collection[Tool]) -> tuple[Tool, ...]:
    """Those that a server offers by default, which leaves out requests of any kind."""
    return allowed(tools, Settings(subdomain="any", api_token="any"))  # noqa: S106 - nothing is called
