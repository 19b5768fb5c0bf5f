"""What `docs/costs.md` says of the requests of reports, searches and jobs, counted on the large account."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
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
    "invoices changed since": {"invoices": 50},
    "invoices since the unbilled work": {"invoices": 216},
    "the newest invoices": {"invoices": 5},
    "the newest clients": {"clients": 1},
    "the newest payments": {"payments": 1},
    "the latest payments": {"payments": 11},
    "leads": {"leads": 10},
    "tasks": {"tasks": 20},
    "the payments of the day": {"payments": 3},
    "payments of the days": {"payments": 42},
    "clients": {"clients": 100},
    "a look at the clients": {"clients": 1},
    "some clients": {"clients/N": 50},
    "50 clients": {"clients": 5},
    "the invoices of each": {"clients/N/invoices": 50},
    "the client": {"clients/N": 1},
    "the client's contacts": {"clients/N/contacts": 1},
    "the client's invoices": {"clients/N/invoices": 1},
    "the client's estimates": {"clients/N/estimates": 1},
    "contacts": {"contacts": 15},
    "projects": {"projects": 10},
    "the project": {"projects/N": 1},
    "the hours of the project": {"projects/N/hours": 1},
    "the invoices of the project": {"projects/N/invoices": 1},
    "the hours of each project": {"projects/N/hours": 200},
    "the hours of some projects": {"projects/N/hours": 70},
    "the invoices of each project": {"projects/N/invoices": 200},
    "the hours of each open project": {"projects/N/hours": 150},
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
    "`project_id`": {"project_id": 10_001},
    "30 days": {"from_date": str(TODAY - timedelta(days=30)), "to_date": str(TODAY)},
    "`basis=received`": {"basis": "received"},
    "`detail=full`": {"detail": "full"},
    "`group_by=project`": {"group_by": "project"},
    "`group_by=client`": {"group_by": "client"},
    "`order=quiet`": {"order": "quiet"},
    "a name": {"query": "gardens"},
    "a number": {"query": "17042"},
    "of clients": {"tool": "list_clients"},
    "of invoices": {"tool": "list_invoices"},
    "`min_days_overdue`": {"min_days_overdue": 60},
    "yesterday's lines": {"rows": [{"date": str(TODAY - timedelta(days=1)), "amount": 100, "currency_code": "EUR"}]},
    "`where` open projects": {
        "tool": "update_project",
        "where": [{"name": "status", "value": "open"}],
        "changes": [{"name": "rate", "value": "+5%"}],
    },
}
MORE: dict[str, dict[str, Any]] = {"allocate_payment": {"amount": 100}}
"""What a tool needs besides, whatever it reads."""
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "costs.md").read_text().splitlines()
    if line.startswith("| `")
]
MANY = 350
"""Requests from which on a report is left to the long run."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.mark.parametrize(
    ("tool", "arguments", "reads", "requests"),
    [pytest.param(*row, marks=[pytest.mark.long] if int(row[3]) > MANY else []) for row in ROWS],
)
async def test_a_tool_reads_what_the_table_says(
    tmp_path: Path, tool: str, arguments: str, reads: str, requests: str
) -> None:
    account, name = Account(), tool.strip("`")
    async with agent_on(account, deadline=300.0, export_dir=tmp_path) as agent:
        if arguments == "`cursor`, nothing new":
            given = {"cursor": (await agent.answer(name))["cursor"]}
            account.requests.clear()
        else:
            given = dict(MORE.get(name, {}))
            for each in filter(None, arguments.split(", ")):
                given |= GIVEN[each]
        await agent.answer(name, **given)
    counted: Counter[str] = Counter()
    for path, count in account.requests.items():
        counted[re.sub(r"\d+", "N", path)] += count
    assert counted == sum((Counter(READS[each]) for each in reads.split(", ")), Counter[str]())
    assert counted.total() == int(requests)
