"""Shared by invoices, estimates and recurring schedules: adding, changing and removing lines, and mails."""

import json
from typing import Any, NamedTuple

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Request, sent
from tests.support.replies import CLIENT, ESTIMATE, INVOICE, RECURRING_SCHEDULE, listed
from tests.tools.test_invoices import ITEMS, ITEMS_ON_THE_WIRE, MAIL

pytestmark = pytest.mark.anyio


class Document(NamedTuple):
    """A kind of document: its name in tools and bodies, its path, and a sample."""

    name: str
    path: str
    required: dict[str, Any]
    reply: dict[str, Any]

    def __str__(self) -> str:
        return self.name

    @property
    def id(self) -> dict[str, Any]:
        """The argument that addresses it."""
        return {f"{self.name}_id": 110}

    @property
    def lines(self) -> str:
        """Clientary's name for its lines in a request."""
        return f"{self.name}_items_attributes"


ESTIMATES = Document("estimate", "estimates", {"date": "2026-03-01", "currency_code": "EUR"}, ESTIMATE)
INVOICES = Document("invoice", "invoices", {**ESTIMATES.required, "due_date": "2026-03-31"}, INVOICE)
SCHEDULES = Document(
    "recurring_schedule",
    "recurring",
    {
        "client_id": 4,
        "next_date": "2026-03-01",
        "time_interval": "monthly",
        "currency_code": "EUR",
        "due_period": 10,
    },
    RECURRING_SCHEDULE,
)

every_document = pytest.mark.parametrize("document", [INVOICES, ESTIMATES, SCHEDULES], ids=str)
every_mailed = pytest.mark.parametrize("document", [INVOICES, ESTIMATES], ids=str)
every_form = pytest.mark.parametrize("form", [list, json.dumps], ids=["as a list", "as text"])


@every_document
@every_form
async def test_new_lines_are_accepted_as_a_list_and_as_json_text(
    agent: Agent, account: respx.MockRouter, document: Document, form: Any
) -> None:
    account.post(document.path).respond(201, json=document.reply)
    await agent.answer(f"create_{document.name}", **document.required, items=form(ITEMS))
    [request] = sent(account)
    assert request.body[document.name][document.lines] == ITEMS_ON_THE_WIRE


@every_document
@every_form
async def test_lines_are_changed_removed_and_added_by_one_update(
    agent: Agent, account: respx.MockRouter, document: Document, form: Any
) -> None:
    account.put(f"{document.path}/110").respond(json=document.reply)
    items = [
        {"item_id": 184, "price": 99.5, "title": None},
        {"item_id": "185", "remove": True},
        {"title": "new", "quantity": "1", "price": 5, "taxable": False},
    ]
    await agent.answer(f"update_{document.name}", **document.id, items=form(items))
    lines = [
        {"id": 184, "price": 99.5},
        {"id": 185, "_destroy": True},
        {"title": "new", "quantity": 1, "price": 5, "taxable": False},
    ]
    body = {document.name: {document.lines: lines}}
    assert sent(account) == [Request("PUT", f"{document.path}/110", body=body)]


@every_document
@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"remove": True}, "needs item_id to say which line to remove"),
        ({"title": "new", "quantity": 1}, "needs title, quantity and price"),
        ({"id": 184, "price": 1}, "there is no argument 'items.0.id'"),
        ({"item_id": 184, "_destroy": True}, "there is no argument 'items.0._destroy'"),
        ({"item_id": 184, "item_type": 3}, "items.0.item_type takes one of 'line' or 'section'"),
        ({"item_id": 0, "price": 1}, "needs title, quantity and price"),
        ("foo", "items.0 takes an object"),
    ],
)
async def test_an_invalid_line_sends_nothing(
    agent: Agent, account: respx.MockRouter, document: Document, item: Any, text: str
) -> None:
    assert text in await agent.refusal(f"update_{document.name}", **document.id, items=[item])
    assert sent(account) == []


@every_document
async def test_an_unknown_line_is_not_mistaken_for_an_unknown_document(
    sandbox_agent: Agent, document: Document
) -> None:
    noun = f"{document.name}_id"
    listed = await sandbox_agent.answer(f"list_{document.name}s", limit=1)
    known = {noun: listed["records"][0]["id"]}
    line = {"item_id": 99_999_999, "remove": True}
    error = await sandbox_agent.refusal(f"update_{document.name}", **known, items=[line])
    assert error.startswith(
        f"{document.path}/{known[noun]} or a line of it (item_id 99999999) was not found. Nothing was changed."
        f" get_{document.name} returns the item_id of each line."
    )
    new = {"title": "Work", "quantity": 1, "price": 5}
    error = await sandbox_agent.refusal(f"update_{document.name}", **{noun: 99_999_999}, items=[new])
    assert error.startswith(f"{document.path}/99999999 was not found;")


