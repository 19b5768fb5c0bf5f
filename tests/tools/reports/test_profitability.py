"""The profitability report: every figure compared with the account's tables, and what is separate or excluded."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.errors import SettingsError
from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.settings import Settings
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows, run

pytestmark = pytest.mark.anyio

Row = dict[str, Any]

COSTS = {1: "41.35", 2: "38", 3: "52.5", 4: "29.99", 5: "33.33", 6: "47.1", 7: "60"}


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """The account for tests that only read."""
    return agency()


def of_project(sandbox: Sandbox, project: int, costs: dict[int, str]) -> Row:
    """A project's profit in cents, from its single invoices, payments, expenses and hours."""
    invoices = rows(sandbox, "SELECT * FROM invoices WHERE project_id = ? AND status NOT IN (0, 3)", project)
    numbers = ", ".join(str(invoice["id"]) for invoice in invoices)
    paid = rows(sandbox, f"SELECT amount FROM payments WHERE invoice_id IN ({numbers})")  # noqa: S608 numbers
    spent = rows(sandbox, "SELECT amount FROM expenses WHERE project_id = ?", project)
    people = rows(sandbox, "SELECT user_id, sum(hours) AS hours FROM hours WHERE project_id = ? GROUP BY 1", project)
    labour = sum(
        int((Decimal(costs[user["user_id"]]) * user["hours"]).quantize(Decimal(1), ROUND_HALF_UP)) for user in people
    )
    invoiced = sum(invoice["subtotal"] for invoice in invoices)
    expenses = sum(expense["amount"] for expense in spent)
    return {
        "invoiced": invoiced,
        "invoiced_with_tax": sum(invoice["total_cost"] for invoice in invoices),
        "received": sum(payment["amount"] for payment in paid),
        "expenses": expenses,
        "hours": sum(user["hours"] for user in people),
        "labour": labour,
        "margin": invoiced - expenses - labour,
    }


def reported(row: Row) -> Row:
    names = ("invoiced", "invoiced_with_tax", "received", "expenses", "hours", "labour", "margin")
    return {name: exact(row[name]) for name in names}


def invoiced_projects(sandbox: Sandbox) -> list[int]:
    query = "SELECT project_id AS id FROM invoices WHERE project_id > 0 GROUP BY project_id HAVING count(*) > 2"
    return [row["id"] for row in rows(sandbox, query)][:16]


@pytest.mark.parametrize("switches", SWITCHES, ids=["live", "text", "ids", "whole", "bare", "samples"])
async def test_a_projects_profit_matches_the_tables_however_clientary_answers(
    books: Sandbox, switches: Switches
) -> None:
    projects = invoiced_projects(books)
    assert len(projects) > 10
    books.switches = switches
    answers = {}
    async with agent_of(session_with(books)) as agent:
        for project in projects:
            answers[project] = await agent.answer("profitability_report", project_id=project, cost_rates=COSTS)
    books.switches = Switches()
    for project, answer in answers.items():
        (row,) = answer["rows"]
        expected = of_project(books, project, COSTS)
        assert reported(row) == expected
        if expected["invoiced"]:
            share = Decimal(expected["margin"]) * 100 / expected["invoiced"]
            assert Decimal(str(row["percentage"])) == share.quantize(Decimal("0.1"), ROUND_HALF_UP)
        assert "notice" not in answer
    assert any(row["received"] < row["invoiced_with_tax"] for answer in answers.values() for row in answer["rows"])


async def test_drafts_are_separate_and_cancelled_invoices_are_named(reader: Agent, books: Sandbox) -> None:
    (draft,) = rows(books, "SELECT * FROM invoices WHERE status = 0 AND project_id > 0 LIMIT 1")
    answer = await reader.answer("profitability_report", project_id=draft["project_id"])
    (apart,) = answer["drafts"]
    drafts = rows(books, "SELECT * FROM invoices WHERE status = 0 AND project_id = ?", draft["project_id"])
    assert exact(apart["invoiced"]) == sum(each["subtotal"] for each in drafts)
    assert any(f"“{draft['number']}”" in message for message in answer["left_out"])
    (cancelled,) = rows(books, "SELECT * FROM invoices WHERE status = 3 AND project_id > 0 LIMIT 1")
    answer = await reader.answer("profitability_report", project_id=cancelled["project_id"])
    assert any("cancelled" in message and f"“{cancelled['number']}”" in message for message in answer["left_out"])


