"""Mailing documents, shared by invoices and estimates."""

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
        not_visible="A mail cannot be recalled. A draft probably becomes sent.",
    )


async def send_message(clientary: Clientary, document: str, args: Message) -> None:
    """Mail the document at that path."""
    body = args.body()
    try:
        await clientary.post(f"{document}/messages", body)
    except Refused:
        # Some accounts take recipients as a list, others as one text. A refusal mailed nothing: try the other.
        await clientary.post(f"{document}/messages", body | {"recipients": ", ".join(args.recipients)})
