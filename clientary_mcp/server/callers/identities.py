"""Whose token it is: as the vault says, remembered in this process for half a minute."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.vault import Grant, Kind, Vault, digest
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.settings.serving import Door, Serving
from clientary_mcp.state.identity import identify

KEPT = 30.0
"""Seconds for which an identity holds, and so the time within which a removal takes effect."""
_KEPT_WITHOUT_STORE = 60
_REJECTED_FOR = 60
"""Seconds for which a credential that is sent along is not tried again once Clientary rejected it."""
_MOST = 10_000
_KINDS: dict[Door, Kind] = {"sign-in": "access", "tokens": "static"}


@dataclass(frozen=True)
class Identity:
    """A caller, the client that holds their token, and since when (monotonic) we know."""

    caller: Caller
    client_id: str
    narrowed_by: Privileges
    """What was allowed at the sign-in that the token comes from."""
    expires_at: float | None
    known_at: float


class Identities:
    """Finds callers by their tokens, and forgets those whose credential Clientary rejects."""

    def __init__(
        self,
        vault: Vault,
        serving: Serving,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        kept: float = KEPT,
    ) -> None:
        self.kept = kept
        self._vault, self._serving, self._now, self._wall = vault, serving, now, wall
        self._kinds = [kind for door, kind in _KINDS.items() if door in serving.callers]
        self._known: dict[str, Identity] = {}
        self._rejected: dict[str, float] = {}
        """When Clientary rejected a credential that is kept nowhere, by the caller's id."""
        self._key: bytes | None = None

    async def of(self, token: str) -> Identity | None:
        """Whose token it is; None if nobody's. NotRemembered where the store cannot say."""
        known = self._known.get(digest(token))
        if known and self._age(known) < self.kept:
            return known if self._lasts(known) else None
        try:
            return await self._ask(token)
        except NotRemembered:
            if known and self._age(known) < _KEPT_WITHOUT_STORE:
                return known if self._lasts(known) else None
            raise

    async def holds(self, token: str) -> bool:
        """Whether the token is still somebody's, as the store says now; True where it cannot say."""
        try:
            return await self._ask(token) is not None
        except NotRemembered:
            return True

    async def allows_as_before(self, caller: Caller) -> bool:
        """Whether the vault says the same of a caller as it did; NotRemembered where it cannot say."""
        if caller.via == "headers":  # of whom it knows nothing
            return True
        now = await self._vault.caller(caller.id)
        return now is not None and now.privileges == caller.privileges

    async def caller_id(self, account: str, api_token: str) -> str:
        """The id of somebody who brings their own credential; NotRemembered where the store cannot be reached."""
        if self._key is None:
            self._key = await self._vault.identity_key()
        return identify(self._key, account, api_token)

    async def reject(self, caller: Caller) -> None:
        """Clientary rejects the credential of this caller: their tokens, or it for a minute, are not accepted."""
        if caller.via == "headers":
            latest = {id_: at for id_, at in self._rejected.items() if self._now() - at < _REJECTED_FOR}
            self._rejected = latest | {caller.id: self._now()}
            return
        with suppress(NotRemembered):  # their next call finds out again
            await self._vault.mark_dead(caller.id)
        self._known = {key: known for key, known in self._known.items() if known.caller.id != caller.id}

    def rejected(self, caller_id: str) -> bool:
        """Whether Clientary has just rejected the credential that this caller sends along."""
        return self._now() - self._rejected.get(caller_id, -math.inf) < _REJECTED_FOR

    async def _ask(self, token: str) -> Identity | None:
        key = digest(token)
        held = await self._vault.holder(token, self._kinds)
        self._known.pop(key, None)
        if held is None:
            return None
        caller, grant = held
        if not self._is_ours(grant) or not self._serves(caller.account):
            return None
        identity = Identity(caller, grant.client_id, grant.privileges, grant.expires_at, self._now())
        if not self._lasts(identity):
            return None
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = identity
        return identity

    def _is_ours(self, grant: Grant) -> bool:
        """Whether it is a token for this server."""
        if grant.resource is None:
            return grant.kind == "static"
        return grant.resource.removesuffix("/") == f"{self._serving.public_url}/mcp"

    def _serves(self, account: str) -> bool:
        """Whether the account is still one of those that callers may use."""
        return self._serving.accounts is not None and self._serving.accounts.address(account) == account

    def _lasts(self, identity: Identity) -> bool:
        return identity.expires_at is None or self._wall() < identity.expires_at

    def _age(self, identity: Identity) -> float:
        return self._now() - identity.known_at
