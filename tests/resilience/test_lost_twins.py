"""Lost responses that are hard to check: identical records, rounding, changing lists, and paid invoices."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from tests.resilience.outcomes import Answer, answer_to
from tests.support.agent import Agent, agent_of
from tests.support.long import covering
from tests.support.virtual_time import VirtualLoop, session_on
from tests.support.writes import CREATES, DAY, Write, a_client, a_project, an_unpaid_invoice, newest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


TABLES = {"payment_profiles": "payment_profiles", "recurring": "recurring_schedules"}
BEFORE_AND_AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
Found = Callable[..., list[Any]]


def lose(books: Sandbox, method: str, *, after: bool) -> None:
    """Lose the response to the next write, after it took effect, or let it fail before."""
    books.faults = Faults([Fault("drop" if after else 500, method, nth=1, after=after)], sleep=anyio.sleep)


async def lost(clerk: Agent, books: Sandbox, tool: str, arguments: dict[str, Any], *, after: bool) -> Answer:
    """The answer to a write whose response was lost; checks that it was sent once and reported correctly."""
    before = len(books.ledger)
    lose(books, "PUT" if tool.startswith("update_") else "POST", after=after)
    answer = await answer_to(clerk, tool, arguments)
    assert books.faults is not None
    assert len(books.faults.struck) == 1
    assert len(books.ledger) == before + after
    untrue = "not done" if after else "done"
    assert answer.outcome != untrue, answer.text
    return answer


async def made_long_ago(colleague: Agent, books: Sandbox, write: Write) -> int:
    """The id of an identical, older record from last winter."""
    await answer_to(colleague, write.tool, write.arguments(books))
    made = books.ledger[-1]
    table = TABLES.get(made.resource, made.resource)
    stamp = "2026-01-05T08:00:00Z"
    with books.connection as connection:
        connection.execute(f"UPDATE {table} SET created_at = '{stamp}', updated_at = '{stamp}' WHERE id = {made.id}")  # noqa: S608 ours
    return made.id


def pass_a_minute(books: Sandbox) -> None:
    """Advance the account's clock, which only writes move, by a minute."""
    for _ in range(60):
        books.store.now()


@pytest.mark.parametrize(("write", "after"), covering(product(CREATES, [True, False])), ids=str)
async def test_an_old_identical_record_is_not_mistaken_for_the_new_one(
    clerk: Agent, colleague: Agent, books: Sandbox, write: Write, after: bool
) -> None:
    twin = await made_long_ago(colleague, books, write)
    answer = await lost(clerk, books, write.tool, write.arguments(books), after=after)
    assert answer.outcome == ("done" if after else "not done")
    assert answer.content.get("id") != twin


@pytest.mark.parametrize(("write", "after"), covering(product(CREATES, [True, False])), ids=str)
async def test_an_identical_record_of_unknown_age_is_not_mistaken_for_the_new_one(
    clerk: Agent, colleague: Agent, books: Sandbox, write: Write, after: bool
) -> None:
    books.switches = replace(books.switches, extra_keys=False)  # the documented keys: few records have timestamps
    twin = await made_long_ago(colleague, books, write)
    answer = await lost(clerk, books, write.tool, write.arguments(books), after=after)
    assert answer.content.get("id") != twin


@pytest.mark.parametrize(("write", "after"), covering(product(CREATES, [True, False])), ids=str)
async def test_a_colleagues_record_of_a_minute_ago_is_not_mistaken_for_the_new_one(
    clerk: Agent, colleague: Agent, books: Sandbox, write: Write, after: bool
) -> None:
    arguments = write.arguments(books)
    await answer_to(colleague, write.tool, arguments)
    twin = books.ledger[-1].id
    pass_a_minute(books)
    answer = await lost(clerk, books, write.tool, arguments, after=after)
    assert answer.content.get("id") != twin


@pytest.mark.parametrize(("write", "again"), covering(product(CREATES, [False, True])), ids=str)
async def test_two_agents_creating_the_same_record_at_once_get_correct_outcomes(
    clerk: Agent, books: Sandbox, write: Write, again: bool
) -> None:
    arguments = write.arguments(books) | {"allow_duplicate": again}
    books.faults = Faults([Fault("drop", "POST", times=2, after=True)], sleep=anyio.sleep)
    answers: list[Answer] = []

    async def one() -> None:
        answers.append(await answer_to(clerk, write.tool, arguments))

    async with anyio.create_task_group() as both:
        both.start_soon(one)
        both.start_soon(one)
    assert [answer.outcome for answer in answers] == ["done", "done"]
    ids = {answer.content["id"] for answer in answers}
    assert ids == {line.id for line in books.ledger}
    assert len(books.ledger) == 1 + again


