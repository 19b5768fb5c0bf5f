"""docs/serving.md, run as it stands: each block in a shell, on other ports, and its output compared."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from clientary_mcp.durations import DAY, HOUR, MINUTE
from clientary_mcp.server.callers import doors, identities, vault
from clientary_mcp.server.callers.sign_in import clients, families, pending
from clientary_mcp.server.callers.sign_in.page import texts
from clientary_mcp.state.redis import trail
from scripts.generate_docs import ROOT
from tests.support.processes import PATIENCE, environment, free_port

PRIVACY = (ROOT / "PRIVACY.md").read_text("utf-8")
TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
PAGE = (ROOT / "docs/serving.md").read_text("utf-8")
PORTS = ("8000", "8400", "6380", "8001", "8002", "8003")
SERVING = re.compile(r"^(?:\w+=\S+ )*(?:clientary-mcp (?:sandbox|--transport)|redis-server|nginx) .*$", re.MULTILINE)
DONE = "-- done with status "


@dataclass
class Block:
    """Commands, and what the page says that they print."""

    commands: str
    printed: str = ""

    @property
    def serves(self) -> bool:
        return bool(SERVING.search(self.commands.strip().splitlines()[-1]))


def blocks(page: str) -> Iterator[Block]:
    """The blocks to run, in their order; `not run` in a comment, and other programs' commands, are left out."""
    current: Block | None = None
    for skipped, language, text in re.findall(r"(<!-- not run: [^\n]*\n\n)?^```(\w+)\n(.*?)^```$", page, re.M | re.S):
        if language == "sh" and not skipped and not text.startswith("claude "):
            if current:
                yield current
            current = Block(text)
        elif language == "text" and current:
            current.printed = text
    if current:
        yield current


def pattern(printed: str) -> str:
    """What the page prints, as a pattern: `…` is anything, and ids, tokens, days, times and versions vary."""
    parts = []
    for part in printed.strip().split("…"):
        escaped = re.sub(r"(?:\\ ){2,}", " +", re.escape(part))
        for found, varies in (
            (r"cm[tk]_[0-9a-f]{16}_(?:[\w]|\\-)+", r"cm[tk]_[\\w-]+"),
            (r"\d{4}\\-\d\d\\-\d\d", r"[\\d-]{10}"),
            (r"\d+\\\.[\d\\.]+M?(?=\\ ms|\\ in|,|$)", r"[\\d.]+[KM]?"),
        ):
            escaped = re.sub(found, varies, escaped, flags=re.MULTILINE)
        parts.append(escaped)
    whole, seen = ".*".join(parts), set[str]()

    def named(match: re.Match[str]) -> str:
        again = match[0] in seen
        seen.add(match[0])
        return f"(?P=i{match[0]})" if again else f"(?P<i{match[0]}>[0-9a-f]{{16}})"

    return re.sub(r"(?<![\w<])[0-9a-f]{16}(?![\w>])", named, whole)


