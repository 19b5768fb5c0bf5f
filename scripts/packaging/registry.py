"""The entry in the official MCP registry: `server.json`, and the text by which packages prove that it is theirs."""

from typing import Any

from scripts.packaging.facts import DESCRIPTION, IN_A_CONTAINER, NAME, PUBLISHER, QUESTIONS, TITLE, VERSION, Question

_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
_STDIO = {"type": "stdio"}
BUNDLE = f"{NAME}-{VERSION}.mcpb"
"""The file of the bundle."""


def server(bundle_digest: str | None = None) -> dict[str, Any]:
    """The entry. The bundle is in it once it is built, since its SHA-256 digest is."""
    packages: list[dict[str, Any]] = [
        {
            "registryType": "pypi",
            "identifier": NAME,
            "version": VERSION,
            "runtimeHint": "uvx",
            "transport": _STDIO,
            "environmentVariables": [_variable(each) for each in QUESTIONS],
        },
        {
            "registryType": "oci",
            "identifier": f"{PUBLISHER.image}:{VERSION}",
            "runtimeHint": "docker",
            "transport": _STDIO,
            "environmentVariables": [_variable(each) for each in IN_A_CONTAINER],
        },
    ]
    if bundle_digest:
        file = {"registryType": "mcpb", "identifier": bundle_address(), "fileSha256": bundle_digest}
        packages.append({**file, "transport": _STDIO})
    entry = {
        "$schema": _SCHEMA,
        "name": PUBLISHER.server_name,
        "title": TITLE,
        "description": DESCRIPTION,
        "version": VERSION,
        "websiteUrl": PUBLISHER.homepage,
        "packages": packages,
    }
    hosts = [host for host in ("github", "gitlab") if PUBLISHER.source.startswith(f"https://{host}.com/")]
    return entry | ({"repository": {"url": PUBLISHER.source, "source": hosts[0]}} if hosts else {})


def bundle_address() -> str:
    """Where the bundle of this version can be downloaded."""
    return f"{PUBLISHER.downloads}/{VERSION}/{BUNDLE}"


def ownership() -> str:
    """What the registry looks for in the README of a package."""
    return f"<!-- mcp-name: {PUBLISHER.server_name} -->"


def _variable(question: Question) -> dict[str, Any]:
    variable: dict[str, Any] = {"name": question.variable, "description": question.about}
    if question.needed:
        variable["isRequired"] = True
    if question.secret:
        variable["isSecret"] = True
    if question.is_switch:
        variable |= {"format": "boolean", "default": "false"}
    return variable
