"""A server with its vault in a file: it alone holds the file, and finds everybody again after a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.serving.deployment import ADA, KEYS, enrolled
from tests.support.serving.hosts import host_of
from tests.support.serving.replica import Replica
from tests.support.serving.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.long]

NEW_KEYS = "newer-keys-of-the-deployment-under-test-0123456789"


@contextmanager
def server_of(directory: Path, account: Upstream, name: str = "server", keys: str = KEYS) -> Iterator[Replica]:
    """A server on the vault in that directory."""
    replica = Replica(
        name,
        directory,
        CLIENTARY_CALLERS="tokens",
        CLIENTARY_ACCOUNTS=account.host,
        CLIENTARY_KEYS=keys,
        CLIENTARY_STORE=f"file:{directory / 'vault'}",
        CLIENTARY_DRAIN_SECONDS="0",
    )
    replica.start()
    try:
        yield replica
    finally:
        replica.stop()
        print(replica.output)  # noqa: T201 - pytest shows it if the test fails


async def test_a_second_server_on_the_same_file_refuses_to_start(tmp_path: Path) -> None:
    account = Upstream(ADA)
    with server_of(tmp_path, account) as first:
        await first.ready()
        with server_of(tmp_path, account, "second") as second:
            assert await second.ended() == 2
            assert "is held by another server" in second.output
        assert first.alive


async def test_who_has_a_token_is_known_after_a_restart_and_after_a_change_of_keys(tmp_path: Path) -> None:
    account = Upstream(ADA)
    async with account.listening():
        with server_of(tmp_path, account) as server:
            await server.ready()
            token = await enrolled(f"file:{tmp_path / 'vault'}", account.address, ADA)
            await answers(server, token)
        for keys in (KEYS, f"{NEW_KEYS},{KEYS}", NEW_KEYS):  # the second seals anew what it uses
            with server_of(tmp_path, account, keys=keys) as server:
                await server.ready()
                await answers(server, token)
        with server_of(tmp_path, account, keys=KEYS) as server:
            assert await server.ended() == 2
            assert "does not open what CLIENTARY_STORE holds" in server.output
    assert ADA not in server.output
    assert token not in server.output
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("vault*"))  # noqa: ASYNC240 - nobody waits for us
    assert ADA.encode() not in kept
    assert token.encode() not in kept


async def answers(server: Replica, token: str) -> None:
    """The server lets this token in, and asks the account with the credential that belongs to it."""
    async with host_of(server.url, token) as agent:
        assert (await agent.answer("list_clients", limit=1))["returned"] == 1
