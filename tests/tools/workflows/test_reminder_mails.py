"""One mail holds what one client owes in one currency to the same people, and says it in the text of the call."""

from datetime import timedelta
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.replies import CONTACT, INVOICE, listed
from tests.support.users import writes
from tests.tools.workflows.test_payment_reminders import CANCELLED, JOB, PAID, PENDING, Debtors, ago, reminded, why

pytestmark = pytest.mark.anyio

ALL: dict[str, Any] = {"min_days_overdue": 1}
ANN, BO = "ann@example.com", "bo@example.com"


@pytest.fixture
def books() -> Debtors:
    return Debtors()


@pytest.fixture
def time() -> FakeTime:
    """The clock of the mocked account too stands at the day from which the tests count."""
    return FakeTime(TODAY)


@pytest.fixture
def quarry(books: Debtors) -> dict[str, int]:
    """A client who owes in two currencies, and to other people than its contacts."""
    client = books.client_with(ANN, BO, name="Quarry  &\nSons")
    return {
        "client": client,
        "new": books.owed(client, "12", 5, 20_050),
        "old": books.owed(client, "9", 40, 100_000, status=2),
        "yen": books.owed(client, "10", 20, 500_000, currency_code="JPY"),
        "own": books.owed(client, "11", 10, 7_000, recipients='["ap@quarry.example"]'),
    }


def texts(books: Debtors) -> list[tuple[str, str]]:
    return [(each["subject"], each["message"]) for each in books.sandbox.sent_messages]


# What goes into one mail


async def test_one_mail_a_client_currency_and_set_of_recipients_sent_with_its_oldest_invoice(
    books: Debtors, quarry: dict[str, int]
) -> None:
    done = await reminded(books, **ALL, confirm=True)
    assert books.mailed() == [
        (quarry["old"], [ANN, BO]),
        (quarry["yen"], [ANN, BO]),
        (quarry["own"], ["ap@quarry.example"]),
    ]
    assert done["message"].startswith("3 reminders of 4 invoices mailed. ")
    step = done["steps"][0]
    assert [step[name] for name in ("number", "balance", "total_cost", "due_date", "days_overdue", "invoice_id")] == [
        "9, 12", 1_200.5, 1_200.5, ago(40), 40, quarry["old"],
    ]  # fmt: skip
    assert [(each["invoice_id"], each["status"], each["balance"]) for each in step["invoices"]] == [
        (quarry["old"], "viewed", 1_000),
        (quarry["new"], "sent", 200.5),
    ]
    assert done["totals"] == [
        {"currency_code": "EUR", "count": 3, "balance": 1_270.5},
        {"currency_code": "JPY", "count": 1, "balance": 5_000},
    ]


async def test_a_mail_to_the_same_people_for_two_reasons_tells_both(books: Debtors) -> None:
    client = books.client_with(ANN)
    books.owed(client, "1", 40, recipients=f'["{ANN.upper()}"]')
    books.owed(client, "2", 30)
    (step,) = (await reminded(books, **ALL))["steps"]
    assert (step["number"], step["recipients_from"]) == ("1, 2", "invoice, contacts")


async def test_per_invoice_mails_each_by_itself(books: Debtors, quarry: dict[str, int]) -> None:
    done = await reminded(books, **ALL, per="invoice", confirm=True)
    assert [invoice for invoice, _ in books.mailed()] == [quarry[name] for name in ("old", "yen", "own", "new")]
    assert not any("invoices" in step for step in done["steps"])


@pytest.mark.parametrize("values", [{"number": ""}, {"currency_code": ""}, {"currency_code": "ZZZ"}, {"client": None}])
async def test_what_could_not_be_named_or_added_up_in_a_mail_has_its_own(
    books: Debtors, values: dict[str, Any]
) -> None:
    client = books.client_with(ANN)
    for number in range(2):
        own: dict[str, Any] = {"client": client, "number": str(number), "recipients": f'["{BO}"]'}
        books.owed(**own | values)
    await reminded(books, **ALL, confirm=True)
    assert len(books.mailed()) == 2


