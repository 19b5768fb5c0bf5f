"""The proxy that the variables which many programs share name for an account."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import values
from clientary_mcp.settings.address import is_loopback

_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def usual_proxy(environment: Mapping[str, str], address: str) -> str | None:
    """The proxy for an account's address; None for a host of this machine or one that `NO_PROXY` lists."""
    host = urlsplit(address).hostname or ""
    if is_loopback(host) or _is_excluded(host, environment.get("no_proxy") or environment.get("NO_PROXY") or ""):
        return None
    variable = next((name for name in _VARIABLES if environment.get(name, "").strip()), None)
    if variable is None:
        return None
    text = environment[variable].strip()
    try:
        return values.proxy(text if "://" in text else f"http://{text}")
    except ValueError as error:
        raise SettingsError(f"{variable} {error}. CLIENTARY_PROXY takes its place, and so does NO_PROXY.") from None


def _is_excluded(host: str, listed: str) -> bool:
    """Whether `NO_PROXY` lists a host: by its name, a domain above it, or `*`; ports are ignored."""
    names = [re.sub(r":\d+$", "", name.strip()).lstrip("*.").lower() for name in listed.split(",") if name.strip()]
    return any(not name or host == name or host.endswith(f".{name}") for name in names)
