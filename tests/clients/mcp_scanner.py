"""Cisco's scanner with its yara rules, which need no network: no tool may be classified as a threat."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

command, *arguments = json.loads(os.environ["SERVER"])
scanner = Path(sys.executable).with_name("mcp-scanner")
server = ["stdio", "--stdio-command", command, *(f"--stdio-arg={argument}" for argument in arguments)]
scan = subprocess.run(
    [scanner, "--analyzers", "yara", "--format", "raw", *server], capture_output=True, text=True, check=True
)
found = json.loads(scan.stdout[scan.stdout.index("{") :])["scan_results"]
problems = [
    f"{tool['tool_name']}: {', '.join(analysis['threat_names'])}"
    for tool in found
    for analysis in tool["findings"].values()
    if not tool["is_safe"]
]
versions = f"cisco-ai-mcp-scanner {version('cisco-ai-mcp-scanner')}"
safe = sum(tool["is_safe"] for tool in found)
print(json.dumps({"versions": versions, "tried": len(found), "passed": safe, "calls": 0, "problems": problems}))
