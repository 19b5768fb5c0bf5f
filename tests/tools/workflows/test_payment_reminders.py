"""Reminders go once to clients with overdue invoices, and not to recent payers, whatever fails."""

from datetime import timedelta
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.replies import INVOICE, listed
from tests.support.users import User, configured, connect, writes

pytestmark = pytest.mark.anyio

JOB = "send_payment_reminders"
DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
HOUR, DAY = 3_600, 86_400
DAY_IS = f"Today is {TODAY} (UTC)."


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


class Debtors(Books):
    """Clients that owe money, each with contacts."""

    def client_with(self, *emails: str, name: str = "Debtor") -> int:
        client = self.add("clients", name=name, currency_code="EUR", status=1)
        for email in emails:
            self.add("contacts", client_id=client, name="Ann", email=email)
        return client

    def owed(self, client: int | None, number: str, days: int = 30, balance: int | None = 10_000, **values: Any) -> int:
        money = {"subtotal": balance, "total_cost": balance, "balance": balance}
        about = {"client_id": client, "date": ago(days + 30), "due_date": ago(days), "status": SENT}
        return self.an_invoice(number, **{**money, **about, **values})

    def paid(self, invoice: int, days: int, amount: int = 100) -> None:
        self.add("payments", invoice_id=invoice, amount=amount, received_on=ago(days))

    def mailed(self) -> list[tuple[int, list[str]]]:
        return [(message["id"], message["recipients"]) for message in self.sandbox.sent_messages]


@pytest.fixture
def books() -> Debtors:
    return Debtors()


def three(books: Debtors) -> list[int]:
    """Three overdue invoices of three clients, the latest first."""
    return [
        books.owed(books.client_with(f"{number}@example.com", name=f"Client {number}"), str(number), 90 - number)
        for number in range(3)
    ]


async def reminded(books: Debtors, **more: Any) -> dict[str, Any]:
    """The answer to a call by an agent who comes and goes."""
    async with agent_of(session_with(books.sandbox)) as agent:
        ask = agent.confirmed if more.pop("confirm", False) else agent.answer
        return await ask(JOB, **more)


def why(answer: dict[str, Any]) -> dict[int, str]:
    """The skipped invoices, with the reasons."""
    return {step["invoice_id"]: step["why"] for step in answer.get("steps", ()) if step["step"] == "skip"}


# Recipients


async def test_the_preview_shows_every_mail_and_sends_none(books: Debtors) -> None:
    client = books.client_with("ann@example.com", "Bo@Example.com", name="Quarry")
    late = books.owed(client, "1042", 12, 25_050)
    books.owed(client, "1043", 3)
    shown = await reminded(books, min_days_overdue=10)
    (step,) = shown["steps"]
    assert step == {
        "step": "mail", "client": "Quarry", "number": "1042", "status": "sent", "total_cost": 250.5, "balance": 250.5,
        "currency_code": "EUR", "due_date": ago(12), "days_overdue": 12, "invoice_id": late,
        "recipients": ["ann@example.com", "Bo@Example.com"], "recipients_from": "contacts",
    }  # fmt: skip
    assert shown["totals"] == [{"currency_code": "EUR", "count": 1, "balance": 250.5}]
    assert shown["goes_with_it"]["mail"] == {"subject": "the account's template", "message": "the account's template"}
    assert "This would mail 1 reminder" in shown["message"]
    assert books.mailed() == []


async def test_confirmed_mails_are_sent_with_the_given_text(books: Debtors) -> None:
    ids = three(books)
    done = await reminded(books, min_days_overdue=1, subject="Overdue", message="Please pay.", confirm=True)
    assert books.mailed() == [(invoice, [f"{number}@example.com"]) for number, invoice in enumerate(ids)]
    assert {(message["subject"], message["message"]) for message in books.sandbox.sent_messages} == {
        ("Overdue", "Please pay.")
    }
    assert done["message"] == f"3 reminders mailed. {DAY_IS}"
    assert [step["step"] for step in done["steps"]] == ["mailed"] * 3


