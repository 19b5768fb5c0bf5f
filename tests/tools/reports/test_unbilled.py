"""The report on unbilled work: every figure compared with the account's tables, and what is separate or excluded."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.tables import SWITCHES, exact, put, rows, run

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Figures = dict[tuple[Any, ...], tuple[int, int, int]]

MONEY = ("hours", "amount", "expenses")
SAMPLES = Switches(extra_keys=False)


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """The account for tests that only read; some of its entries have no rate of their own."""
    sandbox = agency()
    run(sandbox, "UPDATE hours SET rate = NULL WHERE id % 5 = 0")
    return sandbox


def reported(answer: Row, *keys: str) -> Figures:
    """The figures of an answer's rows, by these columns."""
    found = {tuple(row.get(key) for key in keys): row for row in answer["rows"]}
    assert len(found) == answer["row_count"]
    return {key: (exact(row["hours"]), exact(row["amount"]), exact(row["expenses"])) for key, row in found.items()}


def half_up(product: int) -> int:
    """Hundredths of an hour times cents, in cents."""
    return (2 * product + 100) // 200


HOURS = (
    "SELECT client_id, projects.id AS project_id, currency_code, hours, coalesce(hours.rate, projects.rate) AS rate,"
    " 0 AS expenses, user_id, substr(date, 1, 7) AS month, date AS day"
    " FROM hours JOIN projects ON projects.id = project_id WHERE NOT billed AND project_type <> 2 AND date <= ?"
)
EXPENSES = (
    "SELECT coalesce(projects.client_id, expenses.client_id) AS client_id, project_id, 0 AS hours, 0 AS rate,"
    " coalesce(projects.currency_code, iif(?, clients.currency_code, 'unknown')) AS currency_code, amount AS expenses,"
    " user_id, substr(incurred_on, 1, 7) AS month, incurred_on AS day"
    " FROM expenses LEFT JOIN projects ON projects.id = project_id LEFT JOIN clients ON clients.id = expenses.client_id"
    " WHERE invoice_id IS NULL AND invoice_item_id IS NULL AND (project_id > 0 OR expenses.client_id > 0)"
    " AND incurred_on <= ?"
)


def expected(sandbox: Sandbox, *, currencies_of_clients: bool = True) -> list[Row]:
    """Every billable unbilled hour entry and expense, with its value in cents."""
    today = TODAY.isoformat()
    return rows(sandbox, HOURS, today) + rows(sandbox, EXPENSES, currencies_of_clients, today)


def summed(found: list[Row], *keys: str) -> Figures:
    sums: Figures = {}
    for row in found:
        key = tuple(row[name] for name in keys)
        hours, amount, expenses = sums.get(key, (0, 0, 0))
        worth = half_up(row["hours"] * row["rate"])
        sums[key] = hours + row["hours"], amount + worth, expenses + row["expenses"]
    return sums


OF_PROJECTS = ("client_id", "project_id", "currency_code")
OF_CLIENTS = ("client_id", "currency_code")


@pytest.mark.parametrize("switches", SWITCHES, ids=["live", "text", "ids", "whole", "bare", "samples"])
async def test_every_unbilled_hour_and_expense_is_listed_however_clientary_answers(
    books: Sandbox, switches: Switches
) -> None:
    books.switches = switches
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("unbilled_report", include_completed=True)
    books.switches = Switches()
    found = expected(books, currencies_of_clients=switches.extra_keys)
    assert reported(answer, *OF_PROJECTS) == summed(found, *OF_PROJECTS)
    totals = {(total["currency_code"],): tuple(exact(total[name]) for name in MONEY) for total in answer["totals"]}
    assert totals == summed(found, "currency_code")
    names = {row["id"]: row["name"] for row in rows(books, "SELECT id, name FROM clients")}
    assert all(row["client"] == names.get(row.get("client_id"), "no client") for row in answer["rows"])


