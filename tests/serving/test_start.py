"""What a server with callers refuses to start with: exit code 2, and one sentence."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from tests.support.processes import COMMAND, PATIENCE, environment, free_port
from tests.support.redis_server import RedisServer, installed
from tests.support.serving.deployment import ADA, KEYS

pytestmark = [pytest.mark.anyio, pytest.mark.long]

SETTINGS = {"CLIENTARY_CALLERS": "tokens", "CLIENTARY_ACCOUNTS": "acme", "CLIENTARY_KEYS": KEYS}
PASSWORD = "of-this-redis"


async def refusal(**settings: str) -> str:
    """What the process prints that does not start."""
    with anyio.fail_after(PATIENCE):
        ended = await anyio.run_process(
            [*COMMAND, "--transport", "http", "--port", str(free_port())],
            env=environment(**SETTINGS | settings),
            check=False,
        )
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.decode().splitlines()
    assert KEYS not in line
    assert PASSWORD not in line
    return line


@pytest.fixture
def redis_with(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """A Redis with these options."""
    installed()
    servers: list[RedisServer] = []

    def start(*options: str, password: str = "") -> RedisServer:
        servers.append(RedisServer(tmp_path, *options, password=password))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


async def test_a_redis_that_forgets_when_memory_is_short(redis_with: Callable[..., RedisServer]) -> None:
    server = redis_with("--maxmemory-policy", "allkeys-lru")
    assert "has maxmemory-policy allkeys-lru, and noeviction is needed" in await refusal(CLIENTARY_STORE=server.url)


async def test_a_redis_that_does_not_let_us_in(redis_with: Callable[..., RedisServer]) -> None:
    url = redis_with(password=PASSWORD).url.replace(PASSWORD, f"not-{PASSWORD}")
    assert "does not accept the user or the password" in await refusal(CLIENTARY_STORE=url)


async def test_a_redis_that_is_too_old() -> None:
    async with redis_of_version("5.0.14") as url:
        assert "has version 5.0.14, and 6.2 or later is needed" in await refusal(CLIENTARY_STORE=url)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CLIENTARY_STORE": "redis://127.0.0.1:1/0"}, "cannot be reached"),
        ({"CLIENTARY_KEYS": "too-short"}, "CLIENTARY_KEYS"),
        ({"CLIENTARY_API_TOKEN": ADA}, "callers bring their own credentials"),
        ({"CLIENTARY_SUBDOMAIN": "acme"}, "callers bring their own credentials"),
        ({"CLIENTARY_CALLERS": "sign-in", "CLIENTARY_PUBLIC_URL": "http://mcp.example.com"}, "CLIENTARY_PUBLIC_URL"),
    ],
)
async def test_settings_that_do_not_fit(settings: dict[str, str], words: str) -> None:
    said = await refusal(**{"CLIENTARY_STORE": "memory", **settings})
    assert words in said
    assert ADA not in said


@asynccontextmanager
async def redis_of_version(version: str) -> AsyncIterator[str]:
    """A server that answers INFO as a Redis of this version, and says OK to everything else but HELLO."""
    info = f"# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\nmaxmemory_policy:noeviction\r\n"
    answers = {b"INFO": f"${len(info)}\r\n{info}\r\n".encode(), b"HELLO": b"-ERR unknown command 'HELLO'\r\n"}

    async def serve(stream: SocketStream) -> None:
        async with stream:
            try:
                while True:
                    for name in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n", await stream.receive()):
                        await stream.send(answers.get(name.upper(), b"+OK\r\n"))
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database
        yield f"redis://127.0.0.1:{port}/0"
        tasks.cancel_scope.cancel()
