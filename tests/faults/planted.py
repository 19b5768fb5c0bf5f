"""What a planted fault is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """One fault. Its text must occur in the file exactly once."""

    kind: str
    name: str
    """What goes wrong, in a few words."""
    file: str
    text: str
    instead: str
    tests: str
    """Files under tests/, separated by spaces."""


API, TOOLS, SERVER = "clientary_mcp/api", "clientary_mcp/tools", "clientary_mcp/server"
