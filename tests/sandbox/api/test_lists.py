"""Lists: envelopes, pages, orders and filters."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clientary_mcp.sandbox import Sandbox, Switches

pytestmark = pytest.mark.anyio

Reach = Callable[[Sandbox], httpx.AsyncClient]

PAGE_SIZES = {
    "clients": 10,
    "contacts": 10,
    "leads": 10,
    "projects": 20,
    "tasks": 50,
    "invoices": 30,
    "estimates": 30,
    "payments": 30,
    "recurring": 10,
}


@pytest.fixture
def wire(agency: Sandbox, reach: Reach) -> httpx.AsyncClient:
    """A client of the filled account."""
    return reach(agency)


async def read(wire: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    """A list's answer."""
    reply = await wire.get(path, params=query)
    assert reply.status_code == 200
    answer: dict[str, Any] = reply.json()
    return answer


async def read_all(wire: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """The records of all pages."""
    key, page, records = path.rsplit("/", 1)[-1], 1, []
    while True:
        answer = await read(wire, path, page=page, **query)
        records += answer[key]
        if page >= answer["page_count"]:
            assert len(records) == answer["total_count"]
            return records
        page += 1


def first_id(agency: Sandbox, query: str) -> int:
    """The first id that a query finds."""
    found: int = agency.connection.execute(query).fetchone()[0]
    return found


@pytest.mark.parametrize(("path", "size"), PAGE_SIZES.items())
async def test_pages_have_their_documented_size_and_join_to_the_whole(
    wire: httpx.AsyncClient, path: str, size: int
) -> None:
    answer = await read(wire, path)
    assert set(answer) == {path, "page_count", "page_size", "total_count"}
    assert answer["page_size"] == size
    assert len(answer[path]) == min(size, answer["total_count"])
    records = await read_all(wire, path)
    assert len({record["id"] for record in records}) == answer["total_count"]


async def test_a_page_past_the_end_is_empty(wire: httpx.AsyncClient) -> None:
    assert (await read(wire, "clients", page=8))["clients"] == []


@pytest.mark.parametrize("page", ["0", "-1", "x", ""])
async def test_a_page_that_is_none_is_the_first(wire: httpx.AsyncClient, page: str) -> None:
    assert await read(wire, "clients", page=page) == await read(wire, "clients")


async def test_hours_and_staff_come_without_page_keys_and_whole(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    project = first_id(agency, "SELECT project_id FROM hours GROUP BY 1 HAVING count(*) > 60")
    assert set(await read(wire, f"projects/{project}/hours")) == {"hours"}
    assert len((await read(wire, f"projects/{project}/hours"))["hours"]) > 60
    assert set(await read(wire, "staff")) == {"staff"}


async def test_payment_profiles_are_as_many_as_their_page_size(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    client = first_id(agency, "SELECT client_id FROM payment_profiles GROUP BY 1 HAVING count(*) = 2")
    answer = await read(wire, f"clients/{client}/payment_profiles")
    assert (answer["page_count"], answer["page_size"], answer["total_count"]) == (1, 2, 2)
    assert answer["payment_profiles"][0]["gateway_token"].startswith("cus_")


async def test_contacts_honour_page_size_up_to_a_hundred(wire: httpx.AsyncClient) -> None:
    assert len((await read(wire, "contacts", page_size=100))["contacts"]) == 100
    assert (await read(wire, "contacts", page_size=500))["page_size"] == 100


async def test_other_lists_honour_page_size_only_when_switched(reach: Reach) -> None:
    account = Sandbox(switches=Switches(honour_page_size=True))
    assert len((await read(reach(account), "clients", page_size=25))["clients"]) == 25
    account.switches = Switches()
    assert len((await read(reach(account), "clients", page_size=25))["clients"]) == 10


async def test_lists_under_a_parent_hold_what_is_its_own(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    client = first_id(agency, "SELECT client_id FROM invoices GROUP BY 1 HAVING count(*) > 30")
    invoices = await read_all(wire, f"clients/{client}/invoices")
    assert len(invoices) > 30
    assert {invoice["client_id"] for invoice in invoices} == {client}
    projects = await read(wire, f"clients/{client}/projects")
    assert projects["page_size"] == 10
    schedule = first_id(agency, "SELECT recurring_schedule_id FROM invoices WHERE recurring_schedule_id > 0")
    made = await read_all(wire, f"recurring/{schedule}/invoices")
    assert all(invoice["recurring_schedules"] == [{"id": schedule}] for invoice in made)
    project = first_id(agency, "SELECT project_id FROM tasks WHERE project_id > 0")
    for kind in ("tasks", "invoices", "estimates"):
        answer = await read(wire, f"projects/{project}/{kind}")
        where = f"SELECT count(*) FROM {kind} WHERE project_id = {project}"  # noqa: S608 names are written here
        assert answer["total_count"] == first_id(agency, where)


async def test_projects_hide_completed_ones_unless_asked_for_all(wire: httpx.AsyncClient) -> None:
    current = await read_all(wire, "projects")
    assert len(current) == 41
    assert {project["status"] for project in current} == {1, 4}
    assert len(await read_all(wire, "projects", filter="all")) == 77


async def test_hours_can_be_narrowed_to_billed_or_unbilled(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    project = first_id(agency, "SELECT project_id FROM hours GROUP BY 1 HAVING min(billed) < max(billed)")
    path = f"projects/{project}/hours"
    billed, unbilled = await read(wire, path, filter="billed"), await read(wire, path, filter="unbilled")
    assert {entry["billed?"] for entry in billed["hours"]} == {True}
    assert {entry["billed?"] for entry in unbilled["hours"]} == {False}
    assert len((await read(wire, path))["hours"]) == len(billed["hours"]) + len(unbilled["hours"])


async def test_a_project_tells_what_its_hours_add_up_to(wire: httpx.AsyncClient) -> None:
    for project in (await read(wire, "projects"))["projects"]:
        hours = (await read(wire, f"projects/{project['id']}/hours"))["hours"]
        assert project["worked_hours"] == sum(entry["hours"] for entry in hours)
        assert project["unbilled_hours"] == sum(entry["hours"] for entry in hours if not entry["billed?"])
        assert round(project["cost"] * 100) == sum(round(entry["cost"] * 100) for entry in hours)


async def test_clients_tell_what_they_owe(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    for client in await read_all(wire, "clients"):
        owed = f"SELECT total(balance) FROM invoices WHERE status IN (1, 2, 5) AND client_id = {client['id']}"  # noqa: S608 an id
        assert round(client["amount_outstanding"] * 100) == first_id(agency, owed)


async def test_expenses_are_of_this_fiscal_year_unless_dates_are_given(wire: httpx.AsyncClient) -> None:
    answer = await read(wire, "expenses")
    assert set(answer) == {"expenses", "total_count", "from_date", "to_date"}
    assert (answer["from_date"], answer["to_date"]) == ("2025/06/01", "2026/05/31")
    assert answer["total_count"] == len(answer["expenses"]) == 143
    everything = await read(wire, "expenses", from_date="2020-01-01", to_date="2026/03/17")
    assert everything["total_count"] == 183
    assert (everything["from_date"], everything["to_date"]) == ("2020/01/01", "2026/03/17")


async def test_expenses_of_clients_and_projects_take_dates_too(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    for parent, key in (("clients", "client_id"), ("projects", "project_id")):
        owner = first_id(agency, f"SELECT {key} FROM expenses WHERE incurred_on < '2025-06-01' AND {key} > 0")  # noqa: S608 as above
        path = f"{parent}/{owner}/expenses"
        old = await read(wire, path, from_date="2020-01-01", to_date="2025-05-31")
        assert old["total_count"] >= 1
        assert {expense[key] for expense in old["expenses"]} == {owner}
        assert all(expense["incurred_on"] >= "2025/06/01" for expense in (await read(wire, path))["expenses"])


@pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"])
async def test_updated_since_takes_dates_and_timestamps(agency: Sandbox, wire: httpx.AsyncClient, moment: str) -> None:
    for path in ("clients", "invoices"):
        found = await read_all(wire, path, updated_since=moment)
        since = f"SELECT count(*) FROM {path} WHERE updated_at >= '2026-01-01T00:00:00Z'"  # noqa: S608 as above
        assert 0 < len(found) == first_id(agency, since)


async def test_orders_are_the_documented_ones(wire: httpx.AsyncClient) -> None:
    names = [client["name"] for client in await read_all(wire, "clients")]
    assert names == sorted(names, key=str.lower)
    by_date = [client["created_at"] for client in await read_all(wire, "clients", sort="date")]
    assert by_date == sorted(by_date, reverse=True)
    newest = [lead["created_at"] for lead in await read_all(wire, "leads")]
    assert newest == sorted(newest, reverse=True)
    assert [lead["created_at"] for lead in await read_all(wire, "leads", sort="oldest")] == sorted(newest)
    leads = [lead["name"] for lead in await read_all(wire, "leads", sort="name")]
    assert leads == sorted(leads, key=str.lower)
    received = [payment["received_on"] for payment in await read_all(wire, "payments")]
    assert received == sorted(received, reverse=True)
    created = [payment["created_at"] for payment in await read_all(wire, "payments", sort="created_at")]
    assert created == sorted(created, reverse=True)


async def test_reading_everything_changes_nothing(agency: Sandbox, wire: httpx.AsyncClient) -> None:
    before = agency.connection.total_changes
    agency.requests.clear()
    for path in (*PAGE_SIZES, "expenses", "staff"):
        await read(wire, path, page=1)
    assert agency.connection.total_changes == before
    assert {method for method, _ in agency.requests} == {"GET"}
    assert ("GET", "/api/v2/clients?page=1") in agency.requests
