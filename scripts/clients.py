"""Real clients and checkers against this server: `scripts/clients [name …]`. tests/clients/README.md has results."""

import argparse
import signal
import sys
import time

from clientary_mcp.tools import ALL
from scripts.environments import ENVIRONMENTS, ROOT
from scripts.packaging.mcpb import offered
from scripts.probes import Probe, attempt_all

SERVER = (sys.executable, "-m", "clientary_mcp", "--sandbox", "--date", "2026-11-20")
OVER_HTTP = (*SERVER, "--transport", "http")
_TOOLS = len(offered(ALL))
WITH_FIXTURES = (sys.executable, "-m", "tests.clients.conformance_server")


def _probe(
    name: str, script: str, *packages: str, over_http: tuple[str, ...] | None = None, tries: int = _TOOLS
) -> Probe:
    path = ROOT / "tests" / "clients" / script
    return Probe(name, path, packages, over_http or SERVER, over_http is not None, tries)


# The slowest to install come first, so that none is left alone at the end.
PROBES = (
    _probe("Cisco's scanner", "mcp_scanner.py", "cisco-ai-mcp-scanner==4.7.7"),
    _probe("Mastra 0.14, zod 3", "mastra.mjs", "@mastra/mcp@0.14.5", "@mastra/core@0.24.9", "zod@3.25.76"),
    _probe("google-adk", "adk_agent.py", "google-adk==2.13.0", "mcp==1.30.0"),
    _probe("LangChain", "langchain_agent.py", "langchain-mcp-adapters==0.3.2", "langchain==1.5.2"),
    _probe("OpenAI Agents for Python", "openai_agents.py", "openai-agents==0.24.0"),
    _probe("google-genai", "google_genai.py", "google-genai==3.6.1", "mcp==1.30.0"),
    _probe("mcpcheck", "mcpcheck.py", "jbt-mcpcheck==0.1.1", over_http=OVER_HTTP, tries=8),
    _probe(
        "Conformance suite",
        "conformance.mjs",
        "@modelcontextprotocol/conformance@0.2.0-alpha.12",
        over_http=WITH_FIXTURES,
        tries=67,
    ),
    _probe("Inspector", "inspector.mjs", "@modelcontextprotocol/inspector@2.12.0", tries=2 * _TOOLS),
    _probe("TDQS", "tdqs_lint.py", "tdqs==0.1.0"),
    _probe("mcp 1.x", "mcp1.py", "mcp==1.30.0"),
    _probe("OpenAI Agents for JavaScript", "openai_agents.mjs", "@openai/agents@0.20.0", "zod@4.6.7"),
    _probe("TypeScript SDK", "typescript_sdk.mjs", "@modelcontextprotocol/sdk@1.32.2", "zod@3.25.76"),
    _probe("TypeScript SDK 2", "typescript_sdk_2.mjs", "@modelcontextprotocol/client@2.4.0"),
)


def main() -> int:
    """Run the named probes, by default all; return 1 if one of them failed."""
    named = {probe.name: probe for probe in PROBES}
    parser = argparse.ArgumentParser(prog="scripts/clients", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"default all of: {', '.join(named)}")
    names = parser.parse_args().names or list(named)
    if unknown := set(names) - set(named):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # after ending what it started
    began = time.monotonic()
    print("| Client | Versions | Passed | Calls | Seconds | |\n| --- | --- | ---: | ---: | ---: | --- |", flush=True)
    good = attempt_all([named[name] for name in names], ENVIRONMENTS, show=lambda row: print(row, flush=True))
    print(f"\nIt took {time.monotonic() - began:.0f} seconds, installations included.")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
