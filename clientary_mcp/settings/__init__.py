"""Everything that can be configured: of one account, and of a server that serves many callers."""

from collections.abc import Mapping
from dataclasses import fields

from clientary_mcp.settings.account import Settings, read_all
from clientary_mcp.settings.serving import Serving

ALL_SETTINGS = tuple(setting for setting in (*fields(Settings), *fields(Serving)) if setting.metadata)
"""The fields of both, each with its `variable` and what is said `about` it in their metadata."""

__all__ = ["ALL_SETTINGS", "Serving", "Settings", "common_settings", "read_serving"]


def read_serving(environment: Mapping[str, str]) -> Serving | None:
    """The settings of a server with callers; None where `environment` asks for none, and one owner is served."""
    given, serving = read_all(environment)
    if not serving.get("callers"):
        return None
    chosen = Serving(**serving, bounds=given, environment=environment)
    common_settings(chosen)
    return chosen


def common_settings(serving: Serving) -> Settings:
    """What holds for all callers; the account and the credential in it are nobody's."""
    return Settings(**serving.bounds, subdomain="any", api_token="any")  # noqa: S106 - see above
