"""Secrets, removed from all text at one boundary: as it comes in from Clientary, and again as it leaves.

What a record is made of is read after `incoming`; what an agent, the log or the audit trail gets passes `outgoing`.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from clientary_mcp.settings import Settings
from tool_schemas.base.parsing import SECRETS

HANDLES = ("stripe_customer_id", "stripe_source_id")
"""Fields of a write whose values nobody should see again."""

REMOVED = "[removed]"

# Printable ASCII, but for the quote (22) and the backslash (5c), whose escapes mean something; and \\/.
_ESCAPED = re.compile(rb"(?<!\\)\\(?:/|u00((?!22|5[cC])[2-7][0-9a-fA-F]))")

_SHORTEST = 8
"""A shorter secret is removed from its own field and searched for nowhere else: it may just as well be a word, a code
or a number of any record, and would be removed from those."""

_MOST, _FEW = 1_000, 30

_FIELD = re.compile(rb'("(?:%s)\??"\s*:\s*")((?:[^"\\]|\\.){1,2000})' % "|".join(sorted(SECRETS)).encode())
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LETTER = re.compile(b"[A-Za-z]")

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode


class Secrets:
    """Everything that no text of this process may show: the tokens, and what responses have held in secret fields."""

    def __init__(self, settings: Settings) -> None:
        token = settings.api_token
        basic = b64encode(f"{token}:{token}".encode()).decode()  # the form in which it is sent
        self._tokens = _searchable([token, basic, settings.mcp_token or ""])
        self._learnt = SecretMemory()

    def incoming(self, content: bytes, sent: Iterable[Any] = ()) -> bytes:
        """A response without secrets, also where it echoes them; it teaches the values of its secret fields.

        Payment handles in what was `sent` are removed from the response to it. They are not remembered: whatever an
        agent passed as a handle would be removed from the records of all others.
        """
        if b"\\" in content:
            content = _ESCAPED.sub(_unescaped, content)

        def removed(field: re.Match[bytes]) -> bytes:
            if len(field[2]) >= _SHORTEST:
                self._learnt.add(field[2])
            return field[1] + REMOVED.encode()

        return self._without(_FIELD.sub(removed, content), _searchable(_handles_in(sent)))

    def outgoing(self, value: Any) -> Any:
        """A value of JSON without secrets: an answer, a message, a line of the audit trail."""
        content = _as_json(value).encode(errors="backslashreplace")
        clean = self._without(content)
        return value if clean == content else json.loads(clean)

    def _without(self, content: bytes, more: Iterable[bytes] = ()) -> bytes:
        named = self._tokens | {*more}
        for secret in sorted(named | self._learnt.within(content), key=len, reverse=True):
            if secret in named or _LETTER.search(secret):
                content = _remove(secret, content)
            else:  # digits alone may be part of a number as well, which must stay whole
                content = _remove_from_texts(secret, content)
        return content


class SecretMemory:
    """The secrets that responses have held, as JSON writes them: the newest thousand."""

    def __init__(self) -> None:
        self._marks: dict[bytes, set[int]] = {}
        self._marked: dict[int, set[bytes]] = {}

    def add(self, secret: bytes) -> None:
        """Keep it as the newest, and forget the oldest when there are too many."""
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
        """Those that occur in `content`. How long that takes depends on its length, not on how many are known."""
        near: Iterable[bytes] = self._marks  # a few are found faster one by one
        if len(self._marks) > _FEW:
            near = {secret for mark in self._marked.keys() & _fours(content) for secret in self._marked[mark]}
        return {secret for secret in near if secret in content}


def _fours(text: bytes) -> list[int]:
    """Each four bytes of a text, as numbers."""
    return memoryview(text)[: len(text) // 4 * 4].cast("I").tolist()


def _marks(secret: bytes) -> set[int]:
    """Any text that holds the secret has one of these among its fours, wherever the secret begins in it.

    They come from its end, because addresses begin alike.
    """
    return {_fours(secret[-start:][:4])[0] for start in (4, 5, 6, 7)}


def _searchable(secrets: Iterable[str]) -> set[bytes]:
    """Those that are long enough to be searched for, as JSON writes them."""
    return {json.dumps(secret)[1:-1].encode() for secret in secrets if len(secret) >= _SHORTEST}


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
    """Characters that JSON may write as an escape and need not: so that a secret reads as it is searched for."""
    return b"/" if escape[1] is None else bytes([int(escape[1], 16)])
