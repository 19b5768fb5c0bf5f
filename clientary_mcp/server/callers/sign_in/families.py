"""Families of tokens: each sign-in gives one, from its code through every refresh, and ends as a whole.

A code or a refresh token is spent by one atomic step of the store. One that is used again may have been stolen, and
nobody can tell whose use was the thief's, so it ends the family.
"""

import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mcp.server.auth.provider import AuthorizationCode, AuthorizationParams, RefreshToken, TokenError
from mcp.shared.auth import OAuthToken

from clientary_mcp.durations import DAY, HOUR, MINUTE
from clientary_mcp.server.callers.sign_in.clients import SCOPE
from clientary_mcp.server.callers.vault import Grant, Vault, digest, new_family
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.state.key_values import KeyValues

ACCESS_FOR, REFRESH_FOR, CODE_FOR = HOUR, 30 * DAY, MINUTE
_SPENT_FOR = 31 * DAY
"""How long a spent code or refresh token is recognized; it would have expired by then."""
_LOST_ANSWER = 30.0
"""Seconds for which the same client may use a refresh token again, because the answer got lost on its way."""


class Code(AuthorizationCode):
    """What an authorization code stands for."""

    caller_id: str
    privileges: dict[str, Any]
    family: str


class Refresh(RefreshToken):
    """What a refresh token stands for."""

    grant: Grant


@dataclass(frozen=True)
class Families:
    """Codes and refresh tokens of sign-ins. `wall` is the time in seconds since 1970."""

    vault: Vault
    values: KeyValues
    wall: Callable[[], float]

    async def new_code(
        self, caller_id: str, client_id: str, params: AuthorizationParams, privileges: Privileges
    ) -> str:
        """A code with which the client gets the tokens of a new family, once and within a minute."""
        code = secrets.token_urlsafe(32)
        kept = Code(
            code="",
            scopes=[SCOPE],
            expires_at=math.inf,  # the store's time decides
            client_id=client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
            subject=caller_id,
            caller_id=caller_id,
            privileges=privileges.to_json(),
            family=new_family(),
        )
        await self.values.put(_code_key(code), kept.model_dump_json(exclude={"expires_at"}), CODE_FOR)
        return code

    async def find_code(self, code: str, client_id: str) -> Code | None:
        """What a code stands for; None if it is not valid. A spent one ends its family."""
        spent = await self.values.get(_spent_key(code))
        if spent is not None:
            await self.vault.end_family(json.loads(spent)["family"])
            return None
        kept = await self.values.get(_code_key(code))
        if kept is None:
            return None
        found = Code.model_validate({**json.loads(kept), "code": code, "expires_at": math.inf})
        return found if found.client_id == client_id else None

    async def redeem(self, code: Code, *, refreshes: bool) -> OAuthToken:
        """The first tokens of a family; TokenError if the code was spent meanwhile."""
        ours = json.dumps({"family": code.family, "by": secrets.token_hex(8)})
        new = await self.values.put(_spent_key(code.code), ours, _SPENT_FOR, only_new=True)
        if not new and await self.values.get(_spent_key(code.code)) != ours:
            await self.vault.end_family(code.family)
            raise TokenError("invalid_grant", "The code was used before.")
        await self.values.delete(_code_key(code.code))
        privileges = Privileges.from_json(code.privileges)
        first = Grant(
            code.caller_id,
            "access",
            code.client_id,
            code.resource,
            scopes=(SCOPE,),
            privileges=privileges,
            family=code.family,
        )
        return await self._tokens(first, refreshes=refreshes)

    async def find_refresh(self, token: str, client_id: str) -> Refresh | None:
        """What a refresh token of that client stands for, even if it was used before; None if it is not valid."""
        grant = await self.vault.grant(token, ("refresh",))
        if grant is None or grant.client_id != client_id:
            return None
        return Refresh(
            token=token,
            client_id=client_id,
            scopes=[*grant.scopes],
            resource=grant.resource,
            subject=grant.caller_id,
            grant=grant,
        )

    async def refresh(self, used: Refresh) -> OAuthToken:
        """The next tokens of a family; TokenError if its refresh token was used before.

        Each step of a family is spent once, whichever of its refresh tokens is used. So of the two that an answer which
        got lost and its repetition bring, only one leads on.
        """
        grant = used.grant
        key = f"used:{grant.family}:{grant.step}"
        if not await self.values.put(key, f"{self.wall():.3f}", _SPENT_FOR, only_new=True):
            since = await self.values.get(key)
            if since is None or self.wall() - float(since) > _LOST_ANSWER:
                await self.vault.end_family(grant.family)
                raise TokenError("invalid_grant", "The refresh token was used before, so its sign-in has ended.")
        return await self._tokens(replace(grant, step=grant.step + 1), refreshes=True)

    async def _tokens(self, grant: Grant, *, refreshes: bool) -> OAuthToken:
        try:
            access = await self.vault.issue(replace(grant, kind="access"), ACCESS_FOR)
            refresh = await self.vault.issue(replace(grant, kind="refresh"), REFRESH_FOR) if refreshes else None
        except LookupError:
            raise TokenError("invalid_grant", "The credential of this sign-in is not valid any more.") from None
        return OAuthToken(
            access_token=access, expires_in=int(ACCESS_FOR), scope=" ".join(grant.scopes), refresh_token=refresh
        )


def _code_key(code: str) -> str:
    return f"oauth:code:{digest(code)}"


def _spent_key(code: str) -> str:
    return f"oauth:spent:{digest(code)}"
