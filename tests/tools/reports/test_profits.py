"""The profit of all projects, compared with SQL on the account's own tables, in cents."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import run
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
FIGURES = ("invoiced", "received", "expenses", "hours", "labour", "margin")
COST = 40
EVER = ("1970-01-01", TODAY.isoformat())
QUARTER = {"from_date": "2026-07-01", "to_date": "2026-09-30"}
# By project: what was invoiced and paid, spent and worked in a range of days; all in hundredths.
SUMS = """
    SELECT id, status, currency_code AS code,
        (SELECT coalesce(sum(subtotal), 0) FROM invoices WHERE project_id = projects.id AND status NOT IN (0, 3)
            AND date BETWEEN :first AND :last AND currency_code = projects.currency_code) AS invoiced,
        (SELECT coalesce(sum(total_payments), 0) FROM invoices WHERE project_id = projects.id AND status NOT IN (0, 3)
            AND date BETWEEN :first AND :last AND currency_code = projects.currency_code) AS received,
        (SELECT coalesce(sum(amount), 0) FROM expenses WHERE project_id = projects.id
            AND incurred_on BETWEEN :first AND :last) AS expenses,
        (SELECT coalesce(sum(hours), 0) FROM hours WHERE project_id = projects.id
            AND date BETWEEN :first AND :last) AS hours
    FROM projects
"""


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read."""
    return agency()


def expected(sandbox: Sandbox, days: tuple[str, str], wanted: Callable[[Row], bool]) -> dict[int, Row]:
    found = {}
    for each in map(dict, sandbox.connection.execute(SUMS, {"first": days[0], "last": days[1]})):
        each["labour"] = each["hours"] * COST
        each["margin"] = each["invoiced"] - each["expenses"] - each["labour"]
        if wanted(each):
            found[each["id"]] = {name: each[name] for name in FIGURES} | {"code": each["code"]}
    assert found  # otherwise the test would prove nothing
    return found


def hundredths(row: Row) -> Row:
    return {name: int(Decimal(str(row[name])) * 100) for name in FIGURES} | {"code": row["currency_code"]}


def reported(answer: Row) -> dict[int, Row]:
    assert len(answer["rows"]) == answer["row_count"]
    return {row["project_id"]: hundredths(row) for row in answer["rows"]}


def is_open(row: Row) -> bool:
    return row["status"] != 2 and any(row[name] for name in ("invoiced", "expenses", "hours"))


@pytest.mark.parametrize("form", FORMS)
async def test_all_open_projects_match_the_tables_in_every_form(form: str) -> None:
    sandbox = agency(switches=FORMS[form])
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("profitability_report", default_cost_rate=COST)
    assert reported(answer) == expected(sandbox, EVER, is_open)
    sums: dict[str, Row] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for row in reported(answer).values():
        for name in FIGURES:
            sums[row["code"]][name] += row[name]
    assert {total["currency_code"]: hundredths(total) | {"code": 0} for total in answer["totals"]} == {
        code: of | {"code": 0} for code, of in sums.items()
    }


async def test_the_highest_margin_comes_first_within_a_currency(reader: Agent) -> None:
    rows = (await reader.answer("profitability_report"))["rows"]
    assert rows == sorted(rows, key=lambda row: (row["currency_code"], -row["margin"]))
    assert {row["status"] for row in rows} <= {"active", "billable"}


async def test_a_row_is_what_the_report_on_that_project_alone_says(reader: Agent) -> None:
    every = await reader.answer("profitability_report", include_completed=True, default_cost_rate=COST)
    for row in every["rows"][::7]:
        alone = await reader.answer("profitability_report", project_id=row["project_id"], default_cost_rate=COST)
        assert alone["rows"] == [row]


async def test_a_period_chooses_the_projects_worked_on_in_it_and_limits_every_figure(
    reader: Agent, books: Sandbox
) -> None:
    answer = await reader.answer("profitability_report", period="last_quarter", default_cost_rate=COST)
    assert {name: answer[name] for name in QUARTER} == QUARTER
    days = (QUARTER["from_date"], QUARTER["to_date"])
    assert reported(answer) == expected(books, days, lambda row: row["status"] != 2 and row["hours"])
    assert any("not worked on in these days" in sentence for sentence in answer["left_out"])


