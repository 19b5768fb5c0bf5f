"""Rules for every tool, checked with the calls that the other files of this folder define."""

import json
import re
from itertools import product
from typing import Any, get_args

import httpx
import pytest
import respx

from tests.support.agent import Agent
from tests.support.long import covering
from tests.support.played_requests import TOOLS, Exchange, Request, sent, without_names
from tests.support.replies import (
    CLIENT,
    CONTACT,
    ESTIMATE,
    EXPENSE,
    HOUR_ENTRY,
    INVOICE,
    LEAD,
    PAYMENT_PROFILE,
    PROJECT,
    RECURRING_SCHEDULE,
    SECRET,
    TASK,
    listed,
)
from tests.tools import (
    test_clients,
    test_contacts,
    test_estimates,
    test_expenses,
    test_hours,
    test_invoices,
    test_leads,
    test_payment_profiles,
    test_payments,
    test_projects,
    test_recurring_schedules,
    test_staff,
    test_tasks,
)
from tool_schemas.base.filters import ListFilters

pytestmark = pytest.mark.anyio

EXCHANGES = [
    exchange
    for resource in (
        test_clients,
        test_contacts,
        test_leads,
        test_projects,
        test_hours,
        test_tasks,
        test_expenses,
        test_invoices,
        test_estimates,
        test_payments,
        test_payment_profiles,
        test_recurring_schedules,
        test_staff,
    )
    for exchange in resource.EXCHANGES
]
FIRST = {exchange.tool: exchange for exchange in reversed(EXCHANGES)}
GATED = [exchange for exchange in FIRST.values() if TOOLS[exchange.tool].gated]
WRITES = [exchange for exchange in FIRST.values() if exchange.method != "GET"]
LISTS = [exchange for exchange in FIRST.values() if exchange.tool.startswith("list_")]
UPDATES = [exchange for exchange in FIRST.values() if exchange.method == "PUT"]
DELETES = [exchange for exchange in FIRST.values() if exchange.method == "DELETE"]
ADDRESSED = [
    exchange for exchange in FIRST.values() if exchange.arguments.keys() & TOOLS[exchange.tool].arguments.addresses()
]


def filters(tool: str) -> tuple[str, ...]:
    """The arguments that this server narrows or orders a list by, and does not send."""
    arguments = TOOLS[tool].arguments
    return arguments.filters() if issubclass(arguments, ListFilters) else ()


def some(schema: dict[str, Any]) -> Any:
    """A value that an argument takes."""
    if schema["description"] == "Like last_month.":
        return "last_month"
    if schema["description"].endswith("; or several."):
        return "open"
    by_type = {"string": "2026-01-01", "boolean": True, "integer": 1, "number": 1}
    return schema["enum"][0] if "enum" in schema else by_type[schema["type"]]


FILTERS = [(exchange, name) for exchange in LISTS for name in filters(exchange.tool)]

RECORDS = {
    "clients": CLIENT,
    "contacts": CONTACT,
    "leads": LEAD,
    "projects": PROJECT,
    "hours": HOUR_ENTRY,
    "tasks": TASK,
    "expenses": EXPENSE,
    "invoices": INVOICE,
    "estimates": ESTIMATE,
    "payment_profiles": PAYMENT_PROFILE,
    "recurring": RECURRING_SCHEDULE,
}


def reads_only(request: httpx.Request) -> httpx.Response:
    """An account that has every record and answers no write."""
    assert request.method == "GET"
    *_, above, last = request.url.path.split("/")
    return httpx.Response(200, json=RECORDS[above] if last.isdigit() else listed(last, RECORDS[last]))


GATES: list[dict[str, Any]] = [{}, {"confirm": False}, {"confirm": None}]
"""Calls that do not confirm."""


def unconfirmed(exchange: Exchange) -> dict[str, Any]:
    """The arguments of a gated call, without its confirmation."""
    return {name: value for name, value in exchange.arguments.items() if name != "confirm"}


async def test_the_request_of_every_tool_is_pinned() -> None:
    assert FIRST.keys() == TOOLS.keys()


