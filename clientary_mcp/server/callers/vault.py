"""The vault: profiles with sealed credentials, and the tokens that stand for them, of which only digests are kept.

It works over several processes, with nothing but the atomic steps of `KeyValues`. Every method raises NotRemembered
where these cannot be reached.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import anyio
from pydantic import TypeAdapter

from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.settings.serving import Door
from clientary_mcp.state.identity import identify, identity_key
from clientary_mcp.state.key_values import KeyValues
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.state.settling import settling

Kind = Literal["access", "refresh", "static"]

_PREFIXES: dict[str, Kind] = {"cmt": "access", "cmr": "refresh", "cmk": "static"}
_TOKEN = re.compile(r"(cm[trk])_([0-9a-f]{16})_([A-Za-z0-9_-]{16})[A-Za-z0-9_-]{27}")
"""A token names its kind, its caller and the family, if it is of one, so that one step reads all that decides on it."""
_LEASE = 30.0
"""Seconds for which one process may change a profile; it takes milliseconds."""
_SEEN_FOR = 400 * DAY
_ENDED_FOR = 31 * DAY
"""How long a family that ended is remembered; no token of one lives longer."""


@dataclass(frozen=True)
class Profile:
    """What is known of a caller, without the credential."""

    id: str
    name: str
    account: str
    """The address of the account."""
    privileges: Privileges
    """What the operator allows; a sign-in may have been given less."""
    via: Door
    made: float
    seen: float | None
    """When a token was last used, in seconds since 1970 and to the hour."""
    dead: bool
    """Whether the credential is of no use any more: Clientary refused it, or the keys that sealed it are gone."""


@dataclass(frozen=True)
class Grant:
    """What a token stands for. A valid one's profile exists, and was not removed or dead since."""

    caller_id: str
    kind: Kind
    client_id: str
    resource: str | None = None
    """For which server it was issued; None for static tokens, which are ours alone."""
    expires_at: float | None = None
    scopes: tuple[str, ...] = ()
    privileges: Privileges = ALL_ALLOWED
    """What the person allowed at this sign-in; it narrows what the caller's profile allows."""
    family: str = ""
    """The sign-in that it comes from, as `new_family` names it; every token of it ends at once."""
    step: int = 0
    """How often the family was refreshed before."""
    generation: str = field(default="", repr=False)
    """The generation of the profile; tokens of an earlier one are refused."""


_GRANTS = TypeAdapter(Grant)
"""Grants as the store keeps them; of a later version's, what this one knows."""


