"""Starts what serves callers: simulated accounts, a Redis with its append-only file, and servers on a store."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import trustme

from benchmarks.processes import ROOT, free_port, stop

GATE = "the-gate-of-the-measured-servers"
KEYS = "what-the-measured-servers-seal-with"
_NGINX = """
daemon off;
worker_processes 1;
pid {directory}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  upstream replicas {{ server 127.0.0.1:{to}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://replicas;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:{to};
    }}
  }}
}}
"""


@contextlib.asynccontextmanager
async def accounts(how_many: int, seconds: float = 0.0) -> AsyncIterator[list[int]]:
    """The ports of that many simulated accounts, whose answers take so long."""
    process = await _start([sys.executable, "-m", "benchmarks.serving.upstream", str(how_many), str(seconds)])
    try:
        assert process.stdout is not None
        yield [int(port) for port in (await process.stdout.readline()).split()]
    finally:
        await stop(process)


@contextlib.asynccontextmanager
async def secure_accounts() -> AsyncIterator[dict[str, str]]:
    """The settings of a server whose accounts all answer over TLS, with a certificate that it trusts."""
    with tempfile.TemporaryDirectory() as directory:
        authority, certificate = f"{directory}/authority", f"{directory}/certificate"
        root = trustme.CA()
        root.cert_pem.write_to_path(authority)
        issued = root.create_child_ca().issue_cert("*.clientary.com")  # a chain of two, as public ones are
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        process = await _start([sys.executable, "-m", "benchmarks.serving.secure_upstream", certificate])
        try:
            assert process.stdout is not None
            proxy = f"http://127.0.0.1:{int(await process.stdout.readline())}"
            yield {"CLIENTARY_ACCOUNTS": "*", "CLIENTARY_PROXY": proxy, "SSL_CERT_FILE": authority}
        finally:
            await stop(process)


@contextlib.asynccontextmanager
async def redis_server() -> AsyncIterator[tuple[Process, str]]:
    """A Redis as operators are told to have it, and its URL."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        options = f"--bind 127.0.0.1 --port {port} --dir {directory} --appendonly yes --logfile log".split()
        process = await _start(["redis-server", *options, "--save", ""])
        try:
            await listening(port, process)
            yield process, f"redis://127.0.0.1:{port}/0"
        finally:
            await stop(process)


@contextlib.asynccontextmanager
async def proxy(to: int) -> AsyncIterator[tuple[Process, int]]:
    """An nginx in front of a server, and its port."""
    with tempfile.TemporaryDirectory() as directory:
        port, configuration = free_port(), Path(directory) / "nginx.conf"
        configuration.write_text(_NGINX.format(port=port, to=to, directory=directory))
        process = await _start(["nginx", "-p", directory, "-e", f"{directory}/error", "-c", os.fspath(configuration)])
        try:
            await listening(port, process)
            yield process, port
        finally:
            process.terminate()
            await stop(process)


@contextlib.asynccontextmanager
async def server(
    store: str, ports: Sequence[int], door: str = "headers", **settings: str
) -> AsyncIterator[tuple[Process, int]]:
    """A server for callers of these accounts on a store, and its port. It keeps its audit trail."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            "CLIENTARY_CALLERS": door,
            "CLIENTARY_ACCOUNTS": ",".join(f"127.0.0.1:{port}" for port in ports),
            "CLIENTARY_KEYS": KEYS,
            "CLIENTARY_STORE": store,
            "CLIENTARY_AUDIT_LOG": os.fspath(Path(directory) / "trail.jsonl"),
            "CLIENTARY_ASK_USER": "never",
            "CLIENTARY_DELETES_PER_HOUR": "10000",
            **({"CLIENTARY_MCP_TOKEN": GATE} if door == "headers" else {}),
            **settings,
        }
        port = free_port()
        command = [sys.executable, "-m", "clientary_mcp", "--transport", "streamable-http", "--port", str(port)]
        process = await _start(command, environment)
        try:
            await listening(port, process)
            yield process, port
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await stop(process)


async def listening(port: int, process: Process) -> None:
    """Return once the process listens on that port."""
    while process.returncode is None:
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.05)
    raise ConnectionError("the process has ended")


def cpu(process: int) -> float:
    """Seconds that the process with that id and its children have computed."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    clock = (~process << 3) | 2  # what clock_getcpuclockid(3) returns
    return time.clock_gettime(clock) + sum(cpu(int(child)) for child in children)


def open_files(process: Process) -> int:
    """How many files and connections the process has open."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def memory(process: Process) -> float:
    """Bytes of memory that the process holds now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


async def _start(command: Sequence[str], environment: dict[str, str] | None = None) -> Process:
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=others | (environment or {})
    )
