"""A reminder goes to the invoice's own recipients in whatever form they are told, or to nobody but a named reason."""

import json
from typing import Any

import pytest
import respx

from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import INVOICE, listed
from tests.support.users import writes
from tests.tools.workflows.test_payment_reminders import JOB, Debtors, reminded, why

pytestmark = pytest.mark.anyio

ANN, BO, CY = "ann@example.com", "bo@example.com", "cy@example.com"
BILLING, AP = "billing@client.example", "ap@client.example"
ALL: dict[str, Any] = {"min_days_overdue": 1}


@pytest.fixture
def books() -> Debtors:
    return Debtors()


def with_recipients(books: Debtors, own: Any) -> tuple[int, list[int]]:
    """A late invoice with those recipients, and the ids of the two contacts of its client."""
    client = books.client_with(ANN, BO)
    invoice = books.owed(client, "7", recipients=json.dumps(own))
    return invoice, [row["id"] for row in books.rows("SELECT id FROM contacts WHERE client_id = ? ORDER BY id", client)]


@pytest.mark.parametrize(
    ("own", "read"),
    [
        ([BILLING], [BILLING]),
        ([f"Billing Dept <{BILLING}>"], [BILLING]),
        ([f'"Client, Billing" <{BILLING}>', f"mailto:{AP}"], [BILLING, AP]),
        (f"{BILLING}, {AP}", [BILLING, AP]),
        (f"{BILLING}; {AP};", [BILLING, AP]),
        ([f"{BILLING}\n{AP}"], [BILLING, AP]),
        ("ฝ่ายบัญชี <billing@client.example>", [BILLING]),
        ("Rechnung <re@bücher.example>, re@xn--bcher-kva.example", ["re@bücher.example"]),
        ({"email": BILLING}, [BILLING]),
        ([{"email": f"Billing <{BILLING}>", "id": 99_999}], [BILLING]),
        ([{"address": BILLING}, {"email_address": AP, "email": ""}], [BILLING, AP]),
        ([BILLING, BILLING.upper()], [BILLING]),
        ([BILLING, None, ""], [BILLING]),
    ],
    ids=str,
)
async def test_an_invoices_own_recipients_are_read_in_any_form(books: Debtors, own: Any, read: list[str]) -> None:
    invoice, _ = with_recipients(books, own)
    shown = await reminded(books, **ALL)
    (step,) = shown["steps"]
    assert (step["recipients"], step["recipients_from"]) == (read, "invoice")
    assert step["no_contacts"] == read
    assert "no contact of the client" in shown["message"]
    await reminded(books, **ALL, confirm=True)
    assert books.mailed() == [(invoice, read)]


@pytest.mark.parametrize("form", [int, str, lambda id_: {"id": id_}, lambda id_: {"contact_id": id_, "name": "Ann"}])
async def test_ids_among_the_recipients_are_looked_up_among_the_clients_contacts(books: Debtors, form: Any) -> None:
    invoice, contacts = with_recipients(books, [])
    own = json.dumps([form(contacts[1])])
    books.sandbox.connection.execute("UPDATE invoices SET recipients = ? WHERE id = ?", (own, invoice))
    (step,) = (await reminded(books, **ALL))["steps"]
    assert (step["recipients"], step["recipients_from"]) == ([BO], "invoice")
    assert "no_contacts" not in step


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ("the accountant", "“the accountant”"),
        ([BILLING, "x"], "“x”"),
        ([{"name": "Ann"}], "an entry with “name”"),
        ([{"view_url": "https://secret.example/abc"}], "an entry with “view_url”"),
        ([{}], "an empty entry"),
        ([987_654], "contact 987654, who is none of this client"),
        ([{"contact_id": 987_654}], "an entry with “contact_id”"),
        ([True], "“True”"),
        (["an n@example.com"], "“an n@example.com”"),
        ([f"{BILLING}\nBcc: {AP}"], "Bcc"),
        (["a", "b", "c", "d"], "“a”, “b”, “c” and 1 more"),
    ],
    ids=str,
)
async def test_recipients_that_cannot_be_read_skip_the_invoice_and_are_named(
    books: Debtors, own: Any, named: str
) -> None:
    invoice, _ = with_recipients(books, own)
    other = books.owed(books.client_with(CY), "8")
    done = await reminded(books, **ALL, confirm=True)
    assert books.mailed() == [(other, [CY])]
    assert why(done)[invoice].startswith("its recipients cannot be read: ")
    assert named in why(done)[invoice]
    assert "recipients_per_client" in why(done)[invoice]
    assert "abc" not in str(done)


async def test_an_invoice_of_no_client_is_not_told_to_have_one_without_contacts(books: Debtors) -> None:
    invoice = books.owed(books.client_with(ANN), "7", client_id=None)
    assert why(await reminded(books, **ALL)) == {invoice: "no e-mail address: it has no client"}


async def test_the_id_of_another_clients_contact_is_not_read(books: Debtors) -> None:
    other = books.client_with(CY)
    (contact,) = books.rows("SELECT id FROM contacts WHERE client_id = ?", other)
    invoice, _ = with_recipients(books, [contact["id"]])
    assert "none of this client" in why(await reminded(books, **ALL))[invoice]


