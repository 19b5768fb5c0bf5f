"""Why Clientary rejected something: the messages of an error body in any usual form, by field, without markup."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from tool_schemas.base.parsing import SECRETS, strip_invisible

_MAX_FIELDS = 20
_MAX_MESSAGES = 5
_MAX_MESSAGE = 200
_LONGEST, _LONGEST_TEXT = 100_000, 2_000
"""Characters of a body in XML, and of one text, that are looked at."""
_DEEPEST = 6

_NAMING = (
    "field", "attribute", "param", "parameter", "property", "propertypath", "pointer", "path", "loc", "location", "key",
)  # fmt: skip
"""Keys beside a message whose value is the name of its field."""
_SAYING = {
    "message", "messages", "detail", "error", "reason", "issue", "msg", "full_message", "full_messages",
    "error_description", "faultstring",
}  # fmt: skip
"""Keys with messages."""
_NAMELESS = _SAYING | {
    "base", "errors", "details", "fault", "invalid-params", "invalid_params", "violations", "modelstate",
}  # fmt: skip
"""Keys that are no fields: what is below them is about what contains them."""
_ABOUT_THE_ERROR = {
    "code", "type", "status", "success", "ok", "instance", "extensions", "locations", "domain", "errorcode",
    "error_code", "timestamp", "source", "locationtype", "traceid",
}  # fmt: skip
"""Keys that say nothing more where there is a message beside them."""

_PARTS = _NAMELESS | _ABOUT_THE_ERROR | {*_NAMING}
_FIELD = re.compile(r"[\w.\[\] -]{1,60}")
_ROOTS = re.compile(r"\s*(?:<\?xml[^<>]*>\s*)?<(?:errors|error|hash)\b")
"""How an error begins that the framework writes as XML."""
_LEAF = re.compile(r"<([\w-]+)[^<>]*>([^<>]+)</\1\s*>")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|</?[a-z!][^<>]*>", re.IGNORECASE | re.DOTALL)


def is_xml_error(body: str) -> bool:
    """Whether a body is an error in XML, and no page."""
    return bool(_ROOTS.match(body))


def field_errors(body: str) -> dict[str, list[str]]:
    """The messages by field; those of no field are under `""`.

    Known forms are `{"name": ["can't be blank"]}`, the same under `errors` or `error`, `{"error": "…"}`, a list, also
    one of `{"field": "name", "message": "…"}`, the fields of lines below theirs, RFC 9457, JSON:API, GraphQL, the
    framework's XML, and plain text. HTML is ignored.
    """
    found: dict[str, list[str]] = {}
    for field, message in _read(body[:_LONGEST] if body[:1] == "<" else body):
        if message and (len(found) < _MAX_FIELDS or field in found):
            messages = found.setdefault(field, [])
            if len(messages) < _MAX_MESSAGES and message not in messages:
                messages.append(message)
    return found


def _read(body: str) -> Iterator[tuple[str, str]]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        if is_xml_error(body):
            yield from ((_below("", name), _message(text)) for name, text in _LEAF.findall(body))
        elif not body.lstrip().startswith("<"):
            yield "", _message(body)
        return
    if isinstance(sent, dict):
        sent = sent.get("errors") or sent
    yield from _messages(sent, "", _DEEPEST)


def _messages(sent: Any, field: str, depth: int) -> Iterator[tuple[str, str]]:
    """Each message in an error body, with its field."""
    if isinstance(sent, str):
        yield field, _message(sent)
    elif isinstance(sent, list) and depth:
        for part in sent[:_MAX_FIELDS]:
            yield from _messages(part, field, depth - 1)
    elif isinstance(sent, dict) and depth:
        field, said = _of_one_error(sent, field)
        for name, value in list(said.items())[:_MAX_FIELDS]:
            below = _below(field, name)
            yield from [(below, "is not accepted")] if name in SECRETS else _messages(value, below, depth - 1)


def _of_one_error(sent: dict[str, Any], field: str) -> tuple[str, dict[str, Any]]:
    """The field that an object is about, and the parts of it that agents get."""
    if isinstance(sent.get("title"), str) and sent.keys() & {"type", "detail", "instance"}:  # RFC 9457 and JSON:API
        sent = {"message": sent["title"], **{name: value for name, value in sent.items() if name != "title"}}
    sent = _with_message(sent)
    if not any(sent.get(name) for name in (*_SAYING, "errors")):
        return field, sent
    sent = {name: value for name, value in sent.items() if not _is_about_the_error(name, value)} | _source(sent)
    named = next((name for name in (*_NAMING, "name") if _names_a_field(name, sent)), None)
    if named is None:
        return field, sent
    return _below(field, _path(sent[named])), {name: value for name, value in sent.items() if name in _NAMELESS}


def _with_message(sent: dict[str, Any]) -> dict[str, Any]:
    """An error with the names of its parts in lower case; a code is its message, where it has a field and no other."""
    spelt = {name.lower() if name.lower() in _PARTS else name: value for name, value in sent.items()}
    if any(spelt.get(name) for name in (*_SAYING, "errors")) or not isinstance(spelt.get("code"), str):
        return spelt
    return spelt | {"message": spelt["code"]} if any(_names_a_field(name, spelt) for name in _NAMING) else spelt


def _is_about_the_error(name: str, value: Any) -> bool:
    return name in _ABOUT_THE_ERROR and (not isinstance(value, list) or name == "locations")


def _source(sent: dict[str, Any]) -> dict[str, Any]:
    """The name of the field as JSON:API gives it: `{"source": {"pointer": "/data/attributes/name"}}`."""
    source = sent.get("source")
    return {name: source[name] for name in _NAMING if name in source} if isinstance(source, dict) else {}


def _names_a_field(name: str, sent: dict[str, Any]) -> bool:
    """Whether the value of a key names the field; `name` does only beside a `reason`, since it may be a field too."""
    if name == "name" and "reason" not in sent:
        return False
    return isinstance(sent.get(name), str | list) and bool(_path(sent[name]))


def _path(value: str | list[Any]) -> str:
    """`invoice.date` for `["invoice", "date"]`, `#/invoice/date` and `/data/attributes/invoice/date`."""
    parts = value.lstrip("#").split("/") if isinstance(value, str) else [str(part) for part in value]
    return ".".join(part for part in parts if part and part not in ("data", "attributes", "body"))


def _below(field: str, name: str) -> str:
    """The name of a field inside another; messages about a record as a whole are about the one that contains it."""
    if name in _NAMELESS or not _FIELD.fullmatch(name):
        return field
    return f"{field}.{name}" if field else name


def _message(text: str) -> str:
    plain = _MARKUP.sub(" ", strip_invisible(html.unescape(text[:_LONGEST_TEXT])))
    flat = " ".join(re.sub("[“”]", "", plain).split())
    return flat if len(flat) <= _MAX_MESSAGE else f"{flat[: _MAX_MESSAGE - 1]}…"
