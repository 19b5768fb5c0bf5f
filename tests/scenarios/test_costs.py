"""What `docs/costs.md` says of the requests of each report, counted on the large account."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.large_account import TODAY
from scripts.generate_docs import ROOT
from tests.scenarios.test_large_account import Account, agent_on
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

ONE_PAGE_EACH = ("clients", "contacts", "leads", "projects", "tasks", "expenses", "invoices", "estimates", "payments")
READS: dict[str, dict[str, int]] = {
    "every invoice": {"invoices": 667},
    "a look at the invoices": {"invoices": 1},
    "invoices changed since": {"invoices": 51},
    "the newest invoices": {"invoices": 5},
    "the newest clients": {"clients": 1},
    "the newest payments": {"payments": 1},
    "leads": {"leads": 10},
    "tasks": {"tasks": 20},
    "payments of the days": {"payments": 43},
    "clients": {"clients": 100},
    "a look at the clients": {"clients": 1},
    "some clients": {"clients/N": 50},
    "the client": {"clients/N": 1},
    "the client's contacts": {"clients/N/contacts": 1},
    "the client's invoices": {"clients/N/invoices": 1},
    "the client's estimates": {"clients/N/estimates": 1},
    "contacts": {"contacts": 15},
    "projects": {"projects": 10},
    "the hours of each project": {"projects/N/hours": 200},
    "the hours of some projects": {"projects/N/hours": 70},
    "the invoices of each project": {"projects/N/invoices": 200},
    "the hours and the invoices of each open project": {"projects/N/hours": 150, "projects/N/invoices": 150},
    "estimates": {"estimates": 30},
    "schedules": {"recurring": 6},
    "staff": {"staff": 1},
    "expenses": {"expenses": 1},
    "expenses again": {"expenses": 1},
    "expenses twice": {"expenses": 2},
    "the first page of each list": dict.fromkeys((*ONE_PAGE_EACH, "recurring", "staff"), 1),
}
GIVEN: dict[str, dict[str, Any]] = {
    "`client_id`": {"client_id": 7},
    "30 days": {"from_date": str(TODAY - timedelta(days=30)), "to_date": str(TODAY)},
    "`basis=received`": {"basis": "received"},
    "`group_by=project`": {"group_by": "project"},
    "`group_by=client`": {"group_by": "client"},
}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "costs.md").read_text().splitlines()
    if line.startswith("| `")
]
MANY = 500
"""Requests from which on a report is left to the long run."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.mark.parametrize(
    ("tool", "arguments", "reads", "requests"),
    [pytest.param(*row, marks=[pytest.mark.long] if int(row[3]) > MANY else []) for row in ROWS],
)
async def test_a_report_reads_what_the_table_says(tool: str, arguments: str, reads: str, requests: str) -> None:
    account = Account()
    async with agent_on(account, deadline=300.0) as agent:
        given = [GIVEN[each] for each in arguments.split(", ") if each in GIVEN]
        if arguments == "`cursor`, nothing new":
            given = [{"cursor": (await agent.answer("list_changes"))["cursor"]}]
            account.requests.clear()
        await agent.answer(tool.strip("`"), **{name: value for each in given for name, value in each.items()})
    counted: Counter[str] = Counter()
    for path, count in account.requests.items():
        counted[re.sub(r"\d+", "N", path)] += count
    assert counted == sum((Counter(READS[each]) for each in reads.split(", ")), Counter[str]())
    assert counted.total() == int(requests)
