"""The command in a process that ends at once before the write to the vault whose number is its first argument.

A write to a file has then been made, and not committed.
"""

import os
import runpy
import signal
import sqlite3
import sys
from itertools import count
from typing import Any

from clientary_mcp.state.redis.connection import RedisConnection

_WRITES = {"SET", "GETDEL", "DEL"}


def kill_before(number: int) -> None:
    """Have this process killed before that write."""
    writes, connect, command = count(1), sqlite3.connect, RedisConnection.command

    def another() -> None:
        if next(writes) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda statement: another() if statement == "COMMIT" else None)
        return connection

    async def commanded(self: RedisConnection, *words: Any) -> Any:
        if words[0] in _WRITES:
            another()
        return await command(self, *words)

    sqlite3.connect = connected  # type: ignore[assignment]  # the module does not expect it
    RedisConnection.command = commanded  # type: ignore[method-assign]  # nor the class


if __name__ == "__main__":
    kill_before(int(sys.argv.pop(1)))
    runpy.run_module("clientary_mcp", run_name="__main__", alter_sys=True)
