"""Filtered and sorted lists: the same records as SQL, whole and in pages, with exact sums."""

from dataclasses import replace
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.tools import ALL
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.lists_in_sql import (
    FILTERS,
    FILTERS_OF,
    LISTS,
    MONEY,
    ORDERS,
    Case,
    cases,
    exactly,
    ids,
    scope,
    sums,
    whole,
)
from tests.support.long import covering
from tool_schemas.base.filters import ListFilters

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]

EACH = [(tool, *case) for tool in LISTS for case in cases(tool)]
PAIRS = [
    (tool, one | other, f"({this}) AND ({that})")
    for tool, lists in LISTS.items()
    if lists.parent is None
    for (one, this), (other, that) in zip(list(cases(tool)), list(cases(tool))[1:], strict=False)
    if not one.keys() & other.keys()
    # Between two days there are invoices of schedules whose next one is earlier: see test_schedule_days.
    and (tool, *one, *other) != ("list_recurring_schedules", "from_date", "to_date")
]
IN_ORDER = [(tool, word) for tool, lists in LISTS.items() for word in ORDERS.get(lists.table, {})]


def test_every_list_and_every_filter_has_a_case() -> None:
    narrowed = {tool.name: tool.arguments for tool in ALL if issubclass(tool.arguments, ListFilters)}
    assert narrowed.keys() == LISTS.keys()
    for tool, arguments in narrowed.items():
        tried = {name for given, _ in (*FILTERS[LISTS[tool].table], *FILTERS_OF.get(tool, ())) for name in given}
        ordered = {"order"} if LISTS[tool].table in ORDERS else set()
        assert set(arguments.filters()) <= tried | ordered, tool


def of_a_table(tool: str, arguments: JsonObject, condition: str) -> tuple[object, ...]:
    """Lists of the same records share filters: each filter with one of the lists, and each list with one filter."""
    return (tool, (LISTS[tool].table, str(arguments), condition))


@pytest.mark.parametrize(("tool", "arguments", "condition"), covering(EACH, of_a_table), ids=str)
async def test_a_filter_returns_exactly_the_matching_records(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, arguments: JsonObject, condition: str
) -> None:
    of, under = scope(sandbox, tool)
    wanted = ids(sandbox, LISTS[tool].table, f"{under} AND ({condition})")
    if under == "1":
        assert 0 < len(wanted) < len(ids(sandbox, LISTS[tool].table, "1")), "this would show nothing"
    found, answer = await whole(sandbox_agent, tool, **of, **arguments)
    assert sorted(found) == wanted
    assert answer["total_count"] == len(wanted)
    assert exactly(answer.get("total_amounts")) == sums(sandbox, tool, f"{under} AND ({condition})")


@pytest.mark.parametrize(
    ("tool", "arguments", "condition"), covering(PAIRS, lambda tool, given, _: (tool, tuple(given)[1:])), ids=str
)
async def test_two_filters_return_their_intersection(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, arguments: JsonObject, condition: str
) -> None:
    of, _ = scope(sandbox, tool)
    found, answer = await whole(sandbox_agent, tool, **of, **arguments)
    assert sorted(found) == ids(sandbox, LISTS[tool].table, condition)
    assert exactly(answer.get("total_amounts")) == sums(sandbox, tool, condition)


@pytest.mark.parametrize("tool", covering(LISTS, lambda tool: (LISTS[tool].table,)))
async def test_pages_of_a_filtered_list_return_each_record_once(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str
) -> None:
    (of, under), table = scope(sandbox, tool), LISTS[tool].table
    left = [(ids(sandbox, table, f"{under} AND ({condition})"), given) for given, condition in cases(tool)]
    wanted, arguments = min(left, key=lambda case: (len(case[0]) <= 7, abs(len(case[0]) - 8)))
    found, first = await whole(sandbox_agent, tool, limit=7, **of, **arguments)
    assert sorted(found) == wanted
    assert len(first["records"]) == min(7, len(wanted))


@pytest.mark.parametrize(
    ("tool", "word", "limit"),
    covering(
        ((tool, word, limit) for tool, word in IN_ORDER for limit in (11, 1000)),
        lambda tool, word, limit: (tool, (LISTS[tool].table, word, limit)),
    ),
)
async def test_a_list_is_sorted_in_the_requested_order(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, word: str, limit: int
) -> None:
    (of, under), table = scope(sandbox, tool), LISTS[tool].table
    wanted = ids(sandbox, table, under, ORDERS[table][word])
    answer = await sandbox_agent.answer(tool, **of, order=word, limit=limit)
    shown = [record["id"] for record in answer["records"]]
    assert shown == wanted[: len(shown)]
    assert len(shown) == min(limit, len(wanted)) or "Truncated" in answer["notice"]
    assert answer["total_count"] == len(wanted)


