"""Tools for estimates."""

from functools import partial

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, sends, updates
from clientary_mcp.tools.support.documents import read_full_name, with_standing
from clientary_mcp.tools.support.formatting import capital
from clientary_mcp.tools.support.line_changes import lines_may_be_missing
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.mailing import mail_document, preview_message
from clientary_mcp.tools.support.previews import done, preview
from clientary_mcp.tools.support.taxed_lines import with_new_lines_taxable, with_taxable_lines
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.estimates import (
    CreateEstimate,
    DeleteEstimate,
    Estimate,
    GetEstimate,
    ListClientEstimates,
    ListEstimates,
    ListProjectEstimates,
    SendEstimateMessage,
    UpdateEstimate,
)


@lists("estimates")
def list_estimates(clientary: Clientary, args: ListEstimates) -> Listing[Estimate]:
    """List estimates (offers, quotes) of all clients."""
    return Listing(clientary, Estimate, args, args.path("estimates"))


@lists("estimates")
def list_client_estimates(clientary: Clientary, args: ListClientEstimates) -> Listing[Estimate]:
    """List the estimates of one client."""
    return Listing(clientary, Estimate, args, f"clients/{args.client_id}/estimates")


@lists("estimates")
def list_project_estimates(clientary: Clientary, args: ListProjectEstimates) -> Listing[Estimate]:
    """List the estimates of one project."""
    return Listing(clientary, Estimate, args, f"projects/{args.project_id}/estimates")


@reads("estimates")
async def get_estimate(clientary: Clientary, args: GetEstimate) -> Estimate:
    """Read one estimate with its lines (item_id) and taxes."""
    return await clientary.get(Estimate, f"estimates/{args.estimate_id}")


@creates(
    "estimates",
    checked_with="list_estimates",
    mentions=Mention("send_estimate_message mails it.", "send_estimate_message"),
)
async def create_estimate(clientary: Clientary, args: CreateEstimate) -> Estimate:
    """Create an estimate, a draft unless status says otherwise. It is not mailed."""
    args = with_taxable_lines(args)
    narrowest = f"clients/{args.client_id}/estimates" if args.client_id else "estimates"
    return await clientary.create(
        Estimate, "estimates", args.body(), listed=partial(clientary.list_all, Estimate, narrowest)
    )


@updates(
    "estimates",
    checked_with="get_estimate",
    repeatable=False,
    mentions=Mention("create_invoice_from_estimate turns it into an invoice.", "create_invoice_from_estimate"),
)
async def update_estimate(clientary: Clientary, args: UpdateEstimate) -> Estimate:
    """Change the given fields of an estimate."""
    path = f"estimates/{args.estimate_id}"
    with lines_may_be_missing(path, args.items, "get_estimate"):
        args = await with_new_lines_taxable(clientary, Estimate, path, args)
        changed = await clientary.update(Estimate, path, args.body())
    return await with_standing(clientary, changed)


async def _preview_delete_estimate(clientary: Clientary, args: DeleteEstimate) -> Outcome:
    estimate = await clientary.get(Estimate, f"estimates/{args.estimate_id}")
    return preview(
        f"delete {await read_full_name(clientary, estimate)} for good",
        estimate,
        goes_with_it={"lines": {"count": len(estimate.items or [])}},
        alternative=Mention(
            f"update_estimate with estimate_id={estimate.id}, status=archived hides it and keeps it on record.",
            "update_estimate",
        ),
    )


@deletes(
    "estimates",
    _preview_delete_estimate,
    checked_with="get_estimate",
    mentions=Mention("update_estimate with status=archived keeps it.", "update_estimate"),
)
async def delete_estimate(clientary: Clientary, args: DeleteEstimate) -> Outcome:
    """Delete an estimate for good, with its lines."""
    path = f"estimates/{args.estimate_id}"
    name = await read_full_name(clientary, await clientary.get(Estimate, path))
    await clientary.delete(path)
    return done(f"{capital(name)} is deleted.")


async def _preview_send_estimate(clientary: Clientary, args: SendEstimateMessage) -> Outcome:
    return await preview_message(clientary, await clientary.get(Estimate, f"estimates/{args.estimate_id}"), args)


@sends(
    "estimates",
    _preview_send_estimate,
    checked_with="get_estimate",
    mentions=Mention("list_client_contacts has the client's addresses.", "list_client_contacts"),
)
async def send_estimate_message(clientary: Clientary, args: SendEstimateMessage) -> Outcome:
    """E-mail an estimate to the given addresses."""
    path = f"estimates/{args.estimate_id}"
    return await mail_document(clientary, path, await clientary.get(Estimate, path), args)


TOOLS = (
    list_estimates,
    list_client_estimates,
    list_project_estimates,
    get_estimate,
    create_estimate,
    update_estimate,
    delete_estimate,
    send_estimate_message,
)
