"""Links that install the server in a host with one click; the host asks its user before it does."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from scripts.packaging.facts import ACCOUNT, DESCRIPTION, NAME, PUBLISHER, SERVER, TITLE
from scripts.packaging.registry import bundle_address

EXAMPLES = {"subdomain": "acme", "api_token": "your-api-token"}
"""What stands where the user's own value belongs."""
_INSIDERS = "vscode-insiders:mcp/install"


def entry(values: Mapping[str, str]) -> dict[str, Any]:
    """The server, as hosts configure it; `values` has what stands for each question."""
    return {"command": "uvx", "args": [NAME], "env": {each.variable: values[each.key] for each in ACCOUNT}}


def links() -> dict[str, str]:
    """The link of each host, by its name."""
    plain, with_name = _compact(entry(EXAMPLES)), _compact({"name": SERVER, "type": "stdio", **entry(EXAMPLES)})
    named = {"name": SERVER, "config": b64encode(plain.encode()).decode()}
    asking = entry({each.key: f"${{input:{each.key}}}" for each in ACCOUNT})
    inputs = [
        {"id": each.key, "type": "promptString", "description": each.about, "password": each.secret} for each in ACCOUNT
    ]
    whole = _compact({"name": SERVER, "inputs": inputs, **asking})
    return {
        "Claude Desktop": bundle_address(),
        "Cursor": f"https://cursor.com/en/install-mcp?{_query(named)}",
        "VS Code": "https://insiders.vscode.dev/redirect/mcp/install?"
        + _query({"name": SERVER, "inputs": _compact(inputs), "config": _compact(asking)}),
        # With quality=insiders, the address above opens nothing.
        "VS Code Insiders": "https://insiders.vscode.dev/redirect?" + _query({"url": f"{_INSIDERS}?{quote(whole)}"}),
        "Visual Studio": f"https://vs-open.link/mcp-install?{quote(with_name, safe='')}",
        "Kiro": f"https://kiro.dev/launch/mcp/add?{_query({'name': SERVER, 'config': plain})}",
        "LM Studio": f"https://lmstudio.ai/install-mcp?{_query(named)}",
        "Goose": "goose://extension?"
        + _query({"cmd": "uvx", "arg": NAME, "id": SERVER, "name": TITLE, "description": DESCRIPTION})
        + "".join(f"&env={quote(f'{each.variable}={each.title}', safe='')}" for each in ACCOUNT),
    }


def plugins() -> dict[str, tuple[str, ...]]:
    """The commands that install the plugin, by host."""
    return {
        "Claude Code": (
            f"claude plugin marketplace add {PUBLISHER.source}",
            f"claude plugin install {SERVER}@{NAME}",
        ),
        "Gemini CLI": (f"gemini extensions install {PUBLISHER.source}",),
        "Codex": (
            f"codex plugin marketplace add {PUBLISHER.source}",
            f"codex plugin add {SERVER}@{NAME}",
        ),
    }


def when() -> str:
    """From when on the links work, as long as nothing is published."""
    if not PUBLISHER.examples:
        return ""
    return (
        f"This works from the first release on; until then, `uvx --from FOLDER {NAME}` takes the place of `uvx {NAME}`,"
        " where FOLDER is a copy of this repository."
    )


def shown_first() -> str:
    """The links of the hosts that most people have, for the README."""
    chosen = ", ".join(f"[{host}]({links()[host]})" for host in ("Claude Desktop", "Cursor", "VS Code"))
    return (
        f"**Install it** in {chosen}, or in [another host](docs/hosts.md#install-with-one-click); or try it first, on"
        f" the account that comes with it, by giving your agent's program the command `uvx {NAME} --sandbox`. {when()}"
    ).strip()


def table() -> str:
    """What to click or to run, for every host, and from when on it works."""
    clicks = [(host, _clickable(link)) for host, link in links().items()]
    runs = [(host, ", then ".join(f"`{command}`" for command in commands)) for host, commands in plugins().items()]
    rows = "\n".join(f"| {host} | {how} |" for host, how in (*clicks, *runs))
    return f"| Host | Click, or run in a terminal |\n| --- | --- |\n{rows}\n\n{when()}".strip()


def _clickable(link: str) -> str:
    """A link; pages show none that is not of the web, so that it has to be pasted."""
    return f"[install]({link})" if link.startswith("https:") else f"paste into the browser's address bar: `{link}`"


def _compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


def _query(values: Mapping[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe="")
