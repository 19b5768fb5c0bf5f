"""Approval: the user is asked before a delete, a charge, an e-mail or a job, if the client can ask.

In protocol 2026-07-28, the call returns the question, and the client repeats the call with the user's reply. In
earlier versions, the server asks while the call stays open. Clients end an open call after a while, many after 60
seconds and some without notice, so a change that the user approved happens before that or not at all. Either way, a
reply counts once, for one call, and only for the preview that the user saw.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio.lowlevel
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from clientary_mcp.api.call import Call, Clock
from clientary_mcp.durations import MINUTE
from clientary_mcp.errors import BlockedByOwner
from clientary_mcp.observe import observer
from clientary_mcp.settings import Settings
from clientary_mcp.state.writes import Answered
from tool_schemas.base.results import as_text


@dataclass(frozen=True)
class PreviewSnapshot:
    """A preview, its message alone, and a digest of everything that was read: if it differs, something changed."""

    preview: dict[str, Any]
    would: str
    state: str


Preview = Callable[[], Awaitable[PreviewSnapshot]]
CheckAgain = Callable[[], Awaitable[None]]
"""BlockedByOwner if what may be done was changed since the call began."""

ANSWER_WITHIN = 15 * MINUTE
"""Seconds in which the user can answer a question that a call returned."""

_TO_FINISH = 5.0
"""Seconds reserved for the change itself, after the user's last chance to approve it."""

_PROGRESS_EVERY = 5.0

_NOT_ASKED = "the client failed to ask the user"
_QUESTION = "owner_agrees"
_FORM = {
    "type": "object",
    "properties": {
        "agree": {"type": "boolean", "title": "Approve", "description": "This cannot be undone.", "default": False}
    },
    "required": ["agree"],
}


class Approval:
    """Asks the user for approval, as the owner's settings require."""

    def __init__(self, settings: Settings, clock: Clock, answered: Answered, check_again: CheckAgain) -> None:
        self._clock, self._answered, self._check_again = clock, answered, check_again
        self._mode, self._timeout = settings.ask_user, settings.ask_timeout

    async def obtain(
        self, key: str, call: Call, preview: Preview, context: Context[Any, Any] | None
    ) -> InputRequiredResult | dict[str, Any] | None:
        """None if the call may proceed; otherwise its answer: the question, or a new preview after a change.

        `key` identifies the tool and its arguments. BlockedByOwner if the user does not agree or cannot be asked.
        """
        if self._mode == "never":
            return None
        if context is None or not _can_ask(context):
            if self._mode == "auto":
                return None
            raise _refusal("this needs the user's approval, and this client cannot ask for it")
        asks_by_result = _asks_by_result(context)
        if not asks_by_result:
            call.latest = call.begun + self._timeout + _TO_FINISH
        snapshot = await preview()
        if "to_proceed" not in snapshot.preview:  # nothing to do, so nothing to approve
            return snapshot.preview
        if asks_by_result:
            return await self._ask_by_result(key, snapshot, context)
        return await self._ask_by_request(snapshot, call, preview, context)

    async def _ask_by_result(
        self, key: str, snapshot: PreviewSnapshot, context: Context[Any, Any]
    ) -> InputRequiredResult | dict[str, Any] | None:
        replies, asked = context.input_responses or {}, _asked(context.request_state)
        answered = _QUESTION in replies and asked.get("call") == key
        if not answered or not await self._answered.first(asked["id"], ANSWER_WITHIN):
            observer().count("clientary.questions", "asked")
            state = {
                "call": key,
                "state": snapshot.state,
                "id": secrets.token_hex(8),
                "until": self._clock.wall() + ANSWER_WITHIN,  # another process may get the reply
            }
            return InputRequiredResult(
                input_requests={_QUESTION: ElicitRequest(params=_form(snapshot))},
                request_state=json.dumps(state),
            )
        if self._clock.wall() > asked["until"]:
            observer().count("clientary.questions", "none")
            raise _refusal(f"the user did not answer within {ANSWER_WITHIN / MINUTE:.0f} minutes")
        if not isinstance(reply := replies[_QUESTION], ElicitResult):
            raise _refusal(_NOT_ASKED)
        _check_agreed(reply)
        return None if asked.get("state") == snapshot.state else _changed(snapshot.preview)

    async def _ask_by_request(
        self, snapshot: PreviewSnapshot, call: Call, preview: Preview, context: Context[Any, Any]
    ) -> dict[str, Any] | None:
        until = call.begun + self._timeout
        if self._clock.now() >= until:
            raise _refusal("Clientary was so slow that no time was left to ask the user")
        reply = await _ask(_form(snapshot), call, until, context)
        _check_agreed(reply)
        await self._check_again()
        latest = await preview()
        if self._clock.now() > until:
            raise _refusal("the user agreed too late to finish before the client stops waiting (CLIENTARY_ASK_TIMEOUT)")
        await anyio.lowlevel.checkpoint_if_cancelled()  # the client may have disconnected while the preview was read
        return None if latest.state == snapshot.state else _changed(latest.preview)


