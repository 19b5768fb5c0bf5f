"""Two people of one account, at different replicas: what one did, the other does not do again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.agent import Agent
from tests.support.serving.deployment import ADA, BOB, Deployment, unguessable
from tests.support.serving.upstream import Upstream
from tests.support.users import some

pytestmark = [pytest.mark.anyio, pytest.mark.long]


@pytest.fixture
async def ada(deployment: Deployment) -> AsyncIterator[Agent]:
    async with deployment.host(await deployment.token(ADA), at=deployment.replicas[0]) as agent:
        yield agent


@pytest.fixture
async def bob(deployment: Deployment) -> AsyncIterator[Agent]:
    async with deployment.host(await deployment.token(BOB), at=deployment.replicas[1]) as agent:
        yield agent


async def test_the_same_create_is_told_without_the_record(acme: Upstream, ada: Agent, bob: Agent) -> None:
    name = unguessable()
    made = await ada.answer("create_client", name=name)
    told = await bob.answer("create_client", name=name)
    assert told.keys() == {"id", "notice"}
    assert told["id"] == made["id"]
    assert "made by another person of this account" in told["notice"]
    assert len(acme.of("POST", "clients")) == 1


async def test_the_same_hours_are_two_entries(acme: Upstream, ada: Agent, bob: Agent) -> None:
    (project,) = some(acme.sandbox, "projects", where="id IN (SELECT project_id FROM hours)")
    work: dict[str, Any] = {"project_id": project, "title": unguessable(), "hours": 1.5}
    entries = [await agent.answer("create_project_hours", **work) for agent in (ada, bob, ada)]
    assert len({entry["id"] for entry in entries}) == 2
    assert len(acme.of("POST", f"projects/{project}/hours")) == 2


async def test_the_same_reminder_is_one_mail(acme: Upstream, ada: Agent, bob: Agent) -> None:
    overdue = "status IN (1, 2) AND balance > 0 AND due_date < date('now', '-40 days')"
    known = "client_id IN (SELECT client_id FROM contacts WHERE email <> '')"
    paying = "SELECT client_id FROM invoices JOIN payments ON invoice_id = invoices.id"  # they are not reminded
    silent = f"client_id NOT IN ({paying} WHERE received_on > date('now', '-30 days'))"
    (invoice,) = some(acme.sandbox, "invoices", where=f"{overdue} AND {known} AND {silent}")
    reminder = {"invoice_ids": [invoice]}
    sent = await ada.confirmed("send_payment_reminders", **reminder)
    assert sent["done"], sent
    again = await bob.confirmed("send_payment_reminders", **reminder)
    assert not again["done"], again
    assert len(acme.sandbox.sent_messages) == 1


async def test_each_comes_to_the_account_with_their_own_credential(acme: Upstream, ada: Agent, bob: Agent) -> None:
    await ada.answer("list_clients", limit=1)
    assert set(acme.credentials()) == {ADA}
    await bob.answer("list_clients", limit=1)
    assert set(acme.credentials()) == {ADA, BOB}


async def test_accounts_are_apart(deployment: Deployment, acme: Upstream, beta: Upstream, ada: Agent) -> None:
    name = unguessable()
    async with deployment.host(await deployment.token("eve-at-beta-0003", beta)) as eve:
        mine, theirs = await ada.answer("create_client", name=name), await eve.answer("create_client", name=name)
    assert "notice" not in theirs
    assert mine["name"] == theirs["name"]
    assert set(acme.credentials()) == {ADA}
    assert set(beta.credentials()) == {"eve-at-beta-0003"}
