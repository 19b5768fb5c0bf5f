"""Memories: those of the accounts that a server with callers serves, each opened once for all its callers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory

_MOST_IDLE = 1_000


class Memories:
    """The memories of all accounts in use, and of up to `most` others: those used last.

    What an idle one holds in this process alone is its pace, and what undo takes back. One that would lose more than
    these is kept for as long as that counts, however many there are.
    """

    def __init__(self, make: Callable[[Settings, str], Memory], most: int = _MOST_IDLE) -> None:
        self._make, self._most = make, most
        self._used: dict[str, _Used] = {}
        self._idle: dict[str, Memory] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._used) + len(self._idle)

    def __iter__(self) -> Iterator[Memory]:
        """All of them."""
        yield from (used.memory for used in self._used.values())
        yield from self._idle.values()

    def take(self, account_id: str, settings: Settings) -> Memory:
        """The memory of an account, which stays as it is until it is given back as often as it was taken."""
        if account_id not in self._used:
            memory = self._idle.pop(account_id, None) or self._make(settings, account_id)
            self._used[account_id] = _Used(memory)
        used = self._used[account_id]
        used.times += 1
        return used.memory

    def give_back(self, account_id: str) -> None:
        """End one use of a memory. After the last, its file is closed, and the one that was idle longest forgotten."""
        used = self._used[account_id]
        used.times -= 1
        if used.times:
            return
        del self._used[account_id]
        used.memory.rest()
        self._idle[account_id] = used.memory
        for _ in range(min(2, len(self._idle) - self._most)):  # more than come, for those that had to stay
            oldest = next(iter(self._idle))
            memory = self._idle.pop(oldest)
            if not memory.rest():
                self._idle[oldest] = memory


@dataclass
class _Used:
    memory: Memory
    times: int = 0
