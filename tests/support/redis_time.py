"""Lets time pass in Redis, whose clock cannot be set: what it stores of an account grows older instead."""

from typing import Any

from redis import Redis

from clientary_mcp.state.redis.scripts import PREFIX
from tests.support.clock import FakeTime

_TIMES = ("since", "lease", "at", "ended")
"""The fields of hashes that hold times, in milliseconds."""


class RedisTime(FakeTime):
    """A clock for sessions with an account on Redis: when they wait, the account's keys grow older."""

    def __init__(self, redis: Redis, account: str) -> None:
        super().__init__()
        self._redis, self._account = redis, account

    async def _sleep(self, seconds: float) -> None:
        await super()._sleep(seconds)
        grow_older(self._redis, self._account, seconds)


def grow_older(redis: Any, account: str, seconds: float) -> None:
    """Move every time in the account's keys into the past, and what expires nearer."""
    older = round(seconds * 1_000)
    for key in redis.scan_iter(f"{PREFIX}{{{account}}}:*"):
        kind = redis.type(key)
        if kind == "hash":
            for name in _TIMES:
                if int(redis.hget(key, name) or 0):
                    redis.hincrby(key, name, -older)
        elif kind == "zset":
            for member, score in redis.zrange(key, 0, -1, withscores=True):
                redis.zadd(key, {member: score - older})
        left = redis.pttl(key)
        if 0 <= left <= older:
            redis.delete(key)
        elif left > older:
            redis.pexpire(key, left - older)
