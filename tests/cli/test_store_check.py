"""`clientary-mcp check --store`: whether the store fits."""

import time
from pathlib import Path

import anyio
import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.state.backends import backend_for
from tests.support.redis_server import RedisServer, own_redis

__all__ = ["own_redis"]

KEY, NEWER = "k" * 32, "n" * 32
CALLERS = {
    "CLIENTARY_CALLERS": "sign-in, tokens",
    "CLIENTARY_PUBLIC_URL": "https://mcp.example.com",
    "CLIENTARY_ACCOUNTS": "acme",
    "CLIENTARY_KEYS": KEY,
}
OWNER = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t0ken-of-acme", "CLIENTARY_KEYS": KEY}

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*CALLERS, *OWNER, "CLIENTARY_STORE"}:
        monkeypatch.delenv(name, raising=False)


def told(monkeypatch: pytest.MonkeyPatch, capsys: Output, variables: dict[str, str], *options: str) -> str:
    """What the command prints."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    main(["check", *options])
    return capsys.readouterr().out


def refused(monkeypatch: pytest.MonkeyPatch, capsys: Output, variables: dict[str, str]) -> str:
    """What the command says where the store does not fit."""
    with pytest.raises(SystemExit) as ended:
        told(monkeypatch, capsys, variables, "--store")
    assert ended.value.code == 2
    return capsys.readouterr().err


def enroll(store: str, *keys: str) -> None:
    """Let somebody use a server with callers."""

    async def run() -> None:
        backend = backend_for(store, keys, time.time)
        await backend.open(serves=False)
        vault = Vault(backend.values, backend.ring, time.time)
        await vault.enroll(name="Ana", account="https://acme.clientary.com", api_token="t0ken", via="tokens")
        await backend.aclose()

    anyio.run(run)


def test_a_vault_is_written_and_opened(monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path) -> None:
    enroll(f"file:{tmp_path}/vault", KEY)
    text = told(monkeypatch, capsys, CALLERS | {"CLIENTARY_STORE": f"file:{tmp_path}/vault"}, "--store")
    assert text.startswith(f"store         {tmp_path}/vault\nkind          a file of SQLite ")
    assert " ms, the median of 20 writes\nkeys          open what it holds\ncallers       1: 1 by tokens\n" in text
    assert text.endswith("The store fits.\n")


def test_callers_sealed_with_an_older_key_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    store = f"file:{tmp_path}/vault"
    enroll(store, KEY)
    chosen = CALLERS | {"CLIENTARY_STORE": store}
    text = told(monkeypatch, capsys, chosen | {"CLIENTARY_KEYS": f"{NEWER},{KEY}"}, "--store")
    assert "callers       1: 1 by tokens, 1 sealed with an older key until they come back\n" in text
    text = told(monkeypatch, capsys, chosen | {"CLIENTARY_KEYS": NEWER}, "--store")
    assert "1 with a credential that is rejected or sealed with a lost key" in text


def test_keys_that_open_nothing_do_not_fit(monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path) -> None:
    enroll(f"file:{tmp_path}/vault", KEY)
    chosen = CALLERS | {"CLIENTARY_STORE": f"file:{tmp_path}/vault", "CLIENTARY_KEYS": NEWER}
    assert "CLIENTARY_KEYS does not open what CLIENTARY_STORE holds" in refused(monkeypatch, capsys, chosen)


def test_a_redis_is_described_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, own_redis: RedisServer
) -> None:
    store = own_redis.url.replace("redis://", "redis://default:pa55@")
    with own_redis.administrator() as redis:
        redis.config_set("requirepass", "pa55")
        text = told(monkeypatch, capsys, CALLERS | {"CLIENTARY_STORE": store}, "--store")
        redis.config_set("requirepass", "")
    assert text.startswith(f"store         redis://127.0.0.1:{own_redis.port}/0\nkind          Redis ")
    assert ", no limit, noeviction\nlasting       yes (append-only file)\nreplicas      0\nservers       0\n" in text
    assert "pa55" not in text


def test_a_redis_that_forgets_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, own_redis: RedisServer
) -> None:
    chosen = CALLERS | {"CLIENTARY_STORE": own_redis.url}
    with own_redis.administrator() as redis:
        redis.config_set("appendonly", "no")
        text = told(monkeypatch, capsys, chosen, "--store")
        redis.config_set("maxmemory-policy", "allkeys-lru")
    assert "lasting       no: with appendonly no, a restart of Redis forgets what was sent\n" in text
    assert "Nobody can sign in" in text
    assert "maxmemory-policy allkeys-lru, and noeviction is needed" in refused(monkeypatch, capsys, chosen)


def test_a_single_owner_asks_without_the_account(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, own_redis: RedisServer, state_directory: Path
) -> None:
    text = told(monkeypatch, capsys, OWNER, "--store")
    assert text.startswith(f"store         {state_directory}")
    assert text.endswith(", works\nThe store fits.\n")
    text = told(monkeypatch, capsys, OWNER | {"CLIENTARY_STORE": own_redis.url}, "--store")
    assert "kind          Redis " in text
    assert "callers" not in text


def test_with_callers_check_is_about_the_store(monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path) -> None:
    enroll(f"file:{tmp_path}/vault", KEY)
    text = told(monkeypatch, capsys, CALLERS | {"CLIENTARY_STORE": f"file:{tmp_path}/vault"})
    assert text.endswith("callers       1: 1 by tokens\nThe store fits.\n")


@pytest.mark.parametrize("command", [["check"], ["check", "--store"], ["store"], ["store", "forget"]])
def test_a_vault_that_does_not_exist_is_not_made(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, command: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mistyped" / "vault"
    for name, text in (CALLERS | {"CLIENTARY_STORE": f"file:{path}"}).items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert f"CLIENTARY_STORE names {path}, which does not exist" in capsys.readouterr().err
    assert not path.parent.exists()
