"""The arguments of payment reminders: the invoices, to whom and with what text, and which clients to skip."""

import re
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId, returned_by
from tool_schemas.base.models import Deduplicated, Previewed, StrictModel
from tool_schemas.base.types import Id
from tool_schemas.documents import Recipients

PLACEHOLDERS = ("number", "balance", "due_date", "days_overdue", "client")
"""What a text may name in braces, to be filled in for each mail."""
_IN_BRACES = [f"{{{name}}}" for name in PLACEHOLDERS]
_BRACES = re.compile(r"\{+[^{}]*\}*|\}+")
_LONGEST_SHOWN = 40


def _known_placeholders(text: str) -> str:
    """The text, if it has no other braces: customers would read those as they are."""
    unknown = next((braces for braces in _BRACES.findall(text) if braces not in _IN_BRACES), None)
    if unknown is not None:
        raise PydanticCustomError(
            "placeholder",
            "takes no braces but {known}, not {given}",
            {"known": ", ".join(_IN_BRACES), "given": repr(unknown[:_LONGEST_SHOWN])},
        )
    return text


InvoiceIds = Annotated[list[Id], Field(max_length=200), returned_by("list_invoices")]
Template = Annotated[str, AfterValidator(_known_placeholders)]


class ClientRecipients(StrictModel):
    client_id: ClientId
    recipients: Recipients = Field(description="E-mail addresses.")


class SendPaymentReminders(Previewed, Deduplicated):
    invoice_ids: InvoiceIds | None = Field(None, description="Only these.")
    min_days_overdue: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="All so many days late or more; 1: all overdue."
    )
    client_id: ClientId | None = Field(None, description="Only this client's; alone: all overdue.")
    recipients_per_client: Annotated[list[ClientRecipients], Field(max_length=200)] | None = Field(
        None, description="Instead of the usual recipients."
    )
    per: Literal["client", "invoice"] = Field(
        "client", description="client: one mail for all of a client's invoices in one currency."
    )
    subject: Template | None = Field(None, description="Default: the account's template.")
    message: Template | None = Field(
        None, description=f"Body text, same default; both fill in {', '.join(_IN_BRACES)}."
    )
    paid_within_days: Annotated[int, Field(ge=0, le=365)] = Field(
        7, description="Skips clients who paid anything in so many days; 0: today."
    )

    @field_validator("recipients_per_client")
    @classmethod
    def _one_row_a_client(cls, rows: list[ClientRecipients] | None) -> list[ClientRecipients] | None:
        twice = [client_id for client_id, count in Counter(row.client_id for row in rows or ()).items() if count > 1]
        if twice:
            raise PydanticCustomError("twice", "takes one row a client, not two of client {id}", {"id": twice[0]})
        return rows

    @model_validator(mode="after")
    def _one_selector(self) -> Self:
        chosen = [self.invoice_ids, self.min_days_overdue].count(None)
        if chosen == 0 or (chosen == 2 and self.client_id is None):
            raise PydanticCustomError(
                "selector", "takes either invoice_ids or min_days_overdue, or client_id alone for all that it owes late"
            )
        return self

    @property
    def given(self) -> dict[int, list[str]]:
        """The recipients that this call names, by client."""
        return {row.client_id: row.recipients for row in self.recipients_per_client or ()}
