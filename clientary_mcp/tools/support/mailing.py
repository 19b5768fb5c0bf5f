"""Mailing a document: what invoices and estimates share."""

from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import Refused
from clientary_mcp.tools.support.formatting import format_money
from clientary_mcp.tools.support.previews import preview
from tool_schemas.base.results import Outcome
from tool_schemas.documents import Message
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice


def preview_message(document: Invoice | Estimate, args: Message) -> Outcome:
    """The recipients and contents of the mail."""
    total = format_money(document.total_cost, document.currency_code)
    owed = ""
    if isinstance(document, Invoice):
        owed = f", balance {format_money(document.balance, document.currency_code)}"
    mail: dict[str, Any] = {
        "recipients": args.recipients,
        "subject": args.subject or "the account's template",
        "message": args.message or "the account's template",
        "attach_pdf": bool(args.attach_pdf),
        "send_copy": bool(args.send_copy),
    }
    return preview(
        f"mail {document.wrapper} {document.id} (total {total}{owed}) to {', '.join(args.recipients)}",
        document,
        goes_with_it={"mail": mail},
        not_visible="A mail can't be called back. A draft probably becomes sent by it.",
    )


async def send_message(clientary: Clientary, document: str, args: Message) -> None:
    """Mail the document at that path."""
    body = args.body()
    try:
        await clientary.post(f"{document}/messages", body)
    except Refused:
        # Accounts take recipients as a list or as one text. A refused form was not mailed, so trying the other is safe.
        await clientary.post(f"{document}/messages", body | {"recipients": ", ".join(args.recipients)})
