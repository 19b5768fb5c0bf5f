"""Offices: whose they are, when they open and close, and how calls of one caller wait without slowing others down."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from clientary_mcp.api.call import Clock
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.offices import CallerOffices
from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.server.office import Office
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.state.backend import LocalBackend
from clientary_mcp.state.call_slots import LocalCallSlots
from clientary_mcp.state.identity import identify
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.tools import ALL
from tests.conftest import agency
from tests.support.open_files import on_linux, open_files
from tests.support.team import KEYS, Team, agent_at
from tests.support.users import some
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

QUARTER, READ_ONLY = 900, Privileges(read_only=True)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@dataclass
class _Request:
    scope: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Message:
    """As much of a message's context as an office is found by."""

    request: _Request
    method: str = "tools/call"


def message(caller: Caller, *narrowed_by: Privileges) -> Any:
    return _Message(_Request({"user": CallerUser(caller, "client", "issuer", narrowed_by)}))


def team_of(acme: Sandbox, beta: Sandbox | None = None, **settings: Any) -> Team:
    """A team whose sessions run on the virtual clock."""
    accounts = {"acme": acme} | ({"beta": beta} if beta else {})
    return Team(accounts, clock=Clock(now=anyio.current_time, sleep=anyio.sleep), **settings)


@pytest.fixture
async def team(sandbox: Sandbox) -> Team:
    return team_of(acme=sandbox)


async def office_of(team: Team, caller: Caller, *narrowed_by: Privileges) -> Office:
    async with team.offices.entered(message(caller, *narrowed_by)) as office:
        return office


async def test_each_caller_credential_and_narrowing_has_an_office_of_its_own(team: Team) -> None:
    caller, _ = await team.enroll()
    async with team.offices:
        first = await office_of(team, caller)
        assert await office_of(team, replace(caller)) is first
        others = [
            await office_of(team, replace(caller, api_token="renewed")),
            await office_of(team, replace(caller, privileges=READ_ONLY)),
            await office_of(team, caller, READ_ONLY),
            await office_of(team, replace(caller, id="f" * 16)),
        ]
        assert len({id(office) for office in (first, *others)}) == 5
        assert len(others[1].tools) == len(others[2].tools) < len(first.tools)


async def test_a_message_that_came_through_no_door_has_no_office(team: Team) -> None:
    async with team.offices:
        for request in (None, _Request()):
            with pytest.raises(Exception, match="No caller"):
                async with team.offices.entered(_Message(request)):  # type: ignore[arg-type]  # as above
                    pass


async def test_an_office_closes_after_a_quarter_of_an_hour_without_a_message(team: Team) -> None:
    caller, _ = await team.enroll()
    async with team.offices:
        first = await office_of(team, caller)
        for _ in range(3):
            await anyio.sleep(QUARTER - 1)
            assert await office_of(team, caller) is first
        await anyio.sleep(QUARTER + 61)
        assert len(team.offices) == 0
        assert await office_of(team, caller) is not first


async def test_an_office_stays_open_while_a_call_runs(team: Team) -> None:
    caller, _ = await team.enroll()
    async with team.offices, team.offices.entered(message(caller)) as office:
        await anyio.sleep(3 * QUARTER)
        assert await office_of(team, caller) is office


async def test_connections_of_one_caller_take_no_room_of_others(team: Team) -> None:
    team.offices = CallerOffices(team.serving, team.backend, team.identities, clock=team.clock)
    caller, _ = await team.enroll()
    ways = [Privileges(exclude_tools=frozenset({tool.name})) for tool in ALL[:25]]
    async with team.offices:
        other = await office_of(team, replace(caller, id="f" * 16))
        for each in ways:
            await office_of(team, caller, each)
        assert len(team.offices) == 21
        assert await office_of(team, replace(caller, id="f" * 16)) is other


async def test_of_very_many_offices_those_used_longest_ago_close(team: Team) -> None:
    caller, _ = await team.enroll()
    others = [replace(caller, id=f"{number:016x}") for number in range(12)]
    async with team.offices, team.offices.entered(message(caller)) as busy:
        opened = [await office_of(team, each) for each in others]
        assert len(team.offices) == 10
        assert await office_of(team, caller) is busy
        assert await office_of(team, others[-1]) is opened[-1]
        assert await office_of(team, others[0]) is not opened[0]
    assert len(team.offices) == 0


