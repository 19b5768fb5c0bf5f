"""Hours and profits of random accounts, compared with SQL on their tables in every form of the wire, in hundredths."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.scenarios.account import Added
from tests.scenarios.random_books import CASES, UNITS, random_books, rounded
from tests.scenarios.test_random_books_work import percent
from tests.support.agent import agent_of
from tests.support.tables import exact, rows, run
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Group = tuple[Any, ...]
EVER = {"from_date": "2025-01-01", "to_date": "2026-12-31"}
RANGES = (
    EVER,
    {"from_date": "2026-10-01", "to_date": "2026-10-31"},
    {"period": "this_month"},
    {"period": "last_quarter"},
)
LIMITS = {"this_month": ("2026-11-01", "2026-11-20"), "last_quarter": ("2026-07-01", "2026-09-30")}
CAPACITY, COST = Decimal("37.5"), 40
COUNTED = ("hours", "billed_hours", "billable", "entries", "without_description")
WORKED = """
    SELECT hours.*, projects.client_id, iif(project_type = 2, NULL, {code}) AS code,
        iif(project_type = 2, NULL, coalesce(hours.rate, projects.rate)) AS price
    FROM hours JOIN projects ON projects.id = project_id LEFT JOIN clients ON clients.id = projects.client_id
    WHERE date BETWEEN ? AND min(?, '2026-11-20')
"""
PROFITS = """
    SELECT projects.id, projects.status, projects.client_id, coalesce({told}, 'unknown') AS code, {told} AS known,
        (SELECT coalesce(sum(amount), 0) FROM expenses WHERE project_id = projects.id
            AND incurred_on BETWEEN :first AND :last) AS expenses
    FROM projects LEFT JOIN clients ON clients.id = projects.client_id
"""
INVOICED = """
    SELECT project_id, currency_code AS code, status = 0 AS draft, subtotal, total_cost, total_payments FROM invoices
    WHERE project_id NOT NULL AND status <> 3 AND (date BETWEEN :first AND :last OR date IS NULL AND :every)
