"""`clientary-mcp check --store`: whether the store fits, of a single owner or of a server with callers."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from statistics import median
from uuid import uuid4

from clientary_mcp.cli.account import is_on_redis, opened_backend
from clientary_mcp.cli.store import in_short
from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Serving, Settings, common_settings, read_serving
from clientary_mcp.state.backend import Backend
from clientary_mcp.state.memory import local_memory

_LABEL = 14
_ROUND_TRIPS = 20
_FITS = "The store fits."


async def report(given: Mapping[str, str]) -> AsyncGenerator[str, None]:
    """What the store is, line by line; SettingsError if it does not fit, NotRemembered if it does not work.

    `given` is the environment of a single owner, or of a server with callers. A value is written and deleted again.
    """
    serving = read_serving(given)
    settings = common_settings(serving) if serving else Settings.from_environment(given)
    if serving is None and not is_on_redis(settings):
        memory = local_memory(settings, time.time, shared=True)
        said = await in_short(memory)
        if problem := await memory.check():
            raise NotRemembered(problem)
        yield _line("store", said)
        yield _FITS
        return
    async with opened_backend(settings, serves=False) as backend:
        yield _line("store", backend.describe())
        for label, fact in (await backend.facts()).items():
            yield _line(label, fact)
        yield _line("round trip", f"{await _round_trip(backend):.1f} ms, the median of {_ROUND_TRIPS} writes")
        yield _line("keys", "open what it holds")
        if serving:
            yield _line("callers", await _callers(backend))
            for problem in _problems(serving, backend):
                yield problem
    yield _FITS


def _line(label: str, text: str) -> str:
    return f"{label:{_LABEL}}{text}"


async def _round_trip(backend: Backend) -> float:
    """Milliseconds until a value is kept; NotRemembered if it is not found again."""
    key, times = f"check:{uuid4().hex}", []
    for turn in range(_ROUND_TRIPS):
        begun = time.perf_counter()
        await backend.values.put(key, str(turn), 60)
        times.append(time.perf_counter() - begun)
        if await backend.values.take(key) != str(turn):
            raise NotRemembered("a value that was written is not there")
    return median(times) * 1_000


async def _callers(backend: Backend) -> str:
    """How many there are, by door, and what an operator should know of them."""
    from clientary_mcp.server.callers.vault import Vault

    vault = Vault(backend.values, backend.ring, backend.wall)
    profiles = await vault.profiles()
    doors = Counter(profile.via for profile in profiles)
    parts = [f"{count} by {door}" for door, count in sorted(doors.items())]
    if dead := sum(profile.dead for profile in profiles):
        parts.append(f"{dead} with a credential that is rejected or sealed with a lost key")
    if older := await vault.sealed_with_older_keys():
        parts.append(f"{older} sealed with an older key until they come back")
    return f"{len(profiles)}{': ' if parts else ''}{', '.join(parts)}"


def _problems(serving: Serving, backend: Backend) -> list[str]:
    if "sign-in" in serving.callers and not backend.persistent:
        return ["Nobody can sign in, since a restart of the store would forget them: set appendonly yes."]
    return []