async def test_rows_of_clients_add_up_their_projects_and_the_largest_comes_first(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("unbilled_report", include_completed=True, group_by="client")
    assert reported(answer, *OF_CLIENTS) == summed(expected(books), *OF_CLIENTS)
    order = [(row["currency_code"], -row["amount"] - row["expenses"]) for row in answer["rows"]]
    assert order == sorted(order)
    assert not {"project", "project_id"} & answer["rows"][0].keys()


@pytest.mark.parametrize(
    ("group_by", "columns"),
    [
        ("client,month", ("client_id", "client", "month")),
        ("month,project", ("month", "client_id", "client", "project_id", "project", "status")),
        ("person,client", ("user_id", "person", "client_id", "client")),
        ("project,person", ("client_id", "client", "project_id", "project", "status", "user_id", "person")),
    ],
)
async def test_rows_of_two_words_hold_the_columns_of_both_and_add_up_to_the_same(
    reader: Agent, books: Sandbox, group_by: str, columns: tuple[str, ...]
) -> None:
    asked = {"include_completed": True, "from_date": "2026-10-01"}  # all rows do not fit into one answer
    answer = await reader.answer("unbilled_report", group_by=group_by, **asked)
    keys = [name for name in (*columns, "currency_code") if name not in ("client", "project", "person", "status")]
    assert reported(answer, *keys) == summed(
        [row for row in expected(books) if row["day"] >= asked["from_date"]], *keys
    )
    whole = next(row for row in answer["rows"] if all(row.get(name) for name in columns))
    assert tuple(whole)[: len(columns) + 1] == (*columns, "currency_code")
    people = {row["id"]: row["name"] for row in rows(books, "SELECT id, name FROM staff")}
    assert all(row["person"] == people[row["user_id"]] for row in answer["rows"] if "person" in columns)
    assert answer["totals"] == (await reader.answer("unbilled_report", **asked))["totals"]


async def test_rows_below_the_minimum_hours_are_excluded_and_counted(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("unbilled_report", include_completed=True, group_by="client", min_hours=20.5)
    whole = summed(expected(books), *OF_CLIENTS)
    enough = {key: figures for key, figures in whole.items() if figures[0] >= 2050}
    assert 0 < len(enough) < len(whole)
    assert reported(answer, *OF_CLIENTS) == enough
    fixed = await reader.answer("unbilled_report", include_completed=True, group_by="client")
    fewer = len(whole) - len(enough) + sum(row["hours"] < 20.5 for row in fixed["fixed_price"])
    assert f"{fewer} rows with fewer than 20.5 unbilled hours." in answer["left_out"]
    assert sum(exact(total["amount"]) for total in answer["totals"]) == sum(figures[1] for figures in enough.values())


async def test_fixed_price_hours_have_one_row_a_group_the_most_hours_first(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("unbilled_report", include_completed=True, group_by="client")
    apart = [(row["client_id"], row["hours"]) for row in answer["fixed_price"]]
    assert len({client for client, _ in apart}) == len(apart) > 2
    assert [hours for _, hours in apart] == sorted((hours for _, hours in apart), reverse=True)


async def test_fixed_price_hours_are_separate_and_have_no_value(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("unbilled_report", include_completed=True)
    fixed = rows(
        books,
        "SELECT project_id, sum(hours) AS hours, min(date) AS first_date, max(date) AS last_date FROM hours"
        " JOIN projects ON projects.id = project_id WHERE NOT billed AND project_type = 2 GROUP BY project_id",
    )
    columns = ("project_id", "first_date", "last_date")
    apart = [{**{name: row[name] for name in columns}, "hours": exact(row["hours"])} for row in answer["fixed_price"]]
    assert sorted(apart, key=lambda row: row["project_id"]) == fixed
    assert not {"amount", "currency_code"} & answer["fixed_price"][0].keys()
    assert "fixed-price" in answer["basis"]


async def test_one_clients_work_includes_expenses_without_a_project(reader: Agent, books: Sandbox) -> None:
    (client,) = rows(
        books,
        "SELECT client_id AS id FROM expenses WHERE project_id IS NULL AND client_id IN"
        " (SELECT client_id FROM hours JOIN projects ON projects.id = project_id WHERE NOT billed) LIMIT 1",
    )
    answer = await reader.answer("unbilled_report", include_completed=True, client_id=client["id"])
    own = [row for row in expected(books) if row["client_id"] == client["id"]]
    assert reported(answer, *OF_PROJECTS) == summed(own, *OF_PROJECTS)
    assert "no project" in [row["project"] for row in answer["rows"]]
    assert "left_out" not in answer


async def test_one_projects_work_includes_no_other(reader: Agent, books: Sandbox) -> None:
    (project,) = rows(
        books,
        "SELECT project_id AS id FROM expenses INTERSECT SELECT project_id FROM hours JOIN projects"
        " ON projects.id = project_id WHERE NOT billed AND project_type = 0 LIMIT 1",
    )
    answer = await reader.answer("unbilled_report", project_id=project["id"])
    own = [row for row in expected(books) if row["project_id"] == project["id"]]
    assert reported(answer, *OF_PROJECTS) == summed(own, *OF_PROJECTS)
    assert [path for _, path in books.requests if "/hours" in path] == [
        f"/api/v2/projects/{project['id']}/hours?filter=unbilled"
    ]


async def test_the_date_range_is_inclusive(reader: Agent, books: Sandbox) -> None:
    days = {"from_date": "2026-09-14", "to_date": "2026-10-30"}
    answer = await reader.answer("unbilled_report", include_completed=True, **days)
    found = [row for row in expected(books) if days["from_date"] <= row["day"] <= days["to_date"]]
    borders = {row["day"] for row in expected(books)} & {"2026-09-11", *days.values(), "2026-10-31"}
    assert len(borders) >= 3, "else the ends show nothing"
    assert reported(answer, *OF_PROJECTS) == summed(found, *OF_PROJECTS)
    assert answer.items() >= days.items()
    for row in answer["rows"]:
        assert days["from_date"] <= row["first_date"] <= row["last_date"] <= days["to_date"]


async def test_of_projects_without_unbilled_hours_only_a_few_are_read(reader: Agent, books: Sandbox) -> None:
    await reader.answer("unbilled_report", include_completed=True)
    asked = {int(path.split("/")[-2]) for _, path in books.requests if "/hours?filter=unbilled" in path}
    unbilled = {row["project_id"] for row in rows(books, "SELECT DISTINCT project_id FROM hours WHERE NOT billed")}
    assert unbilled < asked
    assert len(asked - unbilled) == 3


# An account with one project and incomplete records


@pytest.fixture
def small() -> Sandbox:
    """A client with a project at 80.00 an hour in EUR, and nothing done yet."""
    sandbox = Sandbox(TODAY, filled=False)
    client = put(sandbox, "clients", name="Acme", currency_code="GBP")
    put(sandbox, "projects", name="Site", client_id=client, rate=8_000, currency_code="EUR")
    return sandbox


def work(sandbox: Sandbox, hours: int, day: str | None = "2026-11-02", **values: Any) -> int:
    project = rows(sandbox, "SELECT id FROM projects")[0]["id"]
    plain = {"title": "Work", "user_id": 1, "rate": None, "cost": 0, "billed": False}
    return put(sandbox, "hours", project_id=project, hours=hours, date=day, **(plain | values))


async def asked(sandbox: Sandbox, **arguments: Any) -> Row:
    async with agent_of(session_with(sandbox)) as agent:
        return await agent.answer("unbilled_report", **arguments)


async def test_an_entrys_rate_overrides_its_projects_and_each_is_rounded_to_the_cent(small: Sandbox) -> None:
    work(small, 125)
    work(small, 133, rate=10_050)  # 133.665
    work(small, 1, rate=50)  # 0.005
    work(small, 100, rate=0)
    (row,) = (await asked(small))["rows"]
    assert (row["hours"], row["amount"], row["currency_code"]) == (3.59, 233.68, "EUR")


async def test_work_dated_in_the_future_does_not_count_yet(small: Sandbox) -> None:
    work(small, 200, TODAY.isoformat())
    work(small, 300, "2026-11-21")
    work(small, 300, "2027-02-01")
    answer = await asked(small)
    assert [row["hours"] for row in answer["rows"]] == [2]
    assert answer["left_out"] == ["2 hour entries dated in the future (480.00 EUR, 6 hours)."]
    answer = await asked(small, from_date="2026-11-01", to_date="2026-12-31")
    assert [row["hours"] for row in answer["rows"]] == [2]
    assert answer["left_out"] == ["1 hour entry dated in the future (240.00 EUR, 3 hours)."]
    assert "left_out" not in await asked(small, to_date=TODAY.isoformat())


async def test_hours_without_a_rate_are_counted_and_named(small: Sandbox) -> None:
    run(small, "UPDATE projects SET rate = NULL")
    work(small, 150, rate=10_000)
    unpriced = work(small, 250)
    answer = await asked(small)
    assert [(row["hours"], row["amount"]) for row in answer["rows"]] == [(4, 150)]
    (text,) = answer["left_out"]
    assert text == f"1 hour entry without a rate, counted in hours and not in amount: id {unpriced} of “Site”."


async def test_work_without_a_date_counts_only_without_a_date_range(small: Sandbox) -> None:
    undated = work(small, 100, None)
    (row,) = (await asked(small))["rows"]
    assert row["hours"] == 1
    assert not {"first_date", "last_date"} & row.keys()
    answer = await asked(small, from_date="2026-01-01")
    assert answer["rows"] == []
    assert answer["left_out"] == [f"1 hour entry without a date: id {undated}."]


@pytest.mark.parametrize("billed", ["invoice_id", "invoice_item_id"])
async def test_expenses_on_an_invoice_are_billed(small: Sandbox, billed: str) -> None:
    client, project = (rows(small, f"SELECT id FROM {table}")[0]["id"] for table in ("clients", "projects"))  # noqa: S608 ours
    invoice = put(small, "invoices", number="1", client_id=client)
    on_it = {"client_id": client, "project_id": project, "incurred_on": "2019-05-01"}
    put(small, "expenses", amount=9_999, **on_it, **{billed: invoice})
    put(small, "expenses", amount=1_050, **on_it)
    put(small, "expenses", amount=None, **on_it)
    put(small, "expenses", amount=500, incurred_on="2026-11-21", client_id=client)
    answer = await asked(small)
    assert reported(answer, *OF_PROJECTS) == {(client, project, "EUR"): (0, 0, 1_050)}
    assert answer["left_out"] == [
        f"1 expense without an amount: id {max_id(small, 'expenses') - 1}.",
        "1 expense dated in the future (5.00 GBP).",
    ]


def max_id(sandbox: Sandbox, table: str) -> int:
    return int(rows(sandbox, f"SELECT max(id) AS id FROM {table}")[0]["id"])  # noqa: S608 ours


async def test_expenses_use_their_projects_currency_or_else_their_clients(small: Sandbox) -> None:
    client, project = (rows(small, f"SELECT id FROM {table}")[0]["id"] for table in ("clients", "projects"))  # noqa: S608 ours
    put(small, "expenses", amount=100, incurred_on="2026-11-02", client_id=client)
    put(small, "expenses", amount=200, incurred_on="2026-11-02", project_id=project)
    put(small, "expenses", amount=400, incurred_on="2026-11-02")
    answer = await asked(small)
    assert reported(answer, "client", "project", "currency_code") == {
        ("Acme", "Site", "EUR"): (0, 0, 200),
        ("Acme", "no project", "GBP"): (0, 0, 100),
    }
    assert answer["left_out"] == ["1 expense of no client and no project (4 in expenses)."]
    by_client = await asked(small, group_by="client")
    assert reported(by_client, "client", "currency_code") == {
        ("Acme", "EUR"): (0, 0, 200),
        ("Acme", "GBP"): (0, 0, 100),
    }


@pytest.mark.parametrize("currency_code", ["EUR", None])
async def test_expenses_of_a_project_without_a_client_name_are_listed(
    small: Sandbox, currency_code: str | None
) -> None:
    small.switches = Switches(nested_client_in_projects=False)
    run(small, "UPDATE projects SET currency_code = ?", currency_code)
    project = rows(small, "SELECT id FROM projects")[0]["id"]
    put(small, "expenses", amount=200, incurred_on="2026-11-02", project_id=project)
    answer = await asked(small)
    assert reported(answer, "client", "currency_code") == {("Acme", currency_code or "GBP"): (0, 0, 200)}
    (total,) = answer["totals"]
    assert total == {
        "currency_code": currency_code or "GBP", "count": 1, "hours": 0, "amount": 0, "expenses": 2,
    }  # fmt: skip


async def test_totals_count_the_entries_and_expenses_and_not_the_rows(small: Sandbox) -> None:
    work(small, 100)
    work(small, 200)
    assert [(total["count"], total["hours"]) for total in (await asked(small))["totals"]] == [(2, 3)]


async def test_a_project_without_a_currency_uses_its_clients_or_else_none(small: Sandbox) -> None:
    run(small, "UPDATE projects SET currency_code = NULL")
    work(small, 100)
    assert [row["currency_code"] for row in (await asked(small))["rows"]] == ["GBP"]
    run(small, "UPDATE projects SET client_id = NULL")
    (row,) = (await asked(small))["rows"]
    assert (row["client"], row["currency_code"], row["amount"]) == ("no client", "unknown", 80)


async def test_an_empty_account_has_nothing_unbilled() -> None:
    answer = await asked(Sandbox(TODAY, filled=False))
    assert (answer["rows"], answer["row_count"], answer["totals"]) == ([], 0, [])
    assert answer["to_date"] == TODAY.isoformat()


async def test_an_unanswerable_question_is_refused_with_the_reason(small: Sandbox) -> None:
    project = rows(small, "SELECT id FROM projects")[0]["id"]
    async with agent_of(session_with(small)) as agent:
        text = await agent.refusal("unbilled_report", project_id=project, client_id=9)
        assert f"Project {project} does not belong to client 9" in text
        assert "list_clients" in await agent.refusal("unbilled_report", client_id=9)
        assert "list_projects" in await agent.refusal("unbilled_report", project_id=9)
        text = await agent.refusal("unbilled_report", from_date="2026-11-02", to_date="2026-11-01")
        assert "from_date after to_date" in text
