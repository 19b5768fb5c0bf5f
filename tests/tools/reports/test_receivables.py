"""The receivables report, compared with SQL on the account's own tables, in cents."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.row_order import assert_in_order

pytestmark = pytest.mark.anyio

AGES = {
    "current": (-100_000, 0),
    "days_1_30": (1, 30),
    "days_31_60": (31, 60),
    "days_61_90": (61, 90),
    "over_90": (91, 100_000),
}
Row = dict[str, Any]

# Every open balance on a day: what is sent, viewed or, for a past day, paid later; less what was received until then.
OPEN = """
    SELECT invoices.id AS id, client_id, invoices.currency_code AS currency_code, due_date,
        total_cost - coalesce((SELECT sum(amount) FROM payments
            WHERE invoice_id = invoices.id AND received_on <= :day), 0) AS open,
        CAST(julianday(:day) - julianday(due_date) AS INTEGER) AS late
    FROM invoices WHERE invoices.status IN (1, 2, 4) AND date <= :day
"""


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read."""
    return agency()


def open_on(sandbox: Sandbox, day: date, where: str = "1") -> list[Row]:
    query = f"SELECT * FROM ({OPEN}) WHERE open > 0 AND {where}"  # noqa: S608 - written here
    rows = [dict(row) for row in sandbox.connection.execute(query, {"day": day.isoformat()})]
    assert rows  # otherwise the test would prove nothing
    return rows


def owed(rows: list[Row]) -> dict[tuple[int, str], Row]:
    """Client and currency → the columns of the report, in cents."""
    found: dict[tuple[int, str], Row] = {}
    for row in rows:
        columns = found.setdefault((row["client_id"], row["currency_code"]), dict.fromkeys([*AGES, "invoices"], 0))
        (age,) = (name for name, (first, last) in AGES.items() if first <= row["late"] <= last)
        columns[age] += row["open"]
        columns["invoices"] += 1
        columns["oldest_due_date"] = min(columns.get("oldest_due_date", "9"), row["due_date"])
    for columns in found.values():
        columns["total"] = sum(columns[age] for age in AGES)
        columns["overdue"] = columns["total"] - columns["current"]
    return found


def in_cents(row: Row) -> Row:
    """The columns of a row, its amounts in cents."""
    amounts = {name: exact(row[name]) for name in (*AGES, "total", "overdue")}
    return amounts | {name: row[name] for name in ("invoices", "oldest_due_date")}


def exact(amount: float) -> int:
    cents = Decimal(str(amount)) * 100
    assert cents == cents.to_integral_value(), f"{amount} is no amount in cents"
    return int(cents)


def by_client(answer: Row) -> dict[tuple[int, str], Row]:
    assert len(answer["rows"]) == answer["row_count"]
    return {(row["client_id"], row["currency_code"]): in_cents(row) for row in answer["rows"]}


def paths(sandbox: Sandbox) -> set[str]:
    return {path.partition("?")[0] for _, path in sandbox.requests}


def summed(rows: dict[tuple[int, str], Row], code: str) -> Row:
    mine = [row for (_, currency), row in rows.items() if currency == code]
    sums = {name: sum(row[name] for row in mine) for name in (*AGES, "total", "overdue", "invoices")}
    return {**sums, "oldest_due_date": min(row["oldest_due_date"] for row in mine)}


@pytest.mark.parametrize(
    "switches",
    [
        Switches(),
        Switches(extra_keys=False),
        Switches(dates="iso", money_as_text=True),
        Switches(page_keys=False, nulls=True),
        Switches(bare_arrays=True),
    ],
    ids=["live", "samples", "text", "whole", "bare"],
)
async def test_debts_per_client_age_and_currency_match_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("receivables_report")

    expected = owed(open_on(sandbox, TODAY))
    assert by_client(answer) == expected
    names = {row[0]: row[1] for row in sandbox.connection.execute("SELECT id, name FROM clients")}
    assert {row["client"] for row in answer["rows"]} == {names[client] for client, _ in expected}
    for total in answer["totals"]:
        assert in_cents(total) == summed(expected, total["currency_code"])
    assert {total["currency_code"] for total in answer["totals"]} == {"EUR", "GBP", "JPY", "USD"}


async def test_the_largest_debts_come_first_within_a_currency(reader: Agent) -> None:
    for group in ("client", "invoice"):
        rows = (await reader.answer("receivables_report", group_by=group))["rows"]
        amount = "total" if group == "client" else "balance"
        assert rows == sorted(rows, key=lambda row: (row["currency_code"], -row[amount]))


