"""Messages that mail an invoice or an estimate: recorded, never sent."""

from collections.abc import Mapping
from typing import Any

from clientary_mcp.sandbox.api.replies import Errors, invalid
from clientary_mcp.sandbox.api.writes import DRAFT, SENT
from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.store.fields import InvalidError, flag, is_blank
from clientary_mcp.sandbox.store.resource import Resource
from clientary_mcp.sandbox.store.tables import Row, Store

Message = dict[str, Any]


def send(store: Store, switches: Switches, resource: Resource, document: Row, body: Mapping[str, Any]) -> Message:
    """The message as it would be sent; a draft becomes sent."""
    errors: Errors = {}
    recipients = _recipients(switches, body.get("recipients"), errors)
    flags = {name: _flag(name, body.get(name), errors) for name in ("send_copy", "attach_pdf")}
    if errors:
        raise invalid(errors)
    kind, now = resource.wrapper, store.now()
    if document["status"] == DRAFT:
        store.update(resource.table, document["id"], {"status": SENT, "updated_at": now})
    subject = body.get("subject")
    return {
        "kind": kind,
        "id": document["id"],
        "recipients": recipients,
        "subject": f"{kind.capitalize()} {document['number']}" if is_blank(subject) else str(subject),
        "message": "" if is_blank(body.get("message")) else str(body["message"]),
        **flags,
    }


def _recipients(switches: Switches, given: Any, errors: Errors) -> list[str]:
    form = "array" if isinstance(given, list) else "text"
    if is_blank(given) or given == []:
        errors["recipients"] = ["can't be blank"]
        return []
    if switches.recipients_form not in {form, "any"}:
        errors["recipients"] = ["is invalid"]
        return []
    addresses = given if isinstance(given, list) else str(given).split(",")
    addresses = [str(address).strip() for address in addresses]
    if not all(name and host for name, _, host in (address.partition("@") for address in addresses)):
        errors["recipients"] = ["is invalid"]
    return addresses


def _flag(name: str, given: Any, errors: Errors) -> bool:
    try:
        return not is_blank(given) and flag(given)
    except InvalidError as reason:
        errors[name] = [str(reason)]
        return False
