"""Secrets out of everything that Clientary sends, before anything else reads it: even where it echoes them."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tool_schemas.base.parsing import SECRETS

HANDLES = ("stripe_customer_id", "stripe_source_id")
"""What a write may carry that nobody should see again."""

REMOVED = "[removed]"

# Printable ASCII, but for the quote (22) and the backslash (5c), whose escapes mean something; and \\/.
_ESCAPED = re.compile(rb"(?<!\\)\\(?:/|u00((?!22|5[cC])[2-7][0-9a-fA-F]))")

_SHORTEST = 8
"""What is shorter goes with its own field and is looked for nowhere else, not even as a whole text: it may be a word,
a code or a number of any record as well, and would be taken out of those."""

_MOST, _FEW = 1_000, 30

_FIELD = re.compile(rb'("(?:%s)\??"\s*:\s*")((?:[^"\\]|\\.){1,2000})' % "|".join(sorted(SECRETS)).encode())
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LETTER = re.compile(b"[A-Za-z]")


def handles_in(sent: Any) -> list[str]:
    """The payment handles in what is sent, at any depth."""
    handles: list[str] = []
    parts = [sent]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            handles += [str(part[name]) for name in HANDLES if part.get(name)]
            parts += part.values()
        elif isinstance(part, list | tuple):
            parts += part
    return handles


class SecretMemory:
    """The secrets that answers have taught, as JSON writes them: the newest thousand."""

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
        """Those that stand in `content`. Its length alone decides how long that takes, however many are known."""
        near: Iterable[bytes] = self._marks  # a few are found sooner one by one
        if len(self._marks) > _FEW:
            near = {secret for mark in self._marked.keys() & _fours(content) for secret in self._marked[mark]}
        return {secret for secret in near if secret in content}


def _fours(text: bytes) -> list[int]:
    """Each four bytes of a text, as numbers."""
    return memoryview(text)[: len(text) // 4 * 4].cast("I").tolist()


def _marks(secret: bytes) -> set[int]:
    """Any text that holds the secret has one of these among its fours, wherever the secret begins in it.

    They are of its end, because addresses begin alike.
    """
    return {_fours(secret[-start:][:4])[0] for start in (4, 5, 6, 7)}


def redacted(content: bytes, given: Iterable[str], learnt: SecretMemory) -> bytes:
    """`content` without the given secrets and the values of secret fields, its own and those of earlier answers."""
    if b"\\" in content:
        content = _ESCAPED.sub(_unescaped, content)

    def removed(field: re.Match[bytes]) -> bytes:
        if len(field[2]) >= _SHORTEST:
            learnt.add(field[2])
        return field[1] + REMOVED.encode()

    content = _FIELD.sub(removed, content)
    named = {_in_json(secret) for secret in given if len(secret) >= _SHORTEST}
    for secret in sorted(named | learnt.within(content), key=len, reverse=True):
        everywhere = secret in named or _LETTER.search(secret)
        content = _without(secret, content) if everywhere else _without_in_texts(secret, content)
    return content


def _without(secret: bytes, content: bytes) -> bytes:
    return content.replace(secret, REMOVED.encode())


def _without_in_texts(secret: bytes, content: bytes) -> bytes:
    """For what may stand in a number as well, which nothing may take apart."""
    return _TEXT.sub(lambda text: _without(secret, text[0]), content)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What JSON may write as an escape and need not: so that a secret stands there as it is looked for."""
    return b"/" if escape[1] is None else bytes([int(escape[1], 16)])


def _in_json(secret: str) -> bytes:
    return json.dumps(secret)[1:-1].encode()
