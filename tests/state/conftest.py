"""Memories of one account, each as another process of the same user has it, on one clock."""

from collections.abc import Callable, Iterator

import pytest

from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import StoredMemory, local_memory
from tests.conftest import TODAY
from tests.support.clock import FakeTime

NewMemory = Callable[[], StoredMemory]


@pytest.fixture
def time() -> FakeTime:
    """On the date of the sandbox."""
    return FakeTime(TODAY)


@pytest.fixture
def another(time: FakeTime) -> Iterator[NewMemory]:
    """Another process's memory of the account."""
    memories: list[StoredMemory] = []

    def new() -> StoredMemory:
        settings = Settings(subdomain="acme", api_token="t0ken-of-acme", mails_per_hour=5)
        memories.append(local_memory(settings, time.clock.wall, shared=True))
        return memories[-1]

    yield new
    for memory in memories:
        memory.store.close()


@pytest.fixture
def ours(another: NewMemory) -> StoredMemory:
    """The memory of one process."""
    return another()


@pytest.fixture
def theirs(another: NewMemory) -> StoredMemory:
    """The memory of another."""
    return another()