@pytest.mark.parametrize("first_is_lost", [False, True], ids=["its own", "the other's"])
async def test_two_agents_with_similar_records_do_not_get_the_same_one(
    clerk: Agent, books: Sandbox, first_is_lost: bool
) -> None:
    plain = {"title": "Close the hatches"} | a_project(books)
    calls = [plain, plain | {"description": "all of them"}]
    script = [Fault("drop", "POST", nth=1 + number, after=first_is_lost != bool(number)) for number in range(2)]
    books.faults = Faults(script, sleep=anyio.sleep)
    answers: list[Answer] = []

    async def one(arguments: dict[str, Any]) -> None:
        answers.append(await answer_to(clerk, "create_task", arguments))

    async with anyio.create_task_group() as both:
        for arguments in calls:
            both.start_soon(one, arguments)
    done = [answer.content["id"] for answer in answers if answer.outcome == "done"]
    assert len(books.ledger) == 1
    assert len(done) <= 1, [answer.text for answer in answers]


ODD = [
    ("create_project_hours", "hours", lambda books: a_project(books) | {"title": "A third", "hours": 0.333}),
    ("create_expense", "expenses", lambda books: {"amount": 10.005, "description": "Fuel"}),  # of no known currency
    ("create_project", "projects", lambda books: a_client(books) | {"name": "Thirds", "rate": 33.333}),
    (
        "create_invoice",
        "invoices",
        lambda books: (
            a_client(books)
            | {"date": DAY, "due_date": DAY, "currency_code": "EUR"}
            | {"items": [{"title": "A third", "quantity": 0.333, "price": 99.999}]}
        ),
    ),
    ("update_project", "projects", lambda books: {"project_id": newest(books, "projects"), "rate": 33.333}),
    ("update_hour_entry", "hours", lambda books: {"hour_entry_id": newest(books, "hours"), "hours": 0.333}),
]


@BEFORE_AND_AFTER
@pytest.mark.parametrize(("tool", "table", "arguments"), ODD, ids=[each[0] for each in ODD])
async def test_a_number_that_clientary_rounds_is_still_found(
    clerk: Agent, books: Sandbox, tool: str, table: str, arguments: Callable[[Sandbox], Any], after: bool
) -> None:
    there = books.store.count(table)
    answer = await lost(clerk, books, tool, arguments(books), after=after)
    assert answer.outcome == ("done" if after else "not done")
    assert books.store.count(table) == there + (after and tool.startswith("create_"))


@BEFORE_AND_AFTER
async def test_an_update_to_the_existing_values_leaves_them_unchanged(
    clerk: Agent, books: Sandbox, found: Found, after: bool
) -> None:
    (client,) = found("SELECT id, city, status FROM clients ORDER BY id DESC LIMIT 1")
    lose(books, "PUT", after=after)
    answer = await answer_to(clerk, "update_client", {"client_id": client["id"], "city": client["city"]})
    assert answer.outcome in ("done", "not done")
    assert found("SELECT city FROM clients WHERE id = ?", client["id"])[0]["city"] == client["city"]
    assert len(books.ledger) == after


def lines_of(found: Found, invoice: int) -> list[tuple[str, int]]:
    return [tuple(row) for row in found("SELECT title, price FROM invoice_items WHERE invoice_id = ?", invoice)]


@BEFORE_AND_AFTER
@pytest.mark.parametrize("count", [1, 2])
async def test_a_line_equal_to_an_existing_one_is_not_mistaken_for_it(
    clerk: Agent, books: Sandbox, found: Found, count: int, after: bool
) -> None:
    invoice = an_unpaid_invoice(books)
    (line,) = found("SELECT * FROM invoice_items WHERE invoice_id = ? LIMIT 1", invoice["invoice_id"])
    again = {"title": line["title"], "quantity": line["quantity"] / 100, "price": line["price"] / 100}
    before = lines_of(found, invoice["invoice_id"])
    await lost(clerk, books, "update_invoice", invoice | {"items": [again] * count}, after=after)
    assert len(lines_of(found, invoice["invoice_id"])) == len(before) + count * after


