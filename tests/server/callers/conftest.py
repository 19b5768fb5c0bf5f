"""A vault in memory, on a clock of its own."""

import anyio
import pytest

from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.state.key_values import StoredKeyValues
from clientary_mcp.state.sealing import KeyRing
from tests.support.clock import FakeTime

NEW_KEY, OLD_KEY = "n" * 32, "o" * 32


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


class InterleavedKeyValues(StoredKeyValues):
    """Lets other tasks go on before each step, as a store of several processes does."""

    async def get(self, key: str) -> str | None:
        """See `KeyValues`."""
        await anyio.lowlevel.checkpoint()
        return await super().get(key)

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """See `KeyValues`."""
        await anyio.lowlevel.checkpoint()
        return await super().put(key, value, seconds, only_new=only_new)


@pytest.fixture
def values(time: FakeTime) -> StoredKeyValues:
    """What a store remembers of callers."""
    return InterleavedKeyValues(None, time.clock.wall)


@pytest.fixture
def vault(values: StoredKeyValues, time: FakeTime) -> Vault:
    return Vault(values, KeyRing([NEW_KEY]), time.clock.wall)
