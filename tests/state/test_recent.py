"""Duplicate calls: a recent create, payment, charge or mail is replayed instead of repeated."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import mcp_types
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox, Switches
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from tests.conftest import TODAY, agency
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime
from tests.support.gated import JOBS, record_for
from tests.support.users import OWED, User, configured, connect, host, some
from tests.tools.test_every_tool import FIRST
from tool_schemas.base.models import Deduplicated, Previewed

pytestmark = pytest.mark.anyio

BY_NAME = {tool.name: tool for tool in ALL}
EVERY_ONCE = [tool.name for tool in ALL if issubclass(tool.arguments, Deduplicated)]
ONCE = [tool for tool in EVERY_ONCE if tool != "copy_invoice"]  # of two records, with a test of its own
WINDOW = 600
# These find an earlier call's results in the account, and have no option to create them again.
BY_WHAT_IS_THERE = {"convert_lead", "import_contacts", "allocate_payment", "reconcile_payments", "bulk_update"}
ONCE_JOBS = [tool for tool in JOBS if tool not in BY_WHAT_IS_THERE]


def test_creates_payments_charges_mails_and_jobs_run_once_and_nothing_else_does() -> None:
    made_or_sent = {tool.name for tool in ALL if tool.name.partition("_")[0] in ("create", "copy", "send", "charge")}
    assert set(EVERY_ONCE) == made_or_sent | set(JOBS) - BY_WHAT_IS_THERE


def test_exactly_these_tools_take_allow_duplicate() -> None:
    assert [tool.name for tool in ALL if "allow_duplicate" in tool.published.input_schema["properties"]] == EVERY_ONCE


class Account:
    """Simulates Clientary for one tool: accepts every write, assigns ids, and counts."""

    def __init__(self, tool: str) -> None:
        self.exchange, self.made = FIRST[tool], 0
        self.invoice = {"id": 110, "client_id": 4, "status": 1, "balance": 1_000, "currency_code": "USD"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=self.invoice)
        self.made += 1
        return httpx.Response(201, json={**dict(self.exchange.reply or {}), "id": self.made})


class Shop:
    """An agent that calls one tool, and the number of times the tool took effect."""

    def __init__(self, agent: Agent, tool: str, arguments: dict[str, Any], made: Callable[[], int]) -> None:
        self.agent, self._tool, self._made = agent, tool, made
        self.record = {name: value for name, value in arguments.items() if name != "confirm"}
        self._arguments = arguments
        self.preview_ids: dict[str, str] = {}
        """The id of the preview of each call that needs one; a repeated call repeats it."""

    async def call(self, **change: Any) -> dict[str, Any]:
        arguments = self._arguments | change
        if not issubclass(BY_NAME[self._tool].arguments, Previewed):
            return await self.agent.answer(self._tool, **arguments)
        key = str(change)
        if key not in self.preview_ids:
            shown = await self.agent.answer(self._tool, **arguments | {"confirm": False})
            if "preview_id" not in shown:
                return shown
            self.preview_ids[key] = shown["preview_id"]
        return await self.agent.answer(self._tool, **arguments, preview_id=self.preview_ids[key])

    @property
    def made(self) -> int:
        return self._made()


@asynccontextmanager
async def one_write(tool: str, time: FakeTime) -> AsyncIterator[Shop]:
    """For a tool of a single write, on a simulated account."""
    account = Account(tool)
    arguments = {name: value for name, value in FIRST[tool].arguments.items() if name != "allow_duplicate"}
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with connect(Clientary(settings, httpx.MockTransport(account), time.clock)) as agent:
        yield Shop(agent, tool, arguments, lambda: account.made)


@asynccontextmanager
async def a_job(tool: str, time: FakeTime) -> AsyncIterator[Shop]:
    """For a job, on the sandbox: it may create one record or send one mail, and change others for it."""
    sandbox = agency()
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, time)) as agent:
        yield Shop(agent, tool, arguments | {"confirm": True}, lambda: len(sandbox.ledger.of("POST")))


@pytest.fixture
def time() -> FakeTime:
    """On the date of the sandbox."""
    return FakeTime(TODAY)


@pytest.fixture(params=ONCE)
async def shop(request: pytest.FixtureRequest, time: FakeTime) -> AsyncIterator[Shop]:
    async with (a_job if request.param in JOBS else one_write)(request.param, time) as shop:
        yield shop


async def test_the_same_call_replays_the_first_answer_with_a_notice(shop: Shop, time: FakeTime) -> None:
    first = await shop.call()
    of_the_first = first.pop("notice", None)  # the played record is not what was sent
    await time.clock.sleep(WINDOW - 1)
    again = await shop.call()
    assert shop.made == 1
    assert again.pop("notice") == (
        "Skipped as a duplicate: the same call succeeded 10 minutes ago; its result is repeated here."
        " Pass allow_duplicate=true to run it again." + (f" {of_the_first}" if of_the_first else "")
    )
    assert again == first


@pytest.mark.parametrize("shop", [tool for tool in ONCE if tool != "bill_project_hours"], indirect=True)
async def test_allow_duplicate_runs_the_call_again(shop: Shop, time: FakeTime) -> None:
    await shop.call()
    await time.clock.sleep(1)
    assert "Skipped as a duplicate" not in str(await shop.call(allow_duplicate=True))
    assert shop.made == 2
    assert "Skipped as a duplicate" in str(await shop.call())
    assert shop.made == 2


@pytest.mark.parametrize("shop", ["bill_project_hours"], indirect=True)
async def test_even_allow_duplicate_bills_only_new_hours(shop: Shop) -> None:
    await shop.call()
    assert (await shop.call(allow_duplicate=True))["done"] is False
    assert shop.made == 1
    await shop.agent.answer("create_project_hours", **shop.record, title="New", hours=1, date="2026-11-01")
    assert "Skipped as a duplicate" in str(await shop.call())
    assert (await shop.call(allow_duplicate=True))["done"] is True
    assert shop.made == 3


@pytest.mark.parametrize("shop", [tool for tool in ONCE if tool not in JOBS], indirect=True)
async def test_after_the_window_the_call_runs_again(shop: Shop, time: FakeTime) -> None:
    await shop.call()
    await time.clock.sleep(WINDOW + 1)
    assert "Skipped as a duplicate" not in str(await shop.call())
    assert shop.made == 2


@pytest.mark.parametrize("shop", ONCE_JOBS, indirect=True)
async def test_after_the_window_a_job_checks_the_account_and_repeats_nothing(shop: Shop, time: FakeTime) -> None:
    await shop.call()
    await time.clock.sleep(WINDOW + 1)
    shop.preview_ids.clear()
    answer = await shop.call()
    assert "Skipped as a duplicate" not in str(answer)
    assert answer["done"] is False
    assert shop.made == 1


async def test_concurrent_identical_calls_run_once(shop: Shop) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(shop.call)
    assert shop.made == 1


# What counts as the same call

PAYMENT = {"amount": 100, "note": "Check #1", "received_on": "2026-11-01"}
SAME = [
    {"amount": 100.0},
    {"amount": "100"},
    {"amount": "100.00"},
    {"received_on": "2026/11/1"},
    {"allow_duplicate": False},
]
OTHER: list[dict[str, Any]] = [
    {"amount": 100.01},
    {"note": "Check #2"},
    {"note": ""},
    {"received_on": "2026-11-02"},
    {"invoice_id": 2},
]


async def paid_twice(sandbox: Sandbox, change: dict[str, Any]) -> bool:
    """Whether a second payment with these changes is recorded."""
    invoices = some(sandbox, "invoices", 2, OWED)
    call = PAYMENT | {"invoice_id": invoices[0]}
    if "invoice_id" in change:
        change = {"invoice_id": invoices[1]}
    async with connect(configured(sandbox)) as agent:
        await agent.answer("create_payment", **call)
        answer = await agent.answer("create_payment", **call | change)
    assert ("notice" in answer) == (len(sandbox.ledger) == 1)
    return len(sandbox.ledger) == 2


@pytest.mark.parametrize("change", SAME, ids=str)
async def test_the_same_payment_written_differently_is_the_same_call(sandbox: Sandbox, change: dict[str, Any]) -> None:
    assert not await paid_twice(sandbox, change)


@pytest.mark.parametrize("change", OTHER, ids=str)
async def test_a_different_payment_is_a_different_call(sandbox: Sandbox, change: dict[str, Any]) -> None:
    assert await paid_twice(sandbox, change)


async def test_one_tools_calls_do_not_block_another_tool(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox)) as agent:
        await agent.answer("create_client", name="Globex")
        await agent.answer("create_lead", name="Globex")
    assert [write.resource for write in sandbox.ledger] == ["clients", "leads"]


# What is remembered, and for which sessions


async def test_updates_and_deletes_run_every_time(sandbox: Sandbox) -> None:
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox)) as agent:
        for _ in range(2):
            await agent.answer("update_client", client_id=client, city="Bath")
    assert len(sandbox.ledger) == 2


@pytest.mark.parametrize("tool", ["send_invoice_message", "send_estimate_message"])
async def test_a_preview_is_not_remembered(sandbox: Sandbox, era: Era, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox), era) as agent:
        for _ in range(2):
            assert "notice" not in await agent.answer(tool, **arguments)
        assert (await agent.answer(tool, **arguments, confirm=True))["done"] is True
        assert (await agent.answer(tool, **arguments))["done"] is False
    assert len(sandbox.ledger) == 1


async def test_a_call_that_failed_is_not_remembered(sandbox: Sandbox, era: Era) -> None:
    sandbox.switches = Switches(plan_limit=frozenset({"clients"}))
    async with connect(configured(sandbox), era) as agent:
        assert "plan" in await agent.refusal("create_client", name="Globex")
        sandbox.switches = Switches()
        assert "notice" not in await agent.answer("create_client", name="Globex")
    assert len(sandbox.ledger) == 1


async def test_a_declined_call_is_not_remembered(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "send_invoice_message")
    user = User(mcp_types.ElicitResult(action="decline"))
    async with connect(configured(sandbox), era, user) as agent:
        await agent.refusal("send_invoice_message", **arguments, confirm=True)
        user.reply = User().reply
        assert "notice" not in await agent.answer("send_invoice_message", **arguments, confirm=True)
    assert len(sandbox.sent_messages) == 1


async def test_replaying_a_sent_mail_asks_nobody(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "send_invoice_message")
    user = User()
    async with connect(configured(sandbox), era, user) as agent:
        for _ in range(2):
            await agent.answer("send_invoice_message", **arguments, confirm=True)
    assert (len(user.questions), len(sandbox.sent_messages)) == (1, 1)


async def test_a_record_that_was_found_after_its_answer_was_lost_is_remembered(
    sandbox: Sandbox, time: FakeTime
) -> None:
    sandbox.faults = Faults([Fault("drop", "POST", "leads", nth=1, after=True)])
    async with connect(configured(sandbox, time)) as agent:
        first = await agent.answer("create_lead", name="Globex Lost")
        again = await agent.answer("create_lead", name="Globex Lost")
    assert first["id"] == again["id"]
    assert len(sandbox.ledger) == 1


async def test_a_call_cancelled_by_the_host_does_not_run_a_second_time(sandbox: Sandbox, era: Era) -> None:
    under_way, cancelled = anyio.Event(), anyio.Event()

    async def while_in_flight(_: float) -> None:
        under_way.set()
        await cancelled.wait()

    sandbox.faults = Faults([Fault("slow", "POST", "leads", nth=1, after=True)], sleep=while_in_flight)
    async with connect(configured(sandbox), era) as agent:
        async with anyio.create_task_group() as group:
            group.start_soon(agent.call, "create_lead", {"name": "Globex"})
            await under_way.wait()
            group.cancel_scope.cancel()
            cancelled.set()  # the write under way is finished, cancelled or not
        await agent.answer("create_lead", name="Globex")
    assert len(sandbox.ledger) == 1


async def test_a_waiting_duplicate_runs_when_the_first_call_fails(sandbox: Sandbox, time: FakeTime) -> None:
    sandbox.faults = Faults([Fault(500, "POST", "leads", nth=1)])
    async with connect(configured(sandbox, time)) as agent, anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(agent.call, "create_lead", {"name": "Globex"})
    assert len(sandbox.ledger) == 1


async def test_all_sessions_of_the_process_share_recent_calls(sandbox: Sandbox, era: Era) -> None:
    async with configured(sandbox) as clientary:
        server = ClientaryServer(clientary)
        async with host(server, era) as one, host(server, era) as other:
            first = await Agent(one).answer("create_lead", name="Globex")
            again = await Agent(other).answer("create_lead", name="Globex")
    assert again["id"] == first["id"]
    assert len(sandbox.ledger) == 1


async def test_recent_calls_are_forgotten_when_the_process_ends(sandbox: Sandbox) -> None:
    for _ in range(2):
        async with connect(configured(sandbox)) as agent:
            await agent.answer("create_lead", name="Globex")
    assert len(sandbox.ledger) == 2


@pytest.mark.parametrize(("window", "done"), [(0, 2), (60, 2), (3_600, 1)])
async def test_the_window_is_a_setting(sandbox: Sandbox, time: FakeTime, window: float, done: int) -> None:
    async with connect(configured(sandbox, time, duplicate_window=window)) as agent:
        await agent.answer("create_lead", name="Globex")
        await time.clock.sleep(61)
        await agent.answer("create_lead", name="Globex")
    assert len(sandbox.ledger) == done


async def test_the_first_of_many_calls_is_still_remembered(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox)) as agent:
        for number in range(200):
            await agent.answer("create_lead", name=f"Globex {number}")
        await agent.answer("create_lead", name="Globex 0")
    assert len(sandbox.ledger) == 200