@pytest.mark.parametrize("day", ["2026-10-31", "2026-09-30", "2026-11-19", "2026-03-31"])
async def test_as_of_a_past_date_later_invoices_and_payments_do_not_count(
    reader: Agent, books: Sandbox, day: str
) -> None:
    answer = await reader.answer("receivables_report", as_of=day)

    assert by_client(answer) == owed(open_on(books, date.fromisoformat(day)))
    assert answer["as_of"] == day
    assert "plus the payments received since" in answer["basis"]
    later = "SELECT currency_code, count(*) AS count, sum(total_cost) AS total_cost FROM invoices"
    later += " WHERE date > ? AND status NOT IN (0, 3) GROUP BY 1 ORDER BY 1"
    future = [dict(row) for row in books.connection.execute(later, [day])]
    assert [{**sums, "total_cost": exact(sums["total_cost"])} for sums in answer.get("future", [])] == future
    if count := sum(sums["count"] for sums in future):
        assert f"{count} invoices dated after {day}." in answer["left_out"]


async def test_a_paid_invoice_counts_on_dates_before_its_payment(reader: Agent, books: Sandbox) -> None:
    query = (
        "SELECT invoices.id, max(received_on) FROM invoices JOIN payments ON invoice_id = invoices.id"
        " WHERE status = 4 AND received_on > date GROUP BY invoices.id LIMIT 1"
    )
    invoice, paid = books.connection.execute(query).fetchone()
    before = (date.fromisoformat(paid) - timedelta(days=1)).isoformat()

    assert invoice in {r["invoice_id"] for r in await invoices(reader, before)}
    assert invoice not in {r["invoice_id"] for r in await invoices(reader, paid)}


async def invoices(agent: Agent, as_of: str) -> list[Row]:
    answer = await agent.answer("receivables_report", as_of=as_of, group_by="invoice")
    return list(answer["rows"])


