"""A real `redis-server` on a free port of loopback, with its files in a temporary directory."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.support.processes import PATIENCE, free_port


class RedisServer:
    """A server that can be stopped and started again on the same port, where it finds what it stored."""

    def __init__(self, directory: Path, *options: str, password: str = "", configuration: Path | None = None) -> None:
        """With a `configuration`, it is a sentinel."""
        self._directory, self._options, self._password = directory, options, password
        self._sentinel = configuration
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """What `CLIENTARY_STORE` would be."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it answers; on another port if somebody took the first one meanwhile."""
        for _ in range(10):
            if self._listens(self.port or free_port()):
                return
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        """Stop it as an operator does, with SIGTERM."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise
            finally:
                self._process = None

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It accepts connections and answers nothing, as over a network that drops packets."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def wait_for_replica(self) -> None:
        """Return once a replica of this server follows it; the server cannot signal this, so it is polled."""
        until = time.monotonic() + PATIENCE
        with self.administrator() as redis:
            while redis.info("replication").get("slave0", {}).get("state") != "online":
                assert time.monotonic() < until, "no replica follows"
                time.sleep(0.01)

    def administrator(self) -> Redis:
        """A connection of the test's own, to look behind the scenes. Close it."""
        return Redis.from_url(self.url, decode_responses=True)

    def _listens(self, port: int) -> bool:
        command = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(self._directory), "--logfile", "log"]
        if self._sentinel:
            command = [str(self._sentinel), "--sentinel", *command]
        else:
            secret = ("--requirepass", self._password) if self._password else ()
            storing = ("--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", "0")
            command += [*storing, *secret, *self._options]
        command = [_redis_server() or "redis-server", *command]
        self._process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - ours
        url, until = self.url.replace(":0/", f":{port}/"), time.monotonic() + PATIENCE
        with Redis.from_url(url) as client:
            while process.poll() is None:  # it cannot signal that it listens, so the port is polled
                with suppress(RedisError):
                    if client.info("server")["process_id"] == process.pid:
                        self.port = port
                        return True
                assert time.monotonic() < until, "redis-server does not answer"
                time.sleep(0.01)
        return False


@contextmanager
def sentinel_of(server: RedisServer, directory: Path) -> Iterator[int]:
    """A sentinel that knows the server as `main`. Yields its port."""
    configuration = directory / "sentinel.conf"
    configuration.write_text(f"sentinel monitor main 127.0.0.1 {server.port} 1\n", "ascii")
    sentinel = RedisServer(directory, configuration=configuration)
    sentinel.start()
    try:
        yield sentinel.port
    finally:
        sentinel.stop()


def installed() -> None:
    """Skip the test where there is no Redis."""
    if _redis_server() is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")


def _redis_server() -> str | None:
    return shutil.which("redis-server")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do not stop it; each of them takes an account of its own."""
    installed()
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of one test, which may stop it."""
    installed()
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
