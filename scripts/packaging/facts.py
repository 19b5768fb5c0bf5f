"""The facts that every generated file takes: the project, who publishes it, and what a host asks its user for."""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from clientary_mcp.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME, VERSION, DESCRIPTION = (str(PROJECT[key]) for key in ("name", "version", "description"))
SERVER = "clientary"
"""What hosts call the server in their configuration."""
TITLE = SERVER.capitalize()
VENDOR_PRIVACY = "https://www.clientary.com/site/privacy"
ICON = ROOT / "packaging" / "icon.png"


@dataclass(frozen=True)
class Publisher:
    """Who publishes, as `packaging/publisher.toml` says."""

    namespace: str
    owner: str
    name: str
    email: str
    homepage: str
    source: str
    issues: str
    security: str
    privacy: str
    downloads: str
    image: str

    @property
    def examples(self) -> list[str]:
        """What of it is made up, so that nothing may be published with it."""
        names = [field.name for field in fields(self)]
        return [name for name in names if re.search(r"\bexample\b", str(getattr(self, name)))]

    @property
    def server_name(self) -> str:
        """The server in the official registry; what is published elsewhere names it to prove who owns it."""
        return f"{self.namespace}/{NAME}"

    @property
    def author(self) -> dict[str, str]:
        """The name and the address for support, as most manifests want them."""
        return {"name": self.name, "email": self.email}


PUBLISHER = Publisher(**tomllib.loads((ROOT / "packaging" / "publisher.toml").read_text("utf-8")))


@dataclass(frozen=True)
class Question:
    """A setting that hosts ask their user for when the server is installed."""

    key: str
    """The setting's name."""
    title: str
    needed: bool = False
    field: str = ""
    """What a form calls it, if not by the setting's name."""

    @property
    def _metadata(self) -> Any:
        return Settings.__dataclass_fields__[self.key].metadata

    @property
    def variable(self) -> str:
        """The variable that carries the answer."""
        return str(self._metadata["variable"])

    @property
    def secret(self) -> bool:
        """Whether the answer is kept where nobody reads it."""
        return bool(self._metadata["secret"])

    @property
    def is_switch(self) -> bool:
        """Whether the answer is yes or no."""
        return Settings.__dataclass_fields__[self.key].type is bool

    @property
    def about(self) -> str:
        """What the setting means, without Markdown."""
        return str(self._metadata["about"]).replace("`", "")


ACCOUNT = (Question("subdomain", "Subdomain", needed=True), Question("api_token", "API token", needed=True))
"""Without these nothing works."""
QUESTIONS = (
    *ACCOUNT,
    Question("read_only", "Read only"),
    Question("toolsets", "Toolsets"),
    Question("export_dir", "Export directory"),
    Question("audit_log", "Audit log"),
)
"""All that a host asks for where it has a form; the others can be left empty."""
FORM = (Question("whole_address", "Account address", needed=True, field="subdomain"), *QUESTIONS[1:])
"""The same where people type: they know the address of their account, which may be on a domain of its own."""
IN_A_CONTAINER = tuple(each for each in QUESTIONS if each.key not in ("export_dir", "audit_log"))
"""Those that are not about files of the user's, which a container does not see."""


def run_in(folder: str) -> dict[str, Any]:
    """How a host starts the server from the folder where it keeps a copy of the repository.

    `uvx --from` would look for the versions of everything at each start, over the network.
    """
    return {"command": "uv", "args": ["run", "--no-dev", "--directory", folder, NAME]}


def form() -> dict[str, dict[str, Any]]:
    """The questions as MCPB and Claude Code have them.

    One without a default would reach the server as `${user_config.…}` where it is left empty.
    """
    return {each.field or each.key: _field(each) for each in FORM}


def filled_in() -> dict[str, str]:
    """The environment of a server that gets the answers in such a form."""
    return {each.variable: f"${{user_config.{each.field or each.key}}}" for each in FORM}


def _field(question: Question) -> dict[str, Any]:
    field: dict[str, Any] = {
        "type": "boolean" if question.is_switch else "string",
        "title": question.title,
        "description": question.about,
        "required": question.needed,
    }
    if question.secret:
        field["sensitive"] = True
    if not question.needed:
        field["default"] = False if question.is_switch else ""
    return field
