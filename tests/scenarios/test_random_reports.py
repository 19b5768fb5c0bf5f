"""Random accounts: what one report says of an invoice is what the others say of it, to the last unit."""

from decimal import Decimal
from typing import Any

import anyio
import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.api.session import Clientary
from clientary_mcp.settings import Settings
from tests.conftest import TODAY
from tests.scenarios.test_random_accounts import COMPOUND, Bill, bills, played
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

JsonObject = dict[str, Any]


def per_currency(rows: list[JsonObject], *names: str) -> dict[str, list[Decimal]]:
    """Currency → the sums of these columns over its rows; without currencies in which all are zero."""
    sums: dict[str, list[Decimal]] = {}
    for row in rows:
        amounts = sums.setdefault(row["currency_code"], [Decimal(0)] * len(names))
        sums[row["currency_code"]] = [
            each + Decimal(str(row.get(name, 0))) for each, name in zip(amounts, names, strict=True)
        ]
    return {code: amounts for code, amounts in sums.items() if any(amounts)}


async def _forecast(agent: Agent) -> None:
    report = await agent.answer("receivables_report")
    for until, by in (("2026-11-20", "week"), ("2026-12-31", "month"), ("2027-12-31", "week")):
        forecast = await agent.answer("cash_forecast", until=until, by=by)
        owed = [*forecast["rows"], *forecast.get("later", ())]
        assert per_currency(owed, "invoices") == per_currency(report["totals"], "current")
        assert per_currency(forecast.get("overdue", []), "balance") == per_currency(report["totals"], "overdue")
        assert per_currency(forecast.get("pending", []), "balance") == per_currency(
            report.get("pending", []), "balance"
        )


async def _agreed(some: list[Bill]) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone="UTC")
    session = Clientary(settings, httpx.MockTransport(played(some)), FakeTime(TODAY).clock)
    async with agent_of(session) as agent:
        await _forecast(agent)


@given(st.lists(bills(), max_size=45))
@example([COMPOUND])
def test_reports_agree_on_what_is_owed(some: list[Bill]) -> None:
    anyio.run(_agreed, some)
