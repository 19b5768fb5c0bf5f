"""The address of the account: built from its subdomain, read as people type it, or checked in the base URL."""

import ipaddress
import re
from urllib.parse import urlsplit

from clientary_mcp.settings.problems import invalid

API_PATH = "/api/v2"

_VENDOR = ".clientary.com"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(_LABEL, re.IGNORECASE | re.ASCII)
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_HOST = re.compile(rf"{_NAME.pattern}|[0-9a-f]*:[0-9a-f:]*", re.ASCII)


def account_name(typed: str) -> str:
    """How an account is called, whatever of its address people type or paste: its subdomain, or else its host."""
    host = re.sub(r"^https?://", "", typed.strip(), flags=re.IGNORECASE).partition("/")[0]
    lower = host.lower() if host.isascii() else host  # letters of other scripts may become ASCII
    subdomain = lower.removesuffix(_VENDOR)
    return lower if "." in subdomain else subdomain


def account_address(subdomain: str | None, base_url: str | None, typed: str | None = None) -> str:
    """`https://host`, without a trailing slash; SettingsError when it is not valid or not safe for a token."""
    if typed:
        name = account_name(typed)
        if not _NAME.fullmatch(name):
            raise invalid("CLIENTARY_ADDRESS", "is not a valid address")
        return f"https://{name}" if "." in name else f"https://{name}{_VENDOR}"
    if subdomain:
        if not _SUBDOMAIN.fullmatch(subdomain):
            raise invalid("CLIENTARY_SUBDOMAIN", "must consist of letters, digits and hyphens")
        return f"https://{subdomain.lower()}{_VENDOR}"
    try:
        url = urlsplit(base_url or "")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise invalid("CLIENTARY_BASE_URL", "is not a valid address") from None
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise invalid(
            "CLIENTARY_BASE_URL", "must start with https:// (http:// is accepted for loopback addresses only)"
        )
    if url.username is not None or url.query or url.fragment or url.path.rstrip("/") not in ("", API_PATH):
        raise invalid("CLIENTARY_BASE_URL", "must be a host without a user name, path, query or fragment")
    if not _HOST.fullmatch(host):
        raise invalid("CLIENTARY_BASE_URL", "is not a valid address")
    return f"{url.scheme}://" + (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Whether `host` is a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
