"""Leads: companies and people that may become clients."""

from typing import Any, Literal

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import LeadId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, PartialUpdate, Record
from tool_schemas.clients import ByCreation, CompanyArguments, CompanyFields, CompanyName, Status


class Lead(CompanyFields, Record):
    """Clientary §5.3: the fields of a client."""

    wrapper, plural = "lead", "leads"
    page_size = 10
    summary_fields = ("id", "name", "number", "city", "country", "website", "created_at")

    name: str | None = None
    status: Status | None = None
    invoice_extra_fields: dict[str, Any] | None = None  # values of any type


class ListLeads(ByCreation, ByQuery):
    sort: Literal["newest", "oldest", "name"] = Field("newest", description="By creation, or name from A to Z.")


class OneLead(Arguments):
    lead_id: LeadId = Field(exclude=True)


class GetLead(OneLead): ...


class CreateLead(Deduplicated, CompanyArguments):
    name: CompanyName


class UpdateLead(CompanyArguments, OneLead, PartialUpdate):
    name: CompanyName | None = None


class DeleteLead(Confirmed, OneLead): ...
