"""The identity key: the secret that ids of accounts and callers are made with, kept sealed where they are kept.

Ids thus stay the same when `CLIENTARY_KEYS` change, and reveal nothing to those who read the store.
"""

import hmac
import secrets
from hashlib import sha256

from clientary_mcp.errors import SettingsError
from clientary_mcp.state.key_values import KeyValues
from clientary_mcp.state.sealing import KeyRing

_KEY = _ABOUT = "identity"


async def identity_key(values: KeyValues, ring: KeyRing) -> bytes:
    """The key, made at the first time, and sealed with the newest secret; SettingsError if none of ours opens it."""
    while (sealed := await values.get(_KEY)) is None:
        new = secrets.token_bytes(32)
        if await values.put(_KEY, ring.seal(new, _ABOUT), only_new=True):
            return new
    key = ring.unseal(sealed, _ABOUT)
    if key is None:
        raise SettingsError(
            "CLIENTARY_KEYS does not open what CLIENTARY_STORE holds: list the earlier key after the new one, or begin"
            " with an empty store."
        )
    if not ring.is_newest(sealed, _ABOUT):
        await values.put(_KEY, ring.seal(key, _ABOUT))
    return key


async def is_open(values: KeyValues, ring: KeyRing) -> bool:
    """Whether the ring opens what the other servers seal by now."""
    sealed = await values.get(_KEY)
    return sealed is None or ring.unseal(sealed, _ABOUT) is not None


def identify(key: bytes, *parts: str) -> str:
    """16 hexadecimal characters, always the same for the same parts."""
    lengths = "".join(f"{len(part)}:{part}" for part in parts)  # so that no two lists of parts are one text
    return hmac.new(key, lengths.encode(), sha256).hexdigest()[:16]
