"""The values of options, parsed from text; an error says what is valid."""

import re
from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import date
from ipaddress import ip_network

_TRANSPORTS = {"stdio": "stdio", "http": "streamable-http", "sse": "sse", "streamable-http": "streamable-http"}

FORMATS = ("table", "json", "csv", "chart", "html")


def nearest(name: str, valid: Iterable[str]) -> str:
    """A sentence with the valid name that is meant, if one is near."""
    from tool_schemas.base.validation import nearest as found  # loads pydantic; a start without mistakes does later

    return found(name, valid)


def transport(text: str) -> str:
    """How clients connect, as the server calls it."""
    if text not in _TRANSPORTS:
        valid = list(_TRANSPORTS)[:3]
        raise ArgumentTypeError(f"must be stdio, http or sse, not {text}.{nearest(text, valid)}")
    return _TRANSPORTS[text]


def answer_format(text: str) -> str:
    """How an answer is printed."""
    if text not in FORMATS:
        raise ArgumentTypeError(
            f"must be {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, not {text}.{nearest(text, FORMATS)}"
        )
    return text


def port(text: str) -> int:
    """A TCP port."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ArgumentTypeError("must be a number from 1 to 65535")
    return int(text)


def host_name(text: str) -> str:
    """The name of a host."""
    if not text.strip("[]:.") or any(mark in text for mark in "/*, "):
        raise ArgumentTypeError("must be a host name, like mcp.example.com, without a scheme or a path")
    return text


def root_path(text: str) -> str:
    """A path, without a slash at its end."""
    if not re.fullmatch(r"(/[\w.~-]+)+", text, re.ASCII):
        raise ArgumentTypeError("must be a path, like /clientary, without a slash at its end")
    return text


def proxies(text: str) -> str:
    """Addresses and networks, by comma."""
    try:
        for part in text.split(","):
            if text != "*":
                ip_network(part.strip(), strict=False)
    except ValueError:
        raise ArgumentTypeError("must be addresses or networks, like 10.0.0.0/8, by comma, or *") from None
    return text


def day(text: str) -> date:
    """A date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("must be a date written YYYY-MM-DD") from None


def number(text: str) -> int:
    """A whole number, which may be zero."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ArgumentTypeError("must be a whole number from 0 on")
    return int(text)
