"""A person's word: before a delete, a charge or a mail, the host's user is asked, where the host can ask.

In the 2026-07-28 protocol the question is the call's answer, and the call comes again with the reply; before, the
question is a request of the server's in the middle of the call. Either way a reply counts for one call, once, and
only for the preview that the person saw.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from clientary_mcp.errors import BlockedByOwner
from clientary_mcp.settings import Settings
from tool_schemas.base.results import as_text


@dataclass(frozen=True)
class PreviewSnapshot:
    """A preview, and what stands for everything that was read for it: another value says that something changed."""

    preview: dict[str, Any]
    state: str


Preview = Callable[[], Awaitable[PreviewSnapshot]]

_QUESTION = "owner_agrees"
_FORM = {
    "type": "object",
    "properties": {
        "agree": {"type": "boolean", "title": "Do it", "description": "This can't be undone.", "default": False}
    },
    "required": ["agree"],
}
_CHANGE = "The owner can change CLIENTARY_ASK_USER."


class Approval:
    """Asks the person, as the owner's settings say."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._now = now
        self._mode, self._timeout = settings.ask_user, settings.ask_timeout
        self._answered: dict[str, float] = {}

    async def obtain(
        self, call: str, preview: Preview, context: Context[Any, Any] | None
    ) -> InputRequiredResult | dict[str, Any] | None:
        """None when the call may go on; else what to answer: the question, or the preview of what has changed.

        `call` stands for the tool and its arguments. Withheld when the person does not agree, or can't be asked.
        """
        if self._mode == "never":
            return None
        if context is None or not _can_ask(context):
            if self._mode == "auto":
                return None
            raise BlockedByOwner(f"Nothing was sent: a person has to agree, and this host can't ask one. {_CHANGE}")
        seen = await preview()
        if "to_proceed" not in seen.preview:  # there is nothing to do, and so nothing to agree to
            return seen.preview
        if _asks_by_answer(context):
            return self._by_answer(call, seen, context)
        _settle(await self._by_request(seen.preview, context))
        now = await preview()
        return None if now.state == seen.state else _changed(now.preview)

    def _by_answer(
        self, call: str, seen: PreviewSnapshot, context: Context[Any, Any]
    ) -> InputRequiredResult | dict[str, Any] | None:
        replies, asked = context.input_responses or {}, _asked(context.request_state)
        if _QUESTION not in replies or asked.get("call") != call or asked.get("id") in self._answered:
            state = {
                "call": call,
                "seen": seen.state,
                "id": secrets.token_hex(8),
                "until": self._now() + self._timeout,
            }
            return InputRequiredResult(
                input_requests={_QUESTION: ElicitRequest(params=_form(seen.preview))}, request_state=json.dumps(state)
            )
        still = {id_: until for id_, until in self._answered.items() if until >= self._now()}
        self._answered = still | {asked["id"]: asked["until"]}
        reply = replies[_QUESTION] if self._now() <= asked["until"] else None
        _settle(reply if isinstance(reply, ElicitResult) else None)
        return None if asked.get("seen") == seen.state else _changed(seen.preview)

    async def _by_request(self, shown: dict[str, Any], context: Context[Any, Any]) -> ElicitResult | None:
        form = _form(shown)
        with anyio.move_on_after(self._timeout):
            try:
                reply: ElicitResult = await context.session.elicit_form(
                    form.message, form.requested_schema, context.request_id
                )
            except (MCPError, ValidationError):
                raise BlockedByOwner(f"Nothing was sent: the host failed to ask the person. {_CHANGE}") from None
            return reply
        return None


def _can_ask(context: Context[Any, Any]) -> bool:
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return False
    return _asks_by_answer(context) or context.session.can_send_request


def _asks_by_answer(context: Context[Any, Any]) -> bool:
    version = context.protocol_version
    return version is not None and is_version_at_least(version, "2026-07-28")


def _form(shown: dict[str, Any]) -> ElicitRequestFormParams:
    return ElicitRequestFormParams(message=_in_words(shown), requested_schema=_FORM)


def _in_words(shown: dict[str, Any]) -> str:
    """The preview for a person: what would happen, to what, step by step, and what goes along."""
    lines = [shown["message"].removeprefix("Nothing was changed. ")]
    lines += [
        f"{label}: {as_text(shown[part])}"
        for part, label in (("record", "Record"), ("goes_with_it", "Goes with it"))
        if part in shown
    ]
    for part, label in (("steps", "Steps"), ("totals", "Totals")):
        lines += [f"{label}:", *(f"- {_row(row)}" for row in shown[part])] if part in shown else []
    lines += [shown[part] for part in ("not_visible", "alternative") if part in shown]
    return "\n".join(lines)


def _row(row: Any) -> str:
    """`number: "1042", days overdue: 12`; texts in quotation marks and on one line, as JSON writes them."""
    if not isinstance(row, dict):
        return str(row)
    return ", ".join(f"{name.replace('_', ' ')}: {as_text(value)}" for name, value in row.items())


def _settle(reply: ElicitResult | None) -> None:
    """Withheld unless the person said yes, and which of the other answers it was."""
    if reply is not None and reply.action == "accept" and (reply.content or {}).get("agree") is True:
        return
    what = {
        None: "did not answer in time (CLIENTARY_ASK_TIMEOUT)",
        "decline": "declined",
        "cancel": "cancelled the question",
    }
    said = what.get(reply.action if reply else None, "did not tick that it should be done")
    raise BlockedByOwner(f"Nothing was sent: the person who was asked {said}. {_CHANGE}")


def _changed(shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, "message": f"The record changed while the person was asked. {shown['message']}"}


def _asked(state: str | None) -> dict[str, Any]:
    """What the question was about; the SDK seals it, so that it is ours or nothing."""
    try:
        asked = json.loads(state or "{}")
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