async def test_each_invoice_of_a_mail_counts_as_reminded(books: Debtors, quarry: dict[str, int]) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        await agent.confirmed(JOB, **ALL)
        again = await agent.confirmed(JOB, **ALL, per="invoice")
        assert len(books.mailed()) == 3
        assert set(why(again)) == set(quarry.values()) - {quarry["client"]}
        later = books.owed(quarry["client"], "13", 2)
        await agent.confirmed(JOB, **ALL)
    assert books.mailed()[3:] == [(later, [ANN, BO])]


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_lost_answer_no_invoice_of_that_mail_is_mailed_again(
    books: Debtors, quarry: dict[str, int], *, after: bool
) -> None:
    books.sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/messages", after=after)])
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal_of_confirmed(JOB, **ALL)
        books.sandbox.faults = None
        again = await agent.confirmed(JOB, **ALL)
    assert "unknown whether" in text
    lost = {quarry["old"], quarry["new"]}
    assert {invoice for invoice, reason in why(again).items() if "may have been mailed" in reason} == lost
    assert [invoice for invoice, _ in books.mailed()] == [quarry["old"]] * after + [quarry["yen"], quarry["own"]]


async def test_an_invoice_paid_since_the_preview_is_not_in_the_mail_of_the_others(
    books: Debtors, quarry: dict[str, int]
) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        shown = await agent.answer(JOB, **ALL, message="{number}: {balance}")
        change = "UPDATE invoices SET status = ?, balance = 0 WHERE id = ?"
        books.sandbox.connection.execute(change, (PAID, quarry["old"]))
        late = books.owed(quarry["client"], "14", 3)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        done = await agent.answer(JOB, **ALL, message="{number}: {balance}", **sure)
    assert why(done) == {quarry["old"]: "its status is “paid”", late: "it came since the preview"}
    assert [message for _, message in texts(books)] == ["10: 5,000 JPY", "11: 70.00 EUR", "12: 200.50 EUR"]


# What it says


async def test_placeholders_are_filled_in_for_each_mail(books: Debtors, quarry: dict[str, int]) -> None:
    call = {"subject": "{client}: {number}", "message": "{balance} since {due_date} ({days_overdue} days), {balance}."}
    shown = await reminded(books, **ALL, **call)
    first = {
        "subject": "Quarry & Sons: 9, 12",
        "message": f"1,200.50 EUR since {ago(40)} (40 days), 1,200.50 EUR.",
    }
    assert shown["goes_with_it"]["mail"] == call | {"filled_in": first}
    await reminded(books, **ALL, **call, confirm=True)
    assert texts(books) == [
        (first["subject"], first["message"]),
        ("Quarry & Sons: 10", f"5,000 JPY since {ago(20)} (20 days), 5,000 JPY."),
        ("Quarry & Sons: 11", f"70.00 EUR since {ago(10)} (10 days), 70.00 EUR."),
    ]


async def test_a_value_with_braces_is_not_filled_in_again(books: Debtors) -> None:
    books.owed(books.client_with(ANN, name="{number} {x}"), "7")
    await reminded(books, **ALL, subject="{client}", confirm=True)
    assert texts(books)[0][0] == "{number} {x}"


@pytest.mark.usefixtures("quarry")
async def test_without_a_message_a_mail_of_several_invoices_names_them_all(books: Debtors) -> None:
    shown = await reminded(books, **ALL)
    said = f"This is a reminder of invoices 9, 12: 1,200.50 EUR is open, and the oldest was due on {ago(40)}."
    assert shown["goes_with_it"]["mail"]["filled_in"]["message"] == said
    await reminded(books, **ALL, confirm=True)
    assert [message for _, message in texts(books)] == [said, "", ""]


