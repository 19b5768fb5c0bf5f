"""Caller: one person or program on one account, with a credential of its own and privileges that only narrow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clientary_mcp.settings import Settings
from clientary_mcp.settings.privileges import ALL_ALLOWED, PER_HOUR, Privileges
from clientary_mcp.settings.proxies import usual_proxy
from clientary_mcp.settings.serving import Door, Serving


@dataclass(frozen=True)
class Caller:
    """Who calls. What belongs to one never reaches another."""

    id: str
    """16 hexadecimal characters, the same for the same API token on the same account."""
    name: str
    """What they call themselves, for the trail."""
    account: str
    """The address of the account, `https://host`."""
    api_token: str = field(repr=False)
    """The credential with which Clientary is called; kept sealed, or not at all."""
    privileges: Privileges = ALL_ALLOWED
    via: Door = "tokens"

    def settings(self, serving: Serving, narrowed_by: Sequence[Privileges] = ()) -> Settings:
        """The settings of this caller's office: the operator's, with this account and credential, and lower limits.

        `narrowed_by` is what the connection allows; like the caller's own privileges, it takes away and adds nothing.
        """
        layers = (self.privileges, *narrowed_by)
        settings = Settings(**serving.bounds, base_url=self.account, api_token=self.api_token, narrowed_by=layers)
        lower: dict[str, Any] = {
            name: limit for name in PER_HOUR if (limit := _lowest(name, layers)) < getattr(settings, name)
        }
        proxy = settings.proxy or usual_proxy(serving.environment, settings.address)
        return replace(settings, proxy=proxy, **lower)


def _lowest(name: str, layers: Sequence[Privileges]) -> float:
    return min((limit for layer in layers if (limit := getattr(layer, name)) is not None), default=math.inf)
