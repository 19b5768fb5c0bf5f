"""Parts of a server for callers by themselves: a token's check, an office, an idle caller, and a drain."""

import asyncio
import gc
import os
import resource
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.serving.callers import Caller, read, rounds
from benchmarks.serving.processes import KEYS, accounts, memory, open_files, secure_accounts, server
from benchmarks.serving.secure_upstream import AT_ONCE
from clientary_mcp.durations import HOUR
from clientary_mcp.server.callers.identities import Identities
from clientary_mcp.server.callers.offices import CallerOffices
from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.server.callers.vault import Grant, Vault, new_family
from clientary_mcp.settings import read_serving
from clientary_mcp.settings.serving import Serving
from clientary_mcp.state.backend import Backend
from clientary_mcp.state.backends import backend_for

ROUNDS = 10
_AT_ONCE = 10
"""Callers who call at the same time."""
_FIRST = 50
"""Callers who fill what all share."""
_PUBLIC = "https://mcp.example.com"


async def least(count: int, act: Callable[[int], Awaitable[Any]]) -> float:
    """Microseconds of CPU of one act: the least of some rounds of so many."""
    best = float("inf")
    for number in range(ROUNDS):
        began = time.process_time()
        for each in range(count):
            await act(number * count + each)
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


async def token_check(store: str) -> tuple[float, float]:
    """Microseconds for a token of a sign-in that is known, and for one that the vault is asked for."""
    serving, backend = _serving(store)
    await backend.open()
    try:
        vault = Vault(backend.values, backend.ring, time.time)
        caller = await vault.enroll(name="Ada", account="https://acme.clientary.com", api_token="a", via="sign-in")  # noqa: S106 - made up
        of_sign_in = Grant(caller.id, "access", "host", f"{_PUBLIC}/mcp", scopes=("clientary",), family=new_family())
        token = await vault.issue(of_sign_in, HOUR)
        identities = Identities(vault, serving)
        assert await identities.of(token)
        return (
            await least(5_000, lambda _: identities.of(token)),
            await least(300, lambda _: Identities(vault, serving).of(token)),
        )
    finally:
        await backend.aclose()


async def office_made() -> float:
    """Microseconds until a caller's office is open."""
    serving, backend = _serving("memory")
    await backend.open()
    vault = Vault(backend.values, backend.ring, time.time)
    callers = [
        await vault.enroll(name="Ada", account="https://acme.clientary.com", api_token=f"t{number}", via="tokens")
        for number in range(ROUNDS * 20 + 1)
    ]
    async with CallerOffices(serving, backend, Identities(vault, serving)) as offices:

        async def enter(number: int) -> None:
            user = CallerUser(callers[number], "operator", "clientary-mcp", ())
            context = cast("Any", SimpleNamespace(request=SimpleNamespace(scope={"user": user})))
            async with offices.entered(context):
                pass

        await enter(ROUNDS * 20)
        gc.collect()
        made = await least(20, enter)
    await backend.aclose()
    return made


async def idle_callers(count: int) -> tuple[float, float]:
    """KiB of a server's memory for each caller that was there once: without, and with a connection to Clientary."""
    async with accounts(8) as ports, server("memory", ports) as (process, port):
        callers = [Caller(port, ports[number % 8]) for number in range(count)]
        early, late = callers[: count // 4], callers[count // 4 :]
        await _visit(early, lambda caller: caller.ask("tools/list", {}))  # the first ones fill what all share
        await _visit(early, lambda caller: caller.call(*read()))
        before = memory(process)
        await _visit(late, lambda caller: caller.ask("tools/list", {}))
        between = memory(process)
        await _visit(late, lambda caller: caller.call(*read()))
        return (between - before) / len(late) / 1024, (memory(process) - before) / len(late) / 1024


async def warm_callers(count: int, measured: int) -> tuple[float, int]:
    """MiB of a server with so many callers, of whom each has an account, and four connections to it over TLS.

    Measured with as many as the second number says, or as descriptors allow, which is returned; the rest in proportion.
    """
    measured = min(measured, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200) // AT_ONCE) // _AT_ONCE * _AT_ONCE
    async with secure_accounts() as settings, server("memory", [], **settings) as (process, port):
        at_start = open_files(process)
        await _open_connections(port, range(_FIRST))
        before = memory(process)
        await _open_connections(port, range(_FIRST, measured))
        assert open_files(process) - at_start >= AT_ONCE * measured
        each = (memory(process) - before) / (measured - _FIRST)
        return (before + each * (count - _FIRST)) / 1024**2, measured


async def _open_connections(port: int, numbers: range) -> None:
    for first in numbers[::_AT_ONCE]:
        callers = [Caller(port, f"customer{first + each}.clientary.com") for each in range(_AT_ONCE)]
        connections = [caller.again() for caller in callers for _ in range(AT_ONCE)]
        await asyncio.gather(*[caller.call(*read()) for caller in connections])
        for caller in connections:
            caller.close()


async def drain(calls: int) -> tuple[int, float]:
    """How many calls were lost that were under way when the server was told to end, and when it had ended."""
    at_once = {"CLIENTARY_CONCURRENCY": "64", "CLIENTARY_DRAIN_SECONDS": "1"}
    async with accounts(10, 2.0) as ports, server("memory", ports, **at_once) as (process, port):
        callers = [Caller(port, ports[number % 10]) for number in range(calls)]
        under_way = [asyncio.create_task(rounds([caller], 1, read)) for caller in callers]
        await asyncio.sleep(1.8)
        assert not any(task.done() for task in under_way)
        process.terminate()
        began = time.perf_counter()
        lost = [answer for answer in await asyncio.gather(*under_way, return_exceptions=True) if _failed(answer)]
        for caller in callers:
            caller.close()
        await process.wait()
        return len(lost), time.perf_counter() - began


def _failed(answer: object) -> bool:
    return isinstance(answer, BaseException)


async def _visit(callers: list[Caller], what: Callable[[Caller], Awaitable[Any]]) -> None:
    for caller in callers:
        await what(caller)
        caller.close()


def _serving(store: str) -> tuple[Serving, Backend]:
    environment = {
        "CLIENTARY_CALLERS": "sign-in,tokens",
        "CLIENTARY_PUBLIC_URL": _PUBLIC,
        "CLIENTARY_ACCOUNTS": "acme",
        "CLIENTARY_KEYS": KEYS,
        "CLIENTARY_STORE": store,
        "CLIENTARY_AUDIT_LOG": os.devnull,
    }
    serving = read_serving(environment)
    assert serving is not None
    return serving, backend_for(store, (KEYS,), time.time)
