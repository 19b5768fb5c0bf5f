"""No secret of a server with callers is in anything that others may read, whatever went well or wrong."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from redis import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clientary_mcp.sandbox import Fault, Faults
from tests.conftest import agency
from tests.server.callers.sign_in.served import VERIFIER, Form
from tests.support.agent import ERAS
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer, installed
from tests.support.serving.assembled import GATE, agent_at, bearer, serving
from tests.support.serving.deployment import ADA, BOB, KEYS
from tests.support.serving.hosts import HELLO
from tests.support.serving.people import Program, Visitor
from tests.support.serving.replica import Replica
from tests.support.serving.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

PASSWORD = "password-of-the-redis-under-test"
WRONG = "wrong-but-a-secret-all-the-same"


class Collector:
    """Takes whatever is exported to OpenTelemetry, as it is."""

    def __init__(self) -> None:
        self.raw = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.raw += await Request(scope, receive).body()
        await Response(media_type="application/x-protobuf")(scope, receive, send)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve on a free port; its address."""
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(self, port=port, log_level="critical", lifespan="off"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            yield f"http://127.0.0.1:{port}"
            server.should_exit = True


@dataclass
class Heard:
    """What a server said over HTTP, without what gives a secret to whom it belongs."""

    texts: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=lambda: {KEYS, GATE, ADA, BOB, WRONG, VERIFIER, PASSWORD})
    """Those that came up so far."""
    pending: str = ""
    """The name of a sign-in, which its page holds, and which is of no use without the cookie."""

    async def __call__(self, response: httpx.Response) -> None:
        """Note an answer."""
        await response.aread()
        given = response.request.url.path in ("/token", "/register") and response.is_success
        kept = {name: value for name, value in response.headers.items() if name not in ("location", "set-cookie")}
        self.texts.append(f"{kept} {'' if given else response.text}")


async def sign_in(url: str, account: Upstream, heard: Heard) -> str:
    """Sign in with mistakes, and use codes and tokens that are not valid any more. Returns an access token."""
    person, client = Visitor(url, ADA, account.host, "Ada"), Program(url)
    for http in (person.browser, client.http):
        http.event_hooks = {"response": [heard]}
    secret = (await client.register(token_endpoint_auth_method="client_secret_post")).json()["client_secret"]
    page = await person.visit(client.asking())
    heard.pending = Form(page.text).fields["t"]
    await person.fill(page, **person.fills_in | {"token": WRONG})
    spent, code = [(await person.signs_in(client.asking(), **person.fills_in))["code"] for _ in range(2)]
    tokens = [(await client.redeems(each, client_secret=secret)).json() for each in (spent, code)]
    tokens.append((await client.refreshes(tokens[1]["refresh_token"], client_secret=secret)).json())
    heard.secrets |= {secret, spent, code, *person.browser.cookies.values()}
    heard.secrets |= {each[kind] for each in tokens for kind in ("access_token", "refresh_token")}
    for given in ({"client_secret": WRONG}, {"client_secret": secret}):
        await client.redeems(spent, **given)  # the second time, it ends its sign-in
        await client.redeems(WRONG, **given)
        await client.refreshes(WRONG, **given)
        await client.refreshes(tokens[0]["refresh_token"], **given)
        await client.revokes(tokens[0]["access_token"], **given)
    return str(tokens[2]["access_token"])


async def use(url: str, account: Upstream, heard: Heard) -> None:
    """Sign in, call tools through each door, and knock at closed ones."""
    token = await sign_in(url, account, heard)
    credentials = bearer(GATE, host=account.host, token=BOB)
    for given, path in ((bearer(token), "/mcp"), (credentials, "/direct/mcp")):
        for era in ERAS:
            account.sandbox.faults = Faults([Fault(500, "GET", "staff", times=1)])
            async with agent_at(f"{url}{path}", given, era) as agent:
                await agent.answer("create_client", name=f"{era} {path}")
                await agent.answer("list_staff")
                await agent.refusal("get_client", client_id=token)
                await agent.refusal(token)
    account.sandbox.faults = Faults([Fault("drop", "POST", "leads")])
    async with agent_at(f"{url}/direct/mcp", credentials) as agent:
        assert "unknown" in await agent.refusal("create_lead", name="Initech")
        account.tokens.remove(BOB)
        assert "rejected" in await agent.refusal("list_clients")
        account.tokens.add(BOB)
    refused = [
        bearer(WRONG),
        bearer(f"cmt_0123456789abcdef_{WRONG}"),
        bearer(token, token=BOB),
        bearer(GATE, host=account.host, token=f"{BOB} {WRONG}"),
        bearer(GATE, host="other.example", token=BOB),
        bearer(GATE, host=account.host, token=BOB, tools="nothing"),
        bearer(WRONG, host=account.host, token=BOB),
        bearer(GATE, tokens=BOB),
    ]
    async with httpx.AsyncClient(base_url=url, event_hooks={"response": [heard]}, trust_env=False) as http:
        for headers in refused:
            for path in ("/mcp", "/direct/mcp"):
                assert (await http.post(path, json=HELLO, headers=headers)).status_code >= 400
        for query in ("sign-in?t=", "authorize?client_id=", "exports/"):
            assert (await http.get(f"/{query}{BOB}")).status_code >= 400
        for path in ("/ready", "/health"):
            assert (await http.get(path)).status_code == 200


