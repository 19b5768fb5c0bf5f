"""A vault in memory, on a clock of its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import anyio
import pytest

from clientary_mcp.errors import NotRemembered
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

    reachable = True

    async def get(self, key: str) -> str | None:
        """See `KeyValues`."""
        await self._turn()
        return await super().get(key)

    async def get_all(self, *keys: str) -> list[str | None]:
        """See `KeyValues`."""
        await self._turn()
        return await super().get_all(*keys)

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """See `KeyValues`."""
        await self._turn()
        return await super().put(key, value, seconds, only_new=only_new)

    async def delete(self, *keys: str) -> None:
        """See `KeyValues`."""
        await self._turn()
        await super().delete(*keys)

    async def count(self, key: str, seconds: float) -> int:
        """See `KeyValues`."""
        await self._turn()
        return await super().count(key, seconds)

    async def _turn(self) -> None:
        await anyio.lowlevel.checkpoint()
        if not self.reachable:
            raise NotRemembered("it cannot be reached")


@pytest.fixture
def values(time: FakeTime) -> InterleavedKeyValues:
    """What a store remembers of callers."""
    return InterleavedKeyValues(None, time.clock.wall)


@pytest.fixture
def vault(values: StoredKeyValues, time: FakeTime) -> Vault:
    return Vault(values, KeyRing([NEW_KEY]), time.clock.wall)


@pytest.fixture
def unreachable(values: InterleavedKeyValues) -> Callable[[], AbstractContextManager[None]]:
    """A time during which the store cannot be reached."""

    @contextmanager
    def gone() -> Iterator[None]:
        values.reachable = False
        yield
        values.reachable = True

    return gone
