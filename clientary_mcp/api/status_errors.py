"""Maps status codes and response bodies to errors that say what to do next. Only this module knows the codes."""

import json
import re
from math import ceil
from typing import Any

from clientary_mcp.api.error_bodies import field_errors, is_xml_error
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
    TokenRejected,
    Unavailable,
)

_MAX_DETAILS = 1_000
_VERDICTS = ("success", "ok", "status", "code")
_REASONS = ("error", "errors", "message")
_MAY_STILL_HAPPEN = (408, 499, 504, 522, 524)
"""Given when something in between stopped waiting for Clientary. For money any status counts as such that something in
between may give: a payment that comes later would be recorded twice.
"""

_ADDRESS = "CLIENTARY_SUBDOMAIN, CLIENTARY_ADDRESS, CLIENTARY_BASE_URL or CLIENTARY_ACCOUNTS"
"""What may name the account's address: one owner's settings, or those for callers."""

_OWN_PAGE = re.compile(
    r"page you were looking for doesn.{1,6}t exist|change you wanted was rejected|sorry, but something went wrong"
    r"|HTTP Basic:",
    re.IGNORECASE,
)
"""Pages of the framework that Clientary is built with."""

_NEVER_A_PAGE = (401, 407, 451, 503)
"""Statuses with which Clientary sends no page; with others, the framework might send one."""

_FOREIGN_PAGE = re.compile(
    r"nginx|apache|openresty|cloudflare|cloudfront|varnish|squid|haproxy|envoy|traefik|zscaler|forti|sophos|firewall"
    r"|proxy|gateway|blocked|denied|captcha|captive|policy|security",
    re.IGNORECASE,
)
"""Words of the pages of proxies and firewalls."""


def error_for_status(
    status: int, method: str, path: str, body: str, retry_after: float | None = None, content_type: str = ""
) -> ClientaryError:
    """The error for a response that is not 2xx, by its status, and for 4xx by its body.

    A write has an outcome only where Clientary's own answer states it: 408, 499 and 5xx may come from what is between,
    after Clientary received the request.
    """
    when = in_time(retry_after)
    if status == 429:
        return RateLimited("Clientary's rate limit was reached.", f"Try again {when}.", retry_after=retry_after)
    if method != "GET" and (status < 400 or status in (408, 499) or status >= 500):
        why = f"Clientary returned {status} in response to {method} {path}."
        from_between = status != 500 and method == "POST" and path.endswith("payments")  # money: see _MAY_STILL_HAPPEN
        return unknown_outcome(why, may_still_happen=status in _MAY_STILL_HAPPEN or from_between)
    temporary = status in (408, 425, 499) or status >= 500
    is_page = _is_page(body, content_type)
    if is_page and (status in _NEVER_A_PAGE or _FOREIGN_PAGE.search(body)):
        return _of_another(status, when, temporary=temporary)
    if temporary and method == "GET":
        of_server = "a server error" if status >= 500 else "no answer"
        return Unavailable(f"Clientary returned {of_server} ({status}).", f"Try again {when}.")
    return _final_error(status, method, path, body, is_page)


def _final_error(status: int, method: str, path: str, body: str, is_page: bool) -> ClientaryError:
    """The error for a status that a retry would not change."""
    resource = [part for part in path.split("/") if not part.isdigit()][-1].replace("_", " ")
    match status:
        case 401:
            return TokenRejected(
                "Clientary rejected the API token.",
                "Its owner can generate a new one on their profile page in Clientary; set it as CLIENTARY_API_TOKEN.",
            )
        case 403 if is_page:
            return NotAllowed(
                f"{method} {path} was refused with a page (403): by a proxy or a firewall between this server and"
                " Clientary, or because the owner of the API token is not allowed to do this.",
                "Whoever runs this server can open the account's address in a browser on its machine to see which.",
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
                "An administrator of the account can change the plan, or delete some; trying again will not help.",
            )
        case _ if status < 400:
            return MalformedResponse(
                f"Clientary returned a redirect ({status}), which is not followed.",
                f"This is probably not the account's address: check {_ADDRESS}.",
            )
        case _:
            return _refused(f"Clientary rejected this ({status})", field_errors(body))


