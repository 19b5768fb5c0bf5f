"""The identity key: the secret that ids of accounts and callers are made with, kept sealed where they are kept.

Ids thus stay the same when `CLIENTARY_KEYS` change, and reveal nothing to those who read the store. A new one is
derived from these keys, so that servers agree on it also where the store has lost what it held.
"""

import hmac
from hashlib import sha256

from clientary_mcp.errors import SettingsError
from clientary_mcp.state.key_values import KeyValues
from clientary_mcp.state.sealing import KeyRing

_KEY = _ABOUT = "identity"


async def identity_key(values: KeyValues, ring: KeyRing) -> bytes:
    """The key, made at the first time, and sealed with the newest secret; SettingsError if none of ours opens it."""
    while (sealed := await values.get(_KEY)) is None:
        new = min(ring.derived(_ABOUT))  # in whatever order the keys are listed
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


async def is_shared(values: KeyValues, ring: KeyRing, ours: bytes) -> bool:
    """Whether the ring opens the key that the other servers use by now, and it is ours; puts ours where there is none.

    With two keys, two servers would take one account for two, and nothing would keep them from doing things twice.
    """
    sealed = await values.get(_KEY)
    if sealed is None:
        return await values.put(_KEY, ring.seal(ours, _ABOUT), only_new=True)
    return ring.unseal(sealed, _ABOUT) == ours


def identify(key: bytes, *parts: str) -> str:
    """16 hexadecimal characters, always the same for the same parts."""
    lengths = "".join(f"{len(part)}:{part}" for part in parts)  # so that no two lists of parts are one text
    return hmac.new(key, lengths.encode(), sha256).hexdigest()[:16]
