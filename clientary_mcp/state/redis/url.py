"""Where Redis is: one server, or the primary that sentinels name."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer

from clientary_mcp.errors import SettingsError

SECONDS = 1.0
"""How long a connection or an answer may take."""

CONNECTIONS = 32
"""Connections of one process at most; a command takes about 0.1 ms of one."""

_SENTINELS = "redis+sentinel"
_SENTINEL_PORT = 26_379


@dataclass(frozen=True)
class _Sentinels:
    """The parts of `redis+sentinel://user:password@host:port,host:port/service/db?sentinel_password=…`."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    db: int
    login: dict[str, Any]
    sentinel_login: dict[str, Any]


class _PackedByHiredis:
    """Of a connection: packs commands in C, like redis-py's synchronous ones.

    The asynchronous ones do it in Python, at six times the cost.
    """

    def pack_command(self, *words: Any) -> Any:
        """A command as it is sent."""
        return HiredisRespSerializer().pack(*words)


def client_of(url: str) -> Redis:
    """A client that is not connected yet; SettingsError for a URL that names no Redis."""
    client = _client_of(url)
    pool = client.connection_pool
    pool.connection_class = type("Connection", (_PackedByHiredis, pool.connection_class), {})
    return client


def _client_of(url: str) -> Redis:
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": None,  # who sends a command waits no longer than that for its answer
        "socket_connect_timeout": SECONDS,
        "retry": Retry(NoBackoff(), 0),  # who sends a command repeats it, and knows what may be repeated
        "max_connections": CONNECTIONS,
    }
    try:
        if not url.startswith(_SENTINELS + "://"):
            return Redis.from_pool(ConnectionPool.from_url(url, **options))
        parts = _sentinels(url)
    except ValueError:
        raise SettingsError("CLIENTARY_STORE is no URL of a Redis.") from None
    sentinel_options = {name: value for name, value in options.items() if name != "max_connections"}
    sentinel = Sentinel(parts.hosts, sentinel_kwargs=sentinel_options | parts.sentinel_login)  # type: ignore[no-untyped-call]  # redis-py has no types there
    client: Redis = sentinel.master_for(parts.service, db=parts.db, **parts.login, **options)
    return client


async def close(client: Redis) -> None:
    """Close the connections of a client, and those to sentinels."""
    pool = client.connection_pool
    for sentinel in pool.sentinel_manager.sentinels if isinstance(pool, SentinelConnectionPool) else ():
        await sentinel.aclose()
    await client.aclose()
    await pool.disconnect()


def without_login(url: str) -> str:
    """The URL as it may be shown: no user, no password, no options."""
    scheme, _, rest = url.partition("://")
    place = rest.partition("?")[0].rpartition("@")[2]
    return f"{scheme}://{place}"


def _sentinels(url: str) -> _Sentinels:
    """ValueError for a URL that has no hosts or no service."""
    split = urlsplit(url)
    login, _, hosts = split.netloc.rpartition("@")
    service, _, db = split.path.strip("/").partition("/")
    if not hosts or not service:
        raise ValueError("sentinels need hosts and the name of a service")
    user, _, password = login.partition(":")
    named = {"username": unquote(user), "password": unquote(password)}
    sentinel_password = parse_qs(split.query).get("sentinel_password", [""])[-1]
    return _Sentinels(
        tuple(_host(host) for host in hosts.split(",")),
        unquote(service),
        int(db or 0),
        {name: value for name, value in named.items() if value},
        {"password": sentinel_password} if sentinel_password else {},
    )


def _host(text: str) -> tuple[str, int]:
    split = urlsplit(f"//{text}")
    if not split.hostname:
        raise ValueError("a host is missing")
    return split.hostname, split.port or _SENTINEL_PORT
