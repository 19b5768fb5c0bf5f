"""What random accounts are owed and paid, in four reports, compared with SQL on their tables, in cents."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.scenarios.random_books import CASES, random_books
from tests.support.agent import Agent, agent_of
from tests.support.plain_calendar import INTERVALS, by_calendar
from tests.support.row_order import assert_in_order
from tests.support.tables import exact, rows
from tests.tools.reports.test_cash_forecast import apart, monday, month
from tests.tools.reports.test_cash_forecast import shown as forecast_of

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
LIVE = "status NOT IN (0, 3) AND (date IS NULL OR date <= '2026-11-20')"
OWED = f"SELECT * FROM invoices WHERE status IN (1, 2) AND balance > 0 AND {LIVE}"  # noqa: S608 - written here
PAID = f"""
    SELECT client_id, currency_code, min(received_on) AS received, substr(min(received_on), 1, 7) AS month,
        CAST(julianday(min(received_on)) - julianday(date) AS INTEGER) AS days,
        CAST(julianday(min(received_on)) - julianday(due_date) AS INTEGER) AS late
    FROM invoices JOIN (
        SELECT invoice_id, received_on, sum(amount) OVER (PARTITION BY invoice_id ORDER BY received_on) AS so_far
        FROM payments
    ) ON invoice_id = invoices.id
    WHERE so_far >= total_cost AND total_cost > 0 AND balance <= 0 AND {LIVE} GROUP BY invoices.id
"""  # noqa: S608 - written here
ENTRIES = f"""
    SELECT currency_code, date, iif(total_cost < 0, 'credit_note', 'invoice') AS kind, number, total_cost AS amount,
        id, status, due_date FROM invoices WHERE client_id = :client AND {LIVE}
    UNION ALL
    SELECT currency_code, min(received_on, '2026-11-20'), 'payment', number, -amount, invoices.id, status, due_date
    FROM payments JOIN invoices ON invoices.id = invoice_id WHERE client_id = :client AND {LIVE}
"""  # noqa: S608 - written here
KINDS = ("invoice", "credit_note", "payment")
AGES = ((0, "current"), (30, "days_1_30"), (60, "days_31_60"), (90, "days_61_90"))
RECEIVABLE = f"""
    SELECT id AS invoice_id, client_id, substr(due_date, 1, 7) AS month, currency_code, due_date,
        CAST(julianday('2026-11-20') - julianday(due_date) AS INTEGER) AS late,
        iif(balance > 0 AND status IN (1, 2), balance, 0) AS total, iif(balance < 0, -balance, 0) AS credits
    FROM invoices WHERE {LIVE} AND (balance > 0 AND status IN (1, 2) OR balance < 0)
