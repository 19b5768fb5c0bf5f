"""Real clients against this server: `scripts/clients [name …]`. Each has an environment of its own, made on demand."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "tests" / "clients"
ENVIRONMENTS = ROOT / ".clients"
SERVER = [sys.executable, "-m", "clientary_mcp", "--sandbox", "--date", "2026-11-20"]
PATIENCE = 900
"""Seconds for one installation or one run; none needs half of them."""
_SHOWN = 10


@dataclass(frozen=True)
class Probe:
    """A client: its pinned packages and the script that runs in their environment."""

    name: str
    script: str
    packages: tuple[str, ...]

    @property
    def in_python(self) -> bool:
        """Whether the script is Python; otherwise it is JavaScript."""
        return self.script.endswith(".py")

    @property
    def home(self) -> Path:
        """Where its packages are installed."""
        return ENVIRONMENTS / self.script

    def install(self) -> None:
        """Create the environment, unless it exists with the same packages."""
        done = self.home / "installed.json"
        if done.is_file() and json.loads(done.read_text()) == list(self.packages):
            return
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        if self.in_python:
            venv.create(self.home, with_pip=True)
            install = [str(self.home / "bin/python"), "-m", "pip", "install", "--quiet"]
        else:
            (self.home / "package.json").write_text('{"private": true}')
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
        _run([*install, *self.packages], self.home)
        done.write_text(json.dumps(self.packages))

    def run(self) -> dict[str, Any]:
        """The last line that the script prints."""
        script = Path(shutil.copy(SCRIPTS / self.script, self.home))  # where its packages are found
        interpreter = str(self.home / "bin/python") if self.in_python else "node"
        printed = _run([interpreter, str(script)], ROOT, SERVER=json.dumps(SERVER))
        return dict(json.loads(printed.splitlines()[-1]))


PROBES = {
    probe.name: probe
    for probe in (
        Probe("mcp 1.x", "mcp1.py", ("mcp==1.30.0",)),
        Probe("google-genai", "google_genai.py", ("google-genai==3.6.1", "mcp==1.30.0")),
        Probe("OpenAI Agents for Python", "openai_agents.py", ("openai-agents==0.24.0",)),
        Probe("TypeScript SDK", "typescript_sdk.mjs", ("@modelcontextprotocol/sdk@1.32.2", "zod@3.25.76")),
        Probe("OpenAI Agents for JavaScript", "openai_agents.mjs", ("@openai/agents@0.20.0", "zod@4.6.7")),
        Probe("Mastra 0.14, zod 3", "mastra.mjs", ("@mastra/mcp@0.14.5", "@mastra/core@0.24.9", "zod@3.25.76")),
        Probe("Cisco's scanner", "mcp_scanner.py", ("cisco-ai-mcp-scanner==4.8.7",)),
    )
}


def _run(command: list[str], where: Path, **settings: str) -> str:
    ended = subprocess.run(  # noqa: S603 - the commands are written above
        command, cwd=where, env=os.environ | settings, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if ended.returncode:
        raise OSError(ended.stderr.strip()[-2_000:] or f"{command[0]} ended with {ended.returncode}")
    return ended.stdout


def _try(probe: Probe) -> bool:
    """Run one probe and print its line; return False if it failed."""
    try:
        probe.install()
    except (OSError, subprocess.TimeoutExpired) as failure:
        reason = str(failure).splitlines()
        print(
            f"| {probe.name} | skipped: it cannot be installed ({reason[-1] if reason else 'no reason given'}) | | | |"
        )
        return True
    try:
        found = probe.run()
    except (OSError, subprocess.TimeoutExpired) as failure:
        print(f"| {probe.name} | {', '.join(probe.packages)} | | | failed |\n{failure}", flush=True)
        return False
    ended = "failed" if found["problems"] else "ok"
    converted = f"{found['converted']} of {found['tools']}"
    print(f"| {probe.name} | {found['versions']} | {converted} | {found['calls']} | {ended} |", flush=True)
    for problem in found["problems"][:_SHOWN]:
        print(f"    {problem}")
    if more := found["problems"][_SHOWN:]:
        print(f"    and {len(more)} more")
    return not found["problems"]


def main() -> int:
    """Run the named probes, by default all; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="scripts/clients", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"default all of: {', '.join(PROBES)}")
    names = parser.parse_args().names or list(PROBES)
    if unknown := set(names) - set(PROBES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    print("| Client | Versions | Tools converted | Calls | |\n| --- | --- | ---: | ---: | --- |", flush=True)
    failed = [name for name in names if not _try(PROBES[name])]
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