@dataclass
class Terminal:
    """The first terminal of the page, and those in which servers run."""

    directory: Path
    environment: dict[str, str]
    servers: ExitStack
    ports: dict[str, str] = field(default_factory=lambda: {port: str(free_port()) for port in PORTS})
    ids: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shell = self._started("bash", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, block: Block, meanwhile: Callable[[str], None]) -> str:
        """Run a block of the first terminal, and return what it prints; `meanwhile` gets each line."""
        for port, process in self.running.items():
            self._answers(process, port)
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f"{self._here(block.commands)}\necho '{DONE}'$?\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if line.startswith(DONE):
                assert line == f"{DONE}0\n", "".join(lines)
                return "".join(lines)
            lines.append(line)
            meanwhile(line)
        raise AssertionError("".join(lines))

    def serve(self, block: Block) -> None:
        """Run a block in a terminal of its own."""
        commands = self._here(block.commands)
        last = commands.strip().splitlines()[-1]
        commands = commands.replace(last, f"exec env {last}")
        port = re.findall(r"--port (\d+)", last) or re.findall(r"listen 127.0.0.1:(\d+)", commands)
        log = self.servers.enter_context((self.directory / f"{port[0]}.log").open("w"))
        process = self._started("bash", "-c", commands, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.running[port[0]] = process

    def stop(self, port: str) -> None:
        """Stop a server, as Ctrl-C does."""
        process = self.running.pop(self.ports[port])
        process.terminate()
        process.wait(PATIENCE)

    def compare(self, block: Block, printed: str) -> None:
        """Check what was printed, and note the ids that stand for those of the page."""
        match = re.fullmatch(self._here(pattern(block.printed)), printed.strip(), re.DOTALL)
        assert match, f"{block.printed}\nis on the page, and this was printed:\n{printed}"
        self.ids |= {name.removeprefix("i"): found for name, found in match.groupdict().items()}

    def _here(self, text: str) -> str:
        text = re.sub(r"(?<!\d)(" + "|".join(PORTS) + r")(?!\d)", lambda port: self.ports[port[0]], text)
        return re.sub(r"(?<![\w<])[0-9a-f]{16}(?![\w>])", lambda found: self.ids.get(found[0], found[0]), text)

    def _started(self, *command: str, **streams: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, cwd=self.directory, env=self.environment, text=True, **streams)  # noqa: S603 - the page's
        self.servers.callback(_end, process)
        return process

    def _answers(self, process: subprocess.Popen[str], port: str) -> None:
        """Return once the port accepts connections. The process cannot signal this, so the port is polled."""
        until = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (self.directory / f"{port}.log").read_text()
            assert time.monotonic() < until, f"nothing answers at port {port}"
            try:
                socket.create_connection(("127.0.0.1", int(port))).close()
            except OSError:
                time.sleep(0.05)
            else:
                return


def _end(process: subprocess.Popen[str]) -> None:
    with process:  # closes what leads to it, and waits
        process.terminate()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A copy of the repository in which it is installed."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    for name, arguments in (("python3", ""), ("clientary-mcp", " -m clientary_mcp")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable}{arguments} "$@"\n')
        (programs / name).chmod(0o700)
    given = environment(CLIENTARY_DRAIN_SECONDS="0", PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
    given["PATH"] = f"{programs}:{os.environ['PATH']}"
    with ExitStack() as stack:
        yield Terminal(tmp_path, given, stack)


def sign_in(address: str, account: str) -> None:
    """Open the page, and connect as Ben, as a person does in a browser."""
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(address)
        (request,) = re.findall(r'name="t" value="([^"]+)"', page.text)
        form = {"t": request, "account": account, "token": "sandbox-ben", "name": "Ben", "choice": "write"}
        origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
        done = browser.post(page.url.copy_with(query=None), data=form, headers={"Origin": origin})
        assert "You can close this page" in done.text


@pytest.mark.long
@pytest.mark.timeout(180)
def test_every_command_of_the_page_does_what_it_says(terminal: Terminal) -> None:
    def meanwhile(line: str) -> None:
        if "/authorize?" in line:
            sign_in(line.strip(), f"127.0.0.1:{terminal.ports['8400']}")

    page, _, replicas = PAGE.partition("\n## Three replicas")
    for block in blocks(page):
        run(terminal, block, meanwhile)
    if not (shutil.which("redis-server") and shutil.which("nginx")):
        pytest.skip("redis-server or nginx is not installed, so there are no replicas")
    terminal.stop("8000")
    for block in blocks(replicas):
        run(terminal, block, meanwhile)


def run(terminal: Terminal, block: Block, meanwhile: Callable[[str], None]) -> None:
    """Run a block, and compare."""
    if block.serves:
        terminal.serve(block)
    else:
        printed = terminal.run(block, meanwhile)
        if block.printed:
            terminal.compare(block, printed)


@pytest.mark.parametrize(
    ("documents", "written", "given", "meant"),
    [
        (PAGE + PRIVACY, "400 days", vault._SEEN_FOR, 400 * DAY),
        (PAGE + PRIVACY, "30 days from their last use", clients._KEPT_FOR, 30 * DAY),
        (PAGE, "an hour (access), 30 days unused (refresh)", families.ACCESS_FOR, HOUR),
        (PRIVACY, "an hour, or 30 days without use", families.REFRESH_FOR, 30 * DAY),
        (PRIVACY, "ten minutes; an hour", pending.PENDING_FOR, 10 * MINUTE),
        (PRIVACY, "ten minutes; an hour", pending._REGISTRATIONS_WITHIN, HOUR),
        (PAGE + PRIVACY, "a week after", trail._KEPT, 7 * DAY),
        (PAGE, "callers seen within a minute", identities._KEPT_WITHOUT_STORE, MINUTE),
        (PAGE, "within 30 seconds", identities.KEPT, 30),
        (PAGE, "above 600 requests a minute", doors._PER_MINUTE, 600),
    ],
)
def test_what_the_pages_say_of_times_is_so(documents: str, written: str, given: float, meant: float) -> None:
    assert written in documents
    assert given == meant


@pytest.mark.parametrize("name", ["expired", "credentials"])
def test_what_the_sign_in_page_says_is_quoted(name: str) -> None:
    quoted = re.findall(r"\*([A-Z][^*\n]+)\*", TROUBLESHOOTING)
    assert any(texts()["en"][name].startswith(text) for text in quoted)