@BEFORE_AND_AFTER
async def test_two_equal_new_lines_remain_two(clerk: Agent, books: Sandbox, found: Found, after: bool) -> None:
    invoice = an_unpaid_invoice(books)
    line = {"title": "Twice the same", "quantity": 1, "price": 10}
    answer = await lost(clerk, books, "update_invoice", invoice | {"items": [line, line]}, after=after)
    assert answer.outcome == ("done" if after else "not done")
    assert lines_of(found, invoice["invoice_id"]).count(("Twice the same", 1000)) == 2 * after


@BEFORE_AND_AFTER
@pytest.mark.parametrize("change", [{"remove": True}, {"title": "Another"}, {"price": 1.25, "taxable": False}], ids=str)
async def test_a_changed_or_removed_line_is_detected(
    clerk: Agent, books: Sandbox, change: dict[str, Any], after: bool
) -> None:
    invoice = an_unpaid_invoice(books)
    line = newest(books, "invoice_items", f"invoice_id = {invoice['invoice_id']}")
    items = [{"item_id": line} | change]
    answer = await lost(clerk, books, "update_invoice", invoice | {"items": items}, after=after)
    assert answer.outcome == ("done" if after else "not done")


@pytest.mark.parametrize("fault", [Fault("drop"), Fault(502), Fault("html")], ids=lambda fault: str(fault.kind))
async def test_charging_a_paid_invoice_is_not_reported_as_a_charge(
    clerk: Agent, books: Sandbox, found: Found, fault: Fault
) -> None:
    card = found(
        "SELECT i.id, p.id AS card FROM invoices i JOIN payment_profiles p USING (client_id) WHERE i.status = 4"
    )
    books.faults = Faults([Fault(fault.kind, "POST", nth=1)], sleep=anyio.sleep)
    arguments = {"invoice_id": card[0]["id"], "payment_profile_id": card[0]["card"], "confirm": True}
    answer = await answer_to(clerk, "charge_payment_profile", arguments)
    assert answer.outcome != "done", answer.text
    assert len(books.ledger) == 0


@BEFORE_AND_AFTER
async def test_a_record_on_the_last_of_many_pages_is_found(clerk: Agent, books: Sandbox, after: bool) -> None:
    answer = await lost(clerk, books, "create_client", {"name": "Zzyzx"}, after=after)
    assert answer.outcome == ("done" if after else "not done")
    assert sum("/clients" in path for _, path in books.requests) > 6


@BEFORE_AND_AFTER
async def test_a_check_whose_third_page_fails_is_inconclusive(clerk: Agent, books: Sandbox, after: bool) -> None:
    script = [Fault("drop", "POST", nth=1, after=after), Fault(502, "GET", "clients", nth=3, times=100)]
    books.faults = Faults(script, sleep=anyio.sleep)
    answer = await answer_to(clerk, "create_client", {"name": "Zzyzx"})
    assert answer.outcome == "unknown"
    assert "list_clients" in answer.text


class Restless(Network):
    """Adds and removes clients at the head of the list between its first page and the rest."""

    def __init__(self, books: Sandbox) -> None:
        super().__init__(books)
        self._store = books.store

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" or request.url.path != "/api/v2/clients" or "page" in request.url.params:
            return await super().handle_async_request(request)
        stamps = dict.fromkeys(("created_at", "updated_at"), "2026-01-05T08:00:00Z")
        passing = [self._store.insert("clients", {"name": f"  {number}", **stamps}) for number in range(10)]
        response = await super().handle_async_request(request)
        for client in passing:
            self._store.delete("clients", client)
        return response


async def test_a_list_that_changes_during_the_check_proves_nothing(books: Sandbox) -> None:
    async with agent_of(session_on(books, Restless(books))) as clerk:
        await lost(clerk, books, "create_client", {"name": " first of the list"}, after=True)


async def test_without_time_for_a_check_the_outcome_is_unknown(books: Sandbox) -> None:
    books.faults = Faults([Fault("silent", "POST", nth=1, after=True)], sleep=anyio.sleep)
    async with agent_of(session_on(books, deadline=10)) as clerk:
        answer = await answer_to(clerk, "create_lead", {"name": "Slow & Sons"})
    assert answer.outcome in ("unknown", "done")
    assert len(books.ledger) == 1
