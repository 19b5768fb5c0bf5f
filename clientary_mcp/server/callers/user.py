"""CallerUser: a caller as the SDK knows users, to whom it binds sessions and the state of questions."""

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges


class CallerUser(AuthenticatedUser):
    """Who sent a request. The SDK compares client, issuer and caller id, and is not told the token itself."""

    def __init__(self, caller: Caller, client_id: str, issuer: str, narrowed_by: tuple[Privileges, ...] = ()) -> None:
        super().__init__(
            AccessToken(token="", client_id=client_id, scopes=[], subject=caller.id, claims={"iss": issuer})
        )
        self.caller = caller
        self.narrowed_by = tuple(each for each in dict.fromkeys(narrowed_by) if each != ALL_ALLOWED)
        """What the headers of this request, and of the one that opened its session, leave of the privileges."""
        self._issuer = issuer

    def also_narrowed_by(self, other: "CallerUser") -> "CallerUser":
        """The same user, whom the headers of another request bind as well."""
        narrowed_by = (*other.narrowed_by, *self.narrowed_by)
        return CallerUser(self.caller, self.access_token.client_id, self._issuer, narrowed_by)
