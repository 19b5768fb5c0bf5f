"""Everything that can go wrong between a call and Clientary, as one tree:

    ClientaryError
    ├── SettingsError        something is missing or wrong in the settings
    ├── BadArguments         refused here: nothing was sent
    ├── BlockedByOwner       refused here by what the owner set: a cap, or a person's word; nothing was sent
    ├── NotAllowed           401, 403: the token is not accepted, or its owner may not
    ├── NotFound             404
    ├── Refused              422 and other 4xx: the fields that Clientary complains of are in `fields`
    ├── PlanLimit            426: the account's plan allows no more
    ├── RateLimited          429, after all tries
    ├── Unavailable          not reachable, or 5xx to a read
    │   └── ListChanged      a list that changed while its pages were read
    ├── NotDone              a write was sent, its answer did not come, and a look shows that it took no effect
    ├── PartiallyDone        a job of several writes stopped after some of them; the same call goes on from there
    ├── OutcomeUnknown       a write was sent, its answer did not come, and it may have taken effect
    └── MalformedResponse    an answer that is not what the API documents

Messages are read by agents: they say what happened and what to do next, and hold no text of Clientary's but
the bounded messages of `fields`.
"""

from collections.abc import Mapping
from typing import ClassVar


class ClientaryError(Exception):
    """Root of the tree. `code` is its name in the audit trail: public, so it stays when a class is renamed."""

    code: ClassVar[str] = "ClientaryError"


class SettingsError(ClientaryError):
    """A setting is missing or wrong; the message is one plain sentence for whoever set it."""

    code = "SettingsError"


class BadArguments(ClientaryError):
    """The arguments of a call are wrong. Nothing was sent."""

    code = "BadArguments"


class BlockedByOwner(ClientaryError):
    """The owner's settings, or the person who was asked, do not let it happen. Nothing was sent."""

    code = "Withheld"


class NotAllowed(ClientaryError):
    """The token is not accepted, or its owner lacks the right."""

    code = "NotAllowed"


class NotFound(ClientaryError):
    """There is no such record."""

    code = "NotFound"


class Refused(ClientaryError):
    """Clientary checked the request and refused it; nothing was changed.

    `fields` maps a field, by our name, to what is wrong with it; the key `""` holds what names no field.
    """

    code = "Refused"

    def __init__(self, message: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class PlanLimit(ClientaryError):
    """The account's plan allows no more records of this kind."""

    code = "PlanLimit"


class RateLimited(ClientaryError):
    """Clientary asked to slow down, and went on asking. `retry_after` is in seconds, when it said so."""

    code = "Busy"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ClientaryError):
    """Clientary could not be reached or answered with an error of its own; nothing was changed."""

    code = "Unavailable"


class ListChanged(Unavailable):
    """A list changed while its pages were read, so that it can't be told whole."""

    code = "Changing"


class NotDone(ClientaryError):
    """A write left without an answer, and did not take effect: it may be repeated."""

    code = "NotDone"


class PartiallyDone(ClientaryError):
    """A job of several writes stopped half-way. What was done stays, and is told."""

    code = "HalfDone"


class OutcomeUnknown(ClientaryError):
    """A write left, and whether it took effect is not known.

    `may_still_happen` when it could be under way yet; `accepted` when Clientary said yes without showing what it made.
    """

    code = "OutcomeUnknown"

    def __init__(self, message: str, *, may_still_happen: bool = False, accepted: bool = False) -> None:
        super().__init__(message)
        self.may_still_happen, self.accepted = may_still_happen, accepted


class MalformedResponse(ClientaryError):
    """Clientary answered something that the API does not document."""

    code = "Unreadable"