async def test_without_cost_rates_the_margin_is_labelled_before_labour(reader: Agent, books: Sandbox) -> None:
    project = invoiced_projects(books)[0]
    answer = await reader.answer("profitability_report", project_id=project)
    (row,) = answer["rows"]
    expected = of_project(books, project, dict.fromkeys(COSTS, "0"))
    assert exact(row["margin"]) == expected["invoiced"] - expected["expenses"]
    assert "labour" not in row
    assert "before labour" in answer["basis"]
    assert "The margin is before labour" in answer["notice"]
    assert "CLIENTARY_COST_RATES" in answer["notice"]
    assert not any("cost" in user for user in answer["people"])


def three_people(sandbox: Sandbox) -> tuple[int, list[int]]:
    """A project with hours of three people, and their ids."""
    query = "SELECT project_id AS id FROM hours GROUP BY project_id HAVING count(DISTINCT user_id) = 3 LIMIT 1"
    (project,) = rows(sandbox, query)
    people = rows(sandbox, "SELECT DISTINCT user_id FROM hours WHERE project_id = ? ORDER BY 1", project["id"])
    return project["id"], [user["user_id"] for user in people]


def cost_rates(answer: Row) -> dict[int, float | None]:
    return {user["user_id"]: user.get("cost_rate") for user in answer["people"]}


async def test_a_given_cost_rate_overrides_the_setting_and_the_default_covers_the_rest(books: Sandbox) -> None:
    project, (one, two, three) = three_people(books)
    owners = Settings.from_environment(
        {
            "CLIENTARY_BASE_URL": "http://localhost",
            "CLIENTARY_API_TOKEN": books.token,
            "CLIENTARY_COST_RATES": f"{one}: 45.50, {two}: 60,",
        }
    )
    async with agent_of(session_with(books, cost_rates=owners.cost_rates)) as agent:
        given = {"project_id": project, "cost_rates": {str(one): 10.25}, "default_cost_rate": 20}
        answer = await agent.answer("profitability_report", **given)
        assert cost_rates(answer) == {one: 10.25, two: 60, three: 20}
        assert exact(answer["rows"][0]["labour"]) == sum(exact(user["cost"]) for user in answer["people"])
        answer = await agent.answer("profitability_report", project_id=project)
        assert cost_rates(answer) == {one: 45.5, two: 60, three: None}


async def test_staff_without_a_cost_rate_and_rates_without_hours_are_named(reader: Agent, books: Sandbox) -> None:
    project, (one, two, three) = three_people(books)
    answer = await reader.answer("profitability_report", project_id=project, cost_rates={one: 10, 999: 20})
    names = {row["id"]: row["name"] for row in rows(books, "SELECT id, name FROM staff")}
    (message,) = [message for message in answer["left_out"] if "without a cost rate" in message]
    assert message.startswith("2 staff members without a cost rate, whose hours are not in labour: ")
    assert all(f"“{names[user]}” (id {user})" in message for user in (two, three))
    assert "1 cost rate of a person without hours on this project: id 999." in answer["left_out"]
    assert "before the labour of people without a cost rate" in answer["notice"]


@pytest.mark.parametrize("given", [{"1": "41.5"}, '{"1": 41.5}', '{"1": "41.50"}'])
async def test_cost_rates_are_accepted_as_an_object_or_as_json_text(reader: Agent, books: Sandbox, given: Any) -> None:
    (project,) = rows(books, "SELECT project_id AS id FROM hours WHERE user_id = 1 LIMIT 1")
    answer = await reader.answer("profitability_report", project_id=project["id"], cost_rates=given)
    assert cost_rates(answer)[1] == 41.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ann": 5}, "cost_rates.0.staff_id takes a whole number, not 'ann'. Staff with a name like “ann”"),
        ({"0": 5}, "cost_rates.0.staff_id takes the id of a record"),
        ({"1.5": 5}, "cost_rates.0.staff_id takes a whole number"),
        ({"1": -5}, "cost_rates.0.rate must be at least 0"),
        ({"1": 45, "2": "much"}, "cost_rates.1.rate takes a number"),
        ([{"staff_id": 1, "rate": True}], "cost_rates.0.rate takes a number"),
        ([{"staff_id": 1, "rate": 5}, {"staff_id": "1", "rate": 6}], "cost_rates has staff_id 1 more than once"),
        ("1: 45", "cost_rates takes a list"),
    ],
)
async def test_invalid_cost_rates_are_rejected(reader: Agent, given: Any, message: str) -> None:
    assert message in await reader.refusal("profitability_report", project_id=1, cost_rates=given)


