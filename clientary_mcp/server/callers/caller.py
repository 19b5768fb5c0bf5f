"""Caller: one person or program on one account, with a credential of its own and privileges that only narrow."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from clientary_mcp.settings import Settings
from clientary_mcp.settings.proxies import usual_proxy
from clientary_mcp.settings.serving import Door, Serving

_PER_HOUR = ("deletes_per_hour", "mails_per_hour", "charges_per_hour")


@dataclass(frozen=True)
class Privileges:
    """What a caller may do at most, in the words of the settings; nothing given allows all that the operator allows."""

    read_only: bool = False
    toolsets: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    exclude_tools: frozenset[str] = frozenset()
    deletes_per_hour: int | None = None
    mails_per_hour: int | None = None
    charges_per_hour: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What is given, as JSON holds it."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in given.items()
            if value or (value == 0 and value is not False)
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Privileges":
        """The privileges that `to_json` returned; of a later version, what this one knows."""
        known: dict[str, Any] = {each.name: given[each.name] for each in fields(cls) if each.name in given}
        sets = {name: frozenset(value) for name, value in known.items() if isinstance(value, list)}
        return cls(**known | sets)


ALL_ALLOWED = Privileges()


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

    def settings(self, serving: Serving) -> Settings:
        """The settings of this caller's office: the operator's, with this account and credential, and lower limits.

        Which tools are left is decided by `privileges`, one layer after the other.
        """
        settings = Settings(**serving.bounds, base_url=self.account, api_token=self.api_token)
        lower = {
            name: min(limit, getattr(settings, name))
            for name in _PER_HOUR
            if (limit := getattr(self.privileges, name)) is not None
        }
        proxy = settings.proxy or usual_proxy(serving.environment, settings.address)
        return replace(settings, proxy=proxy, **lower)
