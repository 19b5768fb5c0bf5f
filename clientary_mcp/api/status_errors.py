"""Clientary's status codes and error bodies, in words that say what to do next. Each code is known here alone."""

import json
import re
from typing import Any

from clientary_mcp.errors import (
    ClientaryError,
    MalformedResponse,
    NotAllowed,
    NotDone,
    NotFound,
    OutcomeUnknown,
    PlanLimit,
    RateLimited,
    Refused,
    Unavailable,
)
from tool_schemas.base.parsing import SECRETS, strip_invisible

_MAX_FIELDS = 20
_MAX_MESSAGE = 200
_MAX_SAID = 1_000
_FIELD = re.compile(r"[\w.\[\]-]{1,60}")


def error_for_status(
    status: int, method: str, path: str, body: str, retry_after: float | None = None
) -> ClientaryError:
    """The error for an answer that is not 2xx, by its status, and for 422 by its body."""
    resource = [part for part in path.split("/") if not part.isdigit()][-1].replace("_", " ")
    match status:
        case 401:
            return NotAllowed(
                "Clientary does not accept the API token. Its owner can generate a new one on their profile page"
                " in Clientary; it belongs into CLIENTARY_API_TOKEN."
            )
        case 403:
            return NotAllowed(
                f"The owner of the API token has no right to this ({method} {path}). "
                "An administrator of the account can give it in Clientary."
            )
        case 404:
            return NotFound(f"There is nothing at {path}: no such record, or it was deleted.")
        case 426:
            return PlanLimit(
                f"The account's plan allows no more {resource}: nothing was created. "
                "The owner can change the plan or make room in Clientary; trying again will not help."
            )
        case 429:
            when = f" in {retry_after:.0f} seconds" if retry_after else " in a minute"
            return RateLimited(f"Clientary asks to slow down; nothing was changed. Try again{when}.", retry_after)
        case _ if 300 <= status < 400 and method == "GET":
            return MalformedResponse(
                f"Clientary answered with a redirect ({status}), which is not followed. "
                "CLIENTARY_SUBDOMAIN or CLIENTARY_BASE_URL is probably not the account's address."
            )
        case _ if 400 <= status < 500:
            return _refused(status, body)
        case _ if method == "GET":
            return Unavailable(f"Clientary has trouble of its own ({status}). Try again in a minute.")
        case _:
            return unknown_outcome(method, path, f"Clientary answered {status}", may_still_happen=status == 504)


def unknown_outcome(method: str, path: str, why: str, *, may_still_happen: bool = False) -> OutcomeUnknown:
    """The error for a write that was sent and whose answer tells nothing."""
    return OutcomeUnknown(
        f"{why}, so it is not known whether {method} {path} took effect. Look before repeating it.",
        may_still_happen=may_still_happen,
    )


def not_done(method: str, path: str) -> NotDone:
    """The error for a write that left no trace."""
    return NotDone(
        f"The answer was lost, and a look shows that {method} {path} did not take effect. It can be repeated."
    )


def _refused(status: int, body: str) -> Refused:
    fields = field_errors(body)
    said = _said(fields)
    return Refused(f"Clientary refused this ({status}) and changed nothing{f': {said}' if said else ''}.", fields)


def _said(fields: dict[str, list[str]]) -> str:
    """The messages, each quoted, as many as an agent needs to read."""
    parts: list[str] = []
    room = _MAX_SAID
    for field, messages in fields.items():
        quoted = " and ".join(f"“{message}”" for message in messages)
        part = f"{field}: {quoted}" if field.strip(".") else quoted
        if parts and len(part) > room:
            return f"{'; '.join(parts)}; and {len(fields) - len(parts)} more"
        parts.append(part)
        room -= len(part)
    return "; ".join(parts)


def field_errors(body: str) -> dict[str, list[str]]:
    """What is wrong, by field, from any body that a 422 was seen or said to have; the rest stands under `""`.

    Known are `{"name": ["can't be blank"]}`, the same under `errors`, `{"error": "…"}`, a list, and text.
    HTML says nothing that anybody could use.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        text = body.strip()
        return {} if not text or "<" in text else {"": [_message(text)]}
    if isinstance(said, dict):
        nested = said.get("errors")
        said = nested if nested else said
    if isinstance(said, dict):
        found: dict[str, list[str]] = {}
        for name, value in list(said.items())[:_MAX_FIELDS]:
            told = ["is not accepted"] if name in SECRETS else _messages(value)
            found[_field(name)] = [*found.get(_field(name), []), *told]
    else:
        found = {"": _messages(said)}
    return {field: messages for field, messages in found.items() if messages}


def _field(name: str) -> str:
    return "" if name in ("base", "error", "message") or not _FIELD.fullmatch(name) else name


def _messages(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_message(part) for part in values[:5] if isinstance(part, str) and part.strip()]


def _message(text: str) -> str:
    flat = " ".join(re.sub("[“”]", "", strip_invisible(text)).split())
    return flat if len(flat) <= _MAX_MESSAGE else f"{flat[: _MAX_MESSAGE - 1]}…"