# An account with one project and incomplete records


@pytest.fixture
def small() -> Sandbox:
    """A client with a project in EUR."""
    sandbox = Sandbox(TODAY, filled=False)
    client = put(sandbox, "clients", name="Acme")
    put(sandbox, "projects", name="Site", client_id=client, rate=8_000, currency_code="EUR")
    return sandbox


def project_of(sandbox: Sandbox) -> int:
    return int(rows(sandbox, "SELECT id FROM projects")[0]["id"])


def invoice(sandbox: Sandbox, number: str, subtotal: int | None, **values: Any) -> int:
    plain = {"currency_code": "EUR", "total_cost": subtotal, "balance": 0, "total_payments": 0}
    return put(
        sandbox, "invoices", number=number, subtotal=subtotal, project_id=project_of(sandbox), **(plain | values)
    )


def work(sandbox: Sandbox, hours: int, **values: Any) -> int:
    plain = {"title": "Work", "user_id": 1, "cost": 0, "billed": True, "date": "2026-11-02"}
    return put(sandbox, "hours", project_id=project_of(sandbox), hours=hours, **(plain | values))


async def asked(sandbox: Sandbox, **arguments: Any) -> Row:
    async with agent_of(session_with(sandbox)) as agent:
        return await agent.answer("profitability_report", project_id=project_of(sandbox), **arguments)


async def test_other_currencies_are_separate_and_never_added(small: Sandbox) -> None:
    invoice(small, "1", 10_000, total_cost=11_900, total_payments=11_900)
    invoice(small, "2", 50_000, currency_code="USD", total_payments=20_000)
    invoice(small, "3", 70_000, currency_code="USD")
    put(small, "expenses", amount=1_000, incurred_on="2019-02-01", project_id=project_of(small))
    answer = await asked(small)
    (row,) = answer["rows"]
    assert (row["currency_code"], row["invoiced"], row["received"]) == ("EUR", 100, 119)
    assert (row["expenses"], row["margin"], row["percentage"]) == (10, 90, 90)
    assert answer["other_currencies"] == [
        {"currency_code": "USD", "invoices": 2, "invoiced": 1200, "invoiced_with_tax": 1200, "received": 200}
    ]
    assert answer["left_out"] == ["2 invoices in another currency: in other_currencies, not in the row."]


async def test_a_part_payment_counts_in_full_including_tax(small: Sandbox) -> None:
    invoice(small, "1", 10_000, total_cost=12_000, total_payments=6_000, balance=6_000)
    answer = await asked(small)
    (row,) = answer["rows"]
    assert (row["invoiced"], row["invoiced_with_tax"], row["received"]) == (100, 120, 60)
    assert "payments count in full, taxes included" in answer["basis"]


async def test_pending_invoices_count_as_invoiced_and_incomplete_ones_are_named(small: Sandbox) -> None:
    small.switches = Switches(extra_keys=False)
    invoice(small, "P", 10_000, status=5)
    invoice(small, "C", 20_000, status=3, total_payments=5_000)
    lines = invoice(small, "L", None, tax=19_000)
    for title, quantity, price, kind in (("Part one", 0, 0, 0), ("Layout", 150, 3_333, 3), ("Fonts", 100, 1_999, 3)):
        line = {"title": title, "quantity": quantity, "price": price, "taxable": True, "item_type": kind}
        with small.connection:
            small.store.insert("invoice_items", {"invoice_id": lines, **line})
    invoice(small, "N", None)
    answer = await asked(small)
    (row,) = answer["rows"]
    assert row["invoiced"] == 100 + 50 + 19.99
    assert sorted(answer["left_out"]) == [
        "1 cancelled invoice whose payments are not in received (50 EUR): “C”.",
        "1 cancelled invoice: “C”.",
        "1 invoice without a subtotal: “N”.",
    ]


