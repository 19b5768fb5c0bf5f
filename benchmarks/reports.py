"""`python -m benchmarks.reports`: every report and narrowed list on a large account: time, requests, memory.

A report may take 1.3 times as long as its requests at the given concurrency, if there are enough to measure;
the server may hold 1.5 times the memory that it holds idle. The exit status is 1 when a limit is missed.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from benchmarks.agents import OverStdio
from benchmarks.large_account import CLIENTS, INVOICES, TODAY
from benchmarks.processes import OURS, peak_memory, trail, upstream
from benchmarks.upstream import SECONDS_PER_PAGE

AT_A_TIME = 4
SLOWEST, MOST_MEMORY = 1.3, 1.5
FEWEST = 50
"""Requests below which the first pages, which nothing can be read beside, are most of the time."""
LONGEST = 900
"""Seconds after which it gives up."""

_MONTH_AGO = (TODAY - timedelta(days=30)).isoformat()
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("receivables_report", {}),
    ("receivables_report", {"as_of": _MONTH_AGO}),
    ("unbilled_report", {}),
    ("project_status", {"threshold": 0}),
    ("project_status", {"threshold": 0, "by_person": True}),
    ("profitability_report", {"project_id": 10_001, "default_cost_rate": 40}),
    ("recurring_revenue_report", {}),
    ("profitability_report", {}),
    ("sales_report", {}),
    ("sales_report", {"group_by": "project"}),
    ("sales_report", {"basis": "received", "from_date": _MONTH_AGO}),
    ("tax_report", {}),
    ("expenses_report", {}),
    ("cash_forecast", {}),
    ("cash_forecast", {"use_history": True}),
    ("days_to_pay_report", {}),
    ("client_statement", {"client_id": 7}),
    ("estimates_report", {}),
    ("billing_check", {}),
    ("get_account", {}),
    ("client_overview", {"client_id": 7}),
    ("client_overview", {"email": "c7@example.com"}),
    ("timesheet_report", {"from_date": _MONTH_AGO, "to_date": TODAY.isoformat()}),
    ("list_changes", {"since": _MONTH_AGO}),
    ("search", {"query": "client 77"}),
    ("list_invoices", {"overdue": True, "order": "oldest"}),
    ("list_hours", {"missing_description": True}),
    ("list_payments", {"from_date": _MONTH_AGO}),
)


@dataclass(frozen=True)
class Measured:
    """One call: its cost and its limit."""

    what: str
    seconds: float
    requests: int

    @property
    def kept(self) -> bool | None:
        """Whether it keeps the limit; None if it has none."""
        return self.ratio <= SLOWEST if self.requests >= FEWEST else None

    @property
    def ratio(self) -> float:
        """Its time divided by that of its requests at the given concurrency."""
        return self.seconds / (self.requests / AT_A_TIME * SECONDS_PER_PAGE)


async def measure() -> tuple[list[Measured], float, float]:
    """All calls; and the server's memory in MB, idle and at its peak."""
    async with (
        asyncio.timeout(LONGEST),
        upstream("benchmarks.large_account") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        OverStdio.session(OURS, port) as agent,
    ):
        await agent.ask("tools/list", {})
        idle = peak_memory(agent.process)
        await http.get("/count")
        measured = []
        for tool, arguments in CALLS:
            began = time.perf_counter()
            result = await agent.ask("tools/call", {"name": tool, "arguments": arguments})
            took = time.perf_counter() - began
            assert not result.get("isError"), result["content"]
            count = (await http.get("/count")).json()["requests"]
            measured.append(Measured(f"{tool} {', '.join(arguments)}".strip(), took, count))
        return measured, idle, peak_memory(agent.process)


def main() -> None:
    """Measure and print; the exit status is 0 if every limit is kept."""
    with trail():
        measured, idle, peak = asyncio.run(measure())
    print(
        f"{CLIENTS:,} clients, {INVOICES:,} invoices, {SECONDS_PER_PAGE * 1000:.0f} ms a page, {AT_A_TIME} at a time\n"
    )
    print("| | seconds | requests | of the pages' own time | limit | |\n| --- | ---: | ---: | ---: | --- | --- |")
    for call in measured:
        verdict = {True: f"≤ {SLOWEST} | kept", False: f"≤ {SLOWEST} | **MISSED**", None: "| "}[call.kept]
        print(f"| {call.what} | {call.seconds:.2f} | {call.requests:,} | {call.ratio:.2f} | {verdict} |")
    kept = peak <= MOST_MEMORY * idle
    verdict = "kept" if kept else "**MISSED**"
    print(f"| peak memory, MB | {peak:.0f} | idle {idle:.0f} | {peak / idle:.2f} | ≤ {MOST_MEMORY} | {verdict} |")
    sys.exit(not (kept and all(call.kept is not False for call in measured)))


if __name__ == "__main__":
    main()
