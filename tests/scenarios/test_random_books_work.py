"""Expenses, estimates and unbilled work of random accounts, compared with SQL on their tables, in cents."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.scenarios.random_books import CASES, UNITS, random_books, rounded
from tests.scenarios.test_random_books_sales import RANGES, Sums, shown, summed
from tests.support.agent import agent_of
from tests.support.row_order import assert_in_order
from tests.support.tables import exact, rows
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
COLUMN = {"client": "client_id", "project": "project_id", "person": "user_id"}
KEYS = COLUMN | {"month": "substr(day, 1, 7)", "status": "status"}
SPENT = """
    SELECT incurred_on AS day, coalesce(expenses.client_id, projects.client_id) AS client_id, project_id, user_id,
        coalesce(projects.currency_code, {} 'the account''s') AS currency_code, 1 AS count, amount,
        iif(invoice_id IS NULL, 0, amount) AS billed, iif(invoice_id IS NULL, amount, 0) AS unbilled,
        invoice_id IS NOT NULL AS is_billed
    FROM expenses LEFT JOIN projects ON projects.id = project_id
        LEFT JOIN clients ON clients.id = coalesce(expenses.client_id, projects.client_id)
    WHERE incurred_on <= '2026-11-20'
"""
STATUSES = '["draft", "sent", "viewed", "cancelled", "declined", "revised", "accepted", "archived"]'
ESTIMATED = f"""
    SELECT date AS day, client_id, project_id, currency_code, total_cost AS amount, 1 AS count, expiration_date,
        updated_at, json_extract('{STATUSES}', '$[' || status || ']') AS status
    FROM estimates WHERE date <= '2026-11-20'
"""  # noqa: S608 - written here


def only(table: str, where: str) -> str:
    return f"SELECT * FROM ({table}) WHERE {where}"  # noqa: S608 - written here


def sums_of(sandbox: Sandbox, table: str, columns: tuple[str, ...], group_by: str | None, days: Row) -> Sums:
    """As `summed`, by the words of the tool."""
    return summed(sandbox, table, columns, [KEYS[word] for word in group_by.split(",")] if group_by else [], days)


def by(group_by: str) -> list[str]:
    return [COLUMN.get(word, word) for word in group_by.split(",")]


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_expenses_by_every_group_match_the_tables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    spent = SPENT.format("clients.currency_code," if FORMS[form].extra_keys else "")  # else no client tells it
    columns = ("count", "amount", "billed", "unbilled")
    projects, clients = (
        [row[0] for row in sandbox.connection.execute(f"SELECT id FROM {table}")]  # noqa: S608 - written here
        for table in ("projects", "clients")
    )
    async with agent_of(session_with(sandbox, fiscal_year_start="04-06")) as agent:
        for days in (*RANGES, {"from_date": "2026-04-06", "to_date": "2026-11-20"}):
            asked = {} if days not in RANGES else days
            for group_by in ("project", "client", "month", "person", "client,month", "project,person"):
                answer = await agent.answer("expenses_report", group_by=group_by, **asked)
                assert shown(answer["rows"], columns, *by(group_by)) == sums_of(sandbox, spent, columns, group_by, days)
                assert shown(answer["totals"], columns) == sums_of(sandbox, spent, columns, None, days) != {}
            for billed in (True, False):
                mine = only(spent, f"is_billed = {int(billed)}")
                answer = await agent.answer("expenses_report", billed=billed, **asked)
                assert shown(answer["rows"], columns, "project_id") == sums_of(sandbox, mine, columns, "project", days)
        for column, ids in (("project_id", projects), ("client_id", clients)):
            for number in ids:
                mine = only(spent, f"{column} = {number}")
                for group_by in ("month", "person,project"):
                    asked = {"group_by": group_by, column: number, **RANGES[1]}
                    answer = await agent.answer("expenses_report", **asked)
                    expected = sums_of(sandbox, mine, columns, group_by, RANGES[1])
                    assert shown(answer["rows"], columns, *by(group_by)) == expected


def percent(part: int, whole: int) -> float | None:
    return float((Decimal(part) / whole * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)) if whole else None


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_estimates_by_every_group_match_the_tables(form: str, seed: int) -> None:
    sandbox, columns = random_books(form, seed), ("count", "amount")
    sent = only(ESTIMATED, "status <> 'draft'")
    async with agent_of(session_with(sandbox)) as agent:
        for days in RANGES:
            for group_by in ("status", "client", "month", "client,status", "month,client"):
                answer = await agent.answer("estimates_report", group_by=group_by, **days)
                assert shown(answer["rows"], columns, *by(group_by)) == sums_of(sandbox, sent, columns, group_by, days)
                assert shown(answer["totals"], columns) == sums_of(sandbox, sent, columns, None, days) != {}
            _on_top(sandbox, answer, days, tells_more=FORMS[form].extra_keys)
        for column in ("client_id", "project_id"):
            numbers = [row[0] for row in sandbox.connection.execute(f"SELECT DISTINCT {column} FROM estimates")]  # noqa: S608 - ours
            for number in filter(None, numbers):
                mine = only(sent, f"{column} = {number}")
                asked = {"group_by": "status,month", column: number, **RANGES[1]}
                answer = await agent.answer("estimates_report", **asked)
                assert shown(answer["totals"], columns) == sums_of(sandbox, mine, columns, None, RANGES[1])
                expected = sums_of(sandbox, mine, columns, "status,month", RANGES[1])
                assert shown(answer["rows"], columns, "status", "month") == expected


def _on_top(sandbox: Sandbox, answer: Row, days: Row, *, tells_more: bool) -> None:
    """The figures beside the rows."""
    is_open = "status IN ('sent', 'viewed', 'revised')"
    parts = {"open": is_open, "won": "status = 'accepted'", "lost": "status = 'declined'", "drafts": "status = 'draft'"}
    if tells_more:
        parts["expired"] = f"{is_open} AND expiration_date < '2026-11-20'"
    sums = {
        part: sums_of(sandbox, only(ESTIMATED, where), ("count", "amount"), None, days) for part, where in parts.items()
    }
    for part, expected in sums.items():
        assert shown(answer[part], ("count", "amount")) == expected
    won, lost = (sum(row["count"] for row in sums[part].values()) for part in ("won", "lost"))
    assert answer.get("win_rate_count") == percent(won, won + lost)
    for row in answer["win_rate_amount"]:
        of_won, of_lost = (sums[part].get((row["currency_code"],), {"amount": 0})["amount"] for part in ("won", "lost"))
        assert row.get("win_rate") == percent(of_won, of_won + of_lost)
    if tells_more:
        decided = [*sandbox.connection.execute(
            only(ESTIMATED, "status IN ('accepted', 'declined') AND day BETWEEN :from_date AND :to_date"), days
        )]  # fmt: skip
        passed = [(date.fromisoformat(row["updated_at"][:10]) - date.fromisoformat(row["day"])).days for row in decided]
        assert answer.get("mean_days_to_decision") == percent(sum(passed), 100 * len(passed))


# Whatever no invoice bills, with the client and the currency of its project, or else its own.
UNBILLED = """
    SELECT projects.client_id AS client_id, project_id, user_id, date AS day, hours,
        coalesce(hours.rate, projects.rate) AS rate, 0 AS expenses,
        coalesce(projects.currency_code, {} 'unknown') AS currency_code
    FROM hours JOIN projects ON projects.id = project_id LEFT JOIN clients ON clients.id = projects.client_id
    WHERE NOT billed
    UNION ALL
    SELECT iif(project_id, projects.client_id, expenses.client_id), project_id, user_id, incurred_on, 0, 0, amount,
        coalesce(projects.currency_code, {} 'unknown')
    FROM expenses LEFT JOIN projects ON projects.id = project_id
        LEFT JOIN clients ON clients.id = iif(project_id, projects.client_id, expenses.client_id)
    WHERE invoice_id IS NULL AND (project_id OR expenses.client_id)