@pytest.mark.parametrize("key", ["taxable", "taxable?"])
@pytest.mark.parametrize(("code", "word"), [(0, "section"), (3, "line"), ("3", "line"), (1, "1")])
async def test_lines_are_read_under_both_spellings_and_with_unknown_types(
    agent: Agent, account: respx.MockRouter, key: str, code: Any, word: str
) -> None:
    item = {"id": 184, "title": None, "quantity": "2.0", "price": "99.90", key: False, "item_type": code}
    account.get("invoices/110").respond(json={**INVOICE, "invoice_items": [item]})
    answer = await agent.answer("get_invoice", invoice_id=110)
    assert answer["items"] == [{"item_id": 184, "quantity": 2, "price": 99.9, "taxable": False, "item_type": word}]


@pytest.mark.parametrize("percent", [-1, 100.5, True, "much"])
async def test_an_invalid_tax_sends_nothing(agent: Agent, account: respx.MockRouter, percent: Any) -> None:
    assert "tax2" in await agent.refusal("update_invoice", invoice_id=110, tax2=percent)
    assert sent(account) == []


def mailable(account: respx.MockRouter, document: Document, *contacts: dict[str, Any]) -> list[Request]:
    """The reads before a mail of a document, whose client has these contacts."""
    shown = {f"{document.path}/110": {**document.reply, "client": CLIENT}}
    shown["clients/4/contacts"] = listed("contacts", *contacts)
    for path, reply in shown.items():
        account.get(path).respond(json=reply)
    return [Request("GET", path) for path in shown]


@every_mailed
async def test_a_mail_is_previewed_before_it_is_sent(
    agent: Agent, account: respx.MockRouter, document: Document
) -> None:
    reads = mailable(account, document)
    answer = await agent.answer(f"send_{document.name}_message", **document.id, **MAIL)
    assert answer["done"] is False
    assert answer["record"]["number"] == document.reply["number"]
    assert "a@example.com, b@example.com" in answer["message"]
    assert "129.15 EUR" in answer["message"]
    assert ("119.15 EUR" in answer["message"]) == ("balance" in document.reply)
    assert answer["goes_with_it"]["mail"] == MAIL
    assert sent(account) == reads


@every_mailed
async def test_recipients_rejected_as_a_list_are_sent_once_as_text(
    agent: Agent, account: respx.MockRouter, document: Document
) -> None:
    reads = mailable(account, document)
    path = f"{document.path}/110/messages"
    as_text = {**MAIL, "recipients": "a@example.com, b@example.com"}
    account.post(path, json=MAIL).respond(422, json={"recipients": ["is invalid"]})
    account.post(path, json=as_text).respond(200)
    answer = await agent.answer(f"send_{document.name}_message", **document.id, **MAIL, confirm=True)
    assert answer["done"] is True
    assert sent(account) == [*reads, Request("POST", path, body=MAIL), Request("POST", path, body=as_text)]


@every_mailed
async def test_a_mail_rejected_in_both_forms_fails(agent: Agent, account: respx.MockRouter, document: Document) -> None:
    reads = mailable(account, document)
    account.post(f"{document.path}/110/messages").respond(422, json={"subject": ["is too long"]})
    refusal = await agent.refusal(f"send_{document.name}_message", **document.id, **MAIL, confirm=True)
    assert "subject: “is too long”" in refusal
    assert len(sent(account)) == len(reads) + 2


@every_mailed
@pytest.mark.parametrize("status", [401, 403, 404, 500, 502, 503])
async def test_a_mail_that_failed_otherwise_is_never_sent_again(
    agent: Agent, account: respx.MockRouter, document: Document, status: int
) -> None:
    reads = mailable(account, document)
    path = f"{document.path}/110/messages"
    account.post(path).respond(status)
    await agent.refusal(f"send_{document.name}_message", **document.id, **MAIL, confirm=True)
    assert sent(account) == [*reads, Request("POST", path, body=MAIL)]


@every_mailed
@pytest.mark.parametrize("recipients", [[], ["a@example.com", "nobody"], "nobody", ["a@b.co, d@e.f"]])
async def test_invalid_recipients_send_nothing(
    agent: Agent, account: respx.MockRouter, document: Document, recipients: Any
) -> None:
    refusal = await agent.refusal(f"send_{document.name}_message", **document.id, recipients=recipients, confirm=True)
    assert "recipients" in refusal
    assert sent(account) == []
