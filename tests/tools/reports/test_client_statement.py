"""A client's statement, compared with SQL on the account's tables, in cents."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
AGES = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")

# Everything that changes what a client owes; what is marked paid has been paid in full.
CHANGES = """
    SELECT date, iif(total_cost < 0, 'credit_note', 'invoice') AS kind, number, total_cost AS amount, currency_code
    FROM invoices WHERE client_id = :client AND status NOT IN (0, 3) AND date <= :today
    UNION ALL
    SELECT received_on, 'payment', number, -amount, currency_code
    FROM payments JOIN invoices ON invoices.id = invoice_id WHERE client_id = :client AND status NOT IN (0, 3)
"""


def changes(sandbox: Sandbox, client: int, where: str = "1") -> list[Row]:
    query = f"SELECT * FROM ({CHANGES}) WHERE {where} ORDER BY currency_code, date, kind, number"  # noqa: S608 - written here
    values = {"client": client, "today": TODAY.isoformat()}
    return [dict(row) for row in sandbox.connection.execute(query, values)]


def clients(sandbox: Sandbox, count: int) -> list[int]:
    """Those with the most payments."""
    query = (
        "SELECT client_id AS id FROM payments JOIN invoices ON invoices.id = invoice_id GROUP BY 1 ORDER BY count(*)"
        " DESC, 1 LIMIT ?"
    )
    return [row["id"] for row in rows(sandbox, query, count)]


@pytest.mark.parametrize("switches", SWITCHES)
async def test_every_day_matches_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    first, last = "2026-03-01", "2026-10-31"
    async with agent_of(session_with(sandbox)) as agent:
        for client in clients(sandbox, 5):
            answer = await agent.answer("client_statement", client_id=client, from_date=first, to_date=last)
            expected = changes(sandbox, client, f"date BETWEEN '{first}' AND '{last}'")
            assert expected
            shown = [
                {name: row[name] for name in ("date", "kind", "number", "currency_code")}
                | {"amount": exact(row["amount"])}
                for row in answer["rows"]
            ]
            assert shown == [{name: row[name] for name in shown[0]} for row in expected]
            balance = sum(row["amount"] for row in changes(sandbox, client, f"date < '{first}'"))
            (total,) = answer["totals"]
            assert exact(total["opening"]) == balance
            for row in answer["rows"]:
                balance += exact(row["amount"])
                assert exact(row["balance"]) == balance
            assert exact(total["closing"]) == balance
            assert exact(total["invoiced"]) - exact(total["received"]) == balance - exact(total["opening"])
            assert total["adjusted"] == 0
            assert (answer["from_date"], answer["to_date"]) == (first, last)


@pytest.mark.parametrize("day", [None, "2026-10-31", "2026-06-30"])
async def test_the_balance_and_its_ages_are_those_of_receivables(
    sandbox: Sandbox, sandbox_agent: Agent, day: str | None
) -> None:
    for client in clients(sandbox, 12):
        to_date, as_of = ({"to_date": day}, {"as_of": day}) if day else ({}, {})
        (total,) = (await sandbox_agent.answer("client_statement", client_id=client, **to_date))["totals"]
        report = await sandbox_agent.answer("receivables_report", client_id=client, **as_of)
        (owed,) = report["totals"] or [dict.fromkeys((*AGES, "overdue", "credits", "net"), 0)]
        pending = sum(row["balance"] for row in report.get("pending", []))
        assert [total[name] for name in (*AGES, "overdue", "credits")] == [
            owed[name] for name in (*AGES, "overdue", "credits")
        ]
        assert exact(total["pending"]) == exact(pending)
        assert exact(total["closing"]) == exact(owed["net"]) + exact(pending)


async def test_it_holds_nothing_that_a_client_should_not_read(books: Sandbox, reader: Agent) -> None:
    acme = put(
        books, "clients", name="Acme", city="Bath", description="Pays late, be firm", website="https://a.example"
    )
    invoice = put(books, "invoices", client_id=acme, number="7", total_cost=9_000, balance=4_000, note="Thank you")
    put(books, "payments", invoice_id=invoice, amount=5_000, received_on="2026-10-09", note="Cheque, bounced once")
    put(books, "invoices", client_id=acme, number="8", status=0, total_cost=77_700, title="Secret plan")
    project = put(books, "projects", client_id=acme, name="Secret plan", rate=100)
    put(books, "expenses", client_id=acme, project_id=project, amount=12_300, incurred_on="2026-10-01")
    answer = await reader.answer("client_statement", client_id=acme)
    assert answer["client"] == {"id": acme, "name": "Acme", "city": "Bath"}
    assert [sorted(row) for row in answer["rows"]] == [
        ["amount", "balance", "currency_code", "date", "kind", "number"]
    ] * 2
    text = json.dumps(answer)
    assert not any(secret in text for secret in ("firm", "bounced", "Secret", "777", "123"))


async def test_one_currency_only_and_none_without_movements(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    for code in ("EUR", "USD"):
        put(books, "invoices", client_id=acme, currency_code=code, number=code, total_cost=100, balance=100)
    put(books, "invoices", client_id=acme, currency_code="GBP", date="2025-01-01", total_cost=0, number="0")
    both = await reader.answer("client_statement", client_id=acme)
    assert [total["currency_code"] for total in both["totals"]] == ["EUR", "USD"]
    assert (both["from_date"], both["to_date"]) == ("2026-01-01", "2026-11-20")
    one = await reader.answer("client_statement", client_id=acme, currency_code="USD")
    assert [total["currency_code"] for total in one["totals"]] == ["USD"]
    assert [row["number"] for row in one["rows"]] == ["USD"]
    assert one["left_out"] == ["1 invoice in EUR.", "1 invoice in GBP."]


async def test_credits_refunds_and_what_was_written_off(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    over = put(books, "invoices", client_id=acme, number="1", status=4, total_cost=10_000, balance=-2_000)
    for amount, day in ((15_000, "2026-10-05"), (-3_000, "2026-10-06")):
        put(books, "payments", invoice_id=over, amount=amount, received_on=day)
    put(books, "invoices", client_id=acme, number="2", date="2026-10-07", total_cost=-500, balance=-500)
    put(books, "invoices", client_id=acme, number="3", date="2026-10-08", status=4, total_cost=700, balance=300)
    answer = await reader.answer("client_statement", client_id=acme)
    assert [(row["kind"], row["number"], row["amount"], row["balance"]) for row in answer["rows"]] == [
        ("invoice", "1", 100, 100),
        ("payment", "1", -150, -50),
        ("refund", "1", 30, -20),
        ("credit_note", "2", -5, -25),
        ("invoice", "3", 7, -18),
        ("adjustment", "3", -7, -25),
    ]
    (total,) = answer["totals"]
    assert (total["closing"], total["credits"], total["adjusted"]) == (-25, 25, -7)
    (remark,) = answer["left_out"]
    assert remark == "1 invoice whose payments do not add up to total less balance, adjusted by the rest: “3”."


def bill(number: int, **fields: Any) -> Row:
    return {
        "id": number, "number": str(number), "client_id": 4, "status": 1, "date": "2023/10/01", "total_cost": "9",
        "due_date": "2023/10/31", "currency_code": "USD", "balance": 9, "payments": [], **fields,
    }  # fmt: skip


async def test_incomplete_invoices_are_counted_or_left_out_and_named(account: respx.MockRouter, agent: Agent) -> None:
    later = {"id": 1, "amount": 4, "received_on": "2023/12/24"}
    account.get("clients/4").respond(json={"id": 4, "name": "ACME"})
    account.get("clients/4/invoices").respond(
        json=listed(
            "invoices",
            bill(1, date=None),
            bill(2, balance=None),
            bill(3, status=9),
            bill(4, status=3),
            bill(5, date="2023/11/16"),
            bill(6, balance=5, payments=[later]),
            bill(7, balance=5, payments=[{"id": 2, "amount": "4", "received_on": None}]),
            bill(8, total_cost=None, balance="2", payments=None),
            bill(9, balance=5, payments=None, paid_date="2023/11/02"),
        )
    )
    answer = await agent.answer("client_statement", client_id=4)
    (total,) = answer["totals"]
    assert (total["opening"], total["closing"], total["adjusted"]) == (9, 26, -4)
    assert [(row["date"], row["kind"] + row["number"], row["amount"]) for row in answer["rows"]] == [
        *(("2023-10-01", f"invoice{number}", amount) for number, amount in (("6", 9), ("7", 9), ("8", 2), ("9", 9))),
        ("2023-10-01", "payment7", -4),
        ("2023-11-02", "adjustment9", -4),
        ("2023-11-14", "payment6", -4),
    ]
    assert answer["left_out"] == [
        "1 invoice without a date, in the opening balance: “1”.",
        "1 invoice without a balance: “2”.",
        "1 invoice of an unknown status: “3”.",
        "1 cancelled invoice.",
        "1 invoice dated after 2023-11-14 (9 USD).",
        "1 invoice with a payment dated after today, counted today: “6”.",
        "1 invoice with an undated payment, assumed received on its date: “7”.",
        "1 invoice whose payments do not add up to total less balance, adjusted by the rest: “9”.",
    ]


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_utc")
async def test_an_invoice_of_a_day_that_has_begun_somewhere_counts_where_no_time_zone_is_set(books: Sandbox) -> None:
    acme = put(books, "clients", name="Acme")
    for number, day in (("1", "2026-11-20"), ("2", "2026-11-21"), ("3", "2026-11-22")):
        put(books, "invoices", client_id=acme, number=number, date=day, total_cost=100, balance=100)
    asked: dict[str | None, Row] = {}
    for zone in (None, "UTC"):
        async with agent_of(session_with(books, time_zone=zone)) as agent:
            asked[zone] = await agent.answer("client_statement", client_id=acme)
    assert [row["number"] for row in asked[None]["rows"]] == ["1", "2"]
    assert asked[None]["left_out"] == [
        "1 invoice dated after 2026-11-21 (1 USD).",
        "1 invoice dated 2026-11-21, counted because it may be that day already: “2”.",
    ]
    assert [row["number"] for row in asked["UTC"]["rows"]] == ["1"]


async def test_bad_input_sends_nothing(books: Sandbox, reader: Agent) -> None:
    for bad, named in (
        ({"period": "last_month", "from_date": "2026-01-01"}, "period"),
        ({"from_date": "2026-02-01", "to_date": "2026-01-01"}, "from_date after to_date"),
        ({"currency_code": "XXQ"}, "currency_code"),
    ):
        assert named in await reader.refusal("client_statement", client_id=1, **bad)
    assert "client_id" in await reader.refusal("client_statement")
    assert not books.requests


async def test_a_client_that_is_gone_is_an_error(reader: Agent) -> None:
    assert "list_clients" in await reader.refusal("client_statement", client_id=999_999)