@pytest.mark.parametrize("own", [None, [], "", [""], [None]], ids=str)
async def test_an_invoice_without_recipients_goes_to_the_contacts(books: Debtors, own: Any) -> None:
    with_recipients(books, own)
    (step,) = (await reminded(books, **ALL))["steps"]
    assert (step["recipients"], step["recipients_from"]) == ([ANN, BO], "contacts")


@pytest.mark.parametrize("clients", [1, 12])
@pytest.mark.parametrize(
    "field", [f"{ANN}, {BO}", f"{ANN}; {BO}", f"Ann <{ANN}> / Bo <{BO}>", f"{ANN}\n{BO}", f"{ANN}、{BO}"]
)
async def test_two_addresses_of_one_contact_are_read_as_two(books: Debtors, field: str, clients: int) -> None:
    for number in range(clients):
        books.owed(books.client_with(field), str(number))
    await reminded(books, **ALL, confirm=True)
    assert [to for _, to in books.mailed()] == [[ANN, BO]] * clients


async def test_contacts_that_cannot_be_read_are_named_beside_those_that_can(books: Debtors) -> None:
    books.owed(books.client_with(ANN, "ask for it"), "1")
    none = books.owed(books.client_with("bo at example.com"), "2")
    shown = await reminded(books, **ALL)
    assert [(step["recipients"], step["unreadable"]) for step in shown["steps"][:1]] == [([ANN], ["ask for it"])]
    assert why(shown) == {none: "no e-mail address can be read: its client's contacts have “bo at example.com”"}


async def test_recipients_of_the_call_replace_those_of_one_client(books: Debtors) -> None:
    first, second = books.client_with(ANN), books.client_with(BO)
    theirs, others = books.owed(first, "1", 40, recipients='["x"]'), books.owed(second, "2", 30)
    rows = [{"client_id": first, "recipients": f"Cy <{CY}>; {ANN}"}]
    shown = await reminded(books, **ALL, recipients_per_client=rows)
    assert [(step["recipients_from"], step.get("no_contacts")) for step in shown["steps"]] == [
        ("recipients_per_client", [CY]),
        ("contacts", None),
    ]
    await reminded(books, **ALL, recipients_per_client=rows, confirm=True)
    assert books.mailed() == [(theirs, [CY, ANN]), (others, [BO])]


async def test_recipients_for_a_client_without_a_late_invoice_are_told(books: Debtors) -> None:
    books.owed(books.client_with(ANN), "1")
    rows = [{"client_id": books.client, "recipients": [CY]}]
    shown = await reminded(books, **ALL, recipients_per_client=rows)
    assert f"recipients_per_client names clients of whom no invoice is here: {books.client}." in shown["message"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"client_id": 5, "recipients": [ANN]}, {"client_id": 5, "recipients": [BO]}], "two of client 5"),
        ([{"client_id": 5, "recipients": ["ann"]}], "e-mail address"),
        ([{"client_id": 5, "recipients": []}], "recipients"),
        ([{"recipients": [ANN]}], "client_id"),
    ],
    ids=str,
)
async def test_rows_that_cannot_be_meant_are_refused(books: Debtors, rows: Any, told: str) -> None:
    async with agent_of(session_with(books.sandbox)) as agent:
        refusal = await agent.refusal(JOB, **ALL, recipients_per_client=rows)
    assert told in refusal
    assert "Nothing was sent" in refusal
    assert not writes(books.sandbox)


@pytest.mark.parametrize("clients", [1, 12])
@pytest.mark.parametrize("status", [403, 404])
async def test_contacts_that_may_not_be_seen_stop_only_what_depends_on_them(
    agent: Agent, account: respx.MockRouter, clients: int, status: int
) -> None:
    late = INVOICE | {"status": 1, "client": None, "client_name": "Acme"}
    own = [late | {"id": number, "client_id": number, "recipients": [BILLING]} for number in range(1, clients + 1)]
    account.get("payments").respond(json=listed("payments"))
    account.get("invoices").respond(json=listed("invoices", *own, late | {"id": 99, "recipients": []}))
    account.get(path__regex="contacts").respond(403 if clients > 1 else status)
    shown = await agent.answer(JOB, min_days_overdue=1)
    assert len(shown["steps"]) == clients + 1
    assert not any("no_contacts" in step for step in shown["steps"])
    assert why(shown) == {99: "it has no recipients, and its client's contacts cannot be read"}


async def test_an_address_that_was_reminded_today_gets_nothing_more_beside_a_new_one(books: Debtors) -> None:
    client = books.client_with(ANN)
    invoice = books.owed(client, "1")
    rows = [{"client_id": client, "recipients": [BO, ANN.upper()]}]
    async with agent_of(session_with(books.sandbox)) as one:
        await one.confirmed(JOB, **ALL)
        done = await one.confirmed(JOB, **ALL, recipients_per_client=rows)
    assert books.mailed() == [(invoice, [ANN]), (invoice, [BO])]
    assert [step["reminded_today"] for step in done["steps"]] == [[ANN.upper()]]
