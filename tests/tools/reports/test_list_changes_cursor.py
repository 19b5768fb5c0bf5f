"""The cursor of list_changes: nothing is lost or reported twice, and no other text is accepted."""

import random
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.tables import put
from tests.tools.reports.watching import TABLES, Row, named, now, run, walk
from tool_schemas.reports.cursor import TYPES, Cursor, Part

pytestmark = pytest.mark.anyio

INVOICE = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "EUR", "client_id": 1201}

# Seconds


def task(sandbox: Sandbox, title: str, at: str) -> int:
    return put(sandbox, "tasks", title=title, complete=False, created_at=at, updated_at=at)


async def test_a_record_added_in_the_cursors_second_is_reported(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    second = "2026-11-20T12:00:00Z"
    early = task(sandbox, "Early", second)
    answer = await sandbox_agent.answer("list_changes", since=second, types=["task", "lead"])
    assert named(answer) == [("task", early, "new")]
    lead = put(sandbox, "leads", name="Same second", created_at=second, updated_at=second)
    answer = await sandbox_agent.answer("list_changes", cursor=answer["cursor"])
    assert named(answer) == [("lead", lead, "new")]
    assert (await sandbox_agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


async def test_a_record_changed_again_in_the_same_second_is_reported_again(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    second = "2026-11-20T12:00:00Z"
    number = task(sandbox, "Early", second)
    answer = await sandbox_agent.answer("list_changes", since=second)
    run(sandbox, "UPDATE tasks SET title = 'Later in that second' WHERE id = ?", number)
    answer = await sandbox_agent.answer("list_changes", cursor=answer["cursor"])
    assert [row["title"] for row in answer["rows"]] == ["Later in that second"]
    assert (await sandbox_agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


async def test_a_record_that_appears_a_few_seconds_late_is_still_reported(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    task(sandbox, "In time", "2026-11-20T12:00:09Z")
    cursor = await now(sandbox_agent)
    late = task(sandbox, "Late", "2026-11-20T12:00:01Z")
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    assert named(answer) == [("task", late, "new")]
    assert (await sandbox_agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


class Meddling(httpx.AsyncBaseTransport):
    """A network that once runs a callback before a list is read, and advances the clock by half a minute."""

    def __init__(self, sandbox: Sandbox, time: FakeTime, path: str, happens: Callable[[], None]) -> None:
        self._network, self._time = Network(sandbox), time
        self._path, self._happens = path, happens
        self._happened = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._path) and not self._happened:
            self._happened = True
            self._happens()
            await self._time.clock.sleep(30)
        return await self._network.handle_async_request(request)


async def test_a_change_during_a_call_is_reported_by_the_next(sandbox: Sandbox) -> None:
    def happens() -> None:  # leads were read already, tasks are next
        run(sandbox, "UPDATE leads SET city = 'Bath', updated_at = '2026-11-20T12:00:05Z' WHERE id = 3301")
        run(sandbox, "UPDATE tasks SET description = 'Now', updated_at = '2026-11-20T12:00:30Z' WHERE id = 9101")

    time = FakeTime(TODAY)
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, concurrency=1)
    async with agent_of(Clientary(settings, Meddling(sandbox, time, "/tasks", happens), time.clock)) as agent:
        answer = await agent.answer("list_changes", since="2026-11-20T12:00:00Z")
        assert named(answer) == [("task", 9101, "changed")]
        answer = await agent.answer("list_changes", cursor=answer["cursor"])
        assert named(answer) == [("lead", 3301, "changed")]
        assert (await agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


@pytest.mark.parametrize("days", [-3000, -2, 0, 2, 3000])
async def test_clientarys_clock_is_used(sandbox: Sandbox, days: int) -> None:
    settings = Settings(base_url="http://localhost", api_token=sandbox.token)
    clock = FakeTime(TODAY + timedelta(days=days)).clock
    async with agent_of(Clientary(settings, Network(sandbox), clock)) as agent:
        cursor = await now(agent)
        client = (await agent.answer("create_client", name="Nova"))["id"]
        invoice = (await agent.answer("create_invoice", **INVOICE))["id"]
        answer = await agent.answer("list_changes", cursor=cursor)
        assert named(answer) == [("client", client, "new"), ("invoice", invoice, "new")]
        assert (await agent.answer("list_changes", cursor=answer["cursor"]))["rows"] == []


@pytest.mark.parametrize("seed", range(6))
async def test_no_change_between_calls_is_lost(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 must be the same in every run
    sandbox = Sandbox(TODAY, filled=False)
    records = [(each, put(sandbox, TABLES[each], title="")) for each in ("staff", "task") for _ in range(20)]
    second = 0
    async with agent_of(session_with(sandbox)) as agent:
        cursor = await now(agent, types=["staff", "task"])
        for _ in range(40):
            happened: dict[tuple[str, int], str] = {}
            for _ in range(dice.choice((0, 1, 1, 2, 9))):
                second += dice.choice((0, 0, 1, 1, 20))
                each, number = dice.choice(records)
                happened[each, number] = str(dice.random())
                at = f"2026-11-20T12:{second // 60:02d}:{second % 60:02d}Z"
                change = f"UPDATE {TABLES[each]} SET title = ?, updated_at = ? WHERE id = ?"  # noqa: S608 ours
                run(sandbox, change, happened[each, number], at, number)
            answer = await agent.answer("list_changes", cursor=cursor)
            cursor = answer["cursor"]
            seen = {(row["type"], row["id"]): row["title"] for row in answer["rows"]}
            assert seen.items() >= happened.items()
        assert (await agent.answer("list_changes", cursor=cursor))["rows"] == []


async def test_a_record_that_leaves_a_crowded_second_hides_no_other(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    second = "2026-11-20T12:00:00Z"
    together = [task(sandbox, f"Task {n}", second) for n in range(40)]
    cursor = await now(sandbox_agent)
    run(sandbox, "UPDATE tasks SET title = 'Alone', updated_at = '2026-11-20T12:00:07Z' WHERE id = ?", together[7])
    answer = await sandbox_agent.answer("list_changes", cursor=cursor)
    assert [(row["id"], row["title"]) for row in answer["rows"]] == [(together[7], "Alone")]


async def test_records_added_to_a_partly_reported_second_are_all_reported(sandbox: Sandbox) -> None:
    second = {"created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z"}
    async with agent_of(session_with(sandbox)) as agent:
        for number in range(30):
            put(sandbox, "leads", name=f"Lead {number}", **second)
        cursor = await now(agent, types=["lead"])
        joined = {put(sandbox, "leads", id=number, name=f"{number} {'x' * 150}", **second) for number in range(1, 701)}
        answers = await walk(agent, cursor=cursor)
        assert len(answers) > 2
        assert {row["id"] for answer in answers for row in answer["rows"]} >= joined
        cursor = answers[-1]["cursor"]
        assert len(cursor) < 200
        assert (await agent.answer("list_changes", cursor=cursor))["rows"] == []
        run(sandbox, "UPDATE leads SET name = 'Changed in that second' WHERE id = 500")
        answers = await walk(agent, cursor=cursor)
        assert "Changed in that second" in [row["name"] for answer in answers for row in answer["rows"]]


# Requests and rejections


async def test_only_the_requested_types_are_read_and_the_cursor_keeps_them(
    sandbox: Sandbox, sandbox_agent: Agent
) -> None:
    cursor = await now(sandbox_agent, types=["task", "expense"])
    sandbox.requests.clear()
    await sandbox_agent.answer("list_changes", cursor=cursor)
    assert {path.partition("?")[0].rpartition("/")[2] for _, path in sandbox.requests} == {"tasks", "expenses"}


async def test_clients_and_invoices_are_filtered_by_clientary(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    cursor = await now(sandbox_agent)
    sandbox.requests.clear()
    await sandbox_agent.answer("list_changes", cursor=cursor)
    for path in ("clients", "invoices"):
        (asked,) = [asked for _, asked in sandbox.requests if f"/{path}?" in asked]
        assert asked.endswith("updated_since=2026-11-19")


async def test_a_cursor_of_an_empty_account_reports_everything_added_later() -> None:
    sandbox = Sandbox(TODAY, filled=False)
    run(sandbox, "DELETE FROM staff")
    async with agent_of(session_with(sandbox)) as agent:
        cursor = await now(agent)
        client = (await agent.answer("create_client", name="First"))["id"]
        answer = await agent.answer("list_changes", cursor=cursor)
        assert named(answer) == [("client", client, "new")]


CURSOR = Cursor(TYPES[:3], 1_700_000_000, 1_600_000_000, {"client": 1299, "lead": 0, "contact": 7}).text()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        CURSOR[:-1],
        CURSOR[1:],
        CURSOR.replace("1299", "1298"),
        CURSOR + "0",
        CURSOR.upper(),
        "." * 8,
        "é",
    ],
)
async def test_an_invalid_cursor_is_rejected(sandbox_agent: Agent, cursor: str) -> None:
    message = await sandbox_agent.refusal("list_changes", cursor=cursor)
    assert "cursor takes the cursor of an earlier answer, whole and unchanged; since begins anew" in message


async def test_a_cursor_of_another_account_is_rejected(sandbox_agent: Agent) -> None:
    for cursor in (CURSOR, (await sandbox_agent.answer("list_changes"))["cursor"]):
        async with agent_of(session_with(Sandbox(TODAY, filled=False), base_url="http://127.0.0.1")) as agent:
            assert "of another account" in await agent.refusal("list_changes", cursor=cursor)


async def test_an_empty_cursor_is_not_given(sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_changes", cursor="")
    assert answer == await sandbox_agent.answer("list_changes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"since": "2026-11-01", "cursor": CURSOR}, "since or cursor, not both"),
        ({"cursor": CURSOR, "types": ["task"]}, "takes types only without cursor"),
        ({"since": "yesterday"}, "since takes a day or a time, like 2026-11-01"),
        ({"since": "1969-12-31"}, "since takes a day or a time"),
        ({"since": "2026-02-30"}, "since takes a day or a time"),
        ({"types": ["hours"]}, "takes one of 'client'"),
    ],
)
async def test_invalid_arguments_are_rejected(sandbox_agent: Agent, arguments: Row, message: str) -> None:
    assert message in await sandbox_agent.refusal("list_changes", **arguments)


async def test_types_are_accepted_as_text_too(sandbox_agent: Agent) -> None:
    assert (await sandbox_agent.answer("list_changes", since="2026-11-20", types='["task"]'))["rows"]


seconds = st.integers(0, 253_402_300_799)
digests = st.binary(min_size=5, max_size=5)
cursors = st.lists(st.sampled_from(TYPES), min_size=1, unique=True).flatmap(
    lambda types: st.builds(
        Cursor,
        st.just(tuple(types)),
        seconds,
        seconds,
        st.fixed_dictionaries({each: st.integers(0, 10**15) for each in types}),
        st.frozensets(digests, max_size=20),
        st.none() | st.builds(Part, st.sampled_from(TYPES), seconds, st.integers(1, 10**15), digests),
    )
)


@given(cursors)
def test_a_cursor_round_trips(cursor: Cursor) -> None:
    assert Cursor.read(cursor.text()) == cursor


@given(st.text(max_size=200) | st.from_regex(r"1(\.[0-9-]{0,9}){7}\.[0-9a-f]{8}", fullmatch=True))
@example("1.99.1.1.0...d6b3a9c1")
def test_no_other_text_is_accepted_as_a_cursor(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        Cursor.read(text)
