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
from tests.scenarios.test_random_accounts import CLIENTS, COMPOUND, Bill, bills, played
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

JsonObject = dict[str, Any]
AGES = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")


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


async def _statements(agent: Agent) -> None:
    for client in CLIENTS:
        overview = await agent.answer("client_overview", client_id=client)
        expected = per_currency(overview["rows"], "open", "overdue", "pending", "credits")
        for days in ({}, {"from_date": "2026-01-01"}, {"period": "last_30_days"}):
            statement = await agent.answer("client_statement", client_id=client, **days)
            totals = [row | {"open": sum(Decimal(str(row[age])) for age in AGES)} for row in statement["totals"]]
            assert per_currency(totals, "open", "overdue", "pending", "credits") == expected
            net = {code: [open_ + pending - credit] for code, (open_, _, pending, credit) in expected.items()}
            assert per_currency(totals, "closing") == {code: each for code, each in net.items() if any(each)}
            last = {row["currency_code"]: row["balance"] for row in statement["rows"]}
            assert last == {row["currency_code"]: row["closing"] for row in totals if row["currency_code"] in last}


async def _agreed(some: list[Bill]) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone="UTC")
    session = Clientary(settings, httpx.MockTransport(played(some)), FakeTime(TODAY).clock)
    async with agent_of(session) as agent:
        await _forecast(agent)
        await _statements(agent)


@given(st.lists(bills(), max_size=45))
@example([COMPOUND])
def test_reports_agree_on_what_is_owed(some: list[Bill]) -> None:
    anyio.run(_agreed, some)
