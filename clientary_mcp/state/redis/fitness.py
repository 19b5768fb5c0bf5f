"""Whether a Redis is fit to remember what was sent: it must forget nothing by itself."""

from collections.abc import Mapping
from typing import Any

from clientary_mcp.errors import SettingsError

_OLDEST = (6, 2)


def check_fitness(info: Mapping[str, Any], place: str) -> None:
    """SettingsError if the Redis at that place is not fit, by what INFO tells of it."""
    for wrong in (_too_old(info), _forgets(info), _other_mode(info)):
        if wrong:
            raise SettingsError(f"CLIENTARY_STORE: the Redis at {place} {wrong}.")


def is_persistent(info: Mapping[str, Any]) -> bool:
    """Whether what it remembers outlives a restart of Redis."""
    return bool(info.get("aof_enabled"))


def facts(info: Mapping[str, Any]) -> dict[str, str]:
    """What INFO tells of it, in words."""
    most = info.get("maxmemory_human") if info.get("maxmemory") else "no limit"
    lasting = "yes (append-only file)"
    if not is_persistent(info):
        lasting = "no: with appendonly no, a restart of Redis forgets what was sent"
    return {
        "kind": f"{'Valkey' if 'valkey_version' in info else 'Redis'} "
        f"{info.get('valkey_version', info.get('redis_version'))}",
        "memory": f"{info.get('used_memory_human')} in use, {most}, {info.get('maxmemory_policy')}",
        "lasting": lasting,
        "replicas": str(info.get("connected_slaves", 0)),
    }


def _too_old(info: Mapping[str, Any]) -> str | None:
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
    return None if numbers >= _OLDEST else f"has version {version or 'unknown'}, and 6.2 or later is needed"


def _forgets(info: Mapping[str, Any]) -> str | None:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return None
    return (
        f"has maxmemory-policy {policy}, and noeviction is needed, since nothing may be forgotten when memory is short"
    )


def _other_mode(info: Mapping[str, Any]) -> str | None:
    if info.get("redis_mode", "standalone") == "cluster":
        return "is a cluster, and one server or sentinels are needed"
    return None if info.get("role", "master") == "master" else "is a read-only replica"