def _is_page(body: str, content_type: str = "") -> bool:
    """Whether a body is a page that may not be Clientary's: its API sends JSON, plain sentences, or nothing."""
    text = body.strip()
    if not text or _OWN_PAGE.search(text) or is_xml_error(text):
        return False
    return text[0] == "<" or ("html" in content_type.lower() and text[0] not in '{["')


def _of_another(status: int, when: str, *, temporary: bool) -> Unavailable:
    return Unavailable(
        f"Something between this server and Clientary, such as a proxy or a firewall, answered with a page ({status}).",
        f"Try again {when}." if temporary else "Trying again will not help.",
        f"Whoever runs this server can check the network's proxy and firewall, and {_ADDRESS}.",
    )


def unreadable(method: str, path: str, body: str) -> ClientaryError:
    """The error for a success whose body is not JSON."""
    if method != "GET":
        # It may not be Clientary's: a proxy may answer 200 with a page of its own without forwarding the request.
        return unknown_outcome(f"The response to {method} {path} could not be read.")
    then = ("It is a page, perhaps of a proxy, a firewall or a sign-in in between.",) if _is_page(body) else ()
    return MalformedResponse("Clientary's response could not be read: it is not valid JSON.", *then)


def error_in_body(method: str, status: int, sent: Any) -> Refused | None:
    """The error that a success reports in its body; None if there is none, or if the body may be a record or a list.

    A record that was read or written may have such fields. What is deleted is no more, whatever is shown of it; and
    no record says of itself that the write of it was no success.
    """
    if not isinstance(sent, dict):
        return None
    denied = any(str(sent.get(name)).lower() == "false" for name in ("success", "ok"))
    failed = denied or str(sent.get("status")).lower() in ("error", "fail", "failed", "failure")
    failed |= any(_is_given(sent.get(name)) for name in ("error", "errors"))
    of_a_record = any(map(_has_id, [sent, *_values_but_errors(sent)]))
    if not failed or (of_a_record and method != "DELETE" and not (denied and method != "GET")):
        return None
    rest = {name: value for name, value in sent.items() if name not in _VERDICTS}
    about = {name: rest[name] for name in _REASONS if name in rest} if of_a_record else rest
    return _refused(f"Clientary rejected this, although it returned {status}", field_errors(json.dumps(about)))


def _values_but_errors(sent: dict[str, Any]) -> list[Any]:
    """What may be a record: the values of an object, and the first of those that are lists."""
    values = [value for name, value in sent.items() if name not in ("error", "errors")]
    return [value[0] if isinstance(value, list) and value else value for value in values]


def _has_id(value: Any) -> bool:
    return isinstance(value, dict) and value.get("id") is not None


def _is_given(value: Any) -> bool:
    return bool(value) and str(value).strip().lower() not in ("", "false", "none", "null", "0")


def in_time(seconds: float | None) -> str:
    """When to try again, in words: exact for two minutes, then rounded up, and never more than a day."""
    if not seconds:
        return "in a minute"
    if seconds <= 120:
        return f"in {ceil(seconds)} second{'s' if seconds > 1 else ''}"
    if seconds <= 7_200:
        return f"in {ceil(seconds / 60)} minutes"
    return f"in {ceil(seconds / 3_600)} hours" if seconds < 86_400 else "in more than a day"


def not_found(path: str) -> NotFound:
    """The error for a record that does not exist."""
    return NotFound(f"{path} was not found; it does not exist or was deleted.")


def unknown_outcome(why: str, **known: bool) -> OutcomeUnknown:
    """The error for a write that was sent, where the response does not show what became of it."""
    return OutcomeUnknown(why, "Check before retrying.", **known)


def not_done(method: str, path: str) -> NotDone:
    """The error for a write that left no trace."""
    return NotDone(f"The response to {method} {path} was lost, so the account was checked.", "It is safe to retry.")


def _refused(what: str, fields: dict[str, list[str]]) -> Refused:
    details = _details(fields)
    return Refused(f"{what}{f': {details}' if details else ''}.", fields=fields)


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
