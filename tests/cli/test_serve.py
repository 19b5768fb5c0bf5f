"""Serving as a process: its messages in a terminal and over HTTP, and how signals end it."""

import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.processes import COMMAND, PATIENCE, environment, free_port, listening

HELLO = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    b'"clientInfo":{"name":"test","version":"1"}}}\n'
)


@contextmanager
def started(*command: str, stdin: Any = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the command, killed if the test does not end it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, env=environment())  # noqa: S603 - our own command
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_in_a_terminal_it_introduces_itself_and_one_signal_ends_it(number: int, status: int) -> None:
    controller, terminal = pty.openpty()
    with started(*COMMAND, "--sandbox", stdin=terminal) as process:
        assert process.stderr is not None
        message = [process.stderr.readline().decode()]
        while "--help" not in message[-1]:
            message.append(process.stderr.readline().decode())
        process.send_signal(number)
        assert process.wait(PATIENCE) == status
        assert process.stderr.read() == b""
    os.close(controller)
    os.close(terminal)
    text = " ".join("".join(message).split())
    assert text.startswith("clientary-mcp is an MCP server. It serves the sandbox with ")
    assert "waits for JSON-RPC messages on standard input" in text
    assert "Ctrl-C" in text
    assert "clientary-mcp tools" in text


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_with_a_client_it_prints_nothing_and_one_signal_ends_it(number: int, status: int) -> None:
    with started(*COMMAND, "--sandbox") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(HELLO)
        process.stdin.flush()
        assert b'"serverInfo"' in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE) == status
        assert process.stderr.read() == b""


def test_a_client_that_is_gone_before_its_answer_ends_it_in_silence() -> None:
    with started(*COMMAND, "--sandbox") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(HELLO)
        process.stdin.flush()
        assert b'"serverInfo"' in process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n')
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


NAMESPACE = ("unshare", "--user", "--map-root-user", "--pid", "--fork")


def has_namespaces() -> bool:
    """Whether this machine lets the tests start a process 1."""
    return shutil.which("unshare") is not None and subprocess.run([*NAMESPACE, "true"], check=False).returncode == 0  # noqa: S603 - a probe


@pytest.mark.skipif(not has_namespaces(), reason="this machine has no namespaces for processes")
def test_as_process_1_it_ends_on_sigterm() -> None:
    with started(*NAMESPACE, *COMMAND, "--sandbox") as outside:
        assert outside.stdin is not None
        assert outside.stdout is not None
        outside.stdin.write(HELLO)
        outside.stdin.flush()
        assert b'"serverInfo"' in outside.stdout.readline()
        (inside,) = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
        os.kill(int(inside), signal.SIGTERM)
        assert outside.wait(PATIENCE) == 0


@pytest.mark.anyio
@pytest.mark.parametrize(("transport", "name", "path"), [("http", "streamable HTTP", "/mcp"), ("sse", "SSE", "/sse")])
async def test_over_http_one_line_shows_what_is_served_and_where(
    tmp_path: Path, transport: str, name: str, path: str
) -> None:
    port, log = free_port(), tmp_path / "stderr"
    with anyio.fail_after(PATIENCE):
        async with listening(
            "--sandbox", "--tools", "get_client", "--transport", transport, port=port, log=log
        ) as process:
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
    address = f"http://127.0.0.1:{port}{path}"
    assert log.read_text() == f"Serving the sandbox with 1 tool over {name} at {address}\n"
