"""The examples in deploy/: every setting exists and fits the others, and all time limits are long enough."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types

from clientary_mcp.cli.options import HTTP_PORT, parse
from clientary_mcp.server.http.health import LIVE, READY
from clientary_mcp.settings import ALL_SETTINGS, Serving, read_serving

EXAMPLES = Path(__file__).parents[2] / "deploy"
SETTINGS = {setting.metadata["variable"]: setting for setting in ALL_SETTINGS}
DEADLINE, TO_ASK, TO_DRAIN = (
    float(str(SETTINGS[f"CLIENTARY_{name}"].default)) for name in ("DEADLINE", "ASK_TIMEOUT", "DRAIN_SECONDS")
)
SECRETS = {"keys": "k" * 48, "store": "redis://:password@redis:6379/0"}
DOCUMENTS = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()))
COMPOSE = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
UNIT = (EXAMPLES / "clientary-mcp.service").read_text()


def kubernetes(kind: str) -> dict[str, Any]:
    """The only object of this kind."""
    (found,) = [document for document in DOCUMENTS if document["kind"] == kind]
    return dict(found)


POD = kubernetes("Deployment")["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def served(environment: Mapping[str, str], secrets: Path) -> Serving:
    """What a server reads from this environment, with the secrets in files of a directory."""
    for name, value in SECRETS.items():
        (secrets / name).write_text(value)
    files = {name: str(secrets / Path(path).name) for name, path in environment.items() if name.endswith("_FILE")}
    serving = read_serving({**environment, **files})
    assert serving is not None
    return serving


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_named_variable_exists(path: Path) -> None:
    named = set(re.findall(r"CLIENTARY_[A-Z_]+[A-Z]", path.read_text())) - {"CLIENTARY_MCP_PORT"}  # the cluster's
    assert {name.removesuffix("_FILE") for name in named} <= {*SETTINGS}


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_replicas_of_compose_are_served_and_have_time_to_drain(name: str, tmp_path: Path) -> None:
    replica = COMPOSE["services"][name]
    serving = served(replica["environment"], tmp_path)
    assert serving.bounds["store"] == SECRETS["store"]
    assert serving.bounds["replica"] == name
    assert parse(replica["command"]).transport == "streamable-http"
    assert int(replica["stop_grace_period"].removesuffix("s")) > DEADLINE + TO_DRAIN
    assert replica["ports"][0].endswith(f":{HTTP_PORT}")
    assert {*replica["secrets"], *COMPOSE["services"]["redis"]["secrets"]} == {*COMPOSE["secrets"]}


def test_the_redis_of_compose_forgets_nothing() -> None:
    command = " ".join(COMPOSE["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_pods_are_served_and_have_time_to_drain(tmp_path: Path) -> None:
    serving = served(kubernetes("ConfigMap")["data"], tmp_path)
    assert POD["terminationGracePeriodSeconds"] > serving.drain_seconds + serving.bounds["deadline"]
    assert parse(CONTAINER["args"]).host == "0.0.0.0"  # noqa: S104 - behind a Service
    assert CONTAINER["ports"][0]["containerPort"] == HTTP_PORT
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == READY
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == LIVE


def test_the_objects_of_the_cluster_fit_together() -> None:
    deployment = kubernetes("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        kubernetes("Service")["spec"]["selector"],
        kubernetes("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ):
        assert selector == labels
    assert deployment["spec"]["replicas"] == 2
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {volume["name"] for volume in POD["volumes"]}
    mounted = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    files = [value for name, value in kubernetes("ConfigMap")["data"].items() if name.endswith("_FILE")]
    assert {str(Path(file).parent) for file in files} == {mounted["secrets"]}


def unit(name: str) -> list[str]:
    """The values of a directive of the systemd unit."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def test_the_unit_is_served_and_has_time_to_drain(tmp_path: Path) -> None:
    lines = [line.replace("%S", "/var/lib").replace("%L", "/var/log") for line in unit("Environment")]
    serving = served(dict(line.split("=", 1) for line in lines), tmp_path)
    assert serving.bounds["store"].endswith("/clientary-mcp/vault")
    assert serving.bounds["keys"] == (SECRETS["keys"],)
    (command,) = unit("ExecStart")
    assert parse(shlex.split(command)[1:]).transport == "streamable-http"
    assert int(unit("TimeoutStopSec")[0]) > DEADLINE + TO_DRAIN


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "clientary-mcp.service"
    path.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT, flags=re.MULTILINE))
    checked = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)  # noqa: S603, S607 - a tool of the system
    assert (checked.returncode, checked.stderr) == (0, "")


def test_no_proxy_gives_up_before_an_answer_or_a_question_may_come() -> None:
    nginx, caddy = (EXAMPLES / "nginx.conf").read_text(), (EXAMPLES / "Caddyfile").read_text()
    seconds = [
        *re.findall(r"proxy_(?:send|read)_timeout (\d+)s;", nginx),
        *re.findall(r"(?:response_header|read|write)_timeout (\d+)s", caddy),
    ]
    assert len(seconds) == 5
    assert min(map(int, seconds)) >= DEADLINE + TO_ASK