@on_linux
async def test_many_accounts_one_after_the_other_leave_few_files_open(sandbox: Sandbox, tmp_path: Path) -> None:
    accounts = [f"account-{number}" for number in range(200)]
    team = team_of(acme=sandbox)
    team.accounts = dict.fromkeys(accounts, sandbox)
    team.backend = LocalBackend(tmp_path / "vault", KeyRing(KEYS), team.clock.wall)
    await team.backend.open()
    vault = open_files(tmp_path)
    team.offices = team.new_offices()
    ada, _ = await team.enroll(accounts[0])
    async with team.offices, team.offices.entered(message(ada)) as busy:
        await busy.call("create_client", {"name": "Kingfisher"})
        for account in accounts[1:]:
            caller, _ = await team.enroll(account)
            office = await office_of(team, caller)
            await office.call("create_client", {"name": "Kingfisher"})
        held = {name.partition(".sqlite3")[0] for name in open_files(tmp_path) if name not in vault}
        assert len(held) == 10
        assert f"vault-{identify(team.backend.identity, ada.account)}" in held
        await anyio.sleep(QUARTER + 61)
        assert len({name.partition(".sqlite3")[0] for name in open_files(tmp_path) if name not in vault}) == 1
    assert open_files(tmp_path) == vault
    await team.backend.aclose()


async def test_without_the_directory_of_exports_all_else_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.touch()
    team = team_of(sandbox, export_dir=gone)
    _, token = await team.enroll()
    async with team.serves() as app, agent_at(app, {"Authorization": f"Bearer {token}"}) as agent:
        assert (await agent.answer("list_clients", limit=1))["records"]
        told = await agent.refusal("export_records", tool="list_clients")
    assert "cannot be written to CLIENTARY_EXPORT_DIR" in told
    assert str(tmp_path) not in told


async def test_a_trail_that_is_out_of_order_is_not_taken_for_limits(sandbox: Sandbox, tmp_path: Path) -> None:
    team = team_of(sandbox, audit_log=tmp_path / "gone" / "audit.jsonl")
    caller, _ = await team.enroll()
    async with team.offices:
        with pytest.raises(Exception, match="Whoever runs it finds the reason in its log"):
            await office_of(team, caller)


# Calls at once


def slow(sandbox: Sandbox, seconds: float = 1) -> Sandbox:
    """The account, each of whose answers takes so long."""
    sandbox.faults = Faults([Fault("slow", "GET", seconds=seconds)])
    return sandbox


async def test_so_many_calls_of_one_caller_run_at_once_and_the_next_ones_wait_their_turn() -> None:
    slots = LocalCallSlots(8)
    running, most, order = 0, 0, list[int]()

    async def call(number: int) -> None:
        nonlocal running, most
        async with slots.taken("ada", 60):
            running += 1
            most = max(most, running)
            order.append(number)
            await anyio.sleep(1)
            running -= 1

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(call, number)
    assert (most, order) == (8, list(range(40)))


async def test_a_call_that_has_no_turn_before_its_deadline_is_told_so() -> None:
    team = team_of(acme=slow(agency(), 3), calls_at_once=1, deadline=5)
    (client,) = some(team.accounts["acme"], "clients")
    results: list[str] = []
    _, token = await team.enroll()
    async with (
        team.serves() as app,
        agent_at(app, {"Authorization": f"Bearer {token}"}) as agent,
        anyio.create_task_group() as group,
    ):

        async def call() -> None:
            result = await agent.call("get_client", {"client_id": client})
            results.append("done" if not result.is_error else str(result.content[0]))

        for _ in range(3):
            group.start_soon(call)
    assert sorted(result == "done" for result in results) == [False, True, True]
    assert any("Too many calls wait" in result for result in results)


@pytest.mark.parametrize("other", ["acme", "beta"])
async def test_a_caller_with_200_calls_at_once_at_most_doubles_the_time_of_others(other: str) -> None:
    team = team_of(slow(agency()), slow(agency()))
    (flood, _), (quiet, _) = await team.enroll("acme"), await team.enroll(other)
    quiet = replace(quiet, id="f" * 16)

    async def times(caller: Caller, calls: int) -> list[float]:
        taken = []
        for number in range(calls):
            await anyio.sleep(0.1)  # as people do, who then find others waiting
            begun = anyio.current_time()
            async with team.offices.entered(message(caller)) as office:
                result = await office.call("list_clients", {"limit": 1, "offset": number})
            assert isinstance(result, CallToolResult)
            assert not result.is_error
            taken.append(anyio.current_time() - begun)
        return taken

    async with team.offices, anyio.create_task_group() as group:
        before = median(await times(quiet, 3))
        for _ in range(200):
            group.start_soon(times, flood, 1)
        assert median(await times(quiet, 5)) <= 2 * before
        group.cancel_scope.cancel()
