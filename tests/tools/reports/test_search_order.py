"""What a search puts first, what it reads, and what it says to a question that is no name."""

from decimal import Decimal

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools.support.matching import read_amount
from clientary_mcp.tools.support.questions import answers_to
from tests.support.agent import Agent
from tests.support.tables import put
from tests.tools.reports.test_search import NAMED, TYPES, client, found, invoice

pytestmark = pytest.mark.anyio


def number_everything(books: Sandbox, number: str) -> None:
    """A record of each type that has numbers, with this one."""
    client(books, "Globex", number=number)
    put(books, "projects", name="Website", number=number, status=1, rate=0)
    put(books, "estimates", number=number, status=1, currency_code="USD")
    invoice(books, number)


async def test_a_name_finds_the_client_before_what_is_called_alike(books: Sandbox, reader: Agent) -> None:
    put(books, "tasks", title="Blue Moons", complete=0)
    put(books, "projects", name="Blue Moon x", status=1, rate=0)
    client(books, "Blue Moon of Springfield and Shelbyville")
    assert [kind for kind, *_ in found(await reader.answer("search", query="blue moon"))] == [
        "client", "project", "task",
    ]  # fmt: skip


@pytest.mark.parametrize("typed", ["7041", "#7041", "7041 "])
async def test_a_number_finds_the_invoice_first(books: Sandbox, reader: Agent, typed: str) -> None:
    number_everything(books, "7041")
    assert [kind for kind, *_ in found(await reader.answer("search", query=typed))] == [
        "invoice", "estimate", "client", "project",
    ]  # fmt: skip


async def test_the_name_of_a_type_is_no_part_of_a_number(books: Sandbox, reader: Agent) -> None:
    number_everything(books, "XY-7041")
    for typed, kind in (("invoice 7041", "invoice"), ("Estimate no. 7041", "estimate"), ("project #7041", "project")):
        assert [hit[:1] for hit in found(await reader.answer("search", query=typed))] == [(kind,)]


async def test_an_address_finds_the_person_first(books: Sandbox, reader: Agent) -> None:
    client(books, "ann@acme.example")
    put(books, "contacts", name="Ann", email="ann@acme.example")
    assert found(await reader.answer("search", query="ann@acme.example"))[0][0] == "contact"


@pytest.mark.parametrize(
    ("query", "documents"),
    [("Łódź", False), ("ann2@acme.example", False), ("7041", True), ("Studio 54", True), ("€ 40,00", True)],
)
async def test_invoices_and_estimates_are_read_only_for_what_holds_a_digit(
    books: Sandbox, reader: Agent, query: str, documents: bool
) -> None:
    answer = await reader.answer("search", query=query)
    assert set(answer["searched"]) == (TYPES.keys() if documents else NAMED)
    answer = await reader.answer("search", query=query, types=["invoice"])
    assert set(answer["searched"]) == {"invoice"}


AMOUNTS = {
    "1,250.00": "1250", "1.250,50": "1250.5", "1250.50": "1250.5", "1250,5 EUR": "1250.5", "$40": "40",
    "€ 1 250,00": "1250", "usd 100": "100", "¥10000": "10000", "CHF 1'250.40": "1250.4", "0.725 KWD": "0.725",
    "1\xa0250,00 €": "1250", "CHF 1\u2019250.40": "1250.4", "\uff14\uff10 EUR": "40",
    "1,250,000": "1250000", "12,50 zł": "12.5", "R$ 1.250,00": "1250", "kr. 40,00": "40", "US$40": "40",
}  # fmt: skip
NUMBERS = [
    "1250", "INV-1250", "INV 1250", "2024-001", "PRJ 12", "No. 12", "3 hours", "12.5", "1,25,00", "USD", "$ EUR",
    "€ \u0664\u0660", "12.345.6", "1250 USD EUR",
    "kr 40", "RE 1.250",
]  # fmt: skip


@pytest.mark.parametrize(("text", "amount"), [*AMOUNTS.items(), *((text, None) for text in NUMBERS)])
def test_an_amount_is_told_from_a_number(text: str, amount: str | None) -> None:
    assert read_amount(text) == (amount and Decimal(amount))


async def test_an_amount_finds_what_has_that_total_or_balance(sandbox_agent: Agent) -> None:
    invoices = (await sandbox_agent.answer("list_invoices", status="sent", order="largest"))["records"]
    meant = invoices[0]
    answer = await sandbox_agent.answer("search", query=f"${meant['total_cost']:,.2f}")
    assert ("invoice", meant["id"], "exact") in found(answer)
    assert {row["matched"] for row in answer["rows"]} <= {"total_cost", "balance"}
    assert "Read as an amount" in answer["basis"]


async def test_an_amount_is_no_number(books: Sandbox, reader: Agent) -> None:
    invoice(books, "125000")
    assert found(await reader.answer("search", query="1250.00")) == []


# Questions


@pytest.mark.parametrize(
    ("query", "tool"),
    [
        ("unpaid invoices", "receivables_report"),
        ("Who owes us?", "receivables_report"),
        ("overdue", "receivables_report"),
        ("unbilled hours", "unbilled_report"),
        ("profit per project", "profitability_report"),
        ("budgets", "project_status"),
        ("MRR", "recurring_revenue_report"),
        ("timesheet", "timesheet_report"),
        ("recent changes", "list_changes"),
        ("payments last month", "list_payments"),
        ("all invoices", "list_invoices"),
        ("who owes us money?", "receivables_report"),
        ("Which clients have not paid yet?", "receivables_report"),
        ("what was not billed", "unbilled_report"),
        ("what did we bill last month", "list_invoices"),
        ("total revenue", "list_invoices"),
        ("cash forecast", "cash_forecast"),
        ("statement of a client", "client_statement"),
        ("which clients are slow to pay?", "days_to_pay_report"),
        ("estimates won this year", "estimates_report"),
    ],
)
async def test_a_question_is_answered_with_the_tool_that_knows(
    books: Sandbox, reader: Agent, query: str, tool: str
) -> None:
    answer = await reader.answer("search", query=query)
    assert answer["rows"] == []
    assert f"{tool} " in answer["notice"]


async def test_a_name_of_such_words_is_a_name(books: Sandbox, reader: Agent) -> None:
    meant = client(books, "Payments")
    answer = await reader.answer("search", query="payments")
    assert (found(answer), "notice" in answer) == ([("client", meant, "exact")], False)
    assert not answers_to(["overdue", "beacon"])
    assert not answers_to(["us"])


@pytest.mark.parametrize("query", ["zzz", "Qxz Trading", "the 9th of never", "???"])
async def test_noise_is_called_nothing(sandbox_agent: Agent, query: str) -> None:
    answer = await sandbox_agent.answer("search", query=query)
    assert answer["rows"] == []
    assert answer.get("nearest", []) == []
    assert answer["notice"] == f"Nothing is called like “{query}”."
