"""jbt-mcpcheck over HTTP, strictly: protocol 2026-07-28, every published schema, and the errors of every tool."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

check = subprocess.run(
    [
        Path(sys.executable).with_name("mcpcheck"),
        os.environ["SERVER"],
        *("--strict", "--legacy-probes", "--probe", "all", "--max-tools", "1000", "--json"),
    ],
    capture_output=True,
    text=True,
    check=False,
)
report = json.loads(check.stdout)
problems = [
    f"{each['name']} {each['status']}: {issue['issue']}"
    for each in report["checks"]
    if not each["passed"]
    for issue in each["failures"] + each["warnings"] or [{"issue": each["summary"]}]
]
if check.returncode and not problems:
    problems = [f"it ended with {check.returncode}: {check.stderr[-1_000:]}"]
summary, versions = report["summary"], f"jbt-mcpcheck {version('jbt-mcpcheck')}"
found = {"tried": summary["total"], "passed": summary["passed"], "calls": 0, "problems": problems}
print(json.dumps({"versions": versions} | found))
