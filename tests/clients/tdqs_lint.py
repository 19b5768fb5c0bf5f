"""TDQS, which lints tool definitions: no tool may have an error or a warning.

Except `shadow-candidate`: that compares the number of required arguments alone, and only a model can tell whether two
such tools have anything else to do with each other. No tool with four required arguments passes beside one with none.
"""

import json
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

JUDGED = "shadow-candidate"

command = json.loads(os.environ["SERVER"])
tdqs = Path(sys.executable).with_name("tdqs")
lint = subprocess.run(
    [tdqs, "lint", "--command", shlex.join(command), "--fail-on", "never", "--format", "json"],
    capture_output=True,
    text=True,
    check=True,
)
report = json.loads(lint.stdout)
found = [finding for finding in report["findings"] if finding["rule"] != JUDGED]
problems = [f"{each['tool']}: {each['rule']} ({each['severity']}): {each['message']}" for each in found]
tools = len(report["tools"])
clean = tools - len({each["tool"] for each in found})
versions = f"tdqs {version('tdqs')}"
print(json.dumps({"versions": versions, "tried": tools, "passed": clean, "calls": 0, "problems": problems}))
