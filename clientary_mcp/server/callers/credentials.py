"""Whether Clientary accepts a credential, and what it gives access to: asked before anything is sealed."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import anyio
import httpx

from clientary_mcp.api.network import new_network
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, DeadlineReached, NotAllowed, TokenRejected
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.settings.serving import Serving

_SECONDS = 10.0
_LONGEST = 200


@dataclass(frozen=True)
class Rights:
    """What the owner of a credential may read, of the lists that were tried."""

    readable: Collection[str]
    """Of `clients` and `staff`."""

    @property
    def in_words(self) -> str:
        """The rights as a sentence."""
        if "staff" in self.readable:
            return "The credential reads the account's clients and staff."
        if "clients" in self.readable:
            return "The credential reads the account's clients, but not its staff."
        return "Clientary accepts the credential, but lets it read neither clients nor staff."


def may_be_token(text: str) -> bool:
    """Whether a text can be an API token at all: 1 to 200 printable characters without spaces."""
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text


async def check_credentials(
    serving: Serving, account: str, api_token: str, network: httpx.AsyncBaseTransport | None = None
) -> Rights:
    """What a credential gives access to on the account at that address, by two short reads within ten seconds.

    TokenRejected if Clientary does not accept it, another ClientaryError if the account cannot be reached or is none.
    """
    settings = replace(Caller("", "", account, api_token).settings(serving), deadline=_SECONDS)
    readable = []
    try:
        with anyio.fail_after(_SECONDS):
            # Connections that are passed in keep what they remember in this process: nothing is stored for a check.
            async with Clientary(settings, network or new_network(settings)) as clientary:
                for path in ("clients", "staff"):
                    try:
                        await clientary.fetch(path, {"page": 1} if path == "clients" else None)
                        readable.append(path)
                    except TokenRejected:
                        raise
                    except NotAllowed:
                        continue
                    except ClientaryError:
                        if not readable:
                            raise
    except TimeoutError:
        raise DeadlineReached("Clientary did not answer within ten seconds.", "Try again in a minute.") from None
    return Rights(tuple(readable))
