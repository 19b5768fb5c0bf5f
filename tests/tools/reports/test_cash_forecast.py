"""The cash forecast, compared with SQL on the account's tables and a calendar that is walked day by day, in cents."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.plain_calendar import INTERVALS, by_calendar, days_of_schedule
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows, run

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Sums = dict[tuple[str, str], int]
"""Period and currency → cents."""


def monday(day: date) -> str:
    return (day - timedelta(days=day.weekday())).isoformat()


def month(day: date) -> str:
    return day.isoformat()[:7]


def owed(sandbox: Sandbox, until: date) -> tuple[Sums, Row, Row]:
    """What is due by week and currency, what is overdue, and what is due later."""
    due: Sums = defaultdict(int)
    overdue: Row = defaultdict(int)
    later: Row = defaultdict(int)
    for row in rows(sandbox, "SELECT * FROM invoices WHERE status IN (1, 2) AND balance > 0"):
        day, code = date.fromisoformat(row["due_date"]), row["currency_code"]
        if day < TODAY:
            overdue[code] += row["balance"]
        elif day > until:
            later[code] += row["balance"]
        else:
            due[monday(day), code] += row["balance"]
    return due, overdue, later


def planned(sandbox: Sandbox, until: date) -> tuple[Sums, Row]:
    """What schedules will bring by week and currency, and later."""
    due: Sums = defaultdict(int)
    later: Row = defaultdict(int)
    for row in rows(sandbox, "SELECT * FROM recurring_schedules WHERE status = 0"):
        for day in days_of_schedule(row, until):
            expected = day + timedelta(days=row["due_period"])
            if expected > until:
                later[row["currency_code"]] += row["total_cost"]
            else:
                due[monday(expected), row["currency_code"]] += row["total_cost"]
    return due, later


def shown(answer: Row, key: str, by: str = "week") -> Sums:
    return {(row[by], row["currency_code"]): exact(row[key]) for row in answer["rows"] if row[key]}


def apart(answer: Row, name: str, key: str = "balance") -> Row:
    return {row["currency_code"]: exact(row[key]) for row in answer.get(name, []) if row.get(key)}


async def test_five_years_of_weeks_show_every_week_in_which_money_is_expected(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    run(sandbox, "UPDATE recurring_schedules SET unlimited = 1, time_interval = 6 WHERE status = 0")
    answer = await sandbox_agent.answer("cash_forecast", until="2031-11-20")
    due, _ = planned(sandbox, date(2031, 11, 20))
    assert shown(answer, "recurring") == {key: amount for key, amount in due.items() if amount}
    assert len(answer["rows"]) < answer["row_count"]


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("days", [90, 20])
async def test_every_week_and_currency_matches_the_tables(switches: Switches, days: int) -> None:
    sandbox, until = agency(switches=switches), TODAY + timedelta(days=days)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("cash_forecast", **({} if days == 90 else {"until": until.isoformat()}))

    invoices, overdue, after = owed(sandbox, until)
    recurring, planned_after = planned(sandbox, until)
    assert all([invoices, recurring, overdue, planned_after])  # otherwise the test would prove nothing
    assert shown(answer, "invoices") == invoices
    assert shown(answer, "recurring") == recurring
    assert apart(answer, "overdue") == overdue
    assert (apart(answer, "later", "invoices"), apart(answer, "later", "recurring")) == (after, planned_after)
    pending = "SELECT currency_code, sum(balance) AS balance FROM invoices WHERE status = 5 GROUP BY 1"
    assert apart(answer, "pending") == {row["currency_code"]: row["balance"] for row in rows(sandbox, pending)}
    for row in answer["rows"]:
        assert exact(row["expected"]) == exact(row["invoices"]) + exact(row["recurring"])
    for total in answer["totals"]:
        mine = [row for row in answer["rows"] if row["currency_code"] == total["currency_code"]]
        for key in ("invoices", "recurring", "expected"):
            assert exact(total[key]) == sum(exact(row[key]) for row in mine)
    assert (answer["from_date"], answer["to_date"]) == (TODAY.isoformat(), until.isoformat())


async def test_every_period_has_a_row_and_the_first_one_is_todays(sandbox_agent: Agent) -> None:
    weeks = [
        row["week"] for row in (await sandbox_agent.answer("cash_forecast"))["rows"] if row["currency_code"] == "EUR"
    ]
    assert weeks == [monday(TODAY + timedelta(days=7 * number)) for number in range(len(weeks))]
    assert weeks[-1] == monday(TODAY + timedelta(days=90))
    monthly = await sandbox_agent.answer("cash_forecast", by="month", until="2027-01-01")
    months = [row["month"] for row in monthly["rows"] if row["currency_code"] == "EUR"]
    assert months == ["2026-11", "2026-12", "2027-01"]


async def test_the_open_part_agrees_with_receivables(sandbox_agent: Agent) -> None:
    forecast = await sandbox_agent.answer("cash_forecast", until="2026-12-01")
    report = await sandbox_agent.answer("receivables_report")
    for total in report["totals"]:
        code = total["currency_code"]
        due = sum(amount for (_, currency), amount in shown(forecast, "invoices").items() if currency == code)
        overdue, later = apart(forecast, "overdue")[code], apart(forecast, "later", "invoices").get(code, 0)
        assert (overdue, due + later) == (exact(total["overdue"]), exact(total["current"]))
    assert [(row["currency_code"], row["balance"]) for row in forecast["pending"]] == [
        (row["currency_code"], row["balance"]) for row in report["pending"]
    ]


NEXT = ["2026-11-20", "2026-11-30", "2026-12-31", "2027-01-29", "2027-01-31", "2027-02-28"]


@pytest.mark.parametrize("first", NEXT)
async def test_three_years_of_every_interval_match_a_plain_calendar(books: Sandbox, reader: Agent, first: str) -> None:
    client, until = put(books, "clients", name="Acme"), TODAY + timedelta(days=3 * 366)
    expected: Sums = defaultdict(int)
    for code, interval in INTERVALS.items():
        put(
            books, "recurring_schedules", client_id=client, next_date=first, time_interval=code, currency_code="EUR",
            due_period=0, unlimited=True, status=0, total_cost=10**code % 99_991,
        )  # fmt: skip
        for day in by_calendar(date.fromisoformat(first), until, interval):
            expected[month(day), "EUR"] += 10**code % 99_991
    answer = await reader.answer("cash_forecast", by="month", until=until.isoformat())
    assert shown(answer, "recurring", "month") == expected


async def test_a_schedule_that_is_late_counts_once_today_and_says_so(books: Sandbox, reader: Agent) -> None:
    client = put(books, "clients", name="Acme")
    plain = {"client_id": client, "time_interval": 1, "currency_code": "EUR", "status": 0, "total_cost": 10_000}
    put(books, "recurring_schedules", next_date="2026-11-19", due_period=10, unlimited=True, number="R-1", **plain)
    put(books, "recurring_schedules", next_date="2026-11-20", due_period=0, occurrences_remaining=3, **plain)
    put(books, "recurring_schedules", next_date="2026-11-20", due_period=0, occurrences_remaining=0, **plain)
    put(books, "recurring_schedules", next_date="2026-11-20", due_period=0, **plain | {"status": 1})
    answer = await reader.answer("cash_forecast")
    assert shown(answer, "recurring") == {
        ("2026-11-16", "EUR"): 10_000,
        ("2026-11-23", "EUR"): 10_000,
        ("2026-11-30", "EUR"): 20_000,
    }
    assert "1 active schedule whose next_date is past, counted once, today: “R-1”." in answer["left_out"]
    assert [text.partition(":")[0] for text in answer["left_out"]][1:] == ["1 ended schedule", "1 paused schedule"]


async def test_history_moves_what_each_client_pays_late(books: Sandbox, reader: Agent) -> None:
    late, prompt, new = (put(books, "clients", name=name) for name in ("Late", "Prompt", "New"))
    for client, received in ((late, "2026-03-20"), (late, "2026-04-21"), (prompt, "2026-02-27"), (new, "2025-11-01")):
        paid = put(
            books, "invoices", client_id=client, status=4, date="2026-02-01", due_date="2026-03-01", total_cost=10_000,
            total_payments=10_000,
        )  # fmt: skip
        put(books, "payments", invoice_id=paid, amount=10_000, received_on=received)
    for client in (late, prompt, new):
        put(books, "invoices", client_id=client, due_date="2026-11-22", total_cost=100, balance=100)
    put(books, "invoices", client_id=late, due_date="2026-11-19", total_cost=700, balance=700)
    put(
        books, "recurring_schedules", client_id=late, next_date="2026-12-01", time_interval=9, currency_code="USD",
        due_period=5, unlimited=True, status=0, total_cost=5_000,
    )  # fmt: skip
    answer = await reader.answer("cash_forecast", use_history=True)

    # 19 and 51 days late are 35 on average; two days early is never before today.
    assert shown(answer, "invoices") == {("2026-11-16", "USD"): 200, ("2026-12-21", "USD"): 100}
    assert shown(answer, "recurring") == {("2027-01-04", "USD"): 5_000}
    delays = {row["week"]: row["usual_delays"] for row in answer["rows"] if "usual_delays" in row}
    assert delays == {
        "2026-11-16": [{"client_id": prompt, "client": "Prompt", "days": -2}],
        "2026-12-21": [{"client_id": late, "client": "Late", "days": 35}],
        "2027-01-04": [{"client_id": late, "client": "Late", "days": 35}],
    }
    assert apart(answer, "overdue") == {"USD": 700}
    assert "1 client without an invoice paid in that year, not moved." in answer["left_out"]
    assert "since 2025-11-20" in answer["basis"]


async def test_invoices_of_a_client_need_not_say_whose_they_are(account: respx.MockRouter, agent: Agent) -> None:
    late = {
        "id": 1, "status": 4, "date": "2023/09/01", "due_date": "2023/10/01", "currency_code": "USD",
        "total_cost": 100, "balance": 0, "payments": [{"id": 1, "amount": 100, "received_on": "2023-10-08"}],
    }  # fmt: skip
    plan = {
        "id": 2, "client_id": 4, "status": 0, "next_date": "2023-12-01", "time_interval": 9, "currency_code": "USD",
        "due_period": 0, "unlimited": True, "total_cost": 50, "client": {"id": 4, "name": "Acme"},
    }  # fmt: skip
    account.get("clients/4/invoices").respond(json=listed("invoices", late))
    account.get("recurring").respond(json=listed("recurring", plan))
    answer = await agent.answer("cash_forecast", client_id=4, use_history=True)
    (row,) = (row for row in answer["rows"] if row["recurring"])
    assert (row["week"], row["usual_delays"]) == ("2023-12-04", [{"client_id": 4, "client": "Acme", "days": 7}])


async def test_one_client_only(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    client = rows(sandbox, "SELECT client_id FROM recurring_schedules WHERE status = 0")[0]["client_id"]
    run(sandbox, "DELETE FROM invoices WHERE client_id <> ?", client)
    run(sandbox, "DELETE FROM recurring_schedules WHERE client_id <> ?", client)
    whole = await sandbox_agent.answer("cash_forecast")
    assert whole["rows"]
    sandbox.requests.clear()
    assert (await sandbox_agent.answer("cash_forecast", client_id=client))["rows"] == whole["rows"]
    assert {path.partition("?")[0] for _, path in sandbox.requests} == {
        f"/api/v2/clients/{client}/invoices",
        "/api/v2/recurring",
    }


@pytest.mark.parametrize("until", ["2026-11-19", "2031-11-25"])
async def test_a_last_day_that_cannot_be_meant_is_refused(books: Sandbox, reader: Agent, until: str) -> None:
    refusal = await reader.refusal("cash_forecast", until=until)
    assert "until takes a day from today, 2026-11-20, to 2031-11-24" in refusal
    assert not books.requests


def schedule(number: int, **fields: Any) -> Row:
    return {
        "id": number, "number": f"R{number}", "client_id": 4, "status": 0, "time_interval": 9, "unlimited": True,
        "currency_code": "USD", "total_cost": "10.50", "next_date": "2023-12-01", "due_period": 3, **fields,
    }  # fmt: skip


async def test_what_is_incomplete_is_counted_or_left_out_and_named(account: respx.MockRouter, agent: Agent) -> None:
    line = {"id": 1, "quantity": 2, "price": "10.00", "item_type": 3, "taxable?": True}
    bill = {"id": 1, "client_id": 4, "status": 1, "date": "2023/10/01", "currency_code": "USD", "balance": "7"}
    account.get("invoices").respond(
        json=listed("invoices", bill, bill | {"id": 2, "due_date": "9999/12/31"}, bill | {"id": 3, "balance": None})
    )
    account.get("recurring").respond(
        json=listed(
            "recurring",
            schedule(1),
            schedule(2, total_cost=None, tax=10, recurring_schedule_items=[line]),
            schedule(3, total_cost=None),
            schedule(4, due_period=None),
            schedule(5, currency_code=None),
            schedule(6, next_date=None),
            schedule(7, status=9),
            schedule(8, time_interval=12),
            schedule(9, due_period=10**9),
            schedule(10, next_date="9999-12-31"),
        )
    )
    answer = await agent.answer("cash_forecast", by="month")
    assert shown(answer, "invoices", "month") == {("2023-11", "USD"): 700}
    assert shown(answer, "recurring", "month") == {
        ("2023-12", "USD"): 1_050 + 2_200 + 1_050,
        ("2023-12", "unknown"): 1_050,
    }
    assert answer["later"] == [{"currency_code": "USD", "count": 2, "invoices": 7, "recurring": 10.5}]
    assert set(answer["left_out"]) == {
        "1 invoice without a balance: id 3.",
        "1 invoice without a due date, expected today: id 1.",
        "1 schedule without a total, added up from its lines: “R2”.",
        "1 schedule without an amount: “R3”.",
        "1 schedule without a due_period, due on the invoice's date: “R4”.",
        "1 schedule without a currency, counted separately: “R5”.",
        "1 schedule without a next_date: “R6”.",
        "1 schedule of an unknown status: “R7”.",
        "1 schedule of an unknown interval: “R8”.",
    }


async def test_what_may_not_be_read_is_named(account: respx.MockRouter, agent: Agent) -> None:
    account.get("invoices").respond(json=listed("invoices"))
    account.get("recurring").respond(403)
    answer = await agent.answer("cash_forecast")
    assert (answer["rows"], answer["totals"]) == ([], [])
    assert answer["left_out"][0].startswith("Recurring schedules: not included")
