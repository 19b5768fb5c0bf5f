"""Hourly quotas on mails, charges and deletes: a runaway loop ends in a clear refusal."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import mcp_types
import pytest
from mcp.client import ClientRequestContext

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.conftest import TODAY
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime
from tests.support.gated import EVERYTHING, JOBS, RECORDS, record_for
from tests.support.users import OWED, YES, User, configured, connect, host, some, writes

pytestmark = pytest.mark.anyio

HOUR = 3_600
DELETES, MAILS, CHARGES = "CLIENTARY_DELETES_PER_HOUR", "CLIENTARY_MAILS_PER_HOUR", "CLIENTARY_CHARGES_PER_HOUR"
Calls = list[dict[str, Any]]


@pytest.fixture
def time() -> FakeTime:
    """On the date of the sandbox."""
    return FakeTime(TODAY)


async def delete_tasks(agent: Agent, tasks: list[int]) -> None:
    for task in tasks:
        await agent.answer("delete_task", task_id=task, confirm=True)


async def test_the_31st_delete_in_an_hour_is_refused_with_the_waiting_time(
    sandbox: Sandbox, time: FakeTime, era: Era
) -> None:
    *tasks, one_more = some(sandbox, "tasks", 31)
    async with connect(configured(sandbox, time), era) as agent:
        await delete_tasks(agent, tasks[:10])
        await time.clock.sleep(20 * 60)
        await delete_tasks(agent, tasks[10:])
        text = await agent.refusal("delete_task", task_id=one_more, confirm=True)
        assert "Nothing was sent" in text
        assert "30" in text
        assert DELETES in text
        assert "in 40 minutes" in text
        assert len(writes(sandbox)) == 30
        await time.clock.sleep(40 * 60)
        await agent.answer("delete_task", task_id=one_more, confirm=True)
    assert len(writes(sandbox)) == 31


async def test_the_hour_is_a_sliding_window(sandbox: Sandbox, time: FakeTime) -> None:
    tasks = some(sandbox, "tasks", 4)
    async with connect(configured(sandbox, time, deletes_per_hour=2)) as agent:
        await delete_tasks(agent, tasks[:1])
        await time.clock.sleep(50 * 60)
        await delete_tasks(agent, tasks[1:2])
        await time.clock.sleep(10 * 60)
        await delete_tasks(agent, tasks[2:3])
        assert "in 50 minutes" in await agent.refusal("delete_task", task_id=tasks[3], confirm=True)


@pytest.mark.parametrize("left", [1, 20, 29, 59])
async def test_the_reported_waiting_time_is_never_zero(sandbox: Sandbox, time: FakeTime, left: int) -> None:
    tasks = some(sandbox, "tasks", 2)
    async with connect(configured(sandbox, time, deletes_per_hour=1)) as agent:
        await delete_tasks(agent, tasks[:1])
        await time.clock.sleep(HOUR - left)
        text = await agent.refusal("delete_task", task_id=tasks[1], confirm=True)
    assert not re.search(r"\b0 minutes", text)


def invoices_to_charge(sandbox: Sandbox) -> Calls:
    rows = sandbox.connection.execute(RECORDS["charge_payment_profile"]).fetchall()
    first = {row["invoice_id"]: {key: row[key] for key in ("invoice_id", "payment_profile_id")} for row in rows}
    return list(first.values())[:2]


def mails(sandbox: Sandbox) -> Calls:
    call, _ = record_for(sandbox, "send_invoice_message")
    return [call, call | {"allow_duplicate": True}]


def estimates_to_mail(sandbox: Sandbox) -> Calls:
    call, _ = record_for(sandbox, "send_estimate_message")
    return [call, call | {"subject": "Another one"}]


def to_remind_of(sandbox: Sandbox) -> Calls:
    call, _ = record_for(sandbox, "send_payment_reminders")
    return [call, call | {"subject": "Once more", "allow_duplicate": True}]


def requests_that_delete(sandbox: Sandbox) -> Calls:
    return [{"method": "DELETE", "path": f"leads/{lead}"} for lead in some(sandbox, "leads", 2)]


CAPPED: list[tuple[str, str, str, Callable[[Sandbox], Calls]]] = [
    (
        "deletes_per_hour",
        DELETES,
        "delete_lead",
        lambda sandbox: [{"lead_id": id_} for id_ in some(sandbox, "leads", 2)],
    ),
    ("mails_per_hour", MAILS, "send_invoice_message", mails),
    ("mails_per_hour", MAILS, "send_estimate_message", estimates_to_mail),
    ("mails_per_hour", MAILS, "send_payment_reminders", to_remind_of),
    ("charges_per_hour", CHARGES, "charge_payment_profile", invoices_to_charge),
    ("deletes_per_hour", DELETES, "api_request", requests_that_delete),
]


@pytest.mark.parametrize(("setting", "variable", "tool", "calls"), CAPPED)
async def test_each_kind_has_its_own_quota_and_names_it(
    sandbox: Sandbox, time: FakeTime, setting: str, variable: str, tool: str, calls: Callable[[Sandbox], Calls]
) -> None:
    first, second = calls(sandbox)
    async with connect(configured(sandbox, time, toolsets=EVERYTHING, **{setting: 1})) as agent:
        await agent.confirmed(tool, **first)
        text = await agent.refusal(tool, **second, confirm=True)
        assert "Nothing was sent" in text
        assert variable in text
        assert "in 60 minutes" in text
        assert len(writes(sandbox)) == 1
        assert (await agent.answer(tool, **second))["done"] is False  # previews are free
        await time.clock.sleep(HOUR)
        assert (await agent.confirmed(tool, **second))["done"] is True


@pytest.mark.parametrize(("setting", "variable", "tool", "calls"), CAPPED)
async def test_a_quota_of_zero_allows_none(
    sandbox: Sandbox, setting: str, variable: str, tool: str, calls: Callable[[Sandbox], Calls]
) -> None:
    async with connect(configured(sandbox, None, toolsets=EVERYTHING, **{setting: 0})) as agent:
        text = await agent.refusal(tool, **calls(sandbox)[0], confirm=True)
    assert variable in text
    assert "minutes" not in text
    assert not writes(sandbox)


async def test_one_kind_does_not_use_up_anothers_quota(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, deletes_per_hour=1, mails_per_hour=1, charges_per_hour=1)) as agent:
        await agent.answer("delete_lead", lead_id=lead, confirm=True)
        await agent.answer("send_invoice_message", **mails(sandbox)[0], confirm=True)
        await agent.answer("charge_payment_profile", **invoices_to_charge(sandbox)[0], confirm=True)
    assert len(writes(sandbox)) == 3


async def test_other_writes_have_no_quota(sandbox: Sandbox) -> None:
    none: dict[str, Any] = {"deletes_per_hour": 0, "mails_per_hour": 0, "charges_per_hour": 0}
    (invoice,) = some(sandbox, "invoices", where=OWED)
    async with connect(configured(sandbox, **none)) as agent:
        await agent.answer("create_task", title="Call them")
        await agent.answer("create_payment", invoice_id=invoice, amount=1)
        await agent.answer("list_clients")
        assert len(writes(sandbox)) == 2
        for job in JOBS:
            if job != "send_payment_reminders":  # which mails
                arguments, _ = record_for(sandbox, job)
                assert (await agent.confirmed(job, **arguments))["done"] is True


REFUSALS = [
    httpx.Response(403),
    httpx.Response(404),
    httpx.Response(409),
    httpx.Response(422, json={"base": ["has invoices"]}),
    httpx.Response(429),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda response: str(response.status_code))
async def test_a_request_that_clientary_rejected_does_not_count(time: FakeTime, refusal: httpx.Response) -> None:
    answers: dict[str, httpx.Response] = {"7": refusal}
    deleted: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        lead = request.url.path.rpartition("/")[2]
        if lead not in answers:
            deleted.append(lead)
        return answers.get(lead, httpx.Response(204))

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", deletes_per_hour=1)
    async with connect(Clientary(settings, httpx.MockTransport(answer), time.clock)) as agent:
        for _ in range(3):
            assert DELETES not in await agent.refusal("delete_lead", lead_id=7, confirm=True)
        await agent.answer("delete_lead", lead_id=8, confirm=True)
        assert DELETES in await agent.refusal("delete_lead", lead_id=9, confirm=True)
    assert deleted == ["8"]


class Slow:
    """Deleting lead 7 is rejected once released; lead 404 does not exist; any other is deleted immediately."""

    def __init__(self, **settings: Any) -> None:
        self.begun, self.may_end = anyio.Event(), anyio.Event()
        self._settings = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/7"):
            return httpx.Response(404 if request.url.path.endswith("/404") else 204)
        self.begun.set()
        await self.may_end.wait()
        return httpx.Response(422)

    def session(self, time: FakeTime) -> Clientary:
        """A session with this account."""
        return Clientary(self._settings, httpx.MockTransport(self), time.clock)


@asynccontextmanager
async def refusing_slowly(agent: Agent, account: Slow) -> AsyncIterator[list[str]]:
    """A delete that Clientary is about to reject; afterwards, its reported outcome."""
    text: list[str] = []

    async def delete() -> None:
        text.append(await agent.refusal("delete_lead", lead_id=7, confirm=True))

    async with anyio.create_task_group() as group:
        group.start_soon(delete)
        await account.begun.wait()
        yield text
        account.may_end.set()


async def test_a_slow_rejection_releases_only_its_own_place(time: FakeTime) -> None:
    account = Slow(deletes_per_hour=2)
    async with connect(account.session(time)) as agent:
        async with refusing_slowly(agent, account):
            await time.clock.sleep(HOUR - 60)
            await agent.answer("delete_lead", lead_id=8, confirm=True)
        await time.clock.sleep(120)
        await agent.answer("delete_lead", lead_id=9, confirm=True)
        assert DELETES in await agent.refusal("delete_lead", lead_id=10, confirm=True)


async def test_a_rejection_that_takes_more_than_an_hour_is_reported_as_one(time: FakeTime) -> None:
    account = Slow(deletes_per_hour=1, deadline=HOUR)
    async with connect(account.session(time)) as agent, refusing_slowly(agent, account) as text:
        await time.clock.sleep(HOUR + 1)
        assert "was not found" in await agent.refusal("delete_lead", lead_id=404, confirm=True)
    assert ["Clientary rejected this" in each for each in text] == [True]


async def test_a_delete_that_did_not_take_effect_does_not_count(sandbox: Sandbox, time: FakeTime) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(500, "DELETE", nth=1)])
    async with connect(configured(sandbox, time, deletes_per_hour=1)) as agent:
        assert "safe to retry" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
        await agent.answer("delete_lead", lead_id=lead, confirm=True)


async def test_a_payment_whose_note_mentions_a_card_is_not_a_charge(sandbox: Sandbox) -> None:
    (invoice,) = some(sandbox, "invoices", where=OWED)
    async with connect(configured(sandbox, charges_per_hour=0)) as agent:
        await agent.answer("create_payment", invoice_id=invoice, amount=1, note="payment_profile_id 7 was declined")
    assert len(writes(sandbox)) == 1


async def test_a_delete_whose_outcome_is_unknown_counts(time: FakeTime) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", deletes_per_hour=1)
    trouble = httpx.MockTransport(lambda _: httpx.Response(500))
    async with connect(Clientary(settings, trouble, time.clock)) as agent:
        assert DELETES not in await agent.refusal("delete_lead", lead_id=7, confirm=True)
        assert DELETES in await agent.refusal("delete_lead", lead_id=7, confirm=True)


async def test_a_declined_call_does_not_count(sandbox: Sandbox, era: Era) -> None:
    leads = some(sandbox, "leads", 2)
    user = User(mcp_types.ElicitResult(action="decline"))
    async with connect(configured(sandbox, deletes_per_hour=1), era, user) as agent:
        for lead in leads:
            assert "declined" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
        user.reply = YES
        await agent.answer("delete_lead", lead_id=leads[0], confirm=True)


async def test_the_user_is_not_asked_when_the_quota_is_reached(sandbox: Sandbox, era: Era) -> None:
    leads = some(sandbox, "leads", 2)
    user = User()
    async with connect(configured(sandbox, deletes_per_hour=1), era, user) as agent:
        await agent.answer("delete_lead", lead_id=leads[0], confirm=True)
        assert DELETES in await agent.refusal("delete_lead", lead_id=leads[1], confirm=True)
    assert len(user.questions) == 1


async def test_all_sessions_of_the_process_share_the_quota(sandbox: Sandbox, era: Era) -> None:
    leads = some(sandbox, "leads", 2)
    async with configured(sandbox, deletes_per_hour=1) as clientary:
        server = ClientaryServer(clientary)
        async with host(server, era) as one, host(server, era) as other:
            await Agent(one).answer("delete_lead", lead_id=leads[0], confirm=True)
            assert DELETES in await Agent(other).refusal("delete_lead", lead_id=leads[1], confirm=True)
    assert len(writes(sandbox)) == 1


async def test_concurrent_calls_do_not_exceed_the_quota(sandbox: Sandbox, era: Era) -> None:
    tasks = some(sandbox, "tasks", 12)
    async with connect(configured(sandbox, deletes_per_hour=5), era) as agent, anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(agent.call, "delete_task", {"task_id": task, "confirm": True})
    assert len(writes(sandbox)) == 5


async def test_concurrent_open_questions_do_not_exceed_the_quota(sandbox: Sandbox, era: Era) -> None:
    leads = some(sandbox, "leads", 3)
    sandbox.faults = Faults([Fault("slow", "GET", "leads/*")], sleep=lambda _: anyio.lowlevel.checkpoint())
    asked, all_asked = list[str](), anyio.Event()

    async def slow(context: ClientRequestContext, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        asked.append(params.message)
        if len(asked) == len(leads):
            all_asked.set()
        await all_asked.wait()
        return YES

    async with connect(configured(sandbox, deletes_per_hour=1), era, slow) as agent, anyio.create_task_group() as group:
        for lead in leads:
            group.start_soon(agent.call, "delete_lead", {"lead_id": lead, "confirm": True})
    assert len(writes(sandbox)) == 1


async def test_a_refusal_by_the_quota_is_not_remembered(sandbox: Sandbox, time: FakeTime) -> None:
    first, second = mails(sandbox)[0], mails(sandbox)[0] | {"subject": "Once more"}
    async with connect(configured(sandbox, time, mails_per_hour=1, duplicate_window=86_400)) as agent:
        await agent.answer("send_invoice_message", **first, confirm=True)
        await agent.refusal("send_invoice_message", **second, confirm=True)
        await time.clock.sleep(HOUR)
        answer = await agent.answer("send_invoice_message", **second, confirm=True)
    assert "notice" not in answer
    assert len(sandbox.sent_messages) == 2


async def test_a_replayed_answer_does_not_count(sandbox: Sandbox) -> None:
    call = mails(sandbox)[0]
    async with connect(configured(sandbox, mails_per_hour=1)) as agent:
        await agent.answer("send_invoice_message", **call, confirm=True)
        again = await agent.answer("send_invoice_message", **call, confirm=True)
    assert "Skipped as a duplicate" in json.dumps(again)
    assert len(sandbox.sent_messages) == 1


def test_the_default_quotas_are_sensible() -> None:
    settings = Settings(subdomain="acme", api_token="t")
    assert (settings.deletes_per_hour, settings.mails_per_hour, settings.charges_per_hour) == (30, 30, 10)