"""


def books_with_hours(form: str, seed: int) -> Sandbox:
    """The books of a seed, with hours of two people on its projects, some of which have a fixed price."""
    sandbox, chance = random_books(form, seed), Random(f"hours {seed}")  # noqa: S311 - nothing secret
    sandbox.connection.execute("DELETE FROM hours")  # those of the books are of nobody, too
    run(sandbox, "UPDATE projects SET project_type = 2 WHERE id IN (SELECT min(id) FROM projects)")
    people = [row["id"] for row in rows(sandbox, "SELECT id FROM staff")]
    told = "SELECT projects.id, coalesce(projects.currency_code, clients.currency_code) AS code FROM projects"
    for project in rows(sandbox, f"{told} LEFT JOIN clients ON clients.id = client_id ORDER BY 1 LIMIT 4"):
        step = 25 if project["code"] == "KWD" else 1  # no third decimal of a dinar, which the tables do not have
        for _ in range(chance.randint(5, 30)):
            day = TODAY - timedelta(days=chance.choice((-5, 0, 1, 14, 30, 51, 70, 140, 400)))
            rate = chance.choice((None, 0, 7_600, 12_000))
            about = {"user_id": chance.choice(people), "description": chance.choice(("", " ", "Proofs"))}
            hours, billed = chance.randint(1, 900 // step) * step, chance.random() < 0.5
            Added(sandbox).hours(project["id"], day.isoformat(), hours, rate, billed=billed, **about)
    return sandbox


def code_of(form: str) -> str:
    """The currency of a project, as far as the records tell it."""
    return (
        "coalesce(projects.currency_code, clients.currency_code)"
        if FORMS[form].extra_keys
        else "projects.currency_code"
    )


def limits(days: Row) -> tuple[str, str]:
    return LIMITS[days["period"]] if "period" in days else (days["from_date"], days["to_date"])


def grouped(found: Iterable[Row], *by: str) -> dict[Group, list[Row]]:
    groups: dict[Group, list[Row]] = defaultdict(list)
    for row in found:
        groups[tuple(row[name] for name in by)].append(row)
    return groups


def worth_of(entry: Row) -> int:
    return rounded(entry["hours"] * (entry["price"] or 0), 100, UNITS.get(entry["code"], 1))


def counts(entries: list[Row]) -> Row:
    return {
        "hours": sum(entry["hours"] for entry in entries),
        "billed_hours": sum(entry["hours"] for entry in entries if entry["billed"]),
        "billable": sum(entry["hours"] for entry in entries if worth_of(entry)),
        "entries": len(entries),
        "without_description": sum(not entry["description"].strip() for entry in entries),
    }


def values(entries: list[Row]) -> dict[str, tuple[int, Decimal | None]]:
    """Currency → worth, and worth by all of the hours."""
    found = {}
    for (code,), own in grouped((entry for entry in entries if entry["price"] is not None), "code").items():
        worth, hours = sum(map(worth_of, own)), sum(entry["hours"] for entry in own)
        smallest = Decimal(1) if code == "JPY" else Decimal("0.001") if code == "KWD" else Decimal("0.01")
        found[code or "unknown"] = worth, (Decimal(worth) / hours).quantize(smallest, ROUND_HALF_UP)
    return found


def counts_in(row: Row) -> Row:
    return {name: row[name] if name in COUNTED[3:] else exact(row[name]) for name in COUNTED}


def values_in(answered: list[Row]) -> dict[str, tuple[int, Decimal | None]]:
    return {row["currency_code"]: (exact(row["worth"]), Decimal(str(row["effective_rate"]))) for row in answered}


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_hours_and_what_they_are_worth_match_the_tables(form: str, seed: int) -> None:
    sandbox = books_with_hours(form, seed)
    (client,), (project,), (person,) = (
        sandbox.connection.execute(query).fetchone()
        for query in (
            "SELECT client_id FROM projects WHERE client_id NOT NULL ORDER BY id",
            "SELECT id FROM projects ORDER BY id LIMIT 1 OFFSET 1",
            "SELECT max(id) FROM staff",
        )
    )
    narrowed: tuple[Row, ...] = ({}, {"client_id": client}, {"project_id": project}, {"user_id": person})
    async with agent_of(session_with(sandbox)) as agent:
        for days in RANGES:
            every = rows(sandbox, WORKED.format(code=code_of(form)), *limits(days))
            for narrow in narrowed:
                entries = [entry for entry in every if all(entry[name] == id_ for name, id_ in narrow.items())]
                answer = await agent.answer("timesheet_report", capacity_hours=float(CAPACITY), **days, **narrow)
                _agrees(answer, entries, limits(days))


def _agrees(answer: Row, entries: list[Row], days: tuple[str, str]) -> None:
    by_row = grouped(entries, "user_id", "project_id")
    assert {(row["user_id"], row["project_id"]): counts_in(row) for row in answer["rows"]} == {
        key: counts(own) for key, own in by_row.items()
    }
    for row in answer["rows"]:
        own = values(by_row[row["user_id"], row["project_id"]])
        assert values_in([row] if "worth" in row else []) == own
    capacity = CAPACITY / 5 * len(weekdays(*days))
    people = grouped(entries, "user_id")
    assert people.keys() <= {(person["user_id"],) for person in answer["people"]}
    for person in answer["people"]:
        own_entries = people.get((person["user_id"],), [])
        assert counts_in(person) == counts(own_entries)
        assert values_in(person["worth"]) == values(own_entries)
        _utilized(person, capacity)
        if "working_days" in person:
            missing = set(weekdays(*days)) - {entry["date"] for entry in own_entries}
            assert (person["working_days"], person["days_without_entries"]) == (len(weekdays(*days)), len(missing))
    (total,) = answer["totals"]
    assert (counts_in(total), values_in(total["worth"])) == (counts(entries), values(entries))
    if answer["people"]:
        _utilized(total, capacity * len(answer["people"]))


def _utilized(row: Row, capacity: Decimal) -> None:
    assert Decimal(str(row["capacity"])) == capacity
    for name, hours in (("utilization", "hours"), ("billable_utilization", "billable")):
        assert row[name] == percent(exact(row[hours]), int(capacity * 100))


def weekdays(first: str, last: str) -> list[str]:
    """Mondays to Fridays up to today."""
    begin, end = date.fromisoformat(first), min(date.fromisoformat(last), TODAY)
    every = (begin + timedelta(days=passed) for passed in range((end - begin).days + 1))
    return [day.isoformat() for day in every if day.weekday() < 5]


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_the_profits_of_all_projects_match_the_tables(form: str, seed: int) -> None:
    sandbox = books_with_hours(form, seed)
    clients = [row[0] for row in sandbox.connection.execute("SELECT client_id FROM projects WHERE client_id LIMIT 2")]
    async with agent_of(session_with(sandbox)) as agent:
        for days in ({}, EVER, RANGES[-1]):
            for narrow in ({}, {"include_completed": True}, *({"client_id": client} for client in clients)):
                answer = await agent.answer("profitability_report", default_cost_rate=COST, **days, **narrow)
                expected = profits(sandbox, form, days, narrow)
                assert {row["project_id"]: figures(row) for row in answer["rows"]} == expected
                ranks = [(row["currency_code"], -row["margin"]) for row in answer["rows"]]
                assert ranks == sorted(ranks)
                sums: dict[str, Row] = defaultdict(lambda: defaultdict(int))
                for row in expected.values():
                    for name in ("projects", *SUMMED):
                        sums[row["code"]][name] += row.get(name, 1)
                shown = {
                    row["currency_code"]: {"projects": row["projects"]} | {name: exact(row[name]) for name in SUMMED}
                    for row in answer["totals"]
                }
                assert shown == sums
                for row in answer["totals"]:
                    of = sums[row["currency_code"]]
                    assert row.get("percentage") == percent(of["margin"], of["invoiced"])


SUMMED = ("invoiced", "invoiced_with_tax", "received", "expenses", "hours", "labour", "margin")


def figures(row: Row) -> Row:
    share = {"percentage": row["percentage"]} if row.get("percentage") is not None else {}
    return {name: exact(row[name]) for name in SUMMED} | {"code": row["currency_code"]} | share


def profits(sandbox: Sandbox, form: str, days: Row, narrow: Row) -> dict[int, Row]:
    """Project → its figures, of the projects that are asked for."""
    first, last = limits(days) if days else ("", "9")
    about = {"first": first, "last": min(last, "2026-11-20"), "every": not days}
    invoiced = grouped(map(dict, sandbox.connection.execute(INVOICED, about)), "project_id")
    entries = rows(sandbox, WORKED.format(code="1"), first, last)
    found = {}
    for project in map(dict, sandbox.connection.execute(PROFITS.format(told=code_of(form)), about)):
        if not narrow.get("include_completed") and project["status"] == 2:
            continue
        if narrow.get("client_id", project["client_id"]) != project["client_id"]:
            continue
        own = [entry for entry in entries if entry["project_id"] == project["id"]]
        bills = invoiced[project["id"],]
        if own if days else own or bills or project["expenses"]:
            found[project["id"]] = _profit(project, own, [bill for bill in bills if not bill["draft"]])
    return found


def _profit(project: Row, entries: list[Row], bills: list[Row]) -> Row:
    codes = {bill["code"] for bill in bills}
    code = codes.pop() if len(codes) == 1 and project["known"] is None else project["code"]
    mine = [bill for bill in bills if bill["code"] == code]
    names = {"invoiced": "subtotal", "invoiced_with_tax": "total_cost", "received": "total_payments"}
    row = {name: sum(bill[column] for bill in mine) for name, column in names.items()}
    hours = [sum(entry["hours"] for entry in own) for own in grouped(entries, "user_id").values()]
    labour = sum(rounded(each * COST, 1, UNITS.get(project["known"], 1)) for each in hours)
    margin = row["invoiced"] - project["expenses"] - labour
    share = percent(margin, row["invoiced"])
    return {
        **row, "expenses": project["expenses"], "hours": sum(hours), "labour": labour, "margin": margin, "code": code,
    } | ({} if share is None else {"percentage": share})  # fmt: skip
