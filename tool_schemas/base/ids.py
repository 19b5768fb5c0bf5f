"""The ids that tools take: each has one name everywhere, and says which tool returns it."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.sentences import Mention
from tool_schemas.base.types import Id


def returned_by(tool: str) -> Mention:
    """`From list_clients.`: the sentence that says where an agent finds an id."""
    return Mention(f"From {tool}.", tool)


ClientId = Annotated[Id, returned_by("list_clients")]
ContactId = Annotated[Id, returned_by("list_client_contacts")]
LeadId = Annotated[Id, returned_by("list_leads")]
ProjectId = Annotated[Id, returned_by("list_projects")]
HourEntryId = Annotated[Id, returned_by("list_project_hours")]
TaskId = Annotated[Id, returned_by("list_tasks")]
ExpenseId = Annotated[Id, returned_by("list_expenses")]
InvoiceId = Annotated[Id, Field(description="Not the number."), returned_by("list_invoices")]
EstimateId = Annotated[Id, Field(description="Not the number."), returned_by("list_estimates")]
PaymentId = Annotated[Id, returned_by("list_payments")]
PaymentProfileId = Annotated[Id, returned_by("list_client_payment_profiles")]
RecurringScheduleId = Annotated[Id, returned_by("list_recurring_schedules")]
StaffId = Annotated[Id, returned_by("list_staff")]