class Vault:
    """Profiles and tokens of callers. `wall` is the time in seconds since 1970."""

    def __init__(self, values: KeyValues, ring: KeyRing, wall: Callable[[], float]) -> None:
        self.values, self.ring, self.wall = values, ring, wall

    async def enroll(
        self, *, name: str, account: str, api_token: str, via: Door, privileges: Privileges | None = None
    ) -> Caller:
        """The caller with this credential, new or renewed; without `privileges` those of an earlier one stay."""
        caller_id = await self._caller_id(account, api_token)
        async with self._changing(caller_id):
            earlier = await self._read(caller_id)
            if privileges is None:
                privileges = self._privileges(caller_id, earlier)
            profile = {
                "v": 1,
                "name": name,
                "account": account,
                "via": via,
                "made": earlier["made"] if earlier else self.wall(),
                "dead": False,
                "generation": earlier["generation"] if earlier and not earlier["dead"] else secrets.token_hex(8),
            }
            await self._write(caller_id, profile, api_token, privileges.to_json())
        return Caller(caller_id, name, account, api_token, privileges, via)

    async def caller(self, caller_id: str) -> Caller | None:
        """The caller with that id; None if unknown, removed or dead."""
        return self._opened(caller_id, await self._read(caller_id))

    async def profiles(self) -> list[Profile]:
        """Every profile, without the credential, by account and name."""
        profiles = []
        for key in await self.values.keys("prof:"):
            caller_id = key.removeprefix("prof:")
            if (profile := await self._read(caller_id)) is not None:
                seen = await self.values.get(f"seen:{caller_id}")
                profiles.append(
                    Profile(
                        caller_id,
                        profile["name"],
                        profile["account"],
                        self._privileges(caller_id, profile),
                        profile["via"],
                        profile["made"],
                        None if seen is None else float(seen),
                        profile["dead"] or self._unsealed(caller_id, profile) is None,
                    )
                )
        return sorted(profiles, key=lambda each: (each.account, each.name))

    async def sealed_with_older_keys(self) -> int:
        """How many profiles are lost without the older keys: each is sealed anew when its caller comes back."""
        count = 0
        for key in await self.values.keys("prof:"):
            caller_id = key.removeprefix("prof:")
            if (profile := await self._read(caller_id)) is not None:
                about = _about(caller_id, profile["account"])
                count += not profile["dead"] and not self.ring.is_newest(profile["sealed"], about)
        return count

    async def limit(self, caller_id: str, privileges: Privileges) -> bool:
        """Change what a caller may do at most; whether there is one that can be changed."""
        return await self._change(caller_id, privileges=privileges)

    async def mark_dead(self, caller_id: str) -> None:
        """Note that Clientary does not accept the credential any more: no token of the caller is valid from now on."""
        await self._change(caller_id, dead=True)

    async def remove(self, caller_id: str) -> bool:
        """Forget a caller, and every token; whether there was one."""
        async with self._changing(caller_id):  # the profile goes last, so that what was broken off can be done again
            await self.values.delete(f"seen:{caller_id}", *await self.values.keys(f"tok:{caller_id}:"))
            return await self.values.take(f"prof:{caller_id}") is not None

    async def new_static_token(self, caller_id: str) -> str:
        """A token that is valid until the caller is removed; LookupError if there is no such caller."""
        return await self.issue(Grant(caller_id, "static", client_id="operator"), None)

    async def issue(self, grant: Grant, seconds: float | None) -> str:
        """A new token for that grant, valid for so long; LookupError if there is no such caller, or a dead one."""
        profile = await self._read(grant.caller_id)
        if profile is None or profile["dead"]:
            raise LookupError(grant.caller_id)
        prefix = next(prefix for prefix, kind in _PREFIXES.items() if kind == grant.kind)
        token = f"{prefix}_{grant.caller_id}_{grant.family or new_family()}{secrets.token_urlsafe(20)}"
        until = None if seconds is None else self.wall() + seconds
        grant = replace(grant, expires_at=until, generation=profile["generation"])
        kept = _GRANTS.dump_json(grant, exclude_defaults=True).decode()
        await self.values.put(_token_key(grant.caller_id, token), kept, seconds)
        return token

    async def holder(self, token: str, kinds: Container[Kind]) -> tuple[Caller, Grant] | None:
        """Whose token of these kinds it is, and what it stands for; None if it is not valid. Notes that it was used."""
        found = await self._find(token, kinds)
        if found is None:
            return None
        grant, profile, seen = found
        caller = self._opened(grant.caller_id, profile)
        if caller is None:
            return None
        with suppress(NotRemembered):  # a store that only reads refuses nobody
            if seen is None or self.wall() - float(seen) >= HOUR:
                await self.values.put(f"seen:{caller.id}", f"{self.wall():.0f}", _SEEN_FOR)
            if self.ring.has_older and not self.ring.is_newest(profile["sealed"], _about(caller.id, caller.account)):
                await self._change(caller.id)
        return caller, grant

    async def grant(self, token: str, kinds: Container[Kind]) -> Grant | None:
        """What a token of these kinds stands for; None if it is not valid."""
        found = await self._find(token, kinds)
        return found and found[0]

    async def end_family(self, family: str) -> None:
        """End every token that comes from one sign-in."""
        await self.values.put(f"ended:{family}", "", _ENDED_FOR)

    async def identity_key(self) -> bytes:
        """What the ids of callers are made with; SettingsError if none of the keys opens what the store holds."""
        return await identity_key(self.values, self.ring)

    async def _caller_id(self, account: str, api_token: str) -> str:
        return identify(await self.identity_key(), account, api_token)

    async def _find(self, token: str, kinds: Container[Kind]) -> tuple[Grant, dict[str, Any], str | None] | None:
        """The grant of a token, the profile of its caller, and when that was seen; None if the token is not valid."""
        named = _TOKEN.fullmatch(token)
        if named is None or _PREFIXES[named[1]] not in kinds:
            return None
        caller_id, family = named[2], named[3]
        kept, profile, seen, ended = await self.values.get_all(
            _token_key(caller_id, token), f"prof:{caller_id}", f"seen:{caller_id}", f"ended:{family}"
        )
        if kept is None or profile is None or ended is not None:
            return None
        grant, read = _GRANTS.validate_json(kept), json.loads(profile)
        if read["dead"] or (caller_id, read["generation"]) != (grant.caller_id, grant.generation):
            return None
        return grant, read, seen

    async def _read(self, caller_id: str) -> dict[str, Any] | None:
        kept = await self.values.get(f"prof:{caller_id}")
        return None if kept is None else json.loads(kept)

    async def _write(self, caller_id: str, profile: dict[str, Any], api_token: str, privileges: dict[str, Any]) -> None:
        """Keep a profile, sealed with the newest key."""
        opened = json.dumps({"api_token": api_token, "privileges": privileges}).encode()
        profile["sealed"] = self.ring.seal(opened, _about(caller_id, profile["account"]))
        await self.values.put(f"prof:{caller_id}", json.dumps(profile))

    async def _change(self, caller_id: str, *, privileges: Privileges | None = None, dead: bool = False) -> bool:
        """Change a profile, which seals it with the newest key as well; whether there is one that can be opened."""
        async with self._changing(caller_id):
            profile = await self._read(caller_id)
            opened = self._unsealed(caller_id, profile)
            if profile is None or opened is None:
                return False
            kept = (
                opened["privileges"] if privileges is None else privileges.to_json()
            )  # also what a later version adds
            profile["dead"] = profile["dead"] or dead
            await self._write(caller_id, profile, opened["api_token"], kept)
        return True

    def _opened(self, caller_id: str, profile: dict[str, Any] | None) -> Caller | None:
        """The caller with that profile; None without one, if it is dead, or if the keys are gone."""
        opened = self._unsealed(caller_id, profile)
        if profile is None or opened is None or profile["dead"]:
            return None
        privileges = Privileges.from_json(opened["privileges"])
        return Caller(caller_id, profile["name"], profile["account"], opened["api_token"], privileges, profile["via"])

    def _unsealed(self, caller_id: str, profile: dict[str, Any] | None) -> dict[str, Any] | None:
        """What is sealed of a profile; None without one, or if the keys are gone."""
        if profile is None:
            return None
        opened = self.ring.unseal(profile["sealed"], _about(caller_id, profile["account"]))
        return None if opened is None else json.loads(opened)

    def _privileges(self, caller_id: str, profile: dict[str, Any] | None) -> Privileges:
        opened = self._unsealed(caller_id, profile)
        return Privileges.from_json(opened["privileges"]) if opened else ALL_ALLOWED

    @asynccontextmanager
    async def _changing(self, caller_id: str) -> AsyncIterator[None]:
        """Change a profile alone: no other process reads it and writes it back at the same time."""
        key = f"changing:{caller_id}"
        while not await self.values.put(key, "", _LEASE, only_new=True):  # noqa: ASYNC110 - another process's turn
            await anyio.sleep(0.02)
        try:
            yield
        finally:
            with settling():  # else whoever changes it next would wait until the lease lapses
                await self.values.delete(key)


def new_family() -> str:
    """A name for the tokens of one sign-in: 16 characters, of 96 random bits."""
    return secrets.token_urlsafe(12)


def digest(token: str) -> str:
    """What stands in the store for a token or a code."""
    return sha256(token.encode(errors="replace")).hexdigest()


def _token_key(caller_id: str, token: str) -> str:
    return f"tok:{caller_id}:{digest(token)}"


def _about(caller_id: str, account: str) -> str:
    return f"profile {caller_id} {account}"
