"""Builds what is released into dist/, and checks it: sdist, wheel, bundle, their checksums, changes and SBOM.

    scripts/release                  as the working tree is
    scripts/release --version 0.2.0  sets the version and writes its section of the changelog, for you to commit
    scripts/release --publish        uploads what passed; refuses while packaging/publisher.toml has example values

The tools that build and check are pinned, and installed on demand into .clients/.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.changes import check_next, section, with_release
from scripts.environments import ENVIRONMENTS, Environment, why_not
from scripts.packaging.facts import PUBLISHER, Publisher
from scripts.packaging.files import FILES, IN_PLACE, docker_entry

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
CHANGELOG = ROOT / "CHANGELOG.md"
PROJECT = ROOT / "pyproject.toml"
_PATIENCE = 600
"""Seconds for an installation; none needs half of them."""
_TOOLS = Environment(
    ENVIRONMENTS / "release",
    (
        "build==1.6.1",
        "check-jsonschema==0.39.0",
        "check-wheel-contents==0.6.3",
        "cyclonedx-bom==7.5.0",
        "hatchling==1.33.0",  # pinned, since its version stands in the wheel
        "pyroma==5.0.1",
        "skillsaw==0.22.0",  # for the schema of server.json that it ships
        "twine==7.0.0",
    ),
    in_python=True,
)
_MCPB = Environment(ENVIRONMENTS / "mcpb", ("@anthropic-ai/mcpb@2.1.2",), in_python=False)
_WHEEL = ENVIRONMENTS / "wheel"
_SCHEMA = "lib/python*/site-packages/skillsaw/schemas/mcp_registry/v2025_12_11/server.schema.json"


@dataclass(frozen=True)
class Check:
    """A command that must succeed."""

    name: str
    command: Sequence[str | Path]
    missing: str = ""
    """Why it cannot run here."""


def main() -> int:
    """Do what the options say; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/release", description="Build and check a release.")
    parser.add_argument("--version", help="set this version and write its section of the changelog")
    parser.add_argument("--publish", action="store_true", help="upload the sdist and the wheel once they passed")
    options = parser.parse_args()
    if options.version:
        return _prepare(options.version)
    version = _version(PROJECT.read_text("utf-8"))
    flaws = what_is_wrong(CHANGELOG.read_text("utf-8"), version, _out_of_date())
    if options.publish:
        flaws += why_not_to_publish(PUBLISHER, _run("git", "status", "--porcelain"))
    if flaws:
        print("\n".join(flaws), file=sys.stderr)
        return 1
    print("Installing the tools, unless they are here.", flush=True)
    _TOOLS.install(_PATIENCE)
    bin_ = _TOOLS.commands
    files = _build(bin_)
    passed = [_passes(check) for check in _checks(bin_, files)]
    _describe(bin_, version)
    if not options.publish:
        return 0 if all(each is not False for each in passed) else 1
    if not all(passed):
        print("Nothing is published before every check has passed.", file=sys.stderr)
        return 1
    return subprocess.run([bin_ / "twine", "upload", *files], check=False).returncode  # noqa: S603 - pinned above


def what_is_wrong(changelog: str, version: str, out_of_date: Sequence[str]) -> list[str]:
    """Why this version cannot be released, a sentence each: `out_of_date` names generated files."""
    flaws = [f"{', '.join(out_of_date)}: out of date. Run scripts/docs."] if out_of_date else []
    if not section(changelog, version):
        flaws.append(f"CHANGELOG.md says nothing of {version}. Run scripts/release --version {version}.")
    return flaws


def why_not_to_publish(publisher: Publisher, uncommitted: str) -> list[str]:
    """What has to be done before anything is published, a sentence each; nothing if that is done."""
    made_up, files = ", ".join(publisher.examples), ", ".join(line[3:] for line in uncommitted.splitlines())
    reasons = [f"Nothing is published: {made_up} in packaging/publisher.toml are examples."] if made_up else []
    return [*reasons, *([f"Nothing is published before it is committed: {files}."] if files else [])]


def _version(project: str) -> str:
    return str(tomllib.loads(project)["project"]["version"])


def _out_of_date() -> list[str]:
    """The generated files of the packaging that the next `scripts/docs` would change."""
    whole = [path for path, text in FILES.items() if not path.is_file() or path.read_text("utf-8") != text()]
    lines = [path for path, changed in IN_PLACE.items() if (text := path.read_text("utf-8")) != changed(text)]
    return [str(path.relative_to(ROOT)) for path in (*whole, *lines)]


def _prepare(version: str) -> int:
    """Write the version and its section of the changelog."""
    project = PROJECT.read_text("utf-8")
    try:
        check_next(version, _version(project))
        changed = with_release(CHANGELOG.read_text("utf-8"), version, datetime.now().astimezone().date())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    CHANGELOG.write_text(changed, encoding="utf-8")
    PROJECT.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project, count=1), encoding="utf-8")
    print(f"Version {version} is written. Run scripts/docs, read the difference, commit it, and run scripts/release.")
    return 0