def found(secrets: Collection[str], places: dict[str, bytes]) -> list[str]:
    """Where which secret is, and what is around it."""
    return [
        f"{name}: …{place[max(place.find(secret.encode()) - 80, 0) :][:200]!r} has {secret}"
        for name, place in places.items()
        for secret in secrets
        if secret.encode() in place
    ]


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis with a password, which dumps values as they are."""
    installed()
    server = RedisServer(tmp_path, "--rdbcompression", "no", password=PASSWORD)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The store of a server, by name."""
    if request.param == "file":
        return f"file:{tmp_path / 'vault'}"
    server: RedisServer = request.getfixturevalue("guarded_redis")
    return server.url


def kept_in(store: str, directory: Path) -> dict[str, bytes]:
    """All that is in a store: its files, or its keys and what they hold."""
    if store.startswith("file:"):
        return {path.name: path.read_bytes() for path in directory.glob("vault*")}
    with Redis.from_url(store) as redis:
        dumped = {key.decode(errors="replace"): redis.dump(key) or b"" for key in redis.scan_iter()}
    return {"keys": "\n".join(dumped).encode(), **dumped}


@pytest.mark.long
@pytest.mark.parametrize(
    ("store", "form"), [("redis", "json"), ("redis", "text"), ("file", "text")], indirect=["store"]
)
async def test_no_secret_is_in_what_a_server_logs_keeps_exports_or_says(tmp_path: Path, store: str, form: str) -> None:
    account, heard, collector = Upstream(ADA, BOB, sandbox=agency()), Heard(), Collector()
    server = Replica("server", tmp_path)
    async with account.listening(), collector.listening() as address:
        server.settings |= {
            "CLIENTARY_CALLERS": "sign-in,tokens,headers",
            "CLIENTARY_PUBLIC_URL": server.url,
            "CLIENTARY_ACCOUNTS": account.host,
            "CLIENTARY_KEYS": KEYS,
            "CLIENTARY_MCP_TOKEN": GATE,
            "CLIENTARY_STORE": store,
            "CLIENTARY_LOG_LEVEL": "DEBUG",
            "CLIENTARY_LOG_FORMAT": form,
            "CLIENTARY_AUDIT_LOG": str(tmp_path / "trail"),
            "CLIENTARY_UNDO_HOURS": "1",
            "CLIENTARY_DRAIN_SECONDS": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        }
        server.start()
        try:
            await server.ready()
            await use(server.url, account, heard)
            kept = kept_in(store, tmp_path)
            server.terminate()
            assert await server.ended() == 0
        finally:
            server.stop()
    kept |= kept_in(store, tmp_path)
    read = {"log": server.output.encode(), "trail": (tmp_path / "trail").read_bytes(), "telemetry": collector.raw}
    assert found(heard.secrets | {heard.pending}, kept | read) == []
    assert found(heard.secrets, {"said": "\n".join(heard.texts).encode()}) == []
    assert all(read.values())
    assert b"GET clients" in read["telemetry"] or b"GET staff" in read["telemetry"]
    assert len(kept) > 1


async def test_nothing_shows_a_secret_when_it_is_printed(tmp_path: Path) -> None:
    account = Upstream(ADA, BOB, sandbox=agency())
    store = f"file:{tmp_path / 'vault'}"
    async with account.listening(), serving([account], "tokens,headers", {"CLIENTARY_STORE": store}) as server:
        caller, token = await server.enroll(ADA, name="Ada")
        async with server.agent(bearer(token)) as agent:
            await agent.answer("list_clients", limit=1)
        assembly = server.assembly
        identity = await assembly.identities.of(token)
        shown: list[Any] = [
            *(caller, identity, caller.settings(assembly.serving), await server.vault.grant(token, ("static",))),
            *(await server.vault.profiles(), server.vault, assembly, assembly.serving, assembly.settings),
            *(assembly.backend, assembly.backend.ring, assembly.server, assembly.identities),
        ]
    printed = "\n".join(f"{each!r} {each}" for each in shown)
    assert caller.id in printed
    assert found({KEYS, GATE, ADA, token}, {"printed": printed.encode()}) == []
