"""Commands run without this machine's configuration."""

import logging
import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, independent of this machine's, and the log as it was."""
    for name in [name for name in os.environ if name.startswith("CLIENTARY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
