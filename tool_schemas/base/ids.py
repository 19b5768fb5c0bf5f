"""The ids that tools take: one name each everywhere, and the tool that yields it."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.types import Id

ClientId = Annotated[Id, Field(description="From list_clients.")]
ContactId = Annotated[Id, Field(description="From list_client_contacts.")]
LeadId = Annotated[Id, Field(description="From list_leads.")]
ProjectId = Annotated[Id, Field(description="From list_projects.")]
HourEntryId = Annotated[Id, Field(description="From list_project_hours.")]
TaskId = Annotated[Id, Field(description="From list_tasks.")]
ExpenseId = Annotated[Id, Field(description="From list_expenses.")]
InvoiceId = Annotated[Id, Field(description="From list_invoices.")]
EstimateId = Annotated[Id, Field(description="From list_estimates.")]
PaymentId = Annotated[Id, Field(description="From list_payments.")]
PaymentProfileId = Annotated[Id, Field(description="From list_client_payment_profiles.")]
RecurringScheduleId = Annotated[Id, Field(description="From list_recurring_schedules.")]
StaffId = Annotated[Id, Field(description="From list_staff.")]
