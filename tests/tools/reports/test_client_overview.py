"""The client overview: every figure compared with SQL on the account's own tables."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from clientary_mcp.settings import Settings
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.tables import put

pytestmark = pytest.mark.anyio

DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def full() -> Sandbox:
    """The agency's account, for tests that only read."""
    return agency()


def rows(sandbox: Sandbox, query: str, *values: Any) -> list[Row]:
    return [dict(row) for row in sandbox.connection.execute(query, values)]


def money(cents: int) -> float:
    return float(Decimal(cents) / 100)


def balances(sandbox: Sandbox, client_id: int) -> list[Row]:
    """The expected rows, from the tables."""
    sums = "sum(iif({0}, balance, 0))"
    counts = "sum({0})"
    open_, pending = "status IN (1, 2) AND balance > 0", "status = 5 AND balance > 0"
    found = rows(
        sandbox,
        f"SELECT currency_code, {sums.format(open_)} AS open, {counts.format(open_)} AS open_invoices,"  # noqa: S608 - written here
        f" {sums.format(f'{open_} AND due_date < ?')} AS overdue, {sums.format(pending)} AS pending,"
        f" {counts.format(pending)} AS pending_invoices, 0 AS credits, 0 AS future, 0 AS future_invoices"
        " FROM invoices WHERE client_id = ?"
        f" GROUP BY currency_code HAVING open > 0 OR pending > 0 ORDER BY currency_code",
        TODAY.isoformat(),
        client_id,
    )
    return [
        row | {name: money(row[name]) for name in ("open", "overdue", "pending")} | {"net": money(row["open"])}
        for row in found
    ]


ANSWERS = {
    "as usual": Switches(),
    "as documented": Switches(extra_keys=False, nested_client_in_projects=False),
    "without page keys": Switches(page_keys=False),
    "ISO dates, money as text, nulls": Switches(dates="iso", money_as_text=True, nulls=True),
}


@pytest.mark.parametrize("switches", ANSWERS.values(), ids=ANSWERS)
async def test_open_balances_match_the_account_to_the_cent(full: Sandbox, switches: Switches) -> None:
    clients = [row["id"] for row in rows(full, "SELECT id FROM clients ORDER BY id LIMIT 20")]
    full.switches = switches
    async with agent_of(session_with(full)) as agent:
        answers = {client: (await agent.answer("client_overview", client_id=client))["rows"] for client in clients}
    assert answers == {client: balances(full, client) for client in clients}
    assert sum(row["pending_invoices"] for reported in answers.values() for row in reported) > 0
    assert sum(row["overdue"] for reported in answers.values() for row in reported) > 0


async def test_the_latest_invoice_is_the_newest_that_is_neither_draft_nor_cancelled(full: Sandbox) -> None:
    full.switches = Switches()
    async with agent_of(session_with(full)) as agent:
        for client in rows(full, "SELECT DISTINCT client_id AS id FROM invoices WHERE status NOT IN (0, 3)"):
            reported = (await agent.answer("client_overview", client_id=client["id"]))["latest_invoice"]
            latest, *_ = rows(
                full,
                "SELECT * FROM invoices WHERE client_id = ? AND status NOT IN (0, 3) ORDER BY date DESC, id DESC",
                client["id"],
            )
            lines = rows(full, "SELECT * FROM invoice_items WHERE invoice_id = ? ORDER BY id", latest["id"])
            assert (reported["id"], reported["number"], reported["date"]) == (
                latest["id"],
                latest["number"],
                latest["date"],
            )
            assert (reported["total_cost"], reported["balance"]) == (
                money(latest["total_cost"]),
                money(latest["balance"]),
            )
            assert reported["lines"] == [
                {"section": line["title"]}
                if line["item_type"] == 0
                else {"title": line["title"], "quantity": line["quantity"] / 100, "price": money(line["price"])}
                for line in lines
            ]


async def test_a_draft_is_neither_the_latest_invoice_nor_owed_and_is_listed_apart(
    books: Sandbox, reader: Agent
) -> None:
    acme = put(books, "clients", name="Acme")
    put(books, "invoices", client_id=acme, number="5", date="2026-10-02", status=PAID)  # of the same day, made before
    latest = put(books, "invoices", client_id=acme, number="7", date="2026-10-02", balance=5_000, total_cost=5_000)
    put(books, "invoices", client_id=acme, number="6", date="2026-10-01", status=PAID)
    put(books, "invoices", client_id=acme, number="9", date="2026-11-02", status=CANCELLED, balance=700)
    draft = put(books, "invoices", client_id=acme, number="8", date="2026-11-01", status=DRAFT, balance=900)
    answer = await reader.answer("client_overview", client_id=acme)
    assert answer["latest_invoice"]["id"] == latest
    assert [invoice["id"] for invoice in answer["draft_invoices"]] == [draft]
    assert [(row["open"], row["pending"]) for row in answer["rows"]] == [(50, 0)]
    assert "1 cancelled invoice." in answer["left_out"]


