"""Redis stops while replicas run: reads go on, nothing is written, nobody is told to sign in again."""

from pathlib import Path

import anyio
import httpx
import pytest

from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import ADA, BOB, deployed, unguessable
from tests.support.serving.hosts import HELLO
from tests.support.serving.upstream import Upstream
from tests.support.users import some

pytestmark = [pytest.mark.anyio, pytest.mark.long]

BACK_WITHIN = 5.0
NOTHING_SENT = (
    "Nothing was sent: this server's shared memory can't be reached, and without it nothing keeps a write from"
    " happening twice. Try again in a minute."
)


async def test_reads_are_answered_writes_refused_and_all_is_well_when_it_returns(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    account = Upstream(ADA, BOB)
    async with deployed(tmp_path, [account], own_redis, replicas=1, proxied=False) as deployment:
        known, unknown = await deployment.token(ADA), await deployment.token(BOB)
        (replica,) = deployment.replicas
        async with deployment.host(known, at=replica) as agent:
            await agent.answer("list_clients", limit=1)
            own_redis.stop()

            account.reset()
            (client,) = some(account.sandbox, "clients")
            assert (await agent.answer("get_client", client_id=client))["id"] == client
            listed = await agent.answer("list_clients", limit=20)
            assert (listed["returned"], "shared memory can't be reached" in listed["notice"]) == (20, True)
            assert (await agent.answer("receivables_report"))["totals"]
            (project,) = some(
                account.sandbox, "projects", where="id IN (SELECT project_id FROM hours WHERE NOT billed)"
            )
            for report in ("unbilled_report", "project_status"):
                assert "shared memory can't be reached" in str(await agent.answer(report, project_id=project))
            assert "shared memory can't be reached" in str(await agent.answer("billing_check"))
            assert NOTHING_SENT in await agent.refusal("create_client", name=unguessable())
            async with deployment.http(unknown, at=replica) as http:
                refused = await http.post("/mcp", json=HELLO)
                assert refused.status_code == 503
                assert "retry-after" in refused.headers
                await replica.says("store")
                assert (await http.get("/health")).status_code == 200

            own_redis.start()
            name = unguessable()
            with anyio.fail_after(BACK_WITHIN):
                while (await agent.call("create_client", {"name": name})).is_error:  # noqa: ASYNC110 - Redis brings it
                    await anyio.sleep(0.1)
                await replica.ready()
            assert len(account.of("POST", "clients")) == 1
        async with deployment.host(unknown, at=replica) as other:
            assert (await other.answer("list_clients", limit=1))["returned"] == 1


async def test_a_token_that_nobody_has_is_refused_as_such_once_redis_can_say(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    async with deployed(tmp_path, [Upstream(ADA)], own_redis, replicas=1, proxied=False) as deployment:
        token = await deployment.token()
        nobodys = token[:-4] + "AAAA"

        async def answer(http: httpx.AsyncClient) -> int:
            return (await http.post("/mcp", json=HELLO)).status_code

        async with deployment.http(nobodys, at=deployment.replicas[0]) as http:
            assert await answer(http) == 401
            own_redis.stop()
            assert await answer(http) == 503
            own_redis.start()
            with anyio.fail_after(BACK_WITHIN):
                while await answer(http) != 401:  # noqa: ASYNC110 - Redis brings it about
                    await anyio.sleep(0.1)
