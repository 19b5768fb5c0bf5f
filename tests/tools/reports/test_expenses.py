"""The expenses report, compared with SQL on the account's own tables, in cents."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
KEYS = {
    "project": "project_id",
    "client": "coalesce(expenses.client_id, projects.client_id)",
    "month": "substr(incurred_on, 1, 7)",
    "person": "expenses.user_id",
    "description": "iif(expenses.description = '', 'no description', expenses.description)",
}
COLUMN = {"client": "client_id", "project": "project_id", "person": "user_id"}
CODE = "coalesce(projects.currency_code, clients.currency_code, 'the account''s')"
BILLED = "expenses.invoice_id IS NOT NULL"
THIS_FISCAL_YEAR = "incurred_on BETWEEN '2026-02-01' AND '2026-11-20'"


@pytest.fixture
def books() -> Sandbox:
    """An account in which some expenses are billed, and some name no client but a project."""
    sandbox = agency()
    with sandbox.connection as tables:
        invoice = tables.execute("SELECT min(id) FROM invoices").fetchone()[0]
        tables.execute("UPDATE expenses SET invoice_id = ? WHERE id % 3 = 0", [invoice])
        tables.execute("UPDATE expenses SET client_id = NULL WHERE project_id IS NOT NULL AND id % 2 = 0")
        tables.execute("UPDATE expenses SET description = '' WHERE id % 7 = 0")
    return sandbox


def expected(
    sandbox: Sandbox, group_by: str, where: str = THIS_FISCAL_YEAR, code: str = CODE
) -> dict[tuple[Any, ...], Row]:
    keys = [KEYS[word] for word in group_by.split(",")]
    query = (
        f"SELECT {code} AS code, {', '.join(f'{key} AS key{place}' for place, key in enumerate(keys))},"  # noqa: S608 - written here
        f" sum(amount) AS amount, sum(iif({BILLED}, amount, 0)) AS billed, sum(iif({BILLED}, 0, amount)) AS unbilled,"
        " count(*) AS count FROM expenses LEFT JOIN projects ON projects.id = project_id"
        f" LEFT JOIN clients ON clients.id = {KEYS['client']} WHERE {where} GROUP BY code, {', '.join(keys)}"
    )
    found = [dict(row) for row in sandbox.connection.execute(query)]
    assert found  # otherwise the test would prove nothing
    return {(row.pop("code"), *(row.pop(f"key{place}") for place in range(len(keys)))): row for row in found}


def reported(answer: Row, group_by: str) -> dict[tuple[Any, ...], Row]:
    assert len(answer["rows"]) == answer["row_count"]
    words = [COLUMN.get(word, word) for word in group_by.split(",")]
    return {
        (row["currency_code"], *(row.get(word) for word in words)): {
            "count": row["count"],
            **{name: int(Decimal(str(row[name])) * 100) for name in ("amount", "billed", "unbilled")},
        }
        for row in answer["rows"]
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group_by", ["project", "client,month"])
async def test_expenses_match_the_tables_in_every_form(books: Sandbox, form: str, group_by: str) -> None:
    books.switches = FORMS[form]
    # Without live keys, no client tells its currency; a bare list tells no fiscal year.
    code = CODE if books.switches.extra_keys else "coalesce(projects.currency_code, 'the account''s')"
    bare = books.switches.bare_arrays
    async with agent_of(session_with(books, fiscal_year_start="02-01" if bare else None)) as agent:
        answer = await agent.answer("expenses_report", group_by=group_by)
    assert (answer["from_date"], answer["to_date"]) == ("2026-02-01", "2026-11-20")
    assert "The fiscal year starts on 02-01" in answer["notice"]
    assert reported(answer, group_by) == expected(books, group_by, code=code)


@pytest.mark.parametrize("group_by", ["client", "month", "person", "person,project", "description"])
async def test_every_group_comes_to_the_same_totals(reader: Agent, books: Sandbox, group_by: str) -> None:
    answer = await reader.answer("expenses_report", group_by=group_by)
    assert reported(answer, group_by) == expected(books, group_by)
    by_project = await reader.answer("expenses_report")
    assert answer["totals"] == by_project["totals"]


async def test_only_what_is_billed_or_of_one_client_or_project(reader: Agent, books: Sandbox) -> None:
    for arguments, where in (
        ({"billed": True}, BILLED),
        ({"billed": False}, f"NOT {BILLED}"),
        ({"client_id": 1240}, f"{KEYS['client']} = 1240"),
        ({"project_id": 2414}, "project_id = 2414"),
    ):
        answer = await reader.answer("expenses_report", **arguments, period="last_12_months")
        days = "incurred_on BETWEEN '2025-11-01' AND '2026-10-31'"
        assert reported(answer, "project") == expected(books, "project", f"{days} AND {where}")


async def test_each_row_says_whose_currency_it_has(reader: Agent) -> None:
    answer = await reader.answer("expenses_report")
    for row in answer["rows"]:
        of_account = row["currency_code"] == "the account's"
        assert row["currency_from"] == ("account" if of_account else "project" if row.get("project_id") else "client")
    assert {"no project"} < {row["project"] for row in answer["rows"]}


async def test_what_an_invoice_of_a_job_bills_is_billed(
    clerk: Agent, books: Sandbox, found: Callable[..., list[Any]]
) -> None:
    (project,) = found(
        "SELECT project_id FROM expenses JOIN projects ON projects.id = project_id JOIN hours USING (project_id)"
        " WHERE NOT billed AND project_type <> 2 AND projects.status = 1 AND invoice_id IS NULL"
        " AND incurred_on > '2026-02' LIMIT 1"
    )[0]
    before = await clerk.answer("expenses_report", project_id=project)
    await clerk.confirmed("bill_project_hours", project_id=project, include_expenses=True)
    after = await clerk.answer("expenses_report", project_id=project)
    assert before["totals"][0]["unbilled"] > 0
    assert (after["totals"][0]["unbilled"], after["totals"][0]["amount"]) == (0, before["totals"][0]["amount"])


async def test_expenses_that_cannot_be_counted_are_named(account: respx.MockRouter, agent: Agent) -> None:
    rows = [
        {"id": 1, "incurred_on": "2023-11-30", "amount": 5, "project_id": 7},
        {"id": 2, "incurred_on": None, "amount": 6},
        {"id": 3, "incurred_on": "2023-11-01", "amount": "much"},
        {"id": 4, "incurred_on": "2023-11-02", "amount": 7, "project_id": 8},
    ]
    account.get("expenses").respond(json={"expenses": rows, "from_date": "2023-07-01"})
    account.get("projects").respond(json=listed("projects", {"id": 7, "name": "Site", "currency_code": "EUR"}))
    answer = await agent.answer("expenses_report", to_date="2023-12-31")
    assert [(row["project"], row["currency_code"], row["amount"]) for row in answer["rows"]] == [
        ("project 8", "the account's", 7)
    ]
    assert answer["left_out"] == [
        "1 expense without a day (6 unknown): id 2.",
        "1 expense without a readable amount: id 3.",
        "1 expense dated in the future (5 EUR): id 1.",
    ]
    account.get("projects").respond(403)
    assert (await agent.answer("expenses_report", to_date="2023-12-31"))["row_count"] == 1


async def test_an_unknown_client_or_project_is_no_empty_report(reader: Agent) -> None:
    assert "clients/99 was not found" in await reader.refusal("expenses_report", client_id=99)
    assert "projects/99 was not found" in await reader.refusal("expenses_report", project_id=99)
