"""Random accounts: what one report says of an invoice is what the others say of it, to the last unit."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.api.session import Clientary
from clientary_mcp.settings import Settings
from tests.conftest import TODAY
from tests.scenarios.test_random_accounts import CLIENTS, COMPOUND, DECIMALS, Bill, Line, bills, played
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


def _session(some: list[Bill], time_zone: str | None) -> Clientary:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone=time_zone)
    return Clientary(settings, httpx.MockTransport(played(some)), FakeTime(TODAY).clock)


async def _agreed(some: list[Bill]) -> None:
    async with agent_of(_session(some, "UTC")) as agent:
        await _forecast(agent)
        await _statements(agent)


@given(st.lists(bills(), max_size=45))
@example([COMPOUND])
def test_reports_agree_on_what_is_owed(some: list[Bill]) -> None:
    anyio.run(_agreed, some)


@dataclass(frozen=True)
class Dated(Bill):
    """An invoice with payments: each a day and so many units."""

    payments: tuple[tuple[str | None, int], ...] = ()
    settled_on: str | None = None

    def sent_as(self, number: int) -> JsonObject:
        """What Clientary sends."""
        payments = [
            {"id": place, "received_on": day, "amount": f"{Decimal(units).scaleb(-DECIMALS[self.code]):f}"}
            for place, (day, units) in enumerate(self.payments, 1)
        ]
        return {**super().sent_as(number), "payments": payments, "paid_date": self.settled_on}


def dated(chance: Random) -> Dated:
    """An invoice of a day around today, with payments that may or may not add up to what is paid."""

    def day() -> str | None:
        passed = chance.choice((-2, -1, 0, 0, 1, 1, 2, chance.randint(-400, 400), None))
        return None if passed is None else (TODAY + timedelta(days=passed)).isoformat()

    client, code, status = chance.choice(CLIENTS), chance.choice([*DECIMALS]), chance.choice((1, 2, 4, 5, 0, 3))
    payments = tuple((day(), chance.randint(1, 5_000)) for _ in range(chance.choice((0, 0, 1, 2))))
    paid = chance.choice((sum(units for _, units in payments), chance.randint(0, 30_000)))
    lines = (Line(1_000, chance.randint(-2_000, 20_000), taxable=False),)
    of_bill = (client, code, status, day(), day(), lines, (0, 0, 0))
    return Dated(*of_bill, compound=False, pending=0, as_text=True, paid=paid, payments=payments, settled_on=day())


@pytest.mark.anyio
@pytest.mark.parametrize("time_zone", [None, "UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
async def test_statements_agree_with_overviews_on_invoices_of_days_around_today(time_zone: str | None) -> None:
    for seed in range(6):
        chance = Random(f"around {seed}")  # noqa: S311 - nothing secret
        async with agent_of(_session([dated(chance) for _ in range(60)], time_zone)) as agent:
            await _statements(agent)
