"""Days of the business: its own today, wherever the server runs, and its own fiscal year."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.scenarios import oracle
from tests.scenarios.account import Added
from tests.scenarios.playing import Answer, Play, in_cents, play_on

pytestmark = pytest.mark.anyio

# The server's clock says noon of 2026-11-20 in UTC.
IN_AUCKLAND, IN_UTC = "2026-11-21", "2026-11-20"


@pytest.fixture
def account() -> Sandbox:
    """One client with an invoice due on each of two days, and one that is dated on each."""
    sandbox = Sandbox(date(2026, 11, 20), filled=False)
    added = Added(sandbox)
    client = added.client("Kea Press", "NZD")
    for number, due in (("due-19", "2026-11-19"), ("due-20", IN_UTC), ("due-21", IN_AUCKLAND)):
        added.invoice(client, number, 10_000, due, currency_code="NZD")
    for number, day in (("of-21", IN_AUCKLAND), ("of-22", "2026-11-22")):
        added.invoice(client, number, 5_000, "2026-12-20", date=day, currency_code="NZD")
    return sandbox


@pytest.fixture
async def owner(account: Sandbox) -> AsyncIterator[Play]:
    """The agent of an owner in Auckland, on a server in UTC."""
    async with play_on(account, time_zone="Pacific/Auckland") as play:
        yield play


def numbers(answer: Answer) -> set[str]:
    return {record["number"] for record in answer["records"]}


async def test_an_owner_in_auckland_on_a_server_in_utc_sees_what_is_late_there(owner: Play, account: Sandbox) -> None:
    late = await owner.ask("list_invoices", overdue=True)
    assert numbers(late) == {"due-19", "due-20"}
    report = await owner.ask("receivables_report")
    (total,) = report["totals"]
    assert report["as_of"] == IN_AUCKLAND
    assert in_cents(total["overdue"]) == 20_000
    assert "Today is 2026-11-21 (Pacific/Auckland)." in report["basis"]
    async with play_on(account, time_zone="UTC") as elsewhere:
        assert numbers(await elsewhere.ask("list_invoices", overdue=True)) == {"due-19"}


@pytest.mark.parametrize(
    ("zone", "invoiced", "future"),
    [("Pacific/Auckland", 35_000, 1), ("UTC", 30_000, 2), ("Pacific/Honolulu", 30_000, 2), (None, 35_000, 1)],
)
async def test_what_is_dated_after_todays_end_there_is_in_the_future(
    account: Sandbox, zone: str | None, invoiced: int, future: int
) -> None:
    async with play_on(account, time_zone=zone) as play:
        (listed,) = (await play.ask("list_invoices"))["total_amounts"]
        (total,) = (await play.ask("receivables_report"))["totals"]
        (row,) = (await play.ask("client_overview", client_id=oracle.id_of(account, "clients", "Kea Press")))["rows"]
    assert in_cents(listed["total_cost"]) == in_cents(listed["balance"]) == invoiced
    assert in_cents(total["total"]) == in_cents(row["open"]) == invoiced
    assert listed["future"] == {"count": future, "total_cost": future * 50}
    assert (row["future_invoices"], in_cents(row["future"])) == (future, future * 5_000)


async def test_dates_that_are_left_out_are_the_owners_day(owner: Play, account: Sandbox) -> None:
    await owner.ask("create_expense", amount=12.5, description="Paper")
    invoice = oracle.id_of(account, "invoices", "due-19", "number")
    await owner.ask("create_payment", invoice_id=invoice, amount=100)
    assert oracle.one(account, "SELECT incurred_on FROM expenses") == IN_AUCKLAND
    assert oracle.one(account, "SELECT received_on FROM payments") == IN_AUCKLAND


@pytest.mark.parametrize(
    ("start", "today", "last"),
    [
        ("04-06", date(2026, 11, 20), ("2025-04-06", "2026-04-05")),
        ("04-06", date(2026, 4, 5), ("2024-04-06", "2025-04-05")),
        ("07-01", date(2026, 6, 30), ("2024-07-01", "2025-06-30")),
    ],
)
async def test_what_did_we_spend_in_the_last_fiscal_year(start: str, today: date, last: tuple[str, str]) -> None:
    account = Sandbox(today, filled=False)
    added = Added(account)
    this_year = (date.fromisoformat(last[1]).toordinal() + 1, today.toordinal())
    days = (last[0], last[1], *(date.fromordinal(day).isoformat() for day in this_year))
    for cents, day in enumerate(days, 101):
        added.row("expenses", amount=cents, incurred_on=day, description=day)
    added.row("expenses", amount=1_000, incurred_on="2023-12-31", description="before")

    async with play_on(account, fiscal_year_start=start) as play:
        now = await play.ask("list_expenses")
        before = await play.ask("list_expenses", **_year_before(now))
    assert now["from_date"] == date.fromordinal(this_year[0]).isoformat()
    assert "CLIENTARY_FISCAL_YEAR_START" in now["notice"]
    assert (before["from_date"], before["to_date"]) == last
    assert _spent(now) == {"count": 2, "amount": 2.07}
    assert _spent(before) == {"count": 2, "amount": 2.03}
    assert in_cents(before["total_amounts"][0]["amount"]) == oracle.one(
        account, "SELECT sum(amount) FROM expenses WHERE incurred_on BETWEEN ? AND ?", *last
    )


def _year_before(answer: Answer) -> dict[str, str]:
    """The days of the year before, as an agent reckons them from the answer's."""
    days = {name: date.fromisoformat(answer[name]) for name in ("from_date", "to_date")}
    return {name: day.replace(year=day.year - 1).isoformat() for name, day in days.items()}


def _spent(answer: Answer) -> dict[str, Any]:
    (row,) = answer["total_amounts"]
    return {name: row[name] for name in ("count", "amount")}
