"""The Dockerfile, parsed line by line: what can be checked without a container engine."""

import json
import re
import shlex
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clientary_mcp.cli.options import HTTP_PORT
from clientary_mcp.server.http.health import READY
from scripts.packaging.facts import PUBLISHER
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@dataclass
class Stage:
    """One FROM and the steps below it, each as its instruction and what follows."""

    image: str
    name: str | None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for word, rest in self.steps if word == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]


def stages() -> list[Stage]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: list[Stage] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(image, name or None))
        else:
            found[-1].steps.append((instruction, rest.strip()))
    return found


BUILD, FINAL = stages()


def sources(copied: str) -> list[str]:
    return [word for word in shlex.split(copied) if not word.startswith("--")][:-1]


@pytest.mark.parametrize("stage", [BUILD, FINAL], ids=["build", "final"])
def test_both_stages_start_from_a_supported_python(stage: Stage) -> None:
    name, _, tag = stage.image.partition(":")
    assert name == "python"
    assert tag.endswith("-slim")
    supported = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if " :: 3." in line]
    assert tag.removesuffix("-slim") in supported


def test_every_file_that_the_build_copies_exists() -> None:
    copied = [source for step in BUILD.all("COPY") for source in sources(step)]
    missing = [source for source in copied if not (ROOT / source).exists()]
    assert copied
    assert not missing


def test_the_build_copies_every_source_of_the_wheel() -> None:
    copied = {source for step in BUILD.all("COPY") for source in sources(step)}
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {*packages, "pyproject.toml", PROJECT["project"]["readme"], "LICENSE"} <= copied


def test_the_build_context_contains_exactly_what_is_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    left_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert left_in == {source for step in BUILD.all("COPY") for source in sources(step)}


ON_DESKTOPS = {"install", "keychain"}
"""The extras that need a host or a keychain, which a container does not have."""


def test_the_final_stage_takes_only_what_was_installed_with_all_extras() -> None:
    (copied,) = FINAL.all("COPY")
    (installed,) = sources(copied)
    assert f"--from={BUILD.name}" in copied
    extras = re.search(rf"{installed}/bin/pip install --no-cache-dir \"\.\[(.*)\]\"", BUILD.last("RUN"))
    assert extras is not None
    assert {*extras[1].split(",")} == PROJECT["project"]["optional-dependencies"].keys() - ON_DESKTOPS
    assert FINAL.last("ENV").startswith(f"PATH={installed}/bin:$PATH ")
    assert [step for step in FINAL.all("RUN") if "install" in step.replace("uninstall", "")] == []


def test_the_server_runs_as_an_unprivileged_user_by_number() -> None:
    assert FINAL.last("USER") == "1000"
    assert "useradd --create-home --uid 1000 " in FINAL.last("RUN")


def test_the_labels_are_those_of_the_project() -> None:
    labels = dict(word.split("=", 1) for word in shlex.split(FINAL.last("LABEL")))
    project = PROJECT["project"]
    assert labels == {
        "org.opencontainers.image.title": project["name"],
        "org.opencontainers.image.description": project["description"],
        "org.opencontainers.image.licenses": project["license"],
        "io.modelcontextprotocol.server.name": PUBLISHER.server_name,
    }


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, True)])
async def test_the_health_check_is_that_of_readiness(status: int | None, *, healthy: bool) -> None:
    """Without a listener, the server speaks over stdio."""
    options, _, written = FINAL.last("HEALTHCHECK").partition(" CMD ")
    assert int(FINAL.last("EXPOSE")) == HTTP_PORT
    program = json.loads(written)[-1].replace(str(HTTP_PORT), "{port}")
    asked: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await Response(status_code=status or 0)(scope, receive, send)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    async with anyio.create_task_group() as tasks:
        if status is not None:
            tasks.start_soon(server.serve)
            while not server.started:
                await anyio.lowlevel.checkpoint()
        check = await anyio.run_process([sys.executable, "-c", program.replace("{port}", str(port))], check=False)
        server.should_exit = True
    assert "--timeout=" in options
    assert (check.returncode == 0) is healthy
    assert asked == ([] if status is None else [READY])


def test_the_entry_point_is_a_command_of_the_project() -> None:
    (command,) = json.loads(FINAL.last("ENTRYPOINT"))
    assert command in PROJECT["project"]["scripts"]


def test_the_servers_output_is_unbuffered() -> None:
    assert "PYTHONUNBUFFERED=1" in FINAL.last("ENV").split()


def test_the_image_contains_no_credentials() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "CLIENTARY_" not in text
    assert not [step for stage in (BUILD, FINAL) for step in stage.all("ARG")]