async def test_currencies_are_never_added_up(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    for code, balance, status in (("USD", 1_000, SENT), ("EUR", 250, VIEWED), ("EUR", 333, SENT), ("GBP", 7, PENDING)):
        put(
            books, "invoices", client_id=acme, currency_code=code, balance=balance, status=status, due_date="2026-11-20"
        )
    answer = await reader.answer("client_overview", client_id=acme)
    names = ("currency_code", "open", "open_invoices", "overdue", "pending", "pending_invoices")
    expected = [("EUR", 5.83, 2, 0, 0, 0), ("GBP", 0, 0, 0, 0.07, 1), ("USD", 10, 1, 0, 0, 0)]
    assert [tuple(row[name] for name in names) for row in answer["rows"]] == expected


async def test_budgets_show_used_and_remaining_amounts(full: Sandbox) -> None:
    full.switches = Switches()
    seen = set()
    async with agent_of(session_with(full)) as agent:
        for client in rows(full, "SELECT DISTINCT client_id AS id FROM projects WHERE client_id IS NOT NULL"):
            reported = (await agent.answer("client_overview", client_id=client["id"]))["open_projects"]
            there = rows(
                full,
                "SELECT p.*, coalesce(sum(h.hours), 0) AS hours, coalesce(sum(h.cost), 0) AS worth FROM projects p"
                " LEFT JOIN hours h ON h.project_id = p.id WHERE client_id = ? AND status <> 2 GROUP BY p.id",
                client["id"],
            )
            assert {project["id"] for project in reported} == {project["id"] for project in there}
            by_id = {project["id"]: project for project in reported}
            for project in there:
                shown = by_id[project["id"]]
                seen.add((project["budget"] is None, project["budget_type"]))
                if project["budget"] is None:
                    assert shown["budget"] == "no budget"
                    assert not {"used", "remaining", "budget_type"} & shown.keys()
                    continue
                used = project["worth"] if project["budget_type"] else project["hours"]
                assert shown["budget_type"] == ("amount" if project["budget_type"] else "hours")
                assert shown["used"] == money(used)
                assert shown["remaining"] == money(project["budget"] - used)
    assert seen >= {(False, 0), (False, 1), (True, 0)}


async def test_estimates_are_grouped_by_outcome(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    ids = [put(books, "estimates", client_id=acme, status=status, date=f"2026-10-0{status + 1}") for status in range(8)]
    answer = await reader.answer("client_overview", client_id=acme)
    draft, sent, viewed, _, _, revised, accepted, _ = ids
    assert [each["id"] for each in answer["open_estimates"]] == [revised, viewed, sent]
    assert [each["id"] for each in answer["accepted_estimates"]] == [accepted]
    assert [each["id"] for each in answer["draft_estimates"]] == [draft]
    assert answer["left_out"] == ["3 estimates (cancelled, declined or archived)."]


async def test_contacts_are_listed_with_their_addresses(full: Sandbox) -> None:
    full.switches = Switches()
    (client,) = rows(
        full, "SELECT client_id AS id FROM contacts WHERE client_id > 0 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    async with agent_of(session_with(full)) as agent:
        reported = (await agent.answer("client_overview", client_id=client["id"]))["contacts"]
    there = rows(full, "SELECT * FROM contacts WHERE client_id = ?", client["id"])
    assert {(each["id"], each["name"], each["email"]) for each in reported} == {
        (each["id"], each["name"], each["email"]) for each in there
    }


async def test_a_new_client_has_an_overview_too(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    answer = await reader.answer("client_overview", client_id=acme)
    assert answer["client"] == {"id": acme, "name": "Acme", "status": "active"}
    assert (answer["rows"], answer["latest_invoice"]) == ([], "none")
    for part in ("contacts", "draft_invoices", "open_projects", "open_estimates"):
        assert answer[part] == []
    assert "left_out" not in answer


# By e-mail address


@pytest.mark.parametrize("form", [str, str.upper, " {} ".format])
async def test_an_email_address_works_like_the_id(full: Sandbox, form: Any) -> None:
    full.switches = Switches()
    full.requests.clear()
    (contact,) = rows(full, "SELECT * FROM contacts WHERE client_id IS NOT NULL ORDER BY id DESC LIMIT 1")
    async with agent_of(session_with(full)) as agent:
        answer = await agent.answer("client_overview", email=form(contact["email"]))
        assert answer.pop("owns_the_address") == [{"contact_id": contact["id"], "name": contact["name"]}]
        assert all("page_size=100" in path for _, path in full.requests if "/contacts" in path)
        assert answer == await agent.answer("client_overview", client_id=contact["client_id"])


@pytest.mark.parametrize(
    ("there", "given"),
    [
        ("ann@b\u00fccher.example", "ANN@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "Ann <ann@b\u00fccher.example>"),
        ("Ann Lee <ann@x.example>", "mailto:ann@x.example"),
    ],
)
async def test_an_email_address_is_found_in_another_form(books: Sandbox, reader: Agent, there: str, given: str) -> None:
    acme = put(books, "clients", name="Acme")
    put(books, "contacts", client_id=acme, name="Ann Lee", email=there)
    assert (await reader.answer("client_overview", email=given))["client"]["id"] == acme


async def test_an_unknown_email_address_is_rejected_with_the_nearest(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    put(books, "contacts", client_id=acme, name="Ann Lee", email="ann.lee@acme.example")
    put(books, "contacts", client_id=acme, name="Zoe", email="zoe@other.example")
    text = await reader.refusal("client_overview", email="an.lee@acme.exmple")
    assert "No contact has the address “an.lee@acme.exmple”." in text
    assert f"Nearest matches: “ann.lee@acme.example”, “Ann Lee” of client {acme} “Acme”" in text


async def test_an_email_address_shared_by_several_clients_is_ambiguous(books: Sandbox, reader: Agent) -> None:
    ids = [put(books, "clients", name=name) for name in ("Acme", "Globex")]
    for client_id, email in zip(ids, ("office@agent.example", "Office@Agent.Example"), strict=True):
        put(books, "contacts", client_id=client_id, name="Ann Lee", email=email)
    text = await reader.refusal("client_overview", email="office@agent.example")
    assert "Contacts of 2 clients have the address “office@agent.example”" in text
    assert f"of client {ids[0]} “Acme”" in text
    assert f"of client {ids[1]} “Globex”" in text
    assert "Pass client_id." in text
    assert not [path for _, path in books.requests if path.endswith("/invoices")]


async def test_two_contacts_of_one_client_may_share_an_email_address(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    people = [put(books, "contacts", client_id=acme, name=name, email="office@acme.example") for name in ("Ann", "Ben")]
    answer = await reader.answer("client_overview", email="office@acme.example")
    assert {each["contact_id"] for each in answer["owns_the_address"]} == set(people)


async def test_the_email_address_of_a_leads_contact_is_reported_as_such(books: Sandbox, reader: Agent) -> None:
    lead = put(books, "leads", name="Initech")
    put(books, "contacts", lead_id=lead, name="Bill", email="bill@initech.example")
    text = await reader.refusal("client_overview", email="bill@initech.example")
    assert "belongs to a contact of a lead, not of a client" in text
    assert f"“Bill” of lead {lead} “Initech”" in text
    books.switches = Switches(extra_keys=False)  # then Clientary does not name the lead
    text = await reader.refusal("client_overview", email="bill@initech.example")
    assert "belongs to a contact of a lead, not of a client" in text


async def test_a_lead_with_the_address_of_a_clients_contact_is_mentioned(books: Sandbox, reader: Agent) -> None:
    acme, lead = put(books, "clients", name="Acme"), put(books, "leads", name="Initech")
    put(books, "contacts", client_id=acme, name="Ann", email="ann@acme.example")
    put(books, "contacts", lead_id=lead, name="Ann again", email="ann@acme.example")
    answer = await reader.answer("client_overview", email="ann@acme.example")
    assert answer["client"]["id"] == acme
    assert "1 contact of a lead with the same address: “Ann again”." in answer["left_out"]


# Incomplete, wrong or missing records


def played(denied: Collection[str] = (), **lists: list[Row]) -> Clientary:
    """An account with one client, 7, that has these lists; the paths that end in `denied` are not allowed."""

    def answer(request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        if last in denied:
            return httpx.Response(403)
        if last == "7":
            return httpx.Response(200, json={"id": 7, "name": "Acme"})
        if last == "31":
            return httpx.Response(
                200, json={"id": 31, "invoice_items": [{"title": "Whole", "quantity": 1, "price": 5}]}
            )
        return httpx.Response(200, json={last: lists.get(last, [])})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone="UTC")
    return Clientary(settings, httpx.MockTransport(answer), FakeTime(TODAY).clock)


async def test_values_missing_from_clientarys_records_are_named_and_never_counted() -> None:
    invoices = [
        {"id": 1, "number": "1", "status": SENT, "balance": None, "currency_code": "USD", "invoice_items": []},
        {"id": 2, "number": "2", "status": 9, "balance": 5, "currency_code": "USD", "date": "2026-11-19"},
        {"id": 3, "number": "3", "status": VIEWED, "balance": -5, "currency_code": "USD", "invoice_items": []},
        {"id": 4, "number": "4", "status": SENT, "balance": "7.10", "date": "2026-11-01", "invoice_items": []},
    ]
    estimates = [{"id": 8, "number": "8", "status": 17}]
    projects = [{"id": 5, "name": "Site", "client": {"id": 7}, "status": 1, "budget_type": 0, "budget": 20}]
    async with agent_of(played(invoices=invoices, projects=projects, estimates=estimates)) as agent:
        answer = await agent.answer("client_overview", client_id=7)
    assert [(row["currency_code"], row["open"]) for row in answer["rows"]] == [("USD", 0), ("unknown", 7.1)]
    assert (answer["rows"][0]["credits"], answer["rows"][0]["net"]) == (5, -5)
    assert answer["latest_invoice"]["id"] == 4
    assert "remaining" not in answer["open_projects"][0]
    assert set(answer["left_out"]) == {
        "1 invoice without a balance: “1”.",
        "1 invoice without a subtotal: “4”.",
        "1 invoice of an unknown status: “2”.",
        "1 invoice without a currency, counted separately: “4”.",
        "1 estimate of an unknown status: “8”.",
        "1 project whose budget use Clientary does not report: “Site”.",
    }


async def test_lines_missing_from_the_list_are_read_from_the_invoice() -> None:
    async with agent_of(played(invoices=[{"id": 31, "status": PAID, "date": "2026-11-01"}])) as agent:
        answer = await agent.answer("client_overview", client_id=7)
    assert answer["latest_invoice"]["lines"] == [{"title": "Whole", "quantity": 1, "price": 5}]


async def test_long_lists_are_truncated_with_a_notice() -> None:
    drafts = [{"id": number, "status": DRAFT, "title": "t" * 2_000} for number in range(1, 400)]
    lines = [{"title": "l" * 2_000, "quantity": 1, "price": 1}] * 300
    invoices = [{"id": 1_000, "status": SENT, "balance": 5, "currency_code": "EUR", "invoice_items": lines}]
    async with agent_of(played(invoices=[*invoices, *drafts], projects=[{"id": 9, "name": "p" * 2_000}])) as agent:
        result = await agent.call("client_overview", {"client_id": 7})
        answer = await agent.answer("client_overview", client_id=7)
    assert len(str(result.content)) < 60_000
    assert answer["rows"][0]["open"] == 5
    assert "349 draft invoices beyond the first 50." in answer["left_out"]
    assert "250 lines of the latest invoice beyond the first 50." in answer["left_out"]


async def test_a_list_that_fails_fails_the_overview(full: Sandbox) -> None:
    full.switches = Switches()
    for path in ("clients/1201", "clients/1201/invoices", "projects", "clients/1201/estimates"):
        full.faults = Faults([Fault(500, "GET", path)])
        async with agent_of(session_with(full)) as agent:
            assert "500" in await agent.refusal("client_overview", client_id=1201)
    full.faults = None


async def test_an_unknown_client_is_not_found(reader: Agent) -> None:
    text = await reader.refusal("client_overview", client_id=7)
    assert "was not found" in text
    assert "list_clients" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "takes client_id or email, one of the two"),
        ({"client_id": 7, "email": "ann@acme.example"}, "takes client_id or email, one of the two"),
        ({"email": "ann"}, "email takes one e-mail address"),
    ],
)
async def test_exactly_one_of_id_and_email_address_is_required(
    books: Sandbox, reader: Agent, arguments: dict[str, Any], words: str
) -> None:
    assert words in await reader.refusal("client_overview", **arguments)
    assert not books.requests
