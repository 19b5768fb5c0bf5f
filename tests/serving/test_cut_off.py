"""One replica of three is cut off from Redis: it writes nothing, the others take over, and it undoes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.resilience.outcomes import Answer, answer_to
from tests.serving.test_redis_gone import BACK_WITHIN, NOTHING_SENT
from tests.support.agent import Agent
from tests.support.held_account import Hold
from tests.support.redis_proxy import RedisWay
from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import ADA, BOB, Deployment, deployed, unguessable
from tests.support.serving.hosts import HELLO
from tests.support.serving.upstream import Upstream
from tests.support.users import some, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.long]

ALIVE = "clientary:1:alive:*"


@dataclass
class Scene:
    """Three replicas, of which the first has a way of its own to Redis, and an agent of one caller at each."""

    deployment: Deployment
    redis: RedisServer
    way: RedisWay
    cut_off: Agent
    second: Agent
    third: Agent

    @property
    def account(self) -> Upstream:
        return self.deployment.accounts[0]

    async def cut(self) -> None:
        """Cut the way, and let Redis forget that the first one lives, as it would after 15 seconds."""
        self.way.cut()
        with self.redis.administrator() as redis:
            redis.delete(*redis.keys(ALIVE))
        await self._alive(2)

    async def mend(self) -> None:
        """Mend it; what the first one could not tell Redis meanwhile, it has told afterwards."""
        self.way.mend()
        await self._alive(3)

    async def _alive(self, count: int) -> None:
        with self.redis.administrator() as redis:
            await self.account.until(lambda: len(redis.keys(ALIVE)) == count)


@pytest.fixture
async def scene(own_redis: RedisServer, tmp_path: Path) -> AsyncIterator[Scene]:
    way = RedisWay(own_redis.port)
    async with way.listening() as url:
        own = {0: {"CLIENTARY_STORE": url}}
        async with deployed(tmp_path, [Upstream(ADA, BOB)], own_redis, own=own, proxied=False) as deployment:
            token = await deployment.token()
            first, second, third = (deployment.host(token, at=replica) for replica in deployment.replicas)
            async with first as cut_off, second as other, third as another:
                yield Scene(deployment, own_redis, way, cut_off, other, another)


async def test_it_reads_for_whom_it_knows_and_refuses_writes_while_the_others_go_on(scene: Scene) -> None:
    (first, second, _), account = scene.deployment.replicas, scene.account
    unknown = await scene.deployment.token(BOB)
    nobodys = unknown[:-4] + "AAAA"
    (client,) = some(account.sandbox, "clients")
    await scene.cut_off.answer("get_client", client_id=client)
    scene.way.cut()
    assert (await scene.cut_off.answer("get_client", client_id=client))["id"] == client
    assert "shared memory can't be reached" in (await scene.cut_off.answer("list_clients", limit=20))["notice"]
    name, row = unguessable(), {"client_id": client, "name": "Ann", "email": f"{unguessable()}@example.com"}
    assert NOTHING_SENT in await scene.cut_off.refusal("create_client", name=name)
    assert NOTHING_SENT in await scene.cut_off.refusal("import_contacts", rows=[row])
    for token, answers in ((unknown, (503, 200)), (nobodys, (503, 401))):
        for replica, status in zip((first, second), answers, strict=True):
            async with scene.deployment.http(token, at=replica) as http:
                answer = await http.post("/mcp", json=HELLO)
                assert answer.status_code == status
                assert ("retry-after" in answer.headers) == (status == 503)
    await first.says("store")
    await scene.deployment.until_ready([second])
    assert len(account.of("POST", "clients")) == 0
    made = await scene.second.answer("create_client", name=name)
    scene.way.mend()
    with anyio.fail_after(BACK_WITHIN):
        await first.ready()
        while (told := await scene.cut_off.call("create_client", {"name": name})).is_error:  # noqa: ASYNC110 - see above
            await anyio.sleep(0.1)
    assert (told.structured_content or {})["id"] == made["id"]
    assert len(account.of("POST", "clients")) == 1


def a_mail(account: Upstream) -> dict[str, Any]:
    (invoice,) = some(account.sandbox, "invoices", where="status = 1")
    return {"invoice_id": invoice, "recipients": ["ada@example.com"], "subject": unguessable(), "confirm": True}


async def test_what_it_had_claimed_and_not_sent_is_made_by_another_and_not_by_it(scene: Scene) -> None:
    mail, answers = a_mail(scene.account), list[Answer]()
    call = ("send_invoice_message", mail)
    hold = scene.account.held.hold("GET", f"invoices/{mail['invoice_id']}")
    async with under_way(scene.cut_off, call, answers, hold):
        await scene.cut()
        assert (await answer_to(scene.second, *call)).outcome == "done"
    assert [answer.outcome for answer in answers] == ["not done"]
    assert NOTHING_SENT in answers[0].text
    await scene.mend()
    for agent in (scene.third, scene.cut_off):
        assert "It was not made again" in text_of(await agent.call(*call))
    assert len(scene.account.sandbox.sent_messages) == 1


@asynccontextmanager
async def under_way(
    agent: Agent, call: tuple[str, dict[str, Any]], answers: list[Answer], hold: Hold
) -> AsyncIterator[None]:
    """A call of that agent is held where `hold` holds it until the block ends; then its answer is in `answers`."""

    async def make() -> None:
        answers.append(await answer_to(agent, *call))

    async with anyio.create_task_group() as group:
        group.start_soon(make)
        await hold.arrived.wait()
        yield
        hold.released.set()


async def test_what_it_had_sent_is_told_as_unknown_and_known_once_it_is_back(scene: Scene) -> None:
    answers, call = list[Answer](), ("send_invoice_message", a_mail(scene.account))
    hold = scene.account.held.hold("POST", "invoices/*/messages")
    async with under_way(scene.cut_off, call, answers, hold):
        await scene.cut()
        assert (await answer_to(scene.second, *call)).outcome == "unknown"
    assert [answer.outcome for answer in answers] == ["done"]
    assert (await answer_to(scene.third, *call)).outcome == "unknown"
    await scene.mend()
    for agent in (scene.third, scene.second, scene.cut_off):
        told = await agent.call(*call)
        assert not told.is_error
        assert "It was not made again" in text_of(told) or "its result is repeated" in text_of(told)
    assert len(scene.account.sandbox.sent_messages) == 1


@pytest.mark.parametrize("when", ["while it is cut off", "when it is back"])
async def test_what_another_made_meanwhile_is_not_written_over(scene: Scene, when: str) -> None:
    answers, name = list[Answer](), unguessable()
    hold = scene.account.held.hold("POST", "clients")
    async with under_way(scene.cut_off, ("create_client", {"name": name}), answers, hold):
        await scene.cut()
        theirs = await scene.second.answer("create_client", name=name, allow_duplicate=True)
        if when == "when it is back":
            await scene.mend()
    assert [answer.outcome for answer in answers] == ["done"]
    await scene.mend()
    assert answers[0].content["id"] != theirs["id"]
    assert (await scene.third.answer("create_client", name=name))["id"] == theirs["id"]
    assert len(scene.account.of("POST", "clients")) == 2


@pytest.mark.parametrize("when", ["while it is cut off", "when it is back"])
async def test_a_job_that_another_finished_goes_on_nowhere(scene: Scene, when: str) -> None:
    shown = await scene.second.answer("send_payment_reminders", min_days_overdue=1, per="invoice")
    invoices = [row["invoice_id"] for row in shown["steps"] if row["step"] == "mail"][:3]
    reminders = {"invoice_ids": invoices, "per": "invoice"}
    shown = await scene.second.answer("send_payment_reminders", **reminders)
    first, second, third = (row["invoice_id"] for row in shown["steps"])
    call = ("send_payment_reminders", reminders | {"confirm": True, "preview_id": shown["preview_id"]})
    answers, hold = list[Answer](), scene.account.held.hold("POST", f"invoices/{second}/messages")
    async with under_way(scene.cut_off, call, answers, hold):
        await scene.cut()
        rest = await answer_to(scene.second, *call)
        assert [row["invoice_id"] for row in rest.content["steps"] if row["step"] == "mailed"] == [third]
        if when == "when it is back":
            await scene.mend()
    assert [answer.outcome for answer in answers] == ["half"]
    await scene.mend()
    mailed = scene.account.sandbox.ledger.of("POST", "invoices/*/messages")
    assert sorted(write.id for write in mailed) == sorted([first, second, third])
    again = await scene.third.answer("send_payment_reminders", **reminders)
    assert "There is no reminder to send" in again["message"]
