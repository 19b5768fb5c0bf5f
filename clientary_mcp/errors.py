"""Everything that can go wrong between a call and Clientary, as one tree. In brackets: the effect on the write.

    ClientaryError           [unchanged]
    ├── SettingsError        [not sent]   a setting is missing or wrong
    ├── BadArguments         [not sent]   the arguments of a call are wrong
    ├── BlockedByOwner       [not sent]   the owner's settings, or the user who was asked, do not allow it
    ├── NotRemembered        [not sent]   what would be sent cannot be stored, so a repeated call could send it twice
    │   └── MemoryUnreachable [not sent]  the memory that several servers share is out of reach
    │       └── MemoryLost   [not sent]   it has just lost what it held
    ├── TakenOver            [not sent]   another process makes the same call
    ├── NotAllowed           [unchanged]  401, 403: the token is invalid, or its owner lacks the permission
    │   └── TokenRejected    [unchanged]  401: the token is not, or no longer, valid
    ├── NotFound             [unchanged]  404
    ├── Refused              [unchanged]  422 and other 4xx: `fields` holds what Clientary rejected
    ├── PlanLimit            [unchanged]  426: the account's plan allows no more
    ├── RateLimited          [unchanged]  429, after all retries
    ├── Unavailable          [unchanged]  not reachable, or 5xx in response to a read
    │   ├── DeadlineReached  [unchanged]  no answer before the call's deadline
    │   │   └── TooManyPages [unchanged]  lists with more pages than can be read before it
    │   └── ListChanged      [unchanged]  a list that changed while its pages were read
    ├── NotDone              [unchanged]  the response to a write was lost, and a check shows that it had no effect
    ├── PartiallyDone        [partial]    a job of several writes stopped after some; the same call continues
    ├── OutcomeUnknown       [unknown]    the response to a write was lost, and it may have succeeded
    └── MalformedResponse    [unchanged]  a response that is not what the API documents

The sentences of an error say what happened, then what to do. `message` adds the effect between the two, so no
sentence mentions it. Text from Clientary appears in them only as the bounded messages of `fields`.
"""

from collections.abc import Collection, Mapping
from math import ceil
from typing import ClassVar, Literal, Self

from tool_schemas.base.sentences import EFFECTS, Effect, in_order, join_sentences

Because = Literal["cap", "privilege", "person", "store"]
"""Why a call is refused before anything is sent: a limit per hour, a setting, the user who was asked, or what must be
written first and cannot be."""


class ClientaryError(Exception):
    """Root of the tree.

    `code` is the error's name in the audit trail: it is public, and stays when a class is renamed. `effect` is what
    happened to the write: each class has a default, which an instance may override.
    """

    code: ClassVar[str] = "ClientaryError"
    effect: Effect = "unchanged"

    def __init__(self, what: str, *then: str, effect: Effect | None = None) -> None:
        """`what` happened, and `then` what to do about it; sentences that name tools are `Mention`s."""
        super().__init__(what, *then)
        self.sentences = [what, *then]
        if effect is not None:
            self.effect = effect

    def __str__(self) -> str:
        return join_sentences(self.sentences)

    def add(self, *sentences: str) -> Self:
        """The same error, with more sentences on what to do or know."""
        self.sentences += sentences
        return self

    def message(self, unavailable: Collection[str] = (), *, reading: bool = False) -> str:
        """The message for an agent: what happened, what was changed, what to do.

        Sentences that mention an unavailable tool are left out. `reading` calls have no effect to mention.
        """
        what, *then = self.sentences
        return join_sentences(in_order(what, None if reading else EFFECTS[self.effect], then), unavailable)


class SettingsError(ClientaryError):
    """A setting is missing or wrong; the message is one plain sentence for the owner."""

    code = "SettingsError"
    effect = "not sent"


class BadArguments(ClientaryError):
    """The arguments of a call are wrong."""

    code = "BadArguments"
    effect = "not sent"


class BlockedByOwner(ClientaryError):
    """The owner's settings, or the user who was asked, do not allow it."""

    code = "Withheld"
    effect = "not sent"

    def __init__(self, what: str, *then: str, because: Because = "privilege") -> None:
        super().__init__(what, *then)
        self.because: Because = because


OF_THIS_CALL_ALONE = "This says nothing of an earlier call."
"""Told where it could not be looked up whether the same was called before."""


