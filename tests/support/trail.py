"""The audit trail as its file holds it: each line must be whole."""

import json
from pathlib import Path
from typing import Any


def all_lines(trail: Path) -> list[dict[str, Any]]:
    """Every line of the trail."""
    text = trail.read_text(encoding="utf-8")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def calls(trail: Path) -> list[dict[str, Any]]:
    """The last line of each call, without those of writes about to be sent."""
    return [line for line in all_lines(trail) if line.get("outcome") != "begun"]


def begun(trail: Path) -> list[dict[str, Any]]:
    """The lines of writes about to be sent."""
    return [line for line in all_lines(trail) if line.get("outcome") == "begun"]


def tools_in(trail: Path) -> list[str]:
    """The tools that were called, call by call."""
    return [line["tool"] for line in calls(trail)]
