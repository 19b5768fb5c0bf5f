"""Secrets out of everything that Clientary sends, before anything else reads it: even where it echoes them."""

import json
import re
from collections.abc import Iterable

HANDLES = ("stripe_customer_id", "stripe_source_id")
"""What a write may carry that nobody should see again."""

REMOVED = "[removed]"

# Printable ASCII, but for the quote (22) and the backslash (5c), whose escapes mean something; and \\/.
_ESCAPED = re.compile(rb"(?<!\\)\\(?:/|u00((?!22|5[cC])[2-7][0-9a-fA-F]))")

_SHORTEST = 8
"""What is shorter is no secret, and would take words apart."""

_SECRET = re.compile(rb'"(?:secret|gateway_token)"\s*:\s*"((?:[^"\\]|\\.){8,})"')


def redacted(content: bytes, secrets: Iterable[str]) -> bytes:
    """`content` without the given secrets, and without the values of the secret fields in it, wherever they stand."""
    if b"\\" in content:
        content = _ESCAPED.sub(_unescaped, content)
    found = {*_SECRET.findall(content), *(_in_json(secret) for secret in secrets if len(secret) >= _SHORTEST)}
    for secret in sorted(found, key=len, reverse=True):
        if secret in content:
            content = content.replace(secret, REMOVED.encode())
    return content


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What JSON may write as an escape and need not: so that a secret stands there as it is looked for."""
    return b"/" if escape[1] is None else bytes([int(escape[1], 16)])


def _in_json(secret: str) -> bytes:
    return json.dumps(secret)[1:-1].encode()
