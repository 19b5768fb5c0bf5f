"""list_changes: new and changed records of every type, since a time, and without timestamps."""

from collections import Counter

import httpx
import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import put
from tests.tools.reports.watching import TABLES, Row, named, now, reported, run, stamped, walk
from tool_schemas.base.results import MAX_ANSWER, as_text

pytestmark = pytest.mark.anyio

SAMPLES = Switches(extra_keys=False)
"""Only tasks tell when they were made and changed."""


# New and changed records of every type

MADE: dict[str, Row] = {
    "client": {"name": "Nova"},
    "lead": {"name": "Nova"},
    "contact": {"client_id": 1201, "name": "Ann", "email": "ann@example.com"},
    "project": {"name": "Site", "rate": 90},
    "invoice": {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "EUR", "client_id": 1201},
    "estimate": {"date": "2026-11-20", "currency_code": "EUR", "client_id": 1201},
    "payment": {"amount": 5},
    "expense": {"amount": 12, "incurred_on": "2019-02-03"},
    "task": {"title": "Call"},
}
CHANGED: dict[str, Row] = {
    "client": {"city": "Bath"},
    "lead": {"city": "Bath"},
    "contact": {"title": "Owner"},
    "project": {"description": "More"},
    "invoice": {"note": "Thanks"},
    "estimate": {"note": "Thanks"},
    "expense": {"description": "Taxi"},
    "task": {"description": "Today"},
}


