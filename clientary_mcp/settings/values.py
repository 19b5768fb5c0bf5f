"""The values of settings, parsed from text; ValueError says what is valid."""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")


def number(least: float, most: float) -> Callable[[str], float]:
    """A number in a range."""

    def read(text: str) -> float:
        value = float(text) if _PLAIN.fullmatch(text) else math.nan
        if not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return value

    return read


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def choice(words: Any, change: Callable[[str], str]) -> Callable[[str], str]:
    """One of the words of a `Literal`, after `change` has put the text in their case."""

    def read(text: str) -> str:
        if change(text) not in get_args(words):
            raise ValueError(f"must be one of {', '.join(get_args(words))}")
        return change(text)

    return read


def true_or_false(text: str) -> bool:
    """`true` or `false`, or one of their usual synonyms."""
    if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("must be true or false")
    return text.lower() in ("1", "true", "yes", "on")


def names(text: str) -> frozenset[str]:
    """Names, separated by commas or spaces."""
    return frozenset(name for name in re.split(r"[\s,]+", text) if name)


def hosts(text: str) -> frozenset[str]:
    """Names of hosts as addresses have them, in lower case, or `*`; separated by commas or spaces."""
    given = names(text.lower())
    if not all(re.fullmatch(r"[a-z0-9.-]+|\*", name) for name in given):
        raise ValueError("must list hosts, like claude.ai, without https:// and without a path, or be *")
    return given


def required_fields(text: str) -> Mapping[str, tuple[str, ...]]:
    """Fields by kind of record: `lead: website, description; client: number`."""
    required: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.split(";")):
        kind, colon, fields = part.partition(":")
        if kind.strip() not in ("client", "lead") or not colon or not names(fields):
            raise ValueError("must be written like this: lead: website, description; client: number")
        required[kind.strip()] = tuple(sorted(names(fields)))
    return required


def rates(text: str) -> Mapping[int, Decimal]:
    """Amounts by id: `12: 45.50, 14: 60`."""
    costs: dict[int, Decimal] = {}
    for part in filter(str.strip, text.split(",")):
        found = re.fullmatch(r"\s*(\d{1,15})\s*:\s*(\d{1,12}(?:\.\d{1,3})?)\s*", part, re.ASCII)
        if found is None or int(found[1]) in costs:
            raise ValueError("must name each staff id once, with its cost per hour, like this: 12: 45.50, 14: 60")
        costs[int(found[1])] = Decimal(found[2])
    return costs


def time_zone(text: str) -> str:
    """The IANA name of a time zone."""
    from zoneinfo import ZoneInfo  # most accounts set none, and every start would wait for it

    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, like Europe/Berlin") from None


def day_of_year(text: str) -> str:
    """A day that every year has, as month and day: `04-06`."""
    day = f"2023-{text}"
    with suppress(ValueError):
        if date.fromisoformat(day).isoformat() == day:  # weeks are read as well
            return text
    raise ValueError("must be a month and a day that every year has, like 04-06")


def path(text: str) -> Path:
    """The path of a file; `~` is the home directory."""
    return Path(text).expanduser()


def directory(text: str) -> Path:
    """The path of a directory that exists."""
    if not path(text).is_dir():
        raise ValueError("must be an existing directory")
    return path(text)


def proxy(text: str) -> str:
    """The URL of a proxy, which may hold a user name and a password."""
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[!-~]+", text) or url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError("must be an address like http://proxy.example.com:8080, with http:// or https://")
    return text


def store(text: str) -> str:
    """Where it is remembered what was sent: `memory`, a file, or the URL of Redis."""
    if text.lower() == "memory":
        return "memory"
    if text.startswith("file:") and Path(text.removeprefix("file:")).is_absolute():
        return text
    if re.fullmatch(r"(rediss?|redis\+sentinel)://[!-~]+", text):
        return text
    raise ValueError("must be memory, file:/absolute/path, or an address like redis://host:6379/0")


def keys(text: str) -> tuple[str, ...]:
    """Secrets, separated by commas, the newest first."""
    given = tuple(key.strip() for key in text.split(",") if key.strip())
    if any(len(key) < 32 or not re.fullmatch(r"[!-~]+", key) for key in given) or len({*given}) < len(given):
        raise ValueError("must be different secrets of at least 32 printable characters each, separated by commas")
    return given


def name(text: str) -> str:
    """A name for logs and the trail."""
    if not re.fullmatch(r"[\w.:-]{1,64}", text, re.ASCII):
        raise ValueError("must be 1 to 64 letters, digits, dots, colons or hyphens")
    return text


def words(valid: tuple[str, ...]) -> Callable[[str], frozenset[str]]:
    """Some of these words, separated by commas or spaces."""

    def read(text: str) -> frozenset[str]:
        given = names(text.lower())
        if not given <= {*valid}:
            raise ValueError(f"must be one or more of {', '.join(valid)}, separated by commas")
        return given

    return read


def public_url(text: str) -> str:
    """`https://host`, without a path; http on loopback alone."""
    from clientary_mcp.settings.address import is_loopback

    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise ValueError("is not a valid address") from None
    plain = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    if not plain or not host or url.username is not None or url.query or url.fragment or url.path not in ("", "/"):
        raise ValueError("must be https://host, without a path (http is accepted for loopback addresses only)")
    return f"{url.scheme}://{url.netloc.lower()}"