"""
WORDS = ("client", "month", "project", "person")
PAIRS = [f"{one},{other}" for one in WORDS for other in WORDS if one != other]
COLUMNS = {
    "client": ("client_id",),
    "month": ("month",),
    "project": ("client_id", "project_id"),
    "person": ("user_id",),
}


def unbilled(found: list[Row], *words: str) -> dict[tuple[Any, ...], tuple[int, int, int]]:
    """Currency and group → hours, their value, each entry rounded, and expenses."""
    sums: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    for row in found:
        months = {"month": row["day"] and row["day"][:7]}
        key = (row["currency_code"], *((row | months)[name] for word in words for name in COLUMNS[word]))
        hours, value, expenses = sums.get(key, (0, 0, 0))
        worth = rounded(row["hours"] * row["rate"], 100, UNITS.get(row["currency_code"], 1))
        sums[key] = hours + row["hours"], value + worth, expenses + row["expenses"]
    return sums


def told(answered: list[Row], *words: str) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The same of an answer."""
    names = [name for word in words for name in COLUMNS[word]]
    found = {
        (row["currency_code"], *map(row.get, names)): tuple(
            exact(row[name]) for name in ("hours", "amount", "expenses")
        )
        for row in answered
    }
    assert len(found) == len(answered)
    return found


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_unbilled_work_by_every_group_matches_the_tables(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    of_clients = "clients.currency_code," if FORMS[form].extra_keys else ""  # else no client tells it
    every = rows(sandbox, UNBILLED.format(of_clients, of_clients))
    async with agent_of(session_with(sandbox)) as agent:
        for days in ({}, *RANGES):
            first, last = days.get("from_date", ""), min(days.get("to_date", "9"), "2026-11-20")
            found = [row for row in every if (first <= row["day"] <= last if row["day"] else not days)]
            for group_by in (*WORDS, *PAIRS):
                answer = await agent.answer("unbilled_report", group_by=group_by, include_completed=True, **days)
                words = group_by.split(",")
                assert told(answer["rows"], *words) == unbilled(found, *words) != {}, group_by
                assert told(answer["totals"]) == unbilled(found)
                assert_in_order(answer["rows"], [COLUMNS[word] for word in words], "amount", "expenses")
