"""Sealing: what is kept in a store that others may read is encrypted, and keys for other uses are derived.

The first secret of `CLIENTARY_KEYS` seals, all of them open, so that the keys can be changed while servers run.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class KeyRing:
    """The secrets of `CLIENTARY_KEYS`, the newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]
        self._ciphers = [AESGCM(_derived(key, "seal")) for key in self._keys]

    def seal(self, value: bytes, about: str) -> str:
        """The value encrypted with AES-256-GCM, as URL-safe text; `about` says what it is, and opens nothing else."""
        nonce = secrets.token_bytes(_NONCE)
        return urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, value, about.encode())).decode()

    def unseal(self, sealed: str, about: str) -> bytes | None:
        """The value; None if it was sealed with another key or for another use, or was changed."""
        return _opened(sealed, about, self._ciphers)

    @property
    def has_older(self) -> bool:
        """Whether there are secrets besides the newest."""
        return len(self._keys) > 1

    def is_newest(self, sealed: str, about: str) -> bool:
        """Whether the newest secret sealed it, so that the older ones are not needed for it."""
        return _opened(sealed, about, self._ciphers[:1]) is not None

    def derived(self, label: str) -> list[bytes]:
        """A key of 32 bytes for another use, from each secret, the newest first."""
        return [_derived(key, label) for key in self._keys]


def _opened(sealed: str, about: str, ciphers: Sequence[AESGCM]) -> bytes | None:
    with suppress(ValueError):  # what is no base64
        raw = urlsafe_b64decode(sealed)
        for cipher in ciphers:
            with suppress(InvalidTag):
                return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], about.encode())
    return None


def _derived(key: bytes, label: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"clientary-mcp {label}".encode()).derive(key)
