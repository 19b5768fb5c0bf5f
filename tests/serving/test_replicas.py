"""What one owner's process promises holds over replicas, whichever of them gets a request."""

from contextlib import AsyncExitStack
from typing import Any

import anyio
import mcp_types
import pytest
from mcp_types import ElicitResult, InputRequiredResult

from tests.support.agent import Agent, Era
from tests.support.serving.deployment import Deployment, unguessable
from tests.support.serving.hosts import HELLO, LIST
from tests.support.serving.upstream import Upstream, slow
from tests.support.users import QUESTION, YES, User, some, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.long]


async def at_each(stack: AsyncExitStack, deployment: Deployment, era: Era, **how: Any) -> list[Agent]:
    """An agent at each replica, all of one caller."""
    token = await deployment.token()
    return [
        await stack.enter_async_context(deployment.host(token, era, at=replica, **how))
        for replica in deployment.replicas
    ]


async def test_the_same_create_six_times_makes_one_record(deployment: Deployment, acme: Upstream, era: Era) -> None:
    name = unguessable()
    async with AsyncExitStack() as stack:
        agents = await at_each(stack, deployment, era)
        answers = [await agent.call("create_client", {"name": name}) for agent in agents * 2]
    assert len(acme.of("POST", "clients")) == 1
    assert sum("Skipped as a duplicate" in text_of(answer) for answer in answers) == 5
    assert len({(answer.structured_content or {})["id"] for answer in answers}) == 1


async def test_the_same_create_six_times_at_once_makes_one_record(
    deployment: Deployment, acme: Upstream, era: Era
) -> None:
    name, made = unguessable(), list[int]()
    acme.before = slow(0.5, "POST")  # so that all have come before the first is over

    async def create(agent: Agent) -> None:
        made.append((await agent.answer("create_client", name=name))["id"])

    async with AsyncExitStack() as stack:
        agents = await at_each(stack, deployment, era)
        async with anyio.create_task_group() as tasks:
            for agent in agents * 2:
                tasks.start_soon(create, agent)
    assert len(acme.of("POST", "clients")) == 1
    assert len(made) == 6
    assert len(set(made)) == 1


async def test_a_quota_holds_over_all_replicas(deployment: Deployment, acme: Upstream) -> None:
    tasks = some(acme.sandbox, "tasks", 9)
    async with deployment.host(await deployment.token()) as agent:
        answers = [await agent.call("delete_task", {"task_id": task, "confirm": True}) for task in tasks]
    assert len(acme.sandbox.ledger.of("DELETE")) == 2
    assert [answer.is_error for answer in answers] == [False] * 2 + [True] * 7
    assert "CLIENTARY_DELETES_PER_HOUR" in text_of(answers[-1])


def a_mail(account: Upstream) -> dict[str, Any]:
    """A message that nobody sent before."""
    (invoice,) = some(account.sandbox, "invoices", where="status = 1")
    return {"invoice_id": invoice, "recipients": ["ada@example.com"], "subject": unguessable(), "confirm": True}


async def test_a_person_is_asked_by_whichever_replica_and_answers_another(
    deployment: Deployment, acme: Upstream
) -> None:
    user = User()
    async with deployment.host(await deployment.token(), elicitation_callback=user) as agent:
        for _ in range(3):  # each call and its repetition come to different replicas
            await agent.answer("send_invoice_message", **a_mail(acme))
    assert len(user.questions) == 3
    assert len(acme.sandbox.sent_messages) == 3


async def test_one_answer_counts_once_however_many_replicas_get_it(deployment: Deployment, acme: Upstream) -> None:
    arguments = a_mail(acme)

    async def call(agent: Agent, **reply: Any) -> mcp_types.CallToolResult | InputRequiredResult:
        result = await agent.client.session.call_tool(
            "send_invoice_message", arguments, allow_input_required=True, **reply
        )
        assert isinstance(result, mcp_types.CallToolResult | InputRequiredResult)
        return result

    async with AsyncExitStack() as stack:
        agents = await at_each(stack, deployment, "auto", elicitation_callback=User())
        question = await call(agents[0])
        assert isinstance(question, InputRequiredResult)
        yes = {"input_responses": {QUESTION: YES}, "request_state": question.request_state}
        results = [await call(agent, **yes) for agent in agents]
    assert len(acme.sandbox.sent_messages) == 1
    done, *others = results
    assert isinstance(done, mcp_types.CallToolResult)
    assert not done.is_error
    assert all(isinstance(other, InputRequiredResult) or not other.is_error for other in others)


async def test_one_answer_counts_once_if_it_comes_to_all_replicas_at_once(
    deployment: Deployment, acme: Upstream
) -> None:
    arguments = a_mail(acme) | {"allow_duplicate": True}  # nothing else keeps it from being mailed again
    results: list[object] = []

    async def reply(agent: Agent, state: str | None) -> None:
        yes = ElicitResult(action="accept", content={"agree": True})
        results.append(
            await agent.client.session.call_tool(
                "send_invoice_message",
                arguments,
                allow_input_required=True,
                input_responses={QUESTION: yes},
                request_state=state,
            )
        )

    async with AsyncExitStack() as stack:
        agents = await at_each(stack, deployment, "auto", elicitation_callback=User())
        question = await agents[0].client.session.call_tool(
            "send_invoice_message", arguments, allow_input_required=True
        )
        assert isinstance(question, InputRequiredResult)
        async with anyio.create_task_group() as tasks:
            for agent in agents:
                tasks.start_soon(reply, agent, question.request_state)
    assert len(acme.sandbox.sent_messages) == 1
    assert sum(isinstance(result, InputRequiredResult) for result in results) == 2


async def test_an_older_client_whose_session_is_at_another_replica_begins_anew(deployment: Deployment) -> None:
    token = await deployment.token()
    first, second, _ = deployment.replicas
    async with deployment.http(token, at=first) as http:
        session = (await http.post("/mcp", json=HELLO)).headers["mcp-session-id"]
        at_home = await http.post("/mcp", json=LIST, headers={"Mcp-Session-Id": session})
        assert at_home.status_code == 200
    async with deployment.http(token, at=second) as http:
        assert (await http.post("/mcp", json=LIST, headers={"Mcp-Session-Id": session})).status_code == 404
    async with deployment.host(token, "legacy", at=second) as agent:
        assert (await agent.answer("list_clients", limit=1))["returned"] == 1


async def test_an_older_session_is_kept_by_a_proxy_that_goes_by_the_token(deployment: Deployment) -> None:
    async with deployment.host(await deployment.token(), "legacy") as agent:
        for _ in range(6):
            assert (await agent.answer("list_clients", limit=1))["returned"] == 1