async def test_the_agencys_reminders_match_the_tables(sandbox: Sandbox) -> None:
    late = {
        row["id"]: row
        for row in sandbox.connection.execute(
            "SELECT * FROM invoices WHERE status IN (1, 2) AND balance > 0 AND due_date <= ?", (ago(20),)
        )
    }
    payers = "SELECT client_id FROM payments JOIN invoices i ON i.id = invoice_id WHERE received_on >= ?"
    paid = {row["client_id"] for row in sandbox.connection.execute(payers, (ago(14),))}
    people: dict[int, set[str]] = {}
    for row in sandbox.connection.execute("SELECT client_id, email FROM contacts WHERE client_id IS NOT NULL"):
        people.setdefault(row["client_id"], set()).add(row["email"])
    wanted = {
        id_: (row["balance"], people[row["client_id"]])
        for id_, row in late.items()
        if row["client_id"] in people.keys() - paid
    }
    assert len(wanted) > 10
    async with agent_of(session_with(sandbox)) as agent:
        shown = await agent.answer(JOB, min_days_overdue=20, paid_within_days=14, per="invoice")
        mails = {step["invoice_id"]: step for step in shown["steps"] if step["step"] == "mail"}
        named = await agent.answer(JOB, invoice_ids=list(late), paid_within_days=14, per="invoice")
        together = await agent.answer(JOB, min_days_overdue=20, paid_within_days=14)
    assert {id_: (round(step["balance"] * 100), set(step["recipients"])) for id_, step in mails.items()} == wanted
    assert set(why(shown)) == late.keys() - wanted.keys()
    assert {step["invoice_id"] for step in named["steps"] if step["step"] == "mail"} == wanted.keys()
    assert why(named) == why(shown) == why(together)
    assert together["totals"] == shown["totals"] == named["totals"]
    sums = {step["invoice_id"]: step["balance"] for step in together["steps"] if step["step"] == "mail"}
    assert len(sums) < len(mails)
    assert round(sum(sums.values()) * 100) == sum(balance for balance, _ in wanted.values())


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": DRAFT}, "its status is “draft”"),
        ({"status": CANCELLED}, "its status is “cancelled”"),
        ({"status": PENDING}, "its status is “pending”"),
        ({"status": PAID, "balance": 0}, "its status is “paid”"),
        ({"balance": 0}, "nothing is owed on it"),
        ({"due_date": TODAY.isoformat()}, f"it is due on {TODAY}"),
        ({"due_date": ""}, "it has no due date"),
    ],
)
async def test_an_invoice_that_is_not_overdue_is_skipped_and_named(
    books: Debtors, values: dict[str, Any], reason: str
) -> None:
    invoice = books.owed(books.client_with("ann@example.com"), "7", **values)
    for confirm in (False, True):
        answer = await reminded(books, invoice_ids=[invoice], confirm=confirm)
        assert why(answer) == {invoice: reason}
        assert answer["done"] is False
        assert "to_proceed" not in answer
    assert not writes(books.sandbox)


@pytest.mark.parametrize(
    ("fields", "reason"), [({"balance": None}, "its balance is unknown"), ({"status": None}, "its status is “unknown”")]
)
async def test_an_incomplete_invoice_is_skipped(
    agent: Agent, account: respx.MockRouter, fields: dict[str, Any], reason: str
) -> None:
    account.get("payments").respond(json=listed("payments"))
    account.get("invoices/110").respond(json={**INVOICE, "status": 1, **fields})
    assert why(await agent.answer(JOB, invoice_ids=[110])) == {110: reason}


async def test_an_invoice_without_a_due_date_is_named_with_the_overdue_ones(books: Debtors) -> None:
    undated = books.owed(books.client_with("ann@example.com"), "7", due_date="")
    assert why(await reminded(books, min_days_overdue=1)) == {undated: "it has no due date"}


async def test_an_unknown_invoice_id_blocks_no_other(books: Debtors) -> None:
    first, *_ = three(books)
    answer = await reminded(books, invoice_ids=[999, first, first], confirm=True)
    assert why(answer) == {999: "the invoice does not exist"}
    assert [invoice for invoice, _ in books.mailed()] == [first]


async def test_a_client_without_an_address_is_skipped_and_named(books: Debtors) -> None:
    nobody = books.owed(books.client_with(), "1")
    strange = books.owed(books.client_with("no address", "ann at example.com"), "2")
    nowhere = books.owed(None, "3")
    answer = await reminded(books, min_days_overdue=1)
    assert set(why(answer)) == {nobody, strange, nowhere}
    assert all("no e-mail address" in each for each in why(answer).values())