async def test_every_argument_is_in_a_request_that_is_pinned() -> None:
    everywhere = {"limit", "offset", "detail", "allow_duplicate", "allow_unusual"}
    pinned = {(exchange.tool, name) for exchange in EXCHANGES for name in exchange.arguments}
    assert [
        (tool, name)
        for tool in TOOLS
        for name in TOOLS[tool].published.input_schema["properties"].keys() - everywhere - {*filters(tool)}
        if (tool, name) not in pinned
    ] == []


@pytest.mark.parametrize(("exchange", "name"), covering(FILTERS), ids=str)
async def test_a_filter_is_applied_here_to_the_same_request(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, name: str
) -> None:
    account.get(exchange.path).respond(json=exchange.reply)
    exchange.prepare_reads(account)
    if exchange.path == "clients":
        account.get("invoices").respond(json=listed("invoices"))  # by whose dates clients are ordered
    without_names(account)
    value = some(TOOLS[exchange.tool].published.input_schema["properties"][name])
    assert (await agent.answer(exchange.tool, **exchange.arguments, **{name: value}))["complete"] is True
    assert sent(account)[0] == exchange.request


@pytest.mark.parametrize("exchange", LISTS, ids=str)
async def test_every_paginated_list_starts_at_the_page_that_contains_the_offset(
    agent: Agent, account: respx.MockRouter, exchange: Exchange
) -> None:
    account.get(exchange.path).respond(json=exchange.reply)
    exchange.prepare_reads(account)
    (kind,) = get_args(TOOLS[exchange.tool].answer)
    size = int(exchange.query.get("page_size", kind.page_size or 1))
    await agent.answer(exchange.tool, **exchange.arguments, offset=2 * size + 1)
    page = {"page": "3"} if kind.page_size else {}
    assert sent(account)[0] == Request("GET", exchange.path, exchange.query | page)


@pytest.mark.parametrize(
    ("detail", "exchange"),
    covering(product(["full", "summary"], LISTS)),
    ids=str,
)
async def test_no_list_shows_a_secret(agent: Agent, account: respx.MockRouter, exchange: Exchange, detail: str) -> None:
    account.get(exchange.path).respond(json=exchange.reply)
    exchange.prepare_reads(account)
    without_names(account)
    answer = await agent.answer(exchange.tool, **exchange.arguments, detail=detail)
    assert answer["returned"] == 1
    shown = json.dumps(answer)
    assert all(hidden not in shown for hidden in (SECRET, '"secret"', "gateway_token", "client_view_url"))


EMPTY: list[dict[str, Any]] = [
    {"status_code": 204},
    {"status_code": 200},
    {"text": " "},
    {"json": {}},
    {"json": {"status": "ok"}},
]


@pytest.mark.parametrize(
    ("exchange", "reply"),
    covering(product(UPDATES, EMPTY)),
    ids=str,
)
async def test_an_update_whose_response_lacks_the_record_is_read_back_once(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, reply: dict[str, Any]
) -> None:
    account.put(exchange.path).respond(**reply)
    account.get(exchange.path).respond(json=exchange.reply)
    answer = await agent.answer(exchange.tool, **exchange.arguments)
    assert answer["id"] == exchange.reply["id"]
    assert sent(account) == [*exchange.requests, Request("GET", exchange.path)]


@pytest.mark.parametrize("exchange", UPDATES, ids=str)
async def test_an_update_whose_response_has_the_record_is_not_read_back(
    agent: Agent, account: respx.MockRouter, exchange: Exchange
) -> None:
    account.put(exchange.path).respond(json=exchange.reply)
    exchange.prepare_reads(account)
    assert (await agent.answer(exchange.tool, **exchange.arguments))["id"] == exchange.reply["id"]
    assert sent(account) == exchange.requests


@pytest.mark.parametrize("exchange", UPDATES, ids=str)
async def test_an_update_without_fields_sends_nothing(
    agent: Agent, account: respx.MockRouter, exchange: Exchange
) -> None:
    [id_name] = TOOLS[exchange.tool].arguments.addresses()
    refusal = await agent.refusal(exchange.tool, **{id_name: exchange.arguments[id_name]})
    assert "nothing to change" in refusal
    assert sent(account) == []