async def test_completed_projects_and_those_of_one_client(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("profitability_report", client_id=1203, include_completed=True, default_cost_rate=COST)
    mine = {row[0] for row in books.connection.execute("SELECT id FROM projects WHERE client_id = 1203")}
    assert reported(answer) == expected(
        books, EVER, lambda row: row["id"] in mine and any(row[name] for name in ("invoiced", "expenses", "hours"))
    )
    open_ones = await reader.answer("profitability_report")
    assert any("that count only with include_completed=true" in sentence for sentence in open_ones["left_out"])


async def test_invoices_of_the_client_that_a_project_had_before_count_for_it() -> None:
    sandbox = agency()
    run(sandbox, "UPDATE projects SET client_id = 1203 WHERE id IN (SELECT id FROM projects ORDER BY id LIMIT 8)")
    ids = {row[0] for row in sandbox.connection.execute("SELECT id FROM projects WHERE client_id = 1203")}
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer(
            "profitability_report", client_id=1203, include_completed=True, default_cost_rate=COST
        )
    figures = ("invoiced", "expenses", "hours")
    assert reported(answer) == expected(
        sandbox, EVER, lambda row: row["id"] in ids and any(row[name] for name in figures)
    )


def played(account: respx.MockRouter) -> None:
    """A project invoiced in its own currency and one in another, a person's hours on each; expenses are not visible."""
    sites = [{"id": each, "name": f"Site {each}", "currency_code": "EUR", "status": 1} for each in (7, 8)]
    account.get("projects").respond(json=listed("projects", *sites))
    for each, code in ((7, "EUR"), (8, "USD")):
        worked = {"id": each, "user_id": each, "date": "2023-10-01", "hours": 2, "billed": each == 7}
        account.get(f"projects/{each}/hours").respond(json={"hours": [worked]})
        amounts = {"currency_code": code, "subtotal": 100, "total_cost": 100}
        invoice = {"id": each, "status": 1, "date": "2023-10-02", **amounts}
        account.get(f"projects/{each}/invoices").respond(json=listed("invoices", invoice))
    account.get("expenses").respond(403)
    account.get("staff").respond(json={"staff": [{"id": 7, "name": "Ann"}]})


async def test_other_currencies_and_missing_costs_are_told_for_each_project(
    account: respx.MockRouter, agent: Agent
) -> None:
    played(account)
    answer = await agent.answer("profitability_report", cost_rates={"7": 10, "9": 1})
    assert [(row["project"], row["invoiced"], row.get("labour"), row.get("margin")) for row in answer["rows"]] == [
        ("Site 7", 100, 20, None),
        ("Site 8", 0, None, None),
    ]
    assert [(other["project"], other["currency_code"], other["invoiced"]) for other in answer["other_currencies"]] == [
        ("Site 8", "USD", 100)
    ]
    assert "The margin is before the labour of people without a cost rate" in answer["notice"]
    assert answer["left_out"] == [
        "Expenses, and so the margin: not included, since the owner of the API token is not allowed to see that.",
        "1 invoice in another currency: in other_currencies, not in the row.",
        "1 staff member without a cost rate, whose hours are not in labour: “staff 8” (id 8).",
        "1 cost rate of a person without hours on these projects: id 9.",
        "Hours that are not billed yet: 2; invoiced does not include them.",
    ]


async def test_a_list_of_invoices_far_longer_than_those_of_the_projects_is_not_read(
    account: respx.MockRouter, agent: Agent
) -> None:
    sites = [{"id": each, "name": f"Site {each}", "currency_code": "EUR", "status": 1} for each in range(1, 5)]
    account.get("projects").respond(json=listed("projects", *sites))
    amounts = {"currency_code": "EUR", "subtotal": 100, "total_cost": 100}
    invoice = {"id": 1, "status": 1, "date": "2023-10-02", "projects": [{"id": 1, "name": "Site 1"}], **amounts}
    pages = {"page_size": 1, "page_count": 90, "total_count": 90}
    every = account.get("invoices").respond(json={**pages, "invoices": [invoice]})
    for each in range(1, 5):
        account.get(f"projects/{each}/hours").respond(json={"hours": []})
        account.get(f"projects/{each}/invoices").respond(json=listed("invoices", *([invoice] if each == 1 else [])))
    account.get("expenses").respond(json={"expenses": []})
    account.get("staff").respond(json={"staff": []})
    answer = await agent.answer("profitability_report")
    assert [(row["project_id"], row["invoiced"]) for row in answer["rows"]] == [(1, 100)]
    assert every.call_count == 1