@pytest.mark.usefixtures("quarry")
@pytest.mark.parametrize(("message", "told"), [("Please pay.", True), ("Please pay {number}.", False)])
async def test_a_message_that_does_not_name_the_invoices_is_remarked_upon(
    books: Debtors, message: str, *, told: bool
) -> None:
    shown = await reminded(books, **ALL, message=message)
    assert ("does not name the invoices" in shown["message"]) is told
    alone = await reminded(books, **ALL, message=message, per="invoice")
    assert "does not name the invoices" not in alone["message"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{amount}", "{amount}"),
        ("{Number}", "{Number}"),
        ("{ number }", "{ number }"),
        ("{{number}}", "{{number}}"),
        ("{number", "{number"),
        ("number}", "}"),
        ("{}", "{}"),
        ("{number!r}", "{number!r}"),
        ("{balance.real}", "{balance.real}"),
    ],
)
@pytest.mark.parametrize("field", ["subject", "message"])
async def test_unknown_braces_are_refused_before_anything_is_sent(
    books: Debtors, quarry: dict[str, int], field: str, text: str, named: str
) -> None:
    assert quarry
    async with agent_of(session_with(books.sandbox)) as agent:
        refusal = await agent.refusal(JOB, **ALL, **{field: f"Dear {text}"})
    assert f"{field} takes no braces but {{number}}, {{balance}}" in refusal
    assert f"'{named}'" in refusal
    assert "Nothing was sent" in refusal
    assert not books.sandbox.requests


@pytest.mark.parametrize(
    ("text", "values"),
    [("{number}", {"number": ""}), ("{balance}", {"currency_code": ""}), ("{client}", {"client": None})],
)
async def test_an_invoice_that_lacks_what_the_text_names_is_skipped(
    books: Debtors, text: str, values: dict[str, Any]
) -> None:
    own: dict[str, Any] = {"client": books.client_with(ANN), "number": "7", "recipients": f'["{ANN}"]'}
    invoice = books.owed(**own | values)
    assert why(await reminded(books, **ALL, message=text)) == {
        invoice: f"the text names {text}, and that is not known of it"
    }
    assert why(await reminded(books, **ALL)) == {}


# What is owed, and what is not


async def test_a_credit_is_told_with_its_amount_per_client_and_currency(books: Debtors) -> None:
    client, other = books.client_with(ANN, name="Acme"), books.client_with(BO, name="Other")
    late = books.owed(client, "1", balance=30_000)
    books.owed(client, "2", -3, balance=1_000)
    books.owed(client, "C1", balance=-5_000)
    books.owed(client, "C2", balance=-250, status=PAID)
    books.owed(client, "C3", balance=-400, currency_code="KWD")
    books.owed(client, "C4", balance=-999, status=CANCELLED)
    books.owed(other, "C5", balance=-100)
    for which in (ALL, {"invoice_ids": [late]}, {"client_id": client}):
        shown = await reminded(books, **which)
        assert "Credit that the reminders do not deduct: “Acme” 52.50 EUR, “Acme” 4.000 KWD." in shown["message"]
        assert shown["goes_with_it"]["credits"] == [
            {"client": "Acme", "currency_code": "EUR", "owed": 310, "credit": 52.5, "net": 257.5},
            {"client": "Acme", "currency_code": "KWD", "owed": 0, "credit": 4, "net": -4},
        ]
        assert shown["totals"] == [{"currency_code": "EUR", "count": 1, "balance": 300}]