@pytest.mark.parametrize(
    ("exchange", "gate"),
    covering(product(GATED, GATES)),
    ids=str,
)
async def test_without_confirm_only_reads_are_sent(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, gate: dict[str, Any]
) -> None:
    account.route(method="GET").mock(side_effect=reads_only)
    answer = await agent.answer(exchange.tool, **unconfirmed(exchange), **gate)
    assert answer["done"] is False
    assert answer["record"]["id"]
    assert answer["message"].startswith("Nothing was changed.")
    assert "confirm=true" in answer["to_proceed"]
    assert SECRET not in json.dumps(answer)
    assert {request.method for request in sent(account)} == {"GET"}


@pytest.mark.parametrize("exchange", GATED, ids=str)
async def test_with_confirm_its_one_write_is_sent_and_reported_as_done(
    agent: Agent, account: respx.MockRouter, exchange: Exchange
) -> None:
    answer = await exchange.takes_place(agent, account)
    assert answer["done"] is True
    assert [request for request in sent(account) if request.method != "GET"] == [exchange.request]


@pytest.mark.parametrize(
    ("exchange", "confirm"),
    covering(product(GATED, [True, False])),
    ids=str,
)
async def test_a_missing_record_is_not_found_with_and_without_confirm(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, *, confirm: bool
) -> None:
    account.route().respond(404)
    refusal = await agent.refusal(exchange.tool, **unconfirmed(exchange), confirm=confirm)
    assert "was not found" in refusal
    reads = exchange.first_read or not confirm
    assert [request.method for request in sent(account)] == ["GET" if reads else exchange.method]


@pytest.mark.parametrize(
    ("exchange", "confirm"),
    covering(product(GATED, ["yes please", 2])),
    ids=str,
)
async def test_an_invalid_confirmation_sends_nothing(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, confirm: Any
) -> None:
    refusal = await agent.refusal(exchange.tool, **unconfirmed(exchange), confirm=confirm)
    assert "confirm takes true or false" in refusal
    assert sent(account) == []


@pytest.mark.parametrize(
    ("exchange", "reply"),
    covering(product(DELETES, EMPTY)),
    ids=str,
)
async def test_a_delete_is_done_whatever_its_body(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, reply: dict[str, Any]
) -> None:
    account.delete(exchange.path).respond(**reply)
    exchange.prepare_reads(account)
    answer = await agent.answer(exchange.tool, **exchange.arguments)
    assert answer["done"] is True
    assert sent(account) == exchange.requests


@pytest.mark.parametrize("exchange", ADDRESSED, ids=str)
async def test_not_found_errors_name_the_id_argument_and_the_list_of_ids(
    agent: Agent, account: respx.MockRouter, exchange: Exchange
) -> None:
    account.route().respond(404)
    refusal = await agent.refusal(exchange.tool, **exchange.arguments)
    for name in TOOLS[exchange.tool].arguments.addresses():
        assert name in refusal
    assert any(tool in refusal for tool in TOOLS if tool.startswith("list_"))


LOST: list[dict[str, Any]] = [
    {"return_value": httpx.Response(500)},
    {"return_value": httpx.Response(503)},
    {"side_effect": httpx.ReadError},
]


@pytest.mark.parametrize(("exchange", "fails"), covering(product(WRITES, LOST)), ids=str)
async def test_a_write_of_unknown_outcome_is_sent_once_and_names_the_tool_to_check(
    agent: Agent, account: respx.MockRouter, exchange: Exchange, fails: dict[str, Any]
) -> None:
    account.request(exchange.method, exchange.path).mock(**fails)
    shown = iter([httpx.Response(200, json=reply) for reply in exchange.first_read.values()])
    account.get().mock(side_effect=lambda _: next(shown, httpx.Response(503)))  # so that the check finds nothing either
    refusal = await agent.refusal(exchange.tool, **exchange.arguments)
    assert "unknown whether" in refusal
    assert re.search(
        rf"{TOOLS[exchange.tool].checked_with}( with [a-z_]+=\d+(, [a-z_]+=\d+)*)? shows the current state", refusal
    )
    assert [request for request in sent(account) if request.method != "GET"] == [exchange.request]


async def test_a_misspelled_argument_sends_nothing(agent: Agent, account: respx.MockRouter) -> None:
    text = {
        exchange.tool: await agent.refusal(exchange.tool, **exchange.arguments, nonsense=1)
        for exchange in FIRST.values()
    }
    assert [tool for tool, refusal in text.items() if "there is no argument 'nonsense'" not in refusal] == []
    assert sent(account) == []
