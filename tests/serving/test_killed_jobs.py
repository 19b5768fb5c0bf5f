"""SIGKILL of a replica in the middle of a job: at another, the same call does nothing twice and the rest of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp import MCPError

from clientary_mcp.sandbox import Sandbox
from tests.resilience.outcomes import Answer
from tests.support.agent import Agent
from tests.support.held_account import When
from tests.support.redis_server import RedisServer, installed
from tests.support.redis_time import grow_older
from tests.support.serving.deployment import ADA, Deployment, deployed, unguessable
from tests.support.serving.upstream import Upstream
from tests.support.users import some

pytestmark = [pytest.mark.anyio, pytest.mark.long]

Stage = Literal["not arrived", "arrived", "answered", "not settled"]
"""How far a write got: it never arrives, it takes effect after the kill, its answer is lost, or its answer came but
could not be noted."""
STAGES: tuple[Stage, ...] = ("not arrived", "arrived", "answered", "not settled")
ALIVE = "clientary:1:alive:*"
MINUTES = 150.0
"""Seconds after which nothing that was sent can still take effect."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that may stand still."""
    installed()
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
async def two(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """Two replicas, of which the first is killed by each test."""
    directory = tmp_path_factory.mktemp("two")
    generous = {"CLIENTARY_MAILS_PER_HOUR": "1000"}
    async with deployed(directory, [Upstream(ADA)], redis, generous, replicas=2, proxied=False) as deployment:
        yield deployment


@dataclass
class Scene:
    """Two replicas, of which the first is killed, and an agent at the second."""

    deployment: Deployment
    redis: RedisServer
    token: str
    witness: Agent
    call: tuple[str, dict[str, Any]] = field(default=("", {}))

    @property
    def account(self) -> Upstream:
        return self.deployment.accounts[0]

    async def preview(self, tool: str, **arguments: Any) -> list[dict[str, Any]]:
        """Preview a job. Returns its steps."""
        shown = await self.witness.answer(tool, **arguments)
        self.call = tool, arguments | {"confirm": True, "preview_id": shown["preview_id"]}
        return list(shown["steps"])

    async def kill(self, path: str, stage: Stage, method: str = "POST", others: int = 0) -> anyio.Event:
        """Confirm it at the first replica, and kill that at that request, once so many others took effect.

        Set what is returned to let a request arrive that is still on its way.
        """
        when: When = "before" if stage in ("not arrived", "arrived") else "after"
        held = self.account.held.hold(method, path, when)
        effects = len(self.account.sandbox.ledger) + others + (when == "after" and method != "GET")
        (victim, _) = self.deployment.replicas

        async def confirm() -> None:
            answers = []
            try:
                async with self.deployment.host(self.token, at=victim) as agent:
                    answers.append(await agent.call(*self.call))
            except* (MCPError, httpx2.RemoteProtocolError):  # whichever task of the client finds out first
                pass
            assert answers == []

        async with anyio.create_task_group() as group:
            group.start_soon(confirm)
            await held.arrived.wait()
            await self.account.until(lambda: len(self.account.sandbox.ledger) >= effects)
            if stage == "not settled":
                with self.redis.standing_still():
                    await held.release()
                    await self.account.until(lambda: self.account.of(method, path)[-1].whole)
                    victim.kill()
            else:
                victim.kill()
        held.lost = stage == "not arrived"
        if stage != "arrived":
            held.released.set()
        with self.redis.administrator() as redis:
            redis.delete(*redis.keys(ALIVE))  # as after 15 seconds
        return held.released

    async def again(self) -> Answer:
        """The same call at the second replica."""
        return Answer.of(await self.witness.call(*self.call), may_have_nothing_to_do=True)

    async def anew(self) -> Answer:
        """The same job with a new preview."""
        tool, arguments = self.call
        shown = await self.witness.answer(tool, **arguments | {"confirm": False, "preview_id": None})
        if "preview_id" not in shown:
            return Answer("not done", shown["message"], shown)
        self.call = tool, arguments | {"preview_id": shown["preview_id"]}
        return await self.again()

    def minutes_pass(self) -> None:
        """Let so much time pass in Redis that nothing may still come."""
        with self.redis.administrator() as redis:
            (fence, *_) = redis.keys("clientary:1:{*}:fence")
            grow_older(redis, fence.partition("{")[2].partition("}")[0], MINUTES)


@pytest.fixture
async def scene(two: Deployment, redis: RedisServer) -> AsyncIterator[Scene]:
    two.accounts[0].reset()
    first, second = two.replicas
    if not first.alive:
        first.start()
        await two.until_ready()
    token = await two.token()
    async with two.host(token, at=second) as witness:
        yield Scene(two, redis, token, witness)


REMINDED: list[int] = []
"""The invoices that a test has used."""


async def late(scene: Scene) -> list[int]:
    """Three invoices of which nobody was reminded yet."""
    shown = await scene.witness.answer("send_payment_reminders", min_days_overdue=1, per="invoice")
    found = [row["invoice_id"] for row in shown["steps"] if row["step"] == "mail"]
    chosen = [each for each in found if each not in REMINDED][:3]
    REMINDED.extend(chosen)
    return chosen


def mailed(scene: Scene) -> list[int]:
    return sorted(write.id for write in scene.account.sandbox.ledger.of("POST", "invoices/*/messages"))


@pytest.mark.parametrize("stage", STAGES)
async def test_reminders(scene: Scene, stage: Stage) -> None:
    steps = await scene.preview("send_payment_reminders", invoice_ids=await late(scene), per="invoice")
    first, second, third = (row["invoice_id"] for row in steps)
    late_arrival = await scene.kill(f"invoices/{second}/messages", stage)
    rest = await scene.again()
    assert rest.outcome == "done"
    skipped = {row["invoice_id"]: row["why"] for row in rest.content["steps"] if row["step"] == "skip"}
    assert skipped.keys() == {first, second}
    assert skipped[first].startswith("it was mailed in the last day")
    told = ("it may have been mailed in the last day: the response was lost", "it was mailed in the last day")
    assert skipped[second].startswith(told if stage == "not settled" else told[0])  # Redis may have got the note
    late_arrival.set()
    reached = {first, third} if stage == "not arrived" else {first, second, third}
    await scene.account.until(lambda: len(mailed(scene)) >= len(reached))
    assert "its result is repeated here" in (await scene.again()).text
    assert "There is no reminder to send" in (await scene.anew()).text
    assert mailed(scene) == sorted(reached)


async def test_reminders_of_which_none_was_sent(scene: Scene) -> None:
    invoices = await late(scene)
    await scene.preview("send_payment_reminders", invoice_ids=invoices, per="invoice")
    await scene.kill(f"invoices/{invoices[0]}", "answered", method="GET")
    assert (await scene.again()).outcome == "done"
    assert mailed(scene) == sorted(invoices)


def contacts(scene: Scene, rows: list[dict[str, Any]]) -> list[int]:
    """How many contacts have the address of each row."""
    return [rows_of(scene.account.sandbox, "contacts", email=row["email"]) for row in rows]


@pytest.mark.parametrize("stage", STAGES)
async def test_an_import(scene: Scene, stage: Stage) -> None:
    clients = some(scene.account.sandbox, "clients", 4)
    rows = [{"client_id": each, "name": "Ann", "email": f"{unguessable()}@example.com"} for each in clients]
    await scene.preview("import_contacts", rows=rows)
    late_arrival = await scene.kill(f"clients/{clients[1]}/contacts", stage, others=3)
    more = await scene.again()
    if stage in ("not arrived", "arrived"):
        assert more.outcome in ("half", "unknown")
        assert "Rows that an earlier call sent may still be imported" in more.text
        late_arrival.set()
        await scene.account.until(lambda: contacts(scene, rows)[1] == (stage == "arrived"))
        scene.minutes_pass()
        more = await scene.again()
    expected = "done" if stage == "not arrived" else "not done"
    assert more.outcome == expected
    assert contacts(scene, rows) == [1, 1, 1, 1]
    assert (await scene.anew()).outcome == "not done"
    assert contacts(scene, rows) == [1, 1, 1, 1]


CONVERSION = ("clients", "clients/*/contacts", "projects", "tasks")
"""Where the writes of a conversion go, in their order; it ends with two tasks."""


async def a_lead(scene: Scene) -> int:
    """A lead with a contact, who was a client's."""
    lead = int((await scene.witness.answer("create_lead", name=unguessable()))["id"])
    with scene.account.sandbox.connection as books:
        (contact,) = some(scene.account.sandbox, "contacts", where="client_id > 0 AND email <> ''")
        books.execute("UPDATE contacts SET client_id = NULL, lead_id = ? WHERE id = ?", (lead, contact))
    scene.account.sandbox.ledger.clear()
    return lead


@pytest.mark.parametrize(
    ("path", "stage"), [*product(CONVERSION, ("arrived", "answered")), *product(CONVERSION[:1], STAGES[::3])]
)
async def test_a_conversion(scene: Scene, path: str, stage: Stage) -> None:
    count = partial(rows_of, scene.account.sandbox)
    project, tasks = unguessable(), [unguessable(), unguessable()]
    await scene.preview(
        "convert_lead",
        lead_id=await a_lead(scene),
        project={"name": project, "rate": 90},
        tasks=[{"title": title} for title in tasks],
    )
    clients = count("clients")
    late_arrival = await scene.kill(path, stage)
    more = await scene.again()
    if more.outcome == "done":
        assert stage == "not settled"  # Redis got the note
    else:
        assert more.outcome == "not done"
        assert "what it sent may still be created" in more.text
        late_arrival.set()
        if stage == "arrived":
            await scene.account.until(lambda: bool(scene.account.sandbox.ledger.of("POST", path)))
        scene.minutes_pass()
        more = await scene.again()
    assert more.outcome == "done"
    assert (await scene.anew()).outcome == "not done"
    assert count("clients") == clients + 1
    assert len(scene.account.sandbox.ledger.of("POST", "clients/*/contacts")) == 1
    assert count("projects", name=project) == 1
    assert [count("tasks", title=title) for title in tasks] == [1, 1]


def rows_of(sandbox: Sandbox, table: str, **values: str) -> int:
    """How many rows a table has with these values."""
    where = " AND ".join(["1", *(f"{name} = ?" for name in values)])
    query = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608 - our names
    return int(sandbox.connection.execute(query, [*values.values()]).fetchone()[0])