async def _ask(form: ElicitRequestFormParams, call: Call, until: float, context: Context[Any, Any]) -> ElicitResult:
    """The user's reply while the call stays open, with progress for clients that wait longer if they get some."""
    reply: ElicitResult | None = None
    why = "the user did not answer in time (CLIENTARY_ASK_TIMEOUT)"

    async def report_progress() -> None:
        while True:
            await call.report(None, "The user is asked for approval")
            await anyio.sleep(_PROGRESS_EVERY)

    observer().count("clientary.questions", "asked")
    async with anyio.create_task_group() as group:
        group.start_soon(report_progress)
        with anyio.move_on_after(until - call.clock.now()):
            try:
                reply = await context.session.elicit_form(form.message, form.requested_schema, context.request_id)
            except (MCPError, ValidationError):
                why = _NOT_ASKED
        group.cancel_scope.cancel()
    if reply is None:
        observer().count("clientary.questions", "none")
        raise _refusal(why)
    return reply


def _can_ask(context: Context[Any, Any]) -> bool:
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return False
    return _asks_by_result(context) or context.session.can_send_request


def _asks_by_result(context: Context[Any, Any]) -> bool:
    version = context.protocol_version
    return version is not None and is_version_at_least(version, "2026-07-28")


def _form(snapshot: PreviewSnapshot) -> ElicitRequestFormParams:
    return ElicitRequestFormParams(message=_question_text(snapshot), requested_schema=_FORM)


def _question_text(snapshot: PreviewSnapshot) -> str:
    """The preview for the user: what would happen, to which record, step by step, and what else is affected."""
    shown, lines = snapshot.preview, [snapshot.would]
    lines += [
        f"{label}: {as_text(shown[part])}"
        for part, label in (("record", "Record"), ("goes_with_it", "Also affected"))
        if part in shown
    ]
    for part, label in (("steps", "Steps"), ("totals", "Totals")):
        lines += [f"{label}:", *(f"- {_row(row)}" for row in shown[part])] if part in shown else []
    lines += [shown[part] for part in ("not_visible", "alternative") if part in shown]
    return "\n".join(lines)


def _row(row: Any) -> str:
    """`number: "1042", days overdue: 12`; texts are in quotation marks and on one line, as in JSON."""
    if not isinstance(row, dict):
        return str(row)
    return ", ".join(f"{name.replace('_', ' ')}: {as_text(value)}" for name, value in row.items())


def _check_agreed(reply: ElicitResult) -> None:
    """Raise BlockedByOwner unless the user agreed."""
    agreed = reply.action == "accept" and (reply.content or {}).get("agree") is True
    observer().count("clientary.questions", "agreed" if agreed else reply.action)
    if agreed:
        return
    if reply.action == "accept":  # only a user can leave the box unticked, so the client did show the question
        raise BlockedByOwner("The user left the confirmation unticked.", because="person")
    raise _refusal("the user declined" if reply.action == "decline" else "the user cancelled the question")


def _refusal(why: str) -> BlockedByOwner:
    return BlockedByOwner(
        f"{why[0].upper()}{why[1:]}.",
        "If this client cannot show such a question, whoever runs this server can set CLIENTARY_ASK_USER=never: the"
        " agent's confirm=true is then enough.",
        because="person",
    )


def _changed(shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, "message": f"The record changed while the user was asked. {shown['message']}"}


def _asked(state: str | None) -> dict[str, Any]:
    """The state of the question, sealed by the SDK; empty if it is not this server's."""
    try:
        asked = json.loads(state or "{}")
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
