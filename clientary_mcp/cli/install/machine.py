"""Where programs keep their configuration on a machine, on Linux, macOS and Windows, and how it starts the server."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clientary_mcp.errors import SettingsError

_NAME = "clientary-mcp"


@dataclass(frozen=True)
class Machine:
    """A system, the home of its user, and the environment there."""

    platform: str
    home: Path
    environment: Mapping[str, str]
    command: tuple[str, ...]
    """The server's command with its full path: a desktop program may not find what a terminal finds."""

    @classmethod
    def this(cls) -> "Machine":
        """The one that this process runs on; SettingsError if its user has no home."""
        try:
            home = Path.home()
        except RuntimeError:
            raise SettingsError("Set HOME: it is not known where hosts keep their configurations.") from None
        return cls(sys.platform, home, os.environ, _command())

    @property
    def is_windows(self) -> bool:
        return self.platform == "win32"

    def folder(self, variable: str, *otherwise: str) -> Path:
        """The folder that a variable names, or without it the one in the home."""
        named = self.environment.get(variable, "").strip()
        return Path(named) if named else self.home.joinpath(*otherwise)

    @property
    def roaming(self) -> Path:
        """What goes along with the user of Windows to other machines: %APPDATA%."""
        return self.folder("APPDATA", "AppData", "Roaming")

    @property
    def config(self) -> Path:
        """The folder of most desktop programs."""
        if self.is_windows:
            return self.roaming
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self.xdg

    @property
    def xdg(self) -> Path:
        """The folder of programs that keep to the XDG directories, also on macOS."""
        return self.folder("XDG_CONFIG_HOME", ".config")


def _command() -> tuple[str, ...]:
    """As this process was started, or by the command that is installed beside its Python."""
    called = shutil.which(sys.argv[0]) if Path(sys.argv[0]).stem == _NAME else None
    found = called or shutil.which(_NAME, path=os.path.dirname(sys.executable))
    return (os.path.abspath(found),) if found else (sys.executable, "-m", "clientary_mcp")
