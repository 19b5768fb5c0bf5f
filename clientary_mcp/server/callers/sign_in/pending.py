"""Sign-ins that have begun: what a client asked for, in which browser, and how often somebody tried."""

import json
import secrets
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from mcp.server.auth.provider import AuthorizationParams

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.server.callers.vault import digest
from clientary_mcp.state.key_values import KeyValues

PENDING_FOR = 10 * MINUTE
_BEGUN = 200
"""Sign-ins that may begin in one network within the time for which one is kept."""
_TRIES_OF_ONE = 5
_FAILURES, _FAILURES_WITHIN = 20, 15 * MINUTE
_FAILURES_OF_ACCOUNT = 100
"""More than those of one network, so that nobody alone keeps an account's people out. Tokens are too long to guess."""
_REGISTRATIONS, _REGISTRATIONS_WITHIN = 20, HOUR


@dataclass(frozen=True)
class Pending:
    """A client that waits for a person to sign in."""

    id: str
    client_id: str
    client_name: str
    """What it calls itself, which anybody may."""
    params: AuthorizationParams


class PendingSignIns:
    """What is remembered of a sign-in, for ten minutes; each belongs to one browser, which a cookie recognizes."""

    def __init__(self, values: KeyValues) -> None:
        self._values = values

    async def may_begin(self, address: str) -> bool:
        """Whether one more sign-in may begin in that network."""
        return await self._values.count(f"oauth:begun:{_network(address)}", PENDING_FOR) <= _BEGUN

    async def keep(self, client_id: str, client_name: str, params: AuthorizationParams, browser: str) -> str:
        """Keep what a client asks for. Returns the id with which the browser gets the page."""
        pending_id = secrets.token_urlsafe(24)
        kept = {
            "client_id": client_id,
            "client_name": client_name,
            "params": params.model_dump(mode="json"),
            "browser": digest(browser),
        }
        await self._values.put(f"oauth:ask:{digest(pending_id)}", json.dumps(kept), PENDING_FOR)
        return pending_id

    async def find(self, pending_id: str, browser: str) -> Pending | None:
        """The sign-in with that id; None if it has expired, or was begun in another browser."""
        text = await self._values.get(f"oauth:ask:{digest(pending_id)}")
        kept = None if text is None else json.loads(text)
        if kept is None or not browser or not secrets.compare_digest(kept["browser"], digest(browser)):
            return None
        params = AuthorizationParams.model_validate(kept["params"])
        return Pending(pending_id, kept["client_id"], kept["client_name"], params)

    async def may_try(self, pending: Pending, address: str, account: str) -> bool:
        """Whether a credential may be tried once more, for this sign-in, from that network, on that account."""
        if await self._values.count(f"oauth:ask-tries:{digest(pending.id)}", PENDING_FOR) > _TRIES_OF_ONE:
            return False
        of_network, of_account = [int(await self._values.get(key) or 0) for key in _failure_keys(address, account)]
        return of_network < _FAILURES and of_account < _FAILURES_OF_ACCOUNT

    async def failed(self, address: str, account: str) -> None:
        """Count a credential that was not accepted."""
        for key in _failure_keys(address, account):
            await self._values.count(key, _FAILURES_WITHIN)

    async def may_register(self, address: str) -> bool:
        """Whether one more client may register itself from that network."""
        count = await self._values.count(f"oauth:registrations:{_network(address)}", _REGISTRATIONS_WITHIN)
        return count <= _REGISTRATIONS


def _failure_keys(address: str, account: str) -> tuple[str, str]:
    return f"oauth:tries:{_network(address)}", f"oauth:tries:account:{digest(account)}"


def _network(address: str) -> str:
    """The network of an address that one party has: the address itself, or a /64 of IPv6."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False).network_address)
    return str(ip)
