"""Tools for leads."""

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import done, preview_delete
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.leads import CreateLead, DeleteLead, GetLead, Lead, ListLeads, UpdateLead


@lists("leads")
def list_leads(clientary: Clientary, args: ListLeads) -> Listing[Lead]:
    """List leads: prospects who are not clients yet."""
    query = {"sort": args.sort if args.sort != "newest" else None}
    return Listing(clientary, Lead, args, query=query)


@reads("leads")
async def get_lead(clientary: Clientary, args: GetLead) -> Lead:
    """Read one lead: address, notes, website."""
    return await clientary.get(Lead, f"leads/{args.lead_id}")


@creates(
    "leads",
    checked_with="list_leads",
    mentions=Mention("create_client adds a customer who already buys.", "create_client"),
)
async def create_lead(clientary: Clientary, args: CreateLead) -> Lead:
    """Add a lead, a prospect."""
    return await clientary.create(Lead, "leads", args.body())


@updates("leads", checked_with="get_lead", mentions=Mention("convert_lead makes it a client.", "convert_lead"))
async def update_lead(clientary: Clientary, args: UpdateLead) -> Lead:
    """Change the given fields of a lead."""
    return await clientary.update(Lead, f"leads/{args.lead_id}", args.body())


@deletes(
    "leads",
    preview_delete(
        Lead,
        along=", with all its estimates and contacts",
        remarks=lambda _: {
            "not_visible": "The API has no list of a lead's estimates and contacts, so they are not counted here."
        },
    ),
    checked_with="get_lead",
)
async def delete_lead(clientary: Clientary, args: DeleteLead) -> Outcome:
    """Delete a lead for good, with all its estimates and contacts."""
    await clientary.delete(f"leads/{args.lead_id}")
    return done(f"Lead {args.lead_id} is deleted, with its estimates and contacts.")


TOOLS = (list_leads, get_lead, create_lead, update_lead, delete_lead)