@pytest.mark.parametrize("tool", covering(LISTS, lambda tool: (LISTS[tool].table,)))
async def test_a_filter_that_matches_nothing_returns_an_empty_list(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str
) -> None:
    of, _ = scope(sandbox, tool)
    for query in ("there is none like this", "!?"):
        answer = await sandbox_agent.answer(tool, **of, query=query)
        assert {name: answer[name] for name in ("records", "returned", "total_count", "complete")} == {
            "records": [], "returned": 0, "total_count": 0, "complete": True,
        }  # fmt: skip
        assert answer.keys() - {"from_date", "to_date"} == {"records", "returned", "total_count", "complete"}


@pytest.mark.parametrize("tool", [tool for tool, lists in LISTS.items() if lists.parent is None])
async def test_an_account_without_records_has_empty_lists_and_no_sums(tool: str) -> None:
    sandbox = Sandbox(TODAY, filled=False)
    async with agent_of(session_with(sandbox)) as agent:
        for arguments in ({}, {"query": "x"}, *({"order": word} for word in ORDERS.get(LISTS[tool].table, ()))):
            answer = await agent.answer(tool, **arguments)
            assert answer["complete"] is True
            assert answer["records"] == [] or (tool, arguments) == ("list_staff", {})
            assert not {"total_amounts", "next_offset"} & answer.keys()
            assert answer.get("notice", "") in ("", "Without dates, this is the fiscal year that Clientary reports.")


