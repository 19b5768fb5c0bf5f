"""The examples for nginx and Caddy, with real ones: who gets which replica, what is sent again, and events."""

import os
import shutil
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import trustme
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from clientary_mcp.server.http.health import READY
from tests.deploy.test_examples import EXAMPLES
from tests.support.agent import Agent, Era
from tests.support.processes import PATIENCE, free_port, listening

pytestmark = pytest.mark.anyio

HOST = "mcp.example.com"
_AROUND_NGINX = """
daemon off; master_process off; pid {directory}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
uwsgi_temp_path {directory}; scgi_temp_path {directory}; include {directory}/example.conf; }}
"""
_AROUND_CADDY = f"""{{
\tadmin off
\tauto_https disable_redirects
\tdefault_sni {HOST}
\tlog {{
\t\tlevel ERROR
\t}}
}}
"""


class Replica:
    """Tells what it was sent; it may be draining."""

    def __init__(self, name: str) -> None:
        self.name, self.draining, self.refused = name, False, 0
        self.go_on = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.draining:
            self.refused += scope["path"] != READY
            await PlainTextResponse("draining", 503)(scope, receive, send)
        elif scope["path"] == READY:
            await PlainTextResponse("ready")(scope, receive, send)
        elif scope["path"] == "/stream":
            await StreamingResponse(self._events(), media_type="text/event-stream")(scope, receive, send)
        else:
            request = Request(scope, receive)
            seen = {"replica": self.name, "host": request.headers["host"], "body": (await request.body()).decode()}
            seen |= {name: request.headers[f"x-forwarded-{name}"] for name in ("for", "proto")}
            await JSONResponse(seen)(scope, receive, send)

    async def _events(self) -> AsyncIterator[str]:
        yield "data: first\n\n"
        await self.go_on.wait()
        yield "data: last\n\n"


@asynccontextmanager
async def stub(replica: Replica) -> AsyncIterator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(replica, port=port, log_level="error", lifespan="off"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        yield port
        replica.go_on.set()
        server.should_exit = True


def _nginx(directory: Path, example: str, port: int) -> list[str]:
    example = example.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    (directory / "example.conf").write_text(example.replace("/etc/nginx/tls", str(directory)))
    (directory / "nginx.conf").write_text(_AROUND_NGINX.format(directory=directory))
    return ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]


def _caddy(directory: Path, example: str, port: int) -> list[str]:
    where = f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {directory}/{HOST}.crt {directory}/{HOST}.key\n"
    (directory / "Caddyfile").write_text(_AROUND_CADDY + example.replace(f"{HOST} {{\n", where))
    return ["caddy", "run", "--config", str(directory / "Caddyfile")]


_PROXIES: dict[str, tuple[str, Callable[[Path, str, int], list[str]]]] = {
    "nginx": ("nginx.conf", _nginx),
    "caddy": ("Caddyfile", _caddy),
}
"""The example for each, and what writes it with its surroundings and returns the command that runs it."""


@pytest.fixture(params=_PROXIES)
def proxy(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@asynccontextmanager
async def proxied(proxy: str, directory: Path, *upstreams: int) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """A proxy with its example, in front of these ports: its address, and whom to trust."""
    port, authority = free_port(), trustme.CA()
    certificate = authority.issue_cert(HOST, "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(directory / f"{HOST}.crt"))
    certificate.private_key_pem.write_to_path(str(directory / f"{HOST}.key"))
    name, write = _PROXIES[proxy]
    example = (EXAMPLES / name).read_text()
    for address, upstream in zip(("10.0.0.11:8000", "10.0.0.12:8000"), upstreams, strict=True):
        assert address in example
        example = example.replace(address, f"127.0.0.1:{upstream}")
    command = write(directory, example, port)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    at_home = {**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
    async with await anyio.open_process(command, stderr=None, env=at_home) as process:
        try:
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    assert process.returncode is None
                    await anyio.sleep(0.02)
            yield f"https://127.0.0.1:{port}", trusted
        finally:
            process.terminate()


@asynccontextmanager
async def two_replicas(proxy: str, directory: Path) -> AsyncIterator[tuple[httpx.AsyncClient, list[Replica]]]:
    """A client of the proxy, in front of two replicas."""
    replicas = [Replica("one"), Replica("two")]
    async with AsyncExitStack() as stack:
        stack.enter_context(anyio.fail_after(PATIENCE))
        ports = [await stack.enter_async_context(stub(replica)) for replica in replicas]
        address, trusted = await stack.enter_async_context(proxied(proxy, directory, *ports))
        http = httpx.AsyncClient(base_url=address, verify=trusted, headers={"Host": HOST})
        yield await stack.enter_async_context(http), replicas


async def seen_by(http: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """What the replica saw that a call of this caller came to."""
    response = await http.post("/mcp", content="a call", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    return dict(response.json())


async def test_a_caller_comes_to_one_replica_with_whatever_token(proxy: str, tmp_path: Path) -> None:
    places: Counter[str] = Counter()
    async with two_replicas(proxy, tmp_path) as (http, _):
        for number in range(20):
            caller = f"{number * 7919:016x}"
            tokens = (f"cmt_{caller}_{'a' * 43}", f"cmt_{caller}_{'b' * 43}", f"cmk_{caller}_{'c' * 43}")
            (place,) = {(await seen_by(http, token))["replica"] for token in tokens}
            places[place] += 1
    assert min(places["one"], places["two"]) > 3


async def test_a_replica_knows_by_which_name_and_from_where_a_client_came(proxy: str, tmp_path: Path) -> None:
    async with two_replicas(proxy, tmp_path) as (http, _):
        seen = await seen_by(http, "any")
        for path in ("/ready", "/health"):
            assert (await http.get(path)).status_code == 404
    assert (seen["host"], seen["for"], seen["proto"], seen["body"]) == (HOST, "127.0.0.1", "https", "a call")


async def test_a_call_that_a_draining_replica_refuses_goes_to_the_other(proxy: str, tmp_path: Path) -> None:
    async with two_replicas(proxy, tmp_path) as (http, replicas):
        first = (await seen_by(http, "any"))["replica"]
        (draining,) = [replica for replica in replicas if replica.name == first]
        draining.draining = True
        if proxy == "caddy":  # it sends nothing again: until it has looked whether they are ready, the client is told
            while (await http.post("/mcp", headers={"Authorization": "Bearer any"})).status_code == 503:  # noqa: ASYNC110 - Caddy looks
                await anyio.sleep(0.05)
        assert (await seen_by(http, "any"))["replica"] != first
        assert proxy == "caddy" or draining.refused == 1


async def test_each_event_arrives_at_once(proxy: str, tmp_path: Path) -> None:
    async with two_replicas(proxy, tmp_path) as (http, replicas), http.stream("GET", "/stream") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "data: first"
        for replica in replicas:
            replica.go_on.set()
        assert [line async for line in lines if line] == ["data: last"]


async def test_an_mcp_client_gets_through_to_a_server(proxy: str, tmp_path: Path, era: Era) -> None:
    port, log = free_port(), tmp_path / "stderr"
    serve = ("--sandbox", "--transport", "http", "--allowed-host", HOST)
    with anyio.fail_after(PATIENCE):
        async with (
            listening(*serve, port=port, log=log),
            proxied(proxy, tmp_path, port, port) as (address, trusted),
            httpx2.AsyncClient(verify=trusted, headers={"Host": HOST}) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=era) as client,
        ):
            assert (await Agent(client).answer("list_staff"))["returned"] > 1