"""  # noqa: S608 - written here
GROUPS = ("client", "month", "client,month", "month,client")
BY_INVOICE = ("invoice", "client,invoice", "month,invoice", "invoice,month")
OF_WORD = {"client": "client_id", "month": "month", "invoice": "invoice_id"}
FIGURES = ("paid", "mean_days", "median_days", "longest_days", "mean_days_late", "late_share")


def tenths(number: Fraction | float) -> float:
    exactly = Fraction(number)
    return float((Decimal(exactly.numerator) / exactly.denominator).quantize(Decimal("0.1"), ROUND_HALF_UP))


def grouped(found: Iterable[Row], *by: str) -> dict[tuple[Any, ...], list[Row]]:
    groups = defaultdict(list)
    for row in found:
        groups[(row["currency_code"], *(row[name] for name in by))].append(row)
    return groups


def paid_figures(found: list[Row]) -> Row:
    days, late = ([row[name] for row in found if row[name] is not None] for name in ("days", "late"))
    of_days = of_late = {}
    if days:
        mean = tenths(Fraction(sum(days), len(days)))
        of_days = {"mean_days": mean, "median_days": tenths(median(days)), "longest_days": max(days)}
    if late:
        share = Fraction(100 * sum(each > 0 for each in late), len(late))
        of_late = {"mean_days_late": tenths(Fraction(sum(late), len(late))), "late_share": tenths(share)}
    return {"paid": len(found), **of_days, **of_late}


def open_figures(found: list[Row]) -> Row:
    oldest = min((row["date"] for row in found if row["date"]), default=None)
    return {"open": sum(row["balance"] for row in found)} | ({"oldest_open": oldest} if oldest else {})


def reported(answered: list[Row], *by: str) -> dict[tuple[Any, ...], Row]:
    found = {}
    for row in answered:
        figures = {name: row[name] for name in (*FIGURES, "oldest_open") if name in row}
        found[(row["currency_code"], *(row[name] for name in by))] = figures | (
            {"open": exact(row["open"])} if "open" in row else {}
        )
    assert len(found) == len(answered)
    return found


def columns_of(group: list[Row]) -> Row:
    """What receivables_report shows of these invoices, in cents."""
    open_ = [row for row in group if row["total"]]
    sums = dict.fromkeys((*(name for _, name in AGES), "over_90"), 0)
    for row in open_:
        sums[age_of(row)] += row["total"]
    total, credits_ = (sum(row[name] for row in group) for name in ("total", "credits"))
    overdue = total - sums["current"]
    oldest = min((row["due_date"] for row in open_ if row["due_date"]), default=None)
    sums |= {"total": total, "overdue": overdue, "credits": credits_, "net": total - credits_}
    return sums | {"invoices": len(open_), "oldest_due_date": oldest}


def age_of(row: Row) -> str:
    return next((name for most, name in AGES if (row["late"] or 0) <= most), "over_90")


def debt_in(row: Row, names: Iterable[str]) -> Row:
    return {name: row.get(name) if name in ("invoices", "oldest_due_date") else exact(row[name]) for name in names}


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_receivables_by_every_group_match_the_tables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    found = rows(sandbox, RECEIVABLE)
    totals = {key: columns_of(group) for key, group in grouped(found).items()}
    async with agent_of(session_with(sandbox)) as agent:
        for group_by in (*GROUPS, *BY_INVOICE):
            answer = await agent.answer("receivables_report", group_by=group_by)
            names = [OF_WORD[word] for word in group_by.split(",")]
            if group_by in GROUPS:
                expected = {key: columns_of(group) for key, group in grouped(found, *names).items()}
                keys = [(row["currency_code"], *map(row.get, names)) for row in answer["rows"]]
                assert {key: debt_in(row, expected[key]) for key, row in zip(keys, answer["rows"], strict=True)} == (
                    expected
                )
                assert_in_order(answer["rows"], [(name,) for name in names], "total")
            else:
                _are_the_open_invoices(answer["rows"], names, found)
            assert {(row["currency_code"],): debt_in(row, columns_of([])) for row in answer["totals"]} == totals != {}


def _are_the_open_invoices(answered: list[Row], names: list[str], found: list[Row]) -> None:
    expected = {row["invoice_id"]: row for row in found if row["total"]}
    assert len(answered) == len(expected)
    for row in answered:
        invoice = expected[row["invoice_id"]]
        assert {name: row.get(name) for name in (*names, "client_id", "currency_code")} == {
            name: invoice[name] for name in (*names, "client_id", "currency_code")
        }
        assert (exact(row["balance"]), row["age"]) == (invoice["total"], age_of(invoice))
    assert_in_order(answered, [(name,) for name in names], "balance")


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_payment_times_match_the_tables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for first, last in (("2025-11-01", "2026-10-31"), ("2025-06-15", "2026-11-20")):
            days = {} if last < "2026-11" else {"from_date": first, "to_date": last}
            paid = rows(sandbox, f"SELECT * FROM ({PAID}) WHERE received BETWEEN ? AND ?", first, last)  # noqa: S608 - ours
            owed, gross = rows(sandbox, OWED), rows(
                sandbox, f"SELECT * FROM invoices WHERE {LIVE} AND date BETWEEN ? AND ?", first, last  # noqa: S608 - ours
            )  # fmt: skip
            assert paid
            answer = await agent.answer("days_to_pay_report", **days)
            for by, answered in ((("client_id",), answer["rows"]), ((), answer["totals"])):
                times, open_ = grouped(paid, *by), grouped(owed, *by)
                assert reported(answered, *by) == {
                    key: paid_figures(times[key]) | open_figures(open_[key]) for key in {*times, *open_}
                }
            length = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
            for row in answer["totals"]:
                whole = sum(each["total_cost"] for each in gross if each["currency_code"] == row["currency_code"])
                expected = tenths(Fraction(exact(row["open"]) * length, whole)) if whole > 0 else None
                assert row.get("dso") == expected
            for group_by, names in (("month", ["month"]), ("client,month", ["client_id", "month"])):
                answer = await agent.answer("days_to_pay_report", group_by=group_by, **days)
                assert reported(answer["rows"], *names) == {
                    key: paid_figures(found) for key, found in grouped(paid, *names).items()
                }
            for (client,) in sandbox.connection.execute("SELECT id FROM clients").fetchall():
                own_paid, own_owed = ([row for row in of if row["client_id"] == client] for of in (paid, owed))
                answer = await agent.answer("days_to_pay_report", client_id=client, **days)
                times, open_ = grouped(own_paid), grouped(own_owed)
                assert reported(answer["totals"]) == {
                    key: paid_figures(times[key]) | open_figures(open_[key]) for key in {*times, *open_}
                }
                answer = await agent.answer("days_to_pay_report", client_id=client, group_by="month", **days)
                assert reported(answer["rows"], "month") == {
                    key: paid_figures(found) for key, found in grouped(own_paid, "month").items()
                }


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_forecasts_match_the_tables_and_agree_with_receivables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        receivables = await agent.answer("receivables_report")
        for by, until in (("week", TODAY + timedelta(days=90)), ("month", date(2028, 2, 29)), ("week", TODAY)):
            answer = await agent.answer("cash_forecast", by=by, until=until.isoformat())
            named = monday if by == "week" else month
            due, overdue, later = _open(sandbox, until)
            planned, planned_later = _planned(sandbox, until)
            for kind, found in (("invoices", due), ("recurring", planned)):
                sums: dict[tuple[str, str], int] = defaultdict(int)
                for day, code, amount in found:
                    sums[named(day), code] += amount
                assert forecast_of(answer, kind, by) == {key: amount for key, amount in sums.items() if amount}
            assert apart(answer, "overdue") == overdue
            assert apart(answer, "later", "invoices") == later
            assert apart(answer, "later", "recurring") == planned_later
            for row in receivables["totals"]:
                code = row["currency_code"]
                current = sum(amount for _, currency, amount in due if currency == code) + later.get(code, 0)
                assert (exact(row["current"]), exact(row["overdue"])) == (current, overdue.get(code, 0))


def _open(sandbox: Sandbox, until: date) -> tuple[list[tuple[date, str, int]], Row, Row]:
    """What is due until that day, what is overdue, and what is due later."""
    due: list[tuple[date, str, int]] = []
    overdue: Row = defaultdict(int)
    later: Row = defaultdict(int)
    for row in rows(sandbox, OWED):
        day = date.fromisoformat(row["due_date"]) if row["due_date"] else TODAY
        if day < TODAY:
            overdue[row["currency_code"]] += row["balance"]
        elif day > until:
            later[row["currency_code"]] += row["balance"]
        else:
            due.append((day, row["currency_code"], row["balance"]))
    return due, dict(overdue), dict(later)


def _planned(sandbox: Sandbox, until: date) -> tuple[list[tuple[date, str, int]], Row]:
    """What active schedules bring until that day, and later."""
    due: list[tuple[date, str, int]] = []
    later: Row = defaultdict(int)
    for row in rows(sandbox, "SELECT * FROM recurring_schedules WHERE status = 0"):
        first = date.fromisoformat(row["next_date"])
        days = by_calendar(first, until, INTERVALS[row["time_interval"]]) if first >= TODAY else [TODAY]
        for day in days if row["unlimited"] else days[: row["occurrences_remaining"]]:
            expected = day + timedelta(days=row["due_period"])
            if expected > until:
                later[row["currency_code"]] += row["total_cost"]
            else:
                due.append((expected, row["currency_code"], row["total_cost"]))
    return due, {code: amount for code, amount in later.items() if amount}


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_statements_match_the_tables_and_agree_with_receivables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for (client,) in sandbox.connection.execute("SELECT id FROM clients").fetchall():
            for first, last in (("2026-01-01", "2026-11-20"), ("2025-06-01", "2026-06-30")):
                await _statement(sandbox, agent, client, first, last)


async def _statement(sandbox: Sandbox, agent: Agent, client: int, first: str, last: str) -> None:
    answer = await agent.answer("client_statement", client_id=client, from_date=first, to_date=last)
    changes = [dict(row) for row in sandbox.connection.execute(ENTRIES, {"client": client})]
    names = ("currency_code", "date", "kind", "number")
    within = [row for row in changes if first <= (row["date"] or "") <= last]
    within.sort(key=lambda row: (row["currency_code"], row["date"], KINDS.index(row["kind"]), row["number"]))
    assert [[row[name] for name in names] for row in answer["rows"]] == [
        [row[name] for name in names] for row in within
    ]
    amounts = [(row["date"], row["number"], exact(row["amount"])) for row in answer["rows"]]
    assert sorted(amounts) == sorted((row["date"], row["number"], row["amount"]) for row in within)
    expected = {}
    for (code,), mine in grouped(changes).items():
        opening = sum(row["amount"] for row in mine if (row["date"] or "") < first)
        upto = [row for row in mine if (row["date"] or "") <= last]
        if opening or any((row["date"] or "") >= first for row in upto):
            closing = sum(row["amount"] for row in upto)
            expected[code] = {"opening": opening, "closing": closing, **_aged(upto, date.fromisoformat(last))}
    columns = ("opening", "closing", *(name for _, name in AGES), "over_90", "overdue", "pending", "credits")
    totals = {row["currency_code"]: {name: exact(row[name]) for name in columns} for row in answer["totals"]}
    assert totals == expected
    await _agrees(agent, client, last, totals)


def _aged(entries: list[Row], last: date) -> Row:
    """What the invoices came to that day: owed by age, pending, and credit."""
    sums = dict.fromkeys((*(name for _, name in AGES), "over_90", "overdue", "pending", "credits"), 0)
    balances: Row = defaultdict(int)
    for row in entries:
        balances[row["id"]] += row["amount"]
    for row in {row["id"]: row for row in entries}.values():
        balance = balances[row["id"]]
        late = (last - date.fromisoformat(row["due_date"])).days if row["due_date"] else 0
        if balance < 0:
            sums["credits"] -= balance
        elif row["status"] == 5:
            sums["pending"] += balance
        else:
            sums[next((name for most, name in AGES if late <= most), "over_90")] += balance
            sums["overdue"] += balance if late > 0 else 0
    return sums


async def _agrees(agent: Agent, client: int, last: str, totals: dict[str, Row]) -> None:
    """The same of receivables, and today of the overview."""
    report = await agent.answer("receivables_report", client_id=client, as_of=last)
    owed = {row["currency_code"]: row for row in report["totals"]}
    for code, total in totals.items():
        shown = owed.get(code, dict.fromkeys((*total, "total"), 0))
        for name in (*(name for _, name in AGES), "over_90", "overdue", "credits"):
            assert exact(shown[name]) == total[name], (code, name)
    if last == TODAY.isoformat():
        overview = await agent.answer("client_overview", client_id=client)
        for row in overview["rows"]:
            zeros = dict.fromkeys(("closing", "overdue", "pending", "credits"), 0)
            total = totals.get(row["currency_code"], zeros)
            assert {name: exact(row[name]) for name in ("overdue", "pending", "credits")} == {
                name: total[name] for name in ("overdue", "pending", "credits")
            }
            assert exact(row["open"]) + total["pending"] - total["credits"] == total["closing"]