async def test_each_invoice_has_its_own_row_on_request(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("receivables_report", group_by="invoice")

    expected = {row["id"]: row for row in open_on(books, TODAY)}
    assert {row["invoice_id"] for row in answer["rows"]} == expected.keys()
    for row in answer["rows"]:
        fields = expected[row["invoice_id"]]
        assert (row["client_id"], exact(row["balance"]), row["due_date"]) == (
            fields["client_id"],
            fields["open"],
            fields["due_date"],
        )
        assert row["days_overdue"] == max(0, fields["late"])
        first, last = AGES[row["age"]]
        assert first <= fields["late"] <= last
    assert answer["totals"] == (await reader.answer("receivables_report"))["totals"]


async def test_months_are_those_of_the_due_dates_and_go_forward(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("receivables_report", group_by="client,month")
    expected: dict[tuple[Any, ...], int] = {}
    for row in open_on(books, TODAY):
        key = (row["client_id"], row["due_date"][:7], row["currency_code"])
        expected[key] = expected.get(key, 0) + row["open"]
    names = ("client_id", "client", "month", "currency_code")
    owing = [row for row in answer["rows"] if row["invoices"]]  # the others are credits
    assert {(row["client_id"], row["month"], row["currency_code"]): exact(row["total"]) for row in owing} == expected
    assert tuple(answer["rows"][0])[:4] == names
    assert_in_order(answer["rows"], [("client_id",), ("month",)], "total")
    assert "month is that of the due date." in answer["basis"]
    assert answer["totals"] == (await reader.answer("receivables_report"))["totals"]


async def test_the_minimum_is_what_a_client_owes_in_all_its_months(reader: Agent, books: Sandbox) -> None:
    limits = {"min_total": 20_000, "min_days_overdue": 1}
    whole = await reader.answer("receivables_report", **limits)
    months = await reader.answer("receivables_report", group_by="month,client", **limits)
    assert {row["client_id"] for row in months["rows"]} == {row["client_id"] for row in whole["rows"]}
    assert min(row["total"] for row in months["rows"]) < 20_000
    assert (months["totals"], months["left_out"]) == (whole["totals"], whole["left_out"])


async def test_only_invoices_overdue_by_the_requested_days_count(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("receivables_report", min_days_overdue=31)

    late, all_of_them = open_on(books, TODAY, "late >= 31"), open_on(books, TODAY)
    assert by_client(answer) == owed(late)
    assert f"{len(all_of_them) - len(late)} open invoices less than 31 days overdue." in answer["left_out"]


async def test_an_invoice_due_today_is_current_and_one_due_yesterday_is_overdue(sandbox: Sandbox) -> None:
    with sandbox.connection as tables:
        tables.execute("UPDATE invoices SET status = 3")
        for invoice, days in ((20101, 0), (20102, 1), (20103, 30), (20104, 31), (20105, 90), (20106, 91)):
            tables.execute(
                "UPDATE invoices SET status = 1, date = '2026-01-01', balance = 10000, currency_code = 'USD',"
                " client_id = 1201, due_date = ? WHERE id = ?",
                [(TODAY - timedelta(days=days)).isoformat(), invoice],
            )
    async with agent_of(session_with(sandbox)) as agent:
        (row,) = (await agent.answer("receivables_report"))["rows"]

    ages = {"current": 100, "days_1_30": 200, "days_31_60": 100, "days_61_90": 100, "over_90": 100}
    assert {age: row[age] for age in AGES} == ages
    assert row["overdue"] == 500


async def test_the_minimum_applies_per_client_and_currency(sandbox: Sandbox) -> None:
    over_in_all = (1201, "USD", 60000), (1201, "EUR", 60000)
    debts = (*over_in_all, (1202, "USD", 60000), (1202, "USD", 40000), (1203, "GBP", 99999))
    with sandbox.connection as tables:
        tables.execute("UPDATE invoices SET status = 3")
        for invoice, (client, code, balance) in enumerate(debts, 20101):
            tables.execute(
                "UPDATE invoices SET status = 2, date = '2026-01-01', due_date = '2026-02-01', balance = ?,"
                " currency_code = ?, client_id = ? WHERE id = ?",
                [balance, code, client, invoice],
            )
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("receivables_report", min_total=1000, min_days_overdue=1)
        single = await agent.answer("receivables_report", min_total=1000, group_by="invoice")

    assert [(row["client_id"], row["currency_code"], row["total"]) for row in answer["rows"]] == [(1202, "USD", 1000)]
    assert [(total["currency_code"], total["total"]) for total in answer["totals"]] == [("USD", 1000)]
    assert "3 balances below 1,000, each of one client in one currency." in answer["left_out"]
    assert [row["balance"] for row in single["rows"]] == [600, 400]


async def test_drafts_and_cancelled_invoices_never_count_and_pending_ones_are_separate(
    reader: Agent, books: Sandbox
) -> None:
    answer = await reader.answer("receivables_report")

    query = (
        "SELECT currency_code, count(*) AS count, sum(balance) AS balance FROM invoices"
        " WHERE status = 5 GROUP BY currency_code ORDER BY currency_code"
    )
    pending = [dict(row) for row in books.connection.execute(query)]
    assert [{**sums, "balance": exact(sums["balance"])} for sums in answer["pending"]] == pending
    assert answer["left_out"] == ["20 drafts.", "13 cancelled invoices."]


async def test_one_clients_report_reads_only_that_clients_pages(reader: Agent, books: Sandbox) -> None:
    client = open_on(books, TODAY)[0]["client_id"]
    books.requests.clear()

    answer = await reader.answer("receivables_report", client_id=client)

    assert by_client(answer) == owed(open_on(books, TODAY, f"client_id = {client}"))
    assert paths(books) == {f"/api/v2/clients/{client}/invoices"}


async def test_client_names_need_no_request_per_client(books: Sandbox, reader: Agent) -> None:
    books.requests.clear()
    await reader.answer("receivables_report")
    (count,) = books.connection.execute("SELECT count(*) FROM invoices").fetchone()
    assert paths(books) == {"/api/v2/invoices"}
    assert len(books.requests) == -(-count // 30)


async def test_a_missing_client_is_an_error_and_not_a_zero_balance(reader: Agent) -> None:
    assert "list_clients" in await reader.refusal("receivables_report", client_id=999_999)


async def test_an_account_without_invoices_is_owed_nothing() -> None:
    async with agent_of(session_with(Sandbox(TODAY, filled=False))) as agent:
        answer = await agent.answer("receivables_report")
    assert (answer["rows"], answer["totals"], answer["row_count"]) == ([], [], 0)
    assert "left_out" not in answer


async def test_as_of_a_future_date_current_balances_are_aged_further(reader: Agent, books: Sandbox) -> None:
    day = TODAY + timedelta(days=45)
    answer = await reader.answer("receivables_report", as_of=day.isoformat())

    assert by_client(answer) == owed(open_on(books, day))
    assert "as if nothing were paid until" in answer["basis"]


def invoice(number: int, **fields: Any) -> Row:
    return {
        "id": number, "number": str(number), "client_id": 4, "client": {"id": 4, "name": "ACME"}, "status": 1,
        "date": "2023/10/01", "due_date": "2023/10/31", "currency_code": "USD", "total_cost": 100, "balance": 100,
        "total_payments": 0, "payments": [], **fields,
    }  # fmt: skip


def play(account: respx.MockRouter, *records: Row) -> None:
    account.get("invoices").respond(json=listed("invoices", *records))


async def test_incomplete_invoices_are_counted_or_excluded_and_named(account: respx.MockRouter, agent: Agent) -> None:
    play(
        account,
        invoice(1),
        invoice(2, due_date=None),
        invoice(3, currency_code=None),
        invoice(4, balance=None),
        invoice(5, balance="-20.50"),
        invoice(6, status=9),
        invoice(7, date=None),
        invoice(8, status=4, balance=7),
        invoice(9, client_id=None, client=None, balance="0.10"),
        invoice(10, balance=0),
        invoice(11, status=4, balance=None),
        invoice(12, date="2023/11/15"),
    )
    answer = await agent.answer("receivables_report")

    names = ("client", "currency_code", "current", "total", "credits", "net")
    assert [tuple(row[name] for name in names) for row in answer["rows"]] == [
        ("ACME", "USD", 100, 300, 20.5, 279.5),
        ("no client", "USD", 0, 0.1, 0, 0.1),
        ("ACME", "unknown", 0, 100, 0, 100),
    ]
    assert answer["future"] == [{"currency_code": "USD", "count": 1, "total_cost": 100}]
    assert set(answer["left_out"]) == {
        "1 invoice without a due date, counted as current: “2”.",
        "1 invoice without a currency, counted separately: “3”.",
        "1 invoice without a balance: “4”.",
        "1 invoice of an unknown status: “6”.",
        "1 invoice without a date, assumed issued by then: “7”.",
        "1 invoice marked paid with a balance that is not zero: “8”.",
        "1 invoice dated after 2023-11-14.",
    }


def paid(amount: float, day: str | None) -> Row:
    return {"id": 1, "amount": amount, "received_on": day}


async def test_incomplete_payments_are_named(account: respx.MockRouter, agent: Agent) -> None:
    play(
        account,
        invoice(1, balance=40, total_payments=60, payments=[paid(10, "2023/10/31"), paid(50, "2023/11/01")]),
        invoice(2, balance=40, total_payments=60, payments=[paid(60, None)]),
        invoice(3, balance=40, total_payments=60, payments=None),
        invoice(4, payments=None),
        invoice(5, status=4, balance=0, payments=[]),
        invoice(6, status=4, balance=0, total_payments=100, payments=[paid(100, "2023/11/01")]),
        invoice(7, status=4, balance=0, total_payments=100, payments=[paid(100, "2023/10/31")]),
        invoice(8, balance=-20, total_payments=120, payments=[paid(120, "2023/11/01")]),
        invoice(9, balance=100, total_payments=0, payments=[paid(10, "2023/10/02")]),
    )
    answer = await agent.answer("receivables_report", as_of="2023-10-31", group_by="invoice")

    open_then = {row["invoice_id"]: row["balance"] for row in answer["rows"]}
    assert open_then == {1: 90, 2: 40, 4: 100, 6: 100, 8: 100, 9: 100}
    assert {row["age"] for row in answer["rows"]} == {"current"}
    assert answer["left_out"] == [
        "1 invoice with an undated payment, assumed received by then: “2”.",
        "1 invoice whose payments are not listed, so the balance is unknown: “3”.",
        "2 invoices whose payments do not add up to total less balance: “5”, “9”.",
    ]


async def test_a_failing_page_fails_the_report(account: respx.MockRouter, agent: Agent) -> None:
    first = {"page_count": 2, "page_size": 1, "total_count": 2, "invoices": [invoice(1)]}
    account.get("invoices", params={"page": "2"}).respond(500)
    account.get("invoices").respond(json=first)
    assert "500" in await agent.refusal("receivables_report")


@pytest.mark.parametrize("arguments", [{"as_of": "soon"}, {"min_days_overdue": -1}, {"group_by": "age"}])
async def test_invalid_arguments_are_rejected_before_anything_is_read(
    account: respx.MockRouter, agent: Agent, arguments: Row
) -> None:
    assert next(iter(arguments)) in await agent.refusal("receivables_report", **arguments)
    assert not account.calls