class NotRemembered(ClientaryError):
    """What would be sent cannot be stored, so a repeated call could send it twice."""

    code = "NotRemembered"
    effect = "not sent"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The store of what was sent cannot be written ({why}), so a repeated call could do the same twice.",
            "Whoever runs this server finds its place with clientary-mcp check.",
        )


class MemoryUnreachable(NotRemembered):
    """The memory that several servers share cannot be reached."""

    def __init__(self) -> None:
        super().__init__("it cannot be reached")
        self.sentences = [
            "This server's shared memory can't be reached, and without it nothing keeps a write from happening twice.",
            "Try again in a minute.",
        ]

    def message(self, unavailable: Collection[str] = (), *, reading: bool = False) -> str:
        """The message for an agent, which begins with the effect: that of this call, as no earlier one is known."""
        what, *then = self.sentences
        if reading:
            return join_sentences([what, *then], unavailable)
        told = f"Nothing was sent: {what[0].lower()}{what[1:]}"
        return join_sentences([told, *then, OF_THIS_CALL_ALONE], unavailable)


class MemoryLost(MemoryUnreachable):
    """The memory that several servers share has lost what it held, and what was under way may still be."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self.sentences = [
            "This server's shared memory has lost what it held, so that what is under way could be done twice.",
            f"Try again in {ceil(minutes)} minute{'s' if minutes > 1 else ''}.",
        ]


class TakenOver(ClientaryError):
    """Another process makes the same call."""

    code = "TakenOver"
    effect = "not sent"

    def __init__(self, what: str = "Another process makes the same call.") -> None:
        super().__init__(what, "The same call again gets its outcome.")


class NotAllowed(ClientaryError):
    """The token is invalid, or its owner lacks the permission."""

    code = "NotAllowed"


class TokenRejected(NotAllowed):
    """Clientary does not accept the API token, or no longer."""


class NotFound(ClientaryError):
    """The record does not exist."""

    code = "NotFound"


class Refused(ClientaryError):
    """Clientary validated the request and rejected it.

    `fields` maps our name of a field to what is wrong with it; the key `""` holds messages about no field.
    """

    code = "Refused"

    def __init__(self, what: str, *then: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(what, *then)
        self.fields = dict(fields or {})


class PlanLimit(ClientaryError):
    """The account's plan allows no more records of this kind."""

    code = "PlanLimit"


class RateLimited(ClientaryError):
    """The rate limit was reached, and retrying did not help. `retry_after` is in seconds, if Clientary gave it."""

    code = "Busy"

    def __init__(self, what: str, *then: str, retry_after: float | None = None, effect: Effect | None = None) -> None:
        super().__init__(what, *then, effect=effect)
        self.retry_after = retry_after


class Unavailable(ClientaryError):
    """Clientary could not be reached, or returned a server error."""

    code = "Unavailable"


class DeadlineReached(Unavailable):
    """Clientary did not answer before the deadline of the call."""


class TooManyPages(DeadlineReached):
    """The lists that a call reads have more pages than can be read before its deadline."""

    code = "TooManyPages"


class ListChanged(Unavailable):
    """A list kept changing while its pages were read, so it could not be read completely."""

    code = "Changing"
    read_twice = False
    """Whether it was read again already."""


class NotDone(ClientaryError):
    """The response to a write was lost, and the write had no effect: it is safe to retry."""

    code = "NotDone"


class PartiallyDone(ClientaryError):
    """A job of several writes stopped part-way. What was done stays, and the message lists it."""

    code = "HalfDone"
    effect = "partial"


class OutcomeUnknown(ClientaryError):
    """A write was sent, and whether it succeeded is unknown.

    `may_still_happen` when Clientary could still be working on it; `accepted` when Clientary returned success without
    the record that it made; `answered` unless the connection ended before any response, whose write may come late.
    """

    code = "OutcomeUnknown"
    effect = "unknown"

    def __init__(
        self,
        what: str,
        *then: str,
        may_still_happen: bool = False,
        accepted: bool = False,
        answered: bool = True,
    ) -> None:
        super().__init__(what, *then)
        self.may_still_happen, self.accepted, self.answered = may_still_happen, accepted, answered


class MalformedResponse(ClientaryError):
    """Clientary returned something that the API does not document."""

    code = "Unreadable"