async def test_too_many_recipients_are_not_truncated(books: Debtors) -> None:
    invoice = books.owed(books.client_with(*(f"{number}@example.com" for number in range(51))), "1")
    assert why(await reminded(books, min_days_overdue=1)) == {invoice: "51 recipients: one mail takes 50"}


async def test_each_address_receives_one_mail(books: Debtors) -> None:
    books.owed(books.client_with("ann@example.com", "ANN@example.com", "bad"), "1")
    await reminded(books, min_days_overdue=1, confirm=True)
    assert [to for _, to in books.mailed()] == [["ann@example.com"]]


@pytest.mark.parametrize(
    ("days", "within", "spared"), [(7, None, True), (8, None, False), (0, 0, True), (30, 30, True)]
)
@pytest.mark.parametrize("named", [False, True])
async def test_a_client_who_paid_recently_is_skipped(
    books: Debtors, days: int, within: int | None, spared: bool, named: bool
) -> None:
    client = books.client_with("ann@example.com")
    late, other = books.owed(client, "1"), books.owed(client, "2", status=PAID, balance=0)
    for number in range(40):  # more than a page, all older
        books.paid(books.owed(books.client_with(), f"old {number}", status=PAID, balance=0), 100 + number)
    books.paid(other, days)
    which: dict[str, Any] = {"invoice_ids": [late]} if named else {"min_days_overdue": 1}
    more = {} if within is None else {"paid_within_days": within}
    answer = await reminded(books, **which, **more, confirm=True)
    # One page for the preview, and one for the mails.
    assert [path for _, path in books.sandbox.requests if "payments" in path] == ["/api/v2/payments"] * 2
    assert books.mailed() == ([] if spared else [(late, ["ann@example.com"])])
    assert why(answer) == ({late: f"the client paid on {ago(days)}"} if spared else {})


@pytest.mark.parametrize(
    "switches",
    [
        Switches(recipients_form="text"),
        Switches(recipients_form="array"),
        Switches(money_as_text=True),
        Switches(dates="iso"),
        Switches(extra_keys=False),
        Switches(nulls=True),
        Switches(page_keys=False),
        Switches(bare_arrays=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("clients", [3, 12])
async def test_every_kind_of_account_sends_the_same_reminders(books: Debtors, switches: Switches, clients: int) -> None:
    books.sandbox.switches = switches
    late = [books.owed(books.client_with(f"{n}@example.com", f"{n}@example.org"), str(n)) for n in range(clients)]
    payer = books.client_with("payer@example.com")
    books.paid(books.owed(payer, "paid in part"), 3)
    done = await reminded(books, min_days_overdue=1, confirm=True)
    assert books.mailed() == [(id_, [f"{n}@example.com", f"{n}@example.org"]) for n, id_ in enumerate(late)]
    assert done["totals"] == [{"currency_code": "EUR", "count": clients, "balance": 100 * clients}]
    assert all(step["client"] == "Debtor" for step in done["steps"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"invoice_ids": [1], "min_days_overdue": 1},
        {"invoice_ids": []},
        {"min_days_overdue": 0},
        {"min_days_overdue": True},
        {"invoice_ids": ["x"]},
        {"min_days_overdue": 1, "paid_within_days": -1},
    ],
    ids=str,
)
async def test_a_call_with_no_or_two_selections_sends_nothing(books: Debtors, wrong: dict[str, Any]) -> None:
    three(books)
    async with agent_of(session_with(books.sandbox)) as agent:
        assert "Nothing was" in await agent.refusal_of_confirmed(JOB, **wrong)
    assert not writes(books.sandbox)


async def test_no_overdue_invoice_is_not_an_error_and_asks_nobody(books: Debtors, era: Era) -> None:
    user = User()
    async with connect(configured(books.sandbox, FakeTime(TODAY)), era, user) as agent:
        answer = await agent.confirmed(JOB, min_days_overdue=1)
    assert answer["message"] == f"Nothing was changed. There is no reminder to send. {DAY_IS}"
    assert user.questions == []
