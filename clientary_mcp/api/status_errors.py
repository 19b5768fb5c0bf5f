"""Maps status codes and response bodies to errors that say what to do next. Only this module knows the codes."""

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
_MAX_DETAILS = 1_000
_FIELD = re.compile(r"[\w.\[\]-]{1,60}")


def error_for_status(
    status: int, method: str, path: str, body: str, retry_after: float | None = None
) -> ClientaryError:
    """The error for a response that is not 2xx, by its status, and for 4xx by its body."""
    resource = [part for part in path.split("/") if not part.isdigit()][-1].replace("_", " ")
    match status:
        case 401:
            return NotAllowed(
                "Clientary rejected the API token.",
                "Its owner can generate a new one on their profile page in Clientary; set it as CLIENTARY_API_TOKEN.",
            )
        case 403:
            return NotAllowed(
                f"The owner of the API token is not allowed to do this ({method} {path}).",
                "An administrator of the account can grant the permission in Clientary.",
            )
        case 404:
            return not_found(path)
        case 426:
            return PlanLimit(
                f"The account's plan allows no more {resource}.",
                "The owner can change the plan or delete some in Clientary; trying again will not help.",
            )
        case 429:
            when = f"{retry_after:.0f} seconds" if retry_after else "a minute"
            return RateLimited("Clientary's rate limit was reached.", f"Try again in {when}.", retry_after=retry_after)
        case _ if 300 <= status < 400 and method == "GET":
            return MalformedResponse(
                f"Clientary returned a redirect ({status}), which is not followed.",
                "CLIENTARY_SUBDOMAIN or CLIENTARY_BASE_URL is probably not the account's address.",
            )
        case _ if 400 <= status < 500:
            return _refused(status, body)
        case _ if method == "GET":
            return Unavailable(f"Clientary returned a server error ({status}).", "Try again in a minute.")
        case _:
            why = f"Clientary returned {status} in response to {method} {path}."
            return unknown_outcome(why, may_still_happen=status == 504)


def not_found(path: str) -> NotFound:
    """The error for a record that does not exist."""
    return NotFound(f"{path} was not found; it does not exist or was deleted.")


def unknown_outcome(why: str, *, may_still_happen: bool = False, accepted: bool = False) -> OutcomeUnknown:
    """The error for a write that was sent, where the response does not show what became of it."""
    return OutcomeUnknown(why, "Check before retrying.", may_still_happen=may_still_happen, accepted=accepted)


def not_done(method: str, path: str) -> NotDone:
    """The error for a write that left no trace."""
    return NotDone(f"The response to {method} {path} was lost, so the account was checked.", "It is safe to retry.")


def _refused(status: int, body: str) -> Refused:
    fields = field_errors(body)
    details = _details(fields)
    return Refused(f"Clientary rejected this ({status}){f': {details}' if details else ''}.", fields=fields)


def _details(fields: dict[str, list[str]]) -> str:
    """The messages, each in quotation marks, in at most about `_MAX_DETAILS` characters."""
    parts: list[str] = []
    room = _MAX_DETAILS
    for field, messages in fields.items():
        quoted = " and ".join(f"“{message}”" for message in messages)
        part = f"{field}: {quoted}" if field.strip(".") else quoted
        if parts and len(part) > room:
            return f"{'; '.join(parts)}; and {len(fields) - len(parts)} more"
        parts.append(part)
        room -= len(part)
    return "; ".join(parts)


def field_errors(body: str) -> dict[str, list[str]]:
    """The validation messages by field, from every known form of a 422 body; those of no field are under `""`.

    Known forms are `{"name": ["can't be blank"]}`, the same under `errors`, `{"error": "…"}`, a list, and plain text.
    HTML is ignored.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        text = body.strip()
        return {} if not text or "<" in text else {"": [_message(text)]}
    if isinstance(sent, dict):
        sent = sent.get("errors") or sent
    if isinstance(sent, dict):
        found: dict[str, list[str]] = {}
        for name, value in list(sent.items())[:_MAX_FIELDS]:
            messages = ["is not accepted"] if name in SECRETS else _messages(value)
            found[_field(name)] = [*found.get(_field(name), []), *messages]
    else:
        found = {"": _messages(sent)}
    return {field: messages for field, messages in found.items() if messages}


def _field(name: str) -> str:
    return "" if name in ("base", "error", "message") or not _FIELD.fullmatch(name) else name


def _messages(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_message(part) for part in values[:5] if isinstance(part, str) and part.strip()]


def _message(text: str) -> str:
    flat = " ".join(re.sub("[“”]", "", strip_invisible(text)).split())
    return flat if len(flat) <= _MAX_MESSAGE else f"{flat[: _MAX_MESSAGE - 1]}…"