async def test_a_pending_part_is_never_reminded(agent: Agent, account: respx.MockRouter) -> None:
    part = INVOICE | {"id": 1, "number": "P", "status": 1, "balance": "100.00", "pending_amount": "40.005"}
    all_of_it = part | {"id": 2, "number": "A", "pending_amount": 100}
    account.get("payments").respond(json=listed("payments"))
    account.get("invoices").respond(json=listed("invoices", part, all_of_it))
    account.get("clients/4/contacts").respond(json=listed("contacts", CONTACT))
    shown = await agent.answer(JOB, **ALL, message="{balance}")
    mail, skipped = shown["steps"]
    assert (mail["number"], mail["balance"], mail["pending"]) == ("P", 59.995, 40.005)
    assert shown["goes_with_it"]["mail"]["filled_in"]["message"] == "60.00 EUR"
    assert skipped["why"] == "nothing is owed on it but a payment of 100.00 EUR that is under way"
    assert shown["totals"] == [{"currency_code": "EUR", "count": 1, "balance": 59.995, "pending": 40.005}]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"balance": -5_000}, "nothing is owed on it: it is a credit of 50.00 EUR"),
        ({"balance": 0}, "nothing is owed on it"),
        ({"balance": 40, "currency_code": "JPY"}, "nothing is owed on it"),
        ({"date": (TODAY + timedelta(days=2)).isoformat()}, "it is dated 2026-11-22, which is still to come"),
    ],
    ids=str,
)
async def test_an_invoice_that_owes_nothing_is_no_reminder(books: Debtors, values: dict[str, Any], reason: str) -> None:
    invoice = books.owed(books.client_with(ANN), "7", **values)
    for confirm in (False, True):
        answer = await reminded(books, invoice_ids=[invoice], confirm=confirm)
        assert f"There is no reminder to send. Invoice “7”: {reason}." in answer["message"]
        assert why(answer) == {invoice: reason}
    assert why(await reminded(books, **ALL)) == {}
    assert not writes(books.sandbox)


async def test_late_invoices_with_a_payment_under_way_or_no_balance_are_named(books: Debtors) -> None:
    pending = books.owed(books.client_with(ANN), "7", status=PENDING)
    nothing = {"subtotal": 0, "total_cost": 0}
    unknown = books.owed(books.client_with(ANN), "8", balance=None, **nothing)
    books.owed(books.client_with(ANN), "9", -1, balance=None, **nothing)
    reasons = {pending: "its status is “pending”", unknown: "its balance is unknown"}
    assert why(await reminded(books, **ALL)) == reasons


# Which invoices


async def test_client_id_chooses_one_clients_invoices(books: Debtors, quarry: dict[str, int]) -> None:
    other = books.owed(books.client_with("cy@example.com", name="Other"), "99", 50)
    alone = await reminded(books, client_id=quarry["client"])
    assert alone["steps"][0]["number"] == "9, 12"
    late = await reminded(books, client_id=quarry["client"], min_days_overdue=30)
    assert [step["number"] for step in late["steps"]] == ["9"]
    named = await reminded(books, client_id=quarry["client"], invoice_ids=[quarry["old"], other])
    assert why(named) == {other: f"it is of “Other”, not of client {quarry['client']}"}
    assert ("GET", f"/api/v2/clients/{quarry['client']}/invoices") in books.sandbox.requests


async def test_an_unknown_client_is_not_found(books: Debtors) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        text = await agent.refusal(JOB, client_id=999_999)
    assert "was not found" in text
    assert "Check client_id; list_clients returns valid ids." in text


ORDERS = {
    "newest first": [*range(5, 90)],
    "oldest first": [*range(90, 4, -1)],
    "a page of one day": [*([60] * 30), 5],
    "none": [50, *range(90, 60, -1), *range(60, 90), 5, 70],
    "a day is missing": [None, *([60] * 30), None, 5],
}
"""Days ago on which payments were received, in the order in which an account lists them."""


@pytest.mark.parametrize("order", ORDERS)
async def test_a_recent_payment_is_found_in_whatever_order_they_are_listed(
    agent: Agent, account: respx.MockRouter, order: str
) -> None:
    rows = [
        {"id": number, "invoice_id": 1 if days == 5 else 2, "amount": 1, "received_on": days and ago(days)}
        for number, days in enumerate(ORDERS[order], 1)
    ]
    pages = [rows[first : first + 30] for first in range(0, len(rows), 30)]
    for number in range(len(pages), 0, -1):
        route = account.get("payments", params={"page": number} if number > 1 else {})
        route.respond(
            json=listed("payments", *pages[number - 1]) | {"page_count": len(pages), "total_count": len(rows)}
        )
    account.get("invoices").respond(json=listed("invoices", INVOICE | {"id": 1, "status": 1}))
    account.get("clients/4/contacts").respond(json=listed("contacts", CONTACT))
    assert why(await agent.answer(JOB, **ALL)) == {1: f"the client paid on {ago(5)}"}