async def test_an_offset_past_the_matching_records_is_reported(sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_clients", status="archived", offset=6)
    assert (answer["records"], answer["total_count"], answer["complete"]) == ([], 6, True)
    assert answer["notice"] == "Offset 6 is past the end: 6 records match."


@pytest.mark.parametrize("query", ["cafe MUENCHNER", "Café", "münchner  cafe", "uber-cafe", "  "])
async def test_words_are_found_whatever_their_case_and_accents(query: str) -> None:
    sandbox = Sandbox(TODAY, filled=False)
    async with agent_of(session_with(sandbox)) as agent:
        cafe = await agent.answer("create_client", name="ÜBER-CAFÉ", description="Muenchner Münchner Straße")
        answer = await agent.answer("list_clients", query=query)
    assert [record["id"] for record in answer["records"]] == [cafe["id"]]


@pytest.mark.parametrize(
    ("query", "found"), [("P-7", ["Sign P-7"]), ("p7", ["P7 Sign"]), ("sig", ["P7 Sign", "Sign P-7"])]
)
async def test_a_short_query_must_match_a_whole_word(query: str, found: list[str]) -> None:
    sandbox = Sandbox(TODAY, filled=False)
    async with agent_of(session_with(sandbox)) as agent:
        for name in ("Sign P-7", "P7 Sign", "Prop 177"):
            await agent.answer("create_client", name=name)
        answer = await agent.answer("list_clients", query=query)
    assert [record["name"] for record in answer["records"]] == found


# Lists combined from other lists

OF_CLIENT = {
    "list_hours": "project_id IN (SELECT id FROM projects WHERE client_id = {})",
    "list_payments": "invoice_id IN (SELECT id FROM invoices WHERE client_id = {})",
}
NARROWER: dict[str, Case] = {
    "list_hours": ({"billed": False}, "NOT billed"),
    "list_payments": ({"query": "check"}, "note LIKE '%check%'"),
}


@pytest.mark.parametrize("narrower", [False, True])
@pytest.mark.parametrize("switch", [{}, {"extra_keys": False, "nested_client_in_projects": False}], ids=str)
@pytest.mark.parametrize("tool", OF_CLIENT)
async def test_hours_and_payments_of_each_client_are_found(
    whole_account: Sandbox, tool: str, switch: JsonObject, *, narrower: bool
) -> None:
    also, and_also = NARROWER[tool] if narrower else ({}, "1")
    clients, seen = ids(whole_account, "clients", "1")[::4], list[int]()
    whole_account.switches = replace(Switches(), **switch)
    try:
        async with agent_of(session_with(whole_account)) as agent:
            for client in clients:
                condition = f"{OF_CLIENT[tool].format(client)} AND {and_also}"
                found, answer = await whole(agent, tool, client_id=client, **also)
                assert sorted(found) == ids(whole_account, LISTS[tool].table, condition)
                assert exactly(answer.get("total_amounts")) == sums(whole_account, tool, condition)
                seen += found
    finally:
        whole_account.switches = Switches()
    assert len(seen) == len(set(seen)) > 0


async def test_the_hours_of_all_projects_are_sorted_newest_first(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_hours", from_date="2026-09-01")
    newest = ids(sandbox, "hours", "date >= '2026-09-01'", "date DESC, id DESC")
    assert [record["id"] for record in answer["records"]] == newest[:50]
    assert len({record["project_id"] for record in answer["records"]}) > 1


# The sums of unfiltered lists


@pytest.mark.parametrize("tool", [tool for tool, lists in LISTS.items() if lists.table in MONEY])
async def test_a_list_read_in_full_has_totals_of_all_records(sandbox: Sandbox, sandbox_agent: Agent, tool: str) -> None:
    of, under = scope(sandbox, tool)
    answer = await sandbox_agent.answer(tool, **of, limit=1000)
    if tool == "list_payments":  # too many invoices, which alone have the currency
        assert "total_amounts" not in answer
        assert "Add any filter to get it" in answer["notice"]
        return
    assert exactly(answer["total_amounts"]) == sums(sandbox, tool, under)
    assert "adds up" not in answer.get("notice", "")


PARTS = {"list_invoices": "date DESC", "list_estimates": "date DESC", "list_payments": "received_on DESC"}


@pytest.mark.parametrize("offset", [0, 40])
@pytest.mark.parametrize("tool", PARTS)
async def test_totals_of_part_of_a_list_are_marked_as_partial(
    sandbox: Sandbox, sandbox_agent: Agent, tool: str, offset: int
) -> None:
    answer = await sandbox_agent.answer(tool, limit=20, offset=offset)
    shown = ", ".join(str(record["id"]) for record in answer["records"])
    assert shown
    assert exactly(answer["total_amounts"]) == sums(sandbox, tool, f"id IN ({shown})")
    assert f"adds up the {len(answer['records'])} records read" in answer["notice"]


async def test_an_unpaginated_list_has_totals_of_all_records_whatever_the_limit(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    sandbox = agency()
    (project,) = ids(sandbox, "projects", "1", "id LIMIT 1")
    rows = "INSERT INTO hours (project_id, user_id, title, hours, cost, date, billed, created_at, updated_at) VALUES"
    sandbox.connection.execute(
        rows
        + ", ".join(f" ({project}, 1, 'x', {n}, {n}, '2026-11-01', 0, '2026-11-01', '2026-11-01')" for n in range(300))
    )
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("list_project_hours", project_id=project, limit=1)
    assert (answer["complete"], answer["next_offset"]) == (False, 1)
    assert exactly(answer["total_amounts"]) == sums(sandbox, "list_project_hours", f"project_id = {project}")
    assert "notice" not in answer


# However Clientary answers

SWITCHES = [
    {"dates": "iso"}, {"money_as_text": True}, {"nulls": True}, {"page_keys": False}, {"bare_arrays": True},
    {"nested_client_in_projects": False}, {"predicate_keys": "question"}, {"predicate_keys": "plain"},
    {"status_as_text": True}, {"honour_page_size": True}, {"extra_keys": False},
]  # fmt: skip
UNTOLD = {"clients": ("created_at", "status"), "leads": ("created_at",)}
"""What the documented samples lack of what filters look at."""


PAGING = {"page_keys", "bare_arrays", "honour_page_size"}
"""Switches of how a list is cut into pages; the others are of what a record looks like."""


@pytest.mark.parametrize("switch", covering(SWITCHES, lambda switch: (switch.keys() <= PAGING,)), ids=str)
async def test_filters_work_however_clientary_answers(whole_account: Sandbox, switch: JsonObject) -> None:
    whole_account.switches = replace(Switches(), **switch)
    try:
        async with agent_of(session_with(whole_account)) as agent:
            for tool in (name for name, lists in LISTS.items() if lists.parent is None):
                await compare(whole_account, agent, tool, documented=not whole_account.switches.extra_keys)
    finally:
        whole_account.switches = Switches()


async def compare(sandbox: Sandbox, agent: Agent, tool: str, *, documented: bool) -> None:
    (of, _), table = scope(sandbox, tool), LISTS[tool].table
    pairs = [(arguments, condition) for name, arguments, condition in PAIRS if name == tool] or [*cases(tool)]
    for arguments, condition in (pairs[0], pairs[-1]):
        if "query" in arguments and documented:
            continue  # only live responses name the client
        found, answer = await whole(agent, tool, **of, **arguments)
        lacking = [name for name in UNTOLD.get(table, ()) if documented and name in condition]
        assert sorted(found) == ([] if lacking else ids(sandbox, table, condition)), arguments
        assert exactly(answer.get("total_amounts")) == sums(sandbox, tool, condition)
        for name in lacking:
            assert f"{len(ids(sandbox, table, '1')):,} records without {name} were excluded." in answer["notice"]


async def test_records_without_the_filtered_field_are_counted(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_tasks", due_before="2026-11-20", assignee_id=3)
    undated, unassigned = (len(ids(sandbox, "tasks", f"{name} IS NULL")) for name in ("due_date", "assignee_id"))
    assert answer["notice"] == (
        f"{unassigned} records without assignee_id were excluded. {undated} records without due_date were excluded."
    )
