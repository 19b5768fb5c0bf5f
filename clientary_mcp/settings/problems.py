"""Errors in settings: which variable is wrong, how, and where its value is found."""

from clientary_mcp.errors import SettingsError

_WHERE = {
    "CLIENTARY_SUBDOMAIN": "use the first part of the address you log in at (acme in acme.clientary.com)",
    "CLIENTARY_BASE_URL": "use the address you log in at, for example https://clients.example.com",
    "CLIENTARY_ADDRESS": "use the address you log in at, for example acme.clientary.com",
    "CLIENTARY_API_TOKEN": "generate one in Clientary on your profile page, under Generate API Token",
}


def invalid(variable: str, problem: str) -> SettingsError:
    """The error for a variable, as one sentence."""
    where = _WHERE.get(variable)
    hint = f": {where}, or use --sandbox to try the server without an account" if where else ""
    return SettingsError(f"{variable} {problem}{hint}.")
