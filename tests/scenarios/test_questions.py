"""Questions as users phrase them: the answers match the tables, to the cent and per currency."""

from datetime import date
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY
from tests.scenarios import oracle
from tests.scenarios.account import OWNER, account_with_traps
from tests.scenarios.playing import Play, compare, in_cents

pytestmark = pytest.mark.anyio


async def test_how_many_hours_are_left_in_the_retainer_of_fernhill_dental(play: Play, account: Sandbox) -> None:
    found = (await play.ask("search", query="Fernhill Retainer", types=["project"]))["rows"]
    (retainer,) = [row for row in found if row["name"] == "Fernhill Retainer 2026"]
    answer = await play.ask("project_status", project_id=retainer["id"])
    (row,) = answer["rows"]
    assert (row["budget_type"], row["status"]) == ("hours", "active")
    assert in_cents(row["remaining"]) == oracle.hours_left(account, retainer["id"]) == 1225

    async def alone(play: Play) -> None:
        projects = await play.whole("list_projects", include_completed=True)
        (project,) = [project for project in projects if project["name"] == "Fernhill Retainer 2026"]
        await play.ask("get_project", project_id=project["id"])

    await compare("hours left in a retainer", play, alone, account_with_traps())


async def test_which_clients_owe_more_than_a_thousand_and_are_late(play: Play, account: Sandbox) -> None:
    answer = await play.ask("receivables_report", min_total=1000.01, min_days_overdue=1)
    reported = {(row["client"], row["currency_code"]): in_cents(row["total"]) for row in answer["rows"]}
    expected = oracle.overdue_over(account, 100_000, TODAY)
    assert reported == expected
    assert ("Over The Limit", "EUR") in reported
    assert ("Seen And Late", "EUR") in reported
    names = {name for name, _ in reported}
    traps = {"Exactly At It", "Only A Draft", "Only Cancelled", "Paid In Part", "Due Today", "Two Currencies"}
    assert not names & (traps | {"Paying By Card"})

    async def alone(play: Play) -> None:
        await play.whole("list_invoices")
        await play.whole("list_clients")

    await compare("clients with more than 1,000 overdue", play, alone, account_with_traps())


async def test_what_does_a_contact_found_by_address_owe_on_the_latest_invoice(play: Play, account: Sandbox) -> None:
    answer = await play.ask("client_overview", email=OWNER.upper())
    client = oracle.id_of(account, "clients", "Larkspur Studio")
    assert answer["client"]["id"] == client
    newest = oracle.rows(
        account, "SELECT * FROM invoices WHERE client_id = ? AND status <> 0 ORDER BY date DESC LIMIT 1", client
    )[0]
    latest = answer["latest_invoice"]
    assert (latest["id"], latest["number"]) == (newest["id"], "L-2")
    assert in_cents(latest["balance"]) == newest["balance"]
    assert [in_cents(line["price"]) for line in latest["lines"]] == [45_050]

    async def alone(play: Play) -> None:
        contacts = await play.whole("list_contacts")
        (owner,) = [contact for contact in contacts if contact["email"] == OWNER]
        invoices = await play.whole("list_client_invoices", client_id=owner["client_id"])
        sent = [invoice for invoice in invoices if invoice["status"] != "draft"]
        await play.ask("get_invoice", invoice_id=max(sent, key=lambda invoice: invoice["date"])["id"])

    await compare("the latest invoice of an address's owner", play, alone, account_with_traps())


@pytest.mark.parametrize("day", [date(2026, 9, 30), date(2026, 10, 31), TODAY])
async def test_what_was_owed_to_us_at_the_end_of_a_month(play: Play, account: Sandbox, day: date) -> None:
    answer = await play.ask("receivables_report", as_of=day.isoformat())
    ages = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
    reported = {
        total["currency_code"]: {age: in_cents(total[age]) for age in ages if total[age]} for total in answer["totals"]
    }
    assert reported == oracle.receivables(account, day)

    async def alone(play: Play) -> None:
        await play.whole("list_invoices")
        await play.whole("list_payments")
        await play.whole("list_clients")

    await compare(f"receivables as of {day}", play, alone, account_with_traps())


async def test_which_clients_have_more_than_five_unbilled_hours(play: Play, account: Sandbox) -> None:
    answer = await play.ask("unbilled_report", group_by="client", min_hours=5, include_completed=True)
    reported = {
        (row.get("client_id"), row["currency_code"]): (in_cents(row["hours"]), in_cents(row["amount"]))
        for row in answer["rows"]
    }
    assert reported == oracle.unbilled_by_client(account, 500, TODAY)

    async def alone(play: Play) -> None:
        for project in await play.whole("list_projects", include_completed=True):
            if project["unbilled_hours"]:
                await play.whole("list_project_hours", project_id=project["id"], billed=False)

    await compare("unbilled time by client", play, alone, account_with_traps())


def project_of_three(account: Sandbox) -> dict[str, Any]:
    """An hourly project that three people worked on, and that was invoiced."""
    return oracle.rows(
        account,
        "SELECT projects.id AS id, projects.name AS name FROM projects WHERE"
        " (SELECT count(DISTINCT user_id) FROM hours WHERE project_id = projects.id) = 3"
        " AND EXISTS (SELECT 1 FROM invoices WHERE project_id = projects.id AND status IN (1, 2, 4))"
        " AND EXISTS (SELECT 1 FROM expenses WHERE project_id = projects.id) ORDER BY id",
    )[0]


async def test_what_a_project_with_three_people_earned(play: Play, account: Sandbox) -> None:
    project = project_of_three(account)
    people = [
        row["user_id"]
        for row in oracle.rows(
            account, "SELECT DISTINCT user_id FROM hours WHERE project_id = ? ORDER BY user_id", project["id"]
        )
    ]
    rates = {str(user): 31.25 + 7 * number for number, user in enumerate(people)}
    found = (await play.ask("search", query=project["name"], types=["project"], include_closed=True))["rows"]
    assert project["id"] in [row["id"] for row in found]
    answer = await play.ask("profitability_report", project_id=project["id"], cost_rates=rates)
    (row,) = answer["rows"]
    invoiced = oracle.one(
        account,
        "SELECT coalesce(sum(subtotal), 0) FROM invoices WHERE project_id = ? AND status IN (1, 2, 4, 5)",
        project["id"],
    )
    spent = oracle.one(account, "SELECT sum(amount) FROM expenses WHERE project_id = ?", project["id"])
    labour = 0
    for user in people:
        hours = oracle.one(
            account, "SELECT sum(hours) FROM hours WHERE project_id = ? AND user_id = ?", project["id"], user
        )
        labour += oracle.half_up(hours * int(rates[str(user)] * 100), 100)
    assert in_cents(row["invoiced"]) == invoiced
    assert in_cents(row["expenses"]) == spent
    assert in_cents(row["labour"]) == labour
    assert in_cents(row["margin"]) == invoiced - spent - labour

    async def alone(play: Play) -> None:
        await play.whole("list_projects", include_completed=True)
        await play.whole("list_project_hours", project_id=project["id"])
        await play.whole("list_project_expenses", project_id=project["id"], from_date="2020-01-01")
        for invoice in await play.whole("list_project_invoices", project_id=project["id"]):
            await play.ask("get_invoice", invoice_id=invoice["id"])

    await compare("a project's profit at three people's costs", play, alone, account_with_traps())