def _build(bin_: Path) -> list[Path]:
    """Build sdist and wheel twice, as of the last commit, and the bundle; stop if the two differ."""
    shutil.rmtree(DIST, ignore_errors=True)
    epoch = _run("git", "log", "-1", "--format=%ct").strip()
    with TemporaryDirectory() as again:
        for folder in (DIST, Path(again)):
            _run(bin_ / "python", "-m", "build", "--no-isolation", "--outdir", folder, ROOT, SOURCE_DATE_EPOCH=epoch)
        files = sorted(DIST.iterdir())
        same = all(_digest(file) == _digest(Path(again) / file.name) for file in files)
    print(f"Built twice as of {datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d %H:%M:%S}: ", end="")
    print("the same bytes." if same else "NOT the same bytes.", flush=True)
    if not same:
        raise SystemExit(1)
    if (ROOT / "scripts/bundle").is_file():
        print(_run(ROOT / "scripts/bundle"), end="")
    return files


def _checks(bin_: Path, files: Sequence[Path]) -> Iterator[Check]:
    wheel = next(file for file in files if file.suffix == ".whl")
    yield Check("twine check", [bin_ / "twine", "check", "--strict", *files])
    yield Check(
        "check-wheel-contents", [bin_ / "check-wheel-contents", "--toplevel", "clientary_mcp,tool_schemas", wheel]
    )
    yield Check("pyroma", [bin_ / "pyroma", "-n", "10", ROOT])
    installed = _installed(wheel)
    yield Check("clientary-mcp --version, from the wheel", [installed / "clientary-mcp", "--version"])
    yield Check("clientary-mcp check --sandbox, from the wheel", [installed / "clientary-mcp", "check", "--sandbox"])
    manifest = DIST / "bundle/manifest.json"
    mcpb = _MCPB.commands / "mcpb"
    yield Check("mcpb validate", [_MCPB.interpreter, mcpb, "validate", manifest], _absent(manifest) or _without_mcpb())
    entry = next(
        (path for path in (DIST / "server.json", ROOT / "server.json") if path.is_file()), ROOT / "server.json"
    )
    (schema,) = bin_.parent.glob(_SCHEMA)
    yield Check("server.json", [bin_ / "check-jsonschema", "--schemafile", schema, entry], _absent(entry))


def _absent(path: Path) -> str:
    return "" if path.is_file() else f"there is no {path.relative_to(ROOT)}"


def _without_mcpb() -> str:
    """Install the validator of bundles; return why that is not possible."""
    try:
        _MCPB.install(_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{_MCPB.packages[0]} cannot be installed: {why_not(error)}"
    return ""


def _installed(wheel: Path) -> Path:
    """Where the commands of the wheel are, in an environment that holds nothing else."""
    shutil.rmtree(_WHEEL, ignore_errors=True)
    venv.create(_WHEEL)
    _run(sys.executable, "-m", "pip", "--python", _WHEEL / "bin/python", "install", "--quiet", wheel)
    return _WHEEL / "bin"


def _passes(check: Check) -> bool | None:
    """Whether a check passes, None if it cannot run here; the line about it is printed."""
    if check.missing:
        print(f"skipped  {check.name}: {check.missing}", flush=True)
        return None
    try:
        _run(*check.command)
    except OSError as error:
        print(f"FAILED   {check.name}\n{error}", flush=True)
        return False
    print(f"passed   {check.name}", flush=True)
    return True


def _describe(bin_: Path, version: str) -> None:
    """Write what comes with the files: the changes of this version, the SBOM, Docker's entry, and all checksums."""
    changes = section(CHANGELOG.read_text("utf-8"), version)
    (DIST / "CHANGES.md").write_text(f"{changes}\n", encoding="utf-8")
    (DIST / "docker").mkdir()
    (DIST / "docker/server.yaml").write_text(docker_entry(_run("git", "rev-parse", "HEAD").strip()), encoding="utf-8")
    shutil.copy(ROOT / "packaging/docker/tools.json", DIST / "docker")
    sbom = DIST / f"clientary-mcp-{version}.cdx.json"
    python = _WHEEL / "bin/python"
    _run(bin_ / "cyclonedx-py", "environment", python, "--pyproject", PROJECT, "--output-reproducible", "-o", sbom)
    files = sorted(path for path in DIST.iterdir() if path.is_file())
    sums = "".join(f"{_digest(path)}  {path.name}\n" for path in files)
    (DIST / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print(sums, end="")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(*command: str | Path, **settings: str) -> str:
    done = subprocess.run(  # noqa: S603 - the commands are written above
        [str(part) for part in command],
        cwd=ROOT,
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.stdout.strip()[-2_000:] or f"{command[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
