"""The ids that tools take: each has one name everywhere, and says which tool returns it."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.sentences import Mention
from tool_schemas.base.types import Id


def returned_by(tool: str) -> Mention:
    """`From list_clients.`: the sentence that says where an agent finds an id."""
    return Mention(f"From {tool}.", tool)


ClientId = Annotated[Id, Field(description="A client's id."), returned_by("list_clients")]
ContactId = Annotated[Id, Field(description="A contact's id."), returned_by("list_client_contacts")]
LeadId = Annotated[Id, Field(description="A lead's id."), returned_by("list_leads")]
ProjectId = Annotated[Id, Field(description="A project's id."), returned_by("list_projects")]
HourEntryId = Annotated[Id, Field(description="An hour entry's id."), returned_by("list_project_hours")]
TaskId = Annotated[Id, Field(description="A task's id."), returned_by("list_tasks")]
ExpenseId = Annotated[Id, Field(description="An expense's id."), returned_by("list_expenses")]
InvoiceId = Annotated[Id, Field(description="An invoice's id, not its number."), returned_by("list_invoices")]
EstimateId = Annotated[Id, Field(description="An estimate's id, not its number."), returned_by("list_estimates")]
PaymentId = Annotated[Id, Field(description="A payment's id."), returned_by("list_payments")]
PaymentProfileId = Annotated[Id, Field(description="A stored card's id."), returned_by("list_client_payment_profiles")]
RecurringScheduleId = Annotated[
    Id, Field(description="A recurring schedule's id."), returned_by("list_recurring_schedules")
]
StaffId = Annotated[Id, Field(description="A staff member's id."), returned_by("list_staff")]
