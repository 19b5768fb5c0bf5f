"""The arguments of matching bank lines with open invoices: the lines as banks write them, and what the user chose."""

from collections import Counter
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.argument_forms import ArgumentModel
from tool_schemas.base.models import Previewed, StrictModel
from tool_schemas.base.types import Id, PublishedAs

_MOST = 200


class BankRow(ArgumentModel):
    """One line, as it is published: rows may have the bank's own columns instead."""

    date: str | None = Field(None, description="Day booked.")
    amount: str | None = Field(None, description="Negative: money out.")
    currency_code: str | None = Field(None, description="Like EUR.")
    text: str | None = Field(None, description="Payer and purpose.")
    reference: str | None = Field(None, description="As paid with.")


class Choice(StrictModel):
    row: int = Field(description="From 1.")
    invoice_ids: Annotated[list[Id], Field(max_length=_MOST)] | None = Field(None, description="Paid, in turn.")
    skip: bool = Field(default=False, description="true: record nothing.")


class ReconcilePayments(Previewed):
    rows: Annotated[list[dict[str, Any]], PublishedAs(list[BankRow])] = Field(
        min_length=1,
        max_length=_MOST,
        description="Up to 200, also with the bank's own columns, as Booking date, Paid in, Paid out, Counterparty,"
        " Details, Buchungstag, Betrag, Soll, Haben, Auftraggeber, Verwendungszweck, Date opération, Montant, Débit,"
        " Crédit, Libellé, Fecha, Importe, Concepto, Data contabile, Importo, Causale, Boekdatum, Bedrag.",
    )
    choices: Annotated[list[Choice], Field(max_length=_MOST)] | None = Field(None, description="What the user chose.")

    @model_validator(mode="after")
    def _choices_of_rows(self) -> Self:
        if any(bool(choice.invoice_ids) is choice.skip for choice in self.choices or ()):
            raise PydanticCustomError("choice", "takes either invoice_ids or skip=true in each of choices")
        rows = Counter(choice.row for choice in self.choices or ())
        for row, count in rows.items():
            if not 1 <= row <= len(self.rows):
                raise PydanticCustomError(
                    "choice",
                    "chooses for row {row} of {rows}; valid is 1 to {rows}",
                    {"row": row, "rows": len(self.rows)},
                )
            if count > 1:
                raise PydanticCustomError("choice", "has two choices for row {row}", {"row": row})
        return self