async def test_work_dated_in_the_future_costs_nothing_yet(small: Sandbox) -> None:
    work(small, 200)
    late = work(small, 300, date="2026-11-21")
    work(small, 150, billed=False, user_id=None)
    answer = await asked(small, default_cost_rate=10)
    assert (answer["rows"][0]["hours"], answer["rows"][0]["labour"]) == (3.5, 35)
    assert answer["left_out"] == [
        f"1 hour entry dated in the future (3 hours): id {late}.",
        "Hours that are not billed yet: 1.5; invoiced does not include them.",
    ]
    assert [user["name"] for user in answer["people"]][1:] == ["unknown"]


async def test_a_project_without_activity_earned_nothing(small: Sandbox) -> None:
    run(small, "UPDATE projects SET currency_code = NULL")
    run(small, "UPDATE clients SET currency_code = NULL")
    answer = await asked(small)
    (row,) = answer["rows"]
    names = ("invoiced", "invoiced_with_tax", "received", "expenses", "hours", "labour", "margin")
    assert {row[name] for name in names} == {0}
    assert row["currency_code"] == "unknown"
    assert not {"percentage"} & row.keys()
    assert not {"notice", "left_out", "drafts"} & answer.keys()
    invoice(small, "1", 5_000, currency_code="GBP")
    assert [(row["currency_code"], row["invoiced"]) for row in (await asked(small))["rows"]] == [("GBP", 50)]


async def test_an_invoice_for_several_projects_counts_in_full_and_is_named(
    account: respx.MockRouter, agent: Agent
) -> None:
    account.get("projects/7").respond(json={"id": 7, "name": "Site", "currency_code": "USD", "worked_hours": 0})
    several = [{"id": 7, "name": "Site"}, {"id": 8, "name": "Shop"}]
    record = {"id": 1, "number": "A-1", "status": 4, "currency_code": "USD", "subtotal": "100.10"}
    record |= {
        "total_cost": "100.10",
        "projects": several,
        "payments": [{"id": 5, "amount": "60.05"}, {"id": 6, "amount": 40}],
    }
    account.get("projects/7/invoices").respond(json=listed("invoices", record))
    account.get("expenses").respond(json={"expenses": [{"id": 3, "project_id": 8, "amount": 5}]})
    account.get("staff").respond(403)
    account.get("projects/7/hours").respond(json={"hours": []})
    answer = await agent.answer("profitability_report", project_id=7)
    (row,) = answer["rows"]
    assert (row["invoiced"], row["received"], row["expenses"], row["client"]) == (100.1, 100.05, 0, "no client")
    assert answer["left_out"] == ["1 invoice of several projects, counted in full: “A-1”."]


async def test_an_unanswerable_question_is_refused_with_the_reason(small: Sandbox) -> None:
    async with agent_of(session_with(small)) as agent:
        assert "list_projects" in await agent.refusal("profitability_report", project_id=9)


# The setting


def setting(text: str) -> Settings:
    environment = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t", "CLIENTARY_COST_RATES": text}
    return Settings.from_environment(environment)


def test_cost_rates_are_read_from_the_setting_and_not_shown() -> None:
    settings = setting(" 12: 45.50,14:60 , 7 : 0.125 ")
    assert settings.cost_rates == {12: Decimal("45.50"), 14: Decimal(60), 7: Decimal("0.125")}
    assert "45.5" not in repr(settings)
    assert setting("").cost_rates is None


@pytest.mark.parametrize(
    "text", ["12", "12: -1", "ann: 5", "12: 5; 14: 6", "12: 5, 12: 6", "12: 1e3", "12: 5.1234", "٣: 5"]
)
def test_an_invalid_setting_is_reported_with_an_example(text: str) -> None:
    with pytest.raises(
        SettingsError, match=r"CLIENTARY_COST_RATES must name .* like this: 12: 45\.50, 14: 60\."
    ) as message:
        setting(text)
    assert len(str(message.value).splitlines()) == 1