@pytest.mark.parametrize("each", MADE)
async def test_a_new_record_is_reported_once_with_its_main_fields(
    sandbox: Sandbox, sandbox_agent: Agent, each: str
) -> None:
    cursor = await now(sandbox_agent, types=[each])
    given_ = MADE[each]
    if each == "payment":
        given_ = {
            **given_,
            "invoice_id": sandbox.connection.execute(
                "SELECT id FROM invoices WHERE balance > 900 AND status = 1"
            ).fetchone()[0],
        }
    made = await sandbox_agent.answer(f"create_{each}", **given_)
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    (row,) = answer["rows"]
    ((at,),) = sandbox.connection.execute(f"SELECT updated_at FROM {TABLES[each]} WHERE id = ?", (made["id"],))  # noqa: S608 ours
    assert (row["type"], row["id"], row["change"], row["at"]) == (each, made["id"], "new", at)
    shown = {name: value for name, value in given_.items() if name in row}
    assert shown
    assert {name: row[name] for name in shown} == shown
    assert (await sandbox_agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


@pytest.mark.parametrize("each", CHANGED)
async def test_a_changed_record_is_reported_once_in_its_current_state(
    sandbox: Sandbox, sandbox_agent: Agent, each: str
) -> None:
    cursor = await now(sandbox_agent, types=[each])
    old = sandbox.connection.execute(f"SELECT id FROM {TABLES[each]} ORDER BY updated_at LIMIT 1").fetchone()[0]  # noqa: S608 ours
    await sandbox_agent.answer(f"update_{each}", **{f"{each}_id": old}, **CHANGED[each])
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    assert named(answer) == [(each, old, "changed")]
    assert (await sandbox_agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


async def test_new_staff_members_are_reported(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    cursor = await now(sandbox_agent)
    user = put(sandbox, "staff", name="Zoe", created_at="2026-11-20T12:00:00Z", updated_at="2026-11-20T12:00:00Z")
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    assert named(answer) == [("staff", user, "new")]
    assert answer["rows"][0]["name"] == "Zoe"


async def test_a_record_created_and_then_changed_is_new_and_an_older_one_changed(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    (lead,) = sandbox.connection.execute("SELECT min(id) FROM leads").fetchone()
    cursor = await now(sandbox_agent, types=["lead", "task"])
    task = (await sandbox_agent.answer("create_task", title="Call"))["id"]
    await sandbox_agent.answer("update_lead", lead_id=lead, city="Bath")
    await sandbox_agent.answer("update_task", task_id=task, description="Soon")
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    assert named(answer) == [("lead", lead, "changed"), ("task", task, "new")]


# Since a time


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-11-10", "2026-11-10T00:00:00Z"),
        ("2026/11/10", "2026-11-10T00:00:00Z"),
        ("2026-11-18T10:30:00+01:00", "2026-11-18T09:30:00Z"),
        ("2026-11-18T09:30:00", "2026-11-18T09:30:00Z"),
        ("2026-11-18T09:30:00.250Z", "2026-11-18T09:30:00Z"),
    ],
)
async def test_changes_since_a_time_are_reported_oldest_first(
    sandbox: Sandbox, sandbox_agent: Agent, since: str, first: str
) -> None:
    (answer,) = await walk(sandbox_agent, since=since)
    found = reported(answer)
    assert Counter(found) == stamped(sandbox, first)
    assert [at for _, _, at in found] == sorted(at for _, _, at in found)
    assert f"at or after {first}" in answer["basis"]


@pytest.mark.parametrize(
    "switches", [Switches(page_keys=False), Switches(bare_arrays=True), Switches(nulls=True, dates="iso")]
)
async def test_the_same_changes_are_reported_however_clientary_answers(sandbox: Sandbox, switches: Switches) -> None:
    sandbox.switches = switches
    async with agent_of(session_with(sandbox)) as agent:
        (answer,) = await walk(agent, since="2026-11-10")
    assert Counter(reported(answer)) == stamped(sandbox, "2026-11-10T00:00:00Z")


async def test_a_long_period_is_split_into_answers_with_each_record_once(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    answers = await walk(sandbox_agent, since="1970-01-01")
    assert len(answers) > 4
    found = [row for answer in answers for row in reported(answer)]
    assert Counter(found) == stamped(sandbox)
    assert [at for _, _, at in found] == sorted(at for _, _, at in found)
    assert all(len(as_text(answer)) <= MAX_ANSWER for answer in answers)
    assert all(len(answer["cursor"]) < 200 for answer in answers)
    assert any("later changes: call again with the cursor to list them" in text for text in answers[0]["left_out"])
    assert {row["change"] for answer in answers for row in answer["rows"]} == {"new"}
    assert (await sandbox_agent.answer("list_changes", cursor=answers[-1]["cursor"]))["rows"] == []


async def test_more_changes_in_one_second_than_fit_are_each_reported_once(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    for table in TABLES.values():
        run(sandbox, f"UPDATE {table} SET updated_at = '2026-11-20T12:00:00Z'")  # noqa: S608 ours
    answers = await walk(sandbox_agent, since="2026-11-20")
    assert len(answers) > 4
    assert Counter(row for answer in answers for row in reported(answer)) == stamped(sandbox)
    assert all(len(answer["cursor"]) < 400 for answer in answers)
    assert (await sandbox_agent.answer("list_changes", cursor=answers[-1]["cursor"]))["rows"] == []


async def test_a_record_that_changes_between_answers_is_reported_again(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_changes", since="1970-01-01")
    first = answer["rows"][1]
    anew = f"UPDATE {TABLES[first['type']]} SET name = 'Anew', updated_at = '2026-11-20T12:00:00Z' WHERE id = ?"  # noqa: S608 ours
    run(sandbox, anew, first["id"])
    answers = await walk(sandbox_agent, cursor=answer["cursor"])
    again = [
        row for answer in answers for row in answer["rows"] if (row["type"], row["id"]) == (first["type"], first["id"])
    ]
    assert [(row["name"], row["change"]) for row in again] == [("Anew", "new")]


# Records without timestamps


async def test_without_timestamps_new_records_are_found_by_id_and_changes_declared_undetectable(
    sandbox: Sandbox,
) -> None:
    sandbox.switches = SAMPLES
    types = ["lead", "expense", "staff", "payment"]
    async with agent_of(session_with(sandbox)) as agent:
        cursor = await now(agent, types=types)
        expense = (await agent.answer("create_expense", **MADE["expense"]))["id"]
        leads = [(await agent.answer("create_lead", name=name))["id"] for name in ("Nova", "Orbit")]
        await agent.answer("update_lead", lead_id=leads[0] - 1, city="Bath")
        answer = await agent.answer("list_changes", cursor=cursor)
        assert named(answer) == [("lead", leads[0], "new"), ("lead", leads[1], "new"), ("expense", expense, "new")]
        assert not any("at" in row for row in answer["rows"])
        text = "Changes of leads, payments, expenses, staff: they carry no timestamps, so only new ones are listed."
        assert text in answer["left_out"]
        assert (await agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []
        answer = await agent.answer("list_changes", since="2020-01-01", types=types)
        assert answer["rows"] == []
        assert any("only those created after this answer are listed" in text for text in answer["left_out"])


async def test_without_timestamps_changed_clients_and_invoices_come_from_clientarys_filter(sandbox: Sandbox) -> None:
    sandbox.switches = SAMPLES
    async with agent_of(session_with(sandbox)) as agent:
        cursor = await now(agent)
        assert (await agent.answer("list_changes", cursor=cursor))["rows"] == []
        await agent.answer("update_client", client_id=1201, city="Bath")
        invoice = sandbox.connection.execute("SELECT id FROM invoices ORDER BY updated_at LIMIT 1").fetchone()[0]
        await agent.answer("update_invoice", invoice_id=invoice, note="Thanks")
        answer = await agent.answer("list_changes", cursor=cursor)
        assert named(answer) == [("client", 1201, "new or changed"), ("invoice", invoice, "new or changed")]
        assert any("The times of clients, invoices" in text for text in answer["left_out"])
        assert (await agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


async def test_more_records_without_timestamps_than_fit_are_each_reported_once(sandbox: Sandbox) -> None:
    sandbox.switches = SAMPLES
    async with agent_of(session_with(sandbox)) as agent:
        cursor = await now(agent, types=["lead", "contact"])
        with sandbox.connection:
            made = {
                ("lead", sandbox.store.insert("leads", {"name": f"Lead {n} {'x' * 150}", **STAMPS})) for n in range(600)
            }
            made |= {
                ("contact", sandbox.store.insert("contacts", {"name": f"C {n}", "email": "a@b.cd", **STAMPS}))
                for n in range(9)
            }
        answers = await walk(agent, cursor=cursor)
        assert len(answers) > 2
        assert Counter((row["type"], row["id"]) for answer in answers for row in answer["rows"]) == Counter(made)
        assert (await agent.answer("list_changes", cursor=answers[-1]["cursor"]))["rows"] == []


STAMPS = {"created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z"}


async def test_missing_timestamps_are_reported_only_for_the_records_concerned(
    account: respx.MockRouter, agent: Agent
) -> None:
    made, changed = "2023-11-10T09:00:00Z", "2023-11-11T01:00:00.500-08:00"
    account.get("payments").respond(json=listed("payments", {"id": 1, "created_at": made}, {"id": 2, "created_at": ""}))
    account.get("tasks").respond(
        json=listed("tasks", {"id": 3, "created_at": made, "updated_at": changed}, {"id": 4, "updated_at": "soon"})
    )
    answer = await agent.answer("list_changes", since="2023-11-10", types=["payment", "task"])
    assert [(row["id"], row["at"], row["change"]) for row in answer["rows"]] == [
        (1, "2023-11-10T09:00:00Z", "new"),
        (3, "2023-11-11T09:00:00Z", "new"),
    ]
    assert answer["left_out"] == [
        "Deleted records: Clientary does not report them. Hours, recurring schedules and cards are not covered.",
        "Changes of 1 of the payments, 1 of the tasks: they carry no timestamps, so only those created after this"
        " answer are listed.",
        "Changes of 1 of the payments: they carry only the time of creation.",
    ]
    assert (await agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


@pytest.mark.parametrize(
    ("ids", "about", "pages"),
    [
        ((6, 5, 4, 3), {}, [1]),
        ((6, 5, 4, 3), {"created_at": "2023-11-10T09:00:00Z"}, [1]),
        ((4, 6, 5, 3), {}, [1, 2]),  # in another order
        ((6, 5, 4, 3), {"updated_at": "2023-11-10T09:00:00Z"}, [1, 2]),  # any of them may change
    ],
)
async def test_payments_newest_first_are_read_up_to_the_first_known_page(
    account: respx.MockRouter, agent: Agent, ids: tuple[int, ...], about: Row, pages: list[int]
) -> None:
    read: list[tuple[str | None, int]] = []
    every = [{"id": each, "amount": 5, **about} for each in ids]

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        read.append((request.url.params.get("sort"), number))
        counts = {"page_size": 2, "page_count": -(-len(every) // 2), "total_count": len(every)}
        return httpx.Response(200, json={**counts, "payments": every[2 * number - 2 : 2 * number]})

    account.get("payments").mock(side_effect=page)
    account.get("tasks").respond(json=listed("tasks", {"id": 1, "updated_at": "2023-11-12T09:00:00Z"}))
    cursor = await now(agent, types=["payment", "task"])
    read.clear()
    answer = await agent.answer("list_changes", cursor=cursor)
    assert answer["rows"] == []
    assert read == [("created_at", number) for number in pages]
    every.insert(0, {"id": 9, "amount": 7, **dict.fromkeys(about, "2023-11-13T09:00:00Z")})
    answer = await agent.answer("list_changes", cursor=answer["cursor"])
    assert [row["id"] for row in answer["rows"]] == [9]


async def test_a_list_that_changed_before_its_reading_stopped_is_read_again(
    account: respx.MockRouter, agent: Agent
) -> None:
    rows = [{"id": each, "amount": 5} for each in (6, 5, 4, 3, 2, 1)]
    counts: list[int] = []
    read: list[int] = []

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        read.append(number)
        told = {"page_size": 2, "page_count": 3, "total_count": counts.pop() if counts else 6}
        return httpx.Response(200, json={**told, "payments": rows[2 * number - 2 : 2 * number]})

    account.get("payments").mock(side_effect=page)
    cursor = await now(agent, types=["payment"])
    rows[:] = [{"id": 8, "amount": 5}, {"id": 7, "amount": 5}, *rows[:4]]
    counts.append(7)
    read.clear()
    answer = await agent.answer("list_changes", cursor=cursor)
    assert [row["id"] for row in answer["rows"]] == [7, 8]
    assert read.count(1) == 2
