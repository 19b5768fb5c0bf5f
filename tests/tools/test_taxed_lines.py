"""A tax applies to the lines that do not say otherwise, and never to nothing."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Request, sent
from tests.tools.test_documents import INVOICES, SCHEDULES, Document, every_document

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
LINE = {"title": "Work", "quantity": 1, "price": 100}
YES, NO = {**LINE, "taxable": True}, {**LINE, "taxable": False}
SECTION = {"title": "Phase", "quantity": 0, "price": 0, "item_type": "section"}
TAXED_SECTION = {**SECTION, "taxable": True}
TAXES: list[JsonObject] = [{"tax": 19}, {"tax2": "8.1"}, {"tax3": 5, "tax": 0}]
UNTAXED: JsonObject = {"tax": 0, "tax2": None, "tax3": 0}


def required(document: Document) -> JsonObject:
    """What a new one needs, on days that lie ahead."""
    return document.required | ({"next_date": "2026-03-01"} if document is SCHEDULES else {})


def taxables(request: Request, document: Document) -> list[Any]:
    """What was sent of each line."""
    return [line.get("taxable") for line in request.body[document.name][document.lines]]


def play(account: respx.MockRouter, document: Document, **there: Any) -> None:
    """An account with that document, which takes every write."""
    reply = document.reply | {"client": {"id": 4, "name": "ACME Corp"}} | there
    for route in (account.get(f"{document.path}/110"), account.put(f"{document.path}/110")):
        route.respond(json=reply)
    account.post(document.path).respond(201, json=reply)


def lines(document: Document, *taxable: bool | None, **more: Any) -> JsonObject:
    """Lines that are there, with ids from 1 on."""
    kind = f"{document.name}_items"
    return {kind: [{**LINE, "id": number + 1, "taxable": each, **more} for number, each in enumerate(taxable)]}


@every_document
@pytest.mark.parametrize("taxes", TAXES)
async def test_lines_that_do_not_say_are_taxable_where_a_tax_is_given(
    agent: Agent, account: respx.MockRouter, document: Document, taxes: JsonObject
) -> None:
    play(account, document)
    await agent.answer(f"create_{document.name}", **required(document), **taxes, items=[LINE, NO, SECTION])
    assert taxables(sent(account)[-1], document) == [True, False, None]


@every_document
async def test_without_a_tax_nothing_is_said_of_the_lines(
    agent: Agent, account: respx.MockRouter, document: Document
) -> None:
    play(account, document)
    await agent.answer(f"create_{document.name}", **required(document), tax=0, items=[LINE, NO])
    assert taxables(sent(account)[-1], document) == [None, False]


@every_document
async def test_a_tax_on_lines_that_all_say_no_is_refused(
    agent: Agent, account: respx.MockRouter, document: Document
) -> None:
    refusal = await agent.refusal(
        f"create_{document.name}", **required(document), tax=19, items=[NO, TAXED_SECTION, NO]
    )
    assert "tax: 19 % would apply to nothing, since all lines say taxable=false" in refusal
    assert "Nothing was sent." in refusal
    assert sent(account) == []


async def test_a_line_that_clientary_shows_as_untaxed_is_told(agent: Agent, account: respx.MockRouter) -> None:
    play(account, INVOICES, total_cost=100, **lines(INVOICES, *[False]))
    answer = await agent.answer("create_invoice", **INVOICES.required, tax=19, items=[LINE])
    assert "taxable: sent true, Clientary shows false" in answer["notice"]


@every_document
@pytest.mark.parametrize(
    ("change", "there", "taxable"),
    [
        ({}, {"tax": 19}, True),
        ({}, {"tax": 0, "tax3": 2}, True),
        ({}, UNTAXED, None),
        ({"tax": 0}, {"tax": 19, "tax2": 0}, None),
        ({"clear": ["tax"]}, {"tax": 19, "tax2": 0}, None),
        ({"tax": 7}, UNTAXED, True),
    ],
)
async def test_a_line_added_to_a_taxed_document_is_taxable(
    agent: Agent, account: respx.MockRouter, document: Document, change: JsonObject, there: JsonObject, taxable: Any
) -> None:
    play(account, document, **there)
    await agent.answer(f"update_{document.name}", **document.id, **change, items=[LINE])
    assert taxables(sent(account)[-1], document) == [taxable]


@every_document
@pytest.mark.parametrize(
    ("there", "items"),
    [
        ([False, False], None),
        ([False], [NO]),
        ([False], [TAXED_SECTION]),
        ([True, False], [{"item_id": 1, "remove": True}]),
        ([True], [{"item_id": 1, "taxable": False}]),
    ],
)
async def test_a_tax_that_would_apply_to_no_line_that_is_there_is_refused(
    agent: Agent, account: respx.MockRouter, document: Document, there: list[bool], items: Any
) -> None:
    play(account, document, **lines(document, *there))
    refusal = await agent.refusal(f"update_{document.name}", **document.id, tax=19, items=items)
    assert f"tax: 19 % would apply to nothing, since no line of {document.path}/110 is taxable" in refusal
    assert "taxable=true" in refusal
    assert [request.method for request in sent(account)] == ["GET"]


@every_document
@pytest.mark.parametrize(
    ("there", "items", "more"),
    [
        ([], None, {}),
        ([True, False], None, {}),
        ([None], None, {}),
        ([False], [{"item_id": 1, "taxable": True}], {}),
        ([False], None, {"secondary_tax?": True}),
        ([False], None, {"item_type": 0}),
    ],
)
async def test_a_tax_that_may_apply_to_a_line_is_set(
    agent: Agent, account: respx.MockRouter, document: Document, there: list[Any], items: Any, more: JsonObject
) -> None:
    play(account, document, **lines(document, *there, **more))
    await agent.answer(f"update_{document.name}", **document.id, tax=19, items=items)
    assert sent(account)[-1].method == "PUT"
