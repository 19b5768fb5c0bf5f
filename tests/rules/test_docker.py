"""The Dockerfile, parsed line by line: what can be checked without a container engine."""

import json
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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


def test_the_final_stage_takes_only_the_wheel() -> None:
    (copied,) = FINAL.all("COPY")
    (wheels,) = sources(copied)
    assert f"--from={BUILD.name}" in copied
    assert f"--wheel-dir {wheels}" in BUILD.last("RUN")
    assert f"pip install --no-cache-dir {wheels}/*.whl" in FINAL.last("RUN")


def test_the_server_runs_as_an_unprivileged_user() -> None:
    user = FINAL.last("USER")
    assert user not in ("root", "0")
    assert FINAL.last("RUN").endswith(f" {user}"), "the user is created by useradd"
    assert "useradd" in FINAL.last("RUN")


def test_the_entry_point_is_a_command_of_the_project() -> None:
    (command,) = json.loads(FINAL.last("ENTRYPOINT"))
    assert command in PROJECT["project"]["scripts"]


def test_the_servers_output_is_unbuffered() -> None:
    assert "PYTHONUNBUFFERED=1" in FINAL.all("ENV")


def test_the_image_contains_no_credentials() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "CLIENTARY_" not in text
    assert not [step for stage in (BUILD, FINAL) for step in stage.all("ARG")]
