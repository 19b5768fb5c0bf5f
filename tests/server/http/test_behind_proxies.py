"""Behind a proxy: a path that it adds, and the address of the client that it tells."""

import json
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.http.app import PROXIES, serve
from clientary_mcp.server.http.drain import Drain
from tests.server.http.test_app import ACCEPTED, HELLO, say_hello, visitor
from tests.server.http.test_ending import ACCEPT, agent_of
from tests.support.processes import PATIENCE, free_port, listening

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("root_path", ["/clientary", "/mcp"])
@pytest.mark.parametrize("strips", [True, False], ids=["proxy strips", "proxy passes on"])
async def test_the_path_of_a_proxy_is_taken_off_whether_it_does_so_or_not(
    sandbox: Sandbox, root_path: str, *, strips: bool
) -> None:
    async with visitor(sandbox, root_path=root_path) as http:
        path = "/mcp" if strips else f"{root_path}/mcp"
        assert (await http.post(path, json=HELLO, headers=ACCEPT)).status_code == ACCEPTED


async def test_other_paths_stay_unknown(sandbox: Sandbox) -> None:
    async with visitor(sandbox, root_path="/clientary") as http:
        assert (await say_hello(http)).status_code == ACCEPTED
        for path in ("/clientarymcp", "/clientary", "/clientary/clientary/mcp"):
            assert (await http.post(path, json=HELLO, headers=ACCEPT)).status_code == 404


@pytest.mark.parametrize("root_path", ["/clientary", "/sse"])
async def test_sse_clients_are_told_the_path_with_its_prefix(tmp_path: Path, root_path: str) -> None:
    port = free_port()
    options = ("--sandbox", "--transport", "sse", "--root-path", root_path)
    with anyio.fail_after(PATIENCE):
        async with (
            listening(*options, port=port, log=tmp_path / "stderr"),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http,
        ):
            for path in ("/sse", f"{root_path}/sse"):
                async with http.stream("GET", path) as stream:
                    lines = stream.aiter_lines()
                    assert await anext(lines) == "event: endpoint"
                    assert (await anext(lines)).startswith(f"data: {root_path}/messages/?session_id=")
            async with agent_of(f"http://127.0.0.1:{port}{root_path}", "sse", "legacy") as agent:
                assert (await agent.answer("list_clients", limit=1))["returned"] == 1


class Echo:
    """An application that shows the client's address and scheme, until it has done so once."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await JSONResponse([scope["client"][0], scope["scheme"]])(scope, receive, send)
            self._drain.begin()


@pytest.mark.parametrize(
    ("proxies", "shown"), [(PROXIES, ["192.0.2.7", "https"]), ("10.0.0.0/8", ["127.0.0.1", "http"])]
)
async def test_the_address_of_the_client_comes_from_trusted_proxies_alone(proxies: str, shown: list[str]) -> None:
    port, drain, ready = free_port(), Drain(0), anyio.Event()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, Echo(drain), "127.0.0.1", port, "ERROR", drain, ready.set, proxies)
            await ready.wait()
            forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
            async with httpx.AsyncClient() as http:
                assert json.loads((await http.get(f"http://127.0.0.1:{port}/", headers=forwarded)).text) == shown
