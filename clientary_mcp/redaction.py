"""Removes secrets from all text at one boundary: as it arrives from Clientary, and again as it leaves.

Records are read from what passed `incoming`; what agents, the log or the audit trail get passes `outgoing`. Whatever
else is logged, by any library, passes `without_credentials`.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from clientary_mcp.settings import Settings
from tool_schemas.base.parsing import SECRETS

HANDLES = ("stripe_customer_id", "stripe_source_id")
"""Fields of a write whose values are secret once sent."""

REMOVED = "[removed]"

# Printable ASCII, but for the quote (22) and the backslash (5c), whose escapes mean something; and \\/.
_ESCAPED = re.compile(rb"(?<!\\)\\(?:/|u00((?!22|5[cC])[2-7][0-9a-fA-F]))")

_SHORTEST = 8
"""A shorter secret is removed from its own field only: elsewhere, the same characters may be a word, a code or a number
of any record."""

_MOST, _FEW = 1_000, 30

_FIELD = re.compile(rb'("(?:%s)\??"\s*:\s*")((?:[^"\\]|\\.){1,2000})' % "|".join(sorted(SECRETS)).encode())
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LETTER = re.compile(b"[A-Za-z]")

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode


class Secrets:
    """The values that no text of this process may contain: the tokens, and the secret fields of responses."""

    def __init__(self, settings: Settings) -> None:
        token = settings.api_token
        basic = b64encode(f"{token}:{token}".encode()).decode()  # as the Authorization header has it
        secrets = [token, basic, settings.mcp_token or "", *settings.keys]
        self._tokens = _searchable([*secrets, *_in_url(settings.proxy), *_in_url(settings.store)])
        for secret in self._tokens:
            _OF_ALL.add(secret)
        self._memory = SecretMemory()

    def incoming(self, content: bytes, sent: Iterable[Any] = ()) -> bytes:
        """A response without secrets, including echoed ones; the values of its secret fields are remembered.

        Payment handles in `sent` are removed from the response to it. They are not remembered: otherwise, anything an
        agent passed as a handle would be removed from all other records.
        """
        if b"\\" in content:
            content = _ESCAPED.sub(_unescaped, content)

        def removed(field: re.Match[bytes]) -> bytes:
            if len(field[2]) >= _SHORTEST:
                self._memory.add(field[2])
            return field[1] + REMOVED.encode()

        return self._without(_FIELD.sub(removed, content), _searchable(_handles_in(sent)))

    def outgoing(self, value: Any) -> Any:
        """A JSON value without secrets: an answer, a message, a line of the audit trail."""
        content = _as_json(value).encode(errors="backslashreplace")
        clean = self._without(content)
        return value if clean == content else json.loads(clean)

    def _without(self, content: bytes, more: Iterable[bytes] = ()) -> bytes:
        named = self._tokens | {*more}
        for secret in sorted(named | self._memory.within(content), key=len, reverse=True):
            if secret in named or _LETTER.search(secret):
                content = _remove(secret, content)
            else:  # digits alone may be part of a number as well, which must stay whole
                content = _remove_from_texts(secret, content)
        return content


class SecretMemory:
    """The newest thousand secrets that responses contained, as JSON encodes them."""

    def __init__(self) -> None:
        self._marks: dict[bytes, set[int]] = {}
        self._marked: dict[int, set[bytes]] = {}

    def add(self, secret: bytes) -> None:
        """Remember a secret as the newest, and forget the oldest if there are too many."""
        self._marks[secret] = marks = self._marks.pop(secret, None) or _marks(secret)
        for mark in marks:
            self._marked.setdefault(mark, set()).add(secret)
        if len(self._marks) > _MOST:
            self._forget(next(iter(self._marks)))

    def _forget(self, secret: bytes) -> None:
        for mark in self._marks.pop(secret):
            self._marked[mark].discard(secret)
            if not self._marked[mark]:
                del self._marked[mark]

    def within(self, content: bytes) -> set[bytes]:
        """The secrets that occur in `content`. The time depends on its length, not on how many are known."""
        near: Iterable[bytes] = self._marks  # a few are found faster one by one
        if len(self._marks) > _FEW:
            near = {secret for mark in self._marked.keys() & _fours(content) for secret in self._marked[mark]}
        return {secret for secret in near if secret in content}


_OF_ALL = SecretMemory()
"""The credentials of every session of the process."""

_CREDENTIALS = re.compile(
    r"""\b(?: (?P<scheme>bearer)\s+(?!token\b)[^\s'"]+  # the word is also used in sentences
    | (?P<header>x-clientary-token|authorization|cookie|set-cookie) (?P<to>['"]?\s*[,:=]\s*b?['"]?) [^'"\r\n]+
    | (?P<field>code|token|access_token|refresh_token|api_token|code_verifier|client_secret)=[^&\s'"]{16,}
    | (?-i:cm[a-z]_[\w-]{8,}) )""",
    re.IGNORECASE | re.VERBOSE,
)


def without_credentials(text: str) -> str:
    """A line of the log without tokens, keys, and headers or fields that carry them, whoever wrote it."""
    content = text.encode(errors="backslashreplace")
    for secret in _OF_ALL.within(content):
        content = _remove(secret, content)
    return _CREDENTIALS.sub(_labelled, content.decode())


def _labelled(found: re.Match[str]) -> str:
    """What is left of a credential: what it was."""
    if found["header"]:
        return f"{found['header']}{found['to']}{REMOVED}"
    label = f"{found['scheme']} " if found["scheme"] else f"{found['field']}=" if found["field"] else ""
    return f"{label}{REMOVED}"


def _fours(text: bytes) -> list[int]:
    """The consecutive four-byte groups of a text, as numbers."""
    return memoryview(text)[: len(text) // 4 * 4].cast("I").tolist()


def _marks(secret: bytes) -> set[int]:
    """Four-byte groups of which any text that contains the secret has at least one, wherever the secret starts in it.

    They are taken from its end, because URLs begin alike.
    """
    return {_fours(secret[-start:][:4])[0] for start in (4, 5, 6, 7)}


def _searchable(secrets: Iterable[str]) -> set[bytes]:
    """The secrets that are long enough to be searched for, as JSON encodes them."""
    return {json.dumps(secret)[1:-1].encode() for secret in secrets if len(secret) >= _SHORTEST}


def _in_url(url: str | None) -> Iterable[str]:
    """What gives access to a proxy or a store: its password, as it is and in a URL, and the header that carries it."""
    parts = urlsplit(url or "")
    if parts.password:
        user, password = unquote(parts.username or ""), unquote(parts.password)
        yield from (parts.password, password, b64encode(f"{user}:{password}".encode()).decode())


def _handles_in(sent: Iterable[Any]) -> Iterable[str]:
    """The payment handles in queries and bodies, at any depth."""
    for part in sent:
        if isinstance(part, Mapping):
            yield from (str(part[name]) for name in HANDLES if part.get(name))
            yield from _handles_in(part.values())
        elif isinstance(part, list | tuple):
            yield from _handles_in(part)


def _remove(secret: bytes, content: bytes) -> bytes:
    return content.replace(secret, REMOVED.encode())


def _remove_from_texts(secret: bytes, content: bytes) -> bytes:
    return _TEXT.sub(lambda text: _remove(secret, text[0]), content)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """An optional JSON escape as its character, so that a secret has the form that is searched for."""
    return b"/" if escape[1] is None else bytes([int(escape[1], 16)])
