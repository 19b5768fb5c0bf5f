"""Tools for payment profiles."""

from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed
from clientary_mcp.tools.decorators import creates, deletes, lists
from clientary_mcp.tools.support.formatting import name_of
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import done, find_by_id, preview
from tool_schemas.base.results import Outcome
from tool_schemas.payment_profiles import (
    CreatePaymentProfile,
    DeletePaymentProfile,
    ListClientPaymentProfiles,
    PaymentProfile,
)
from tool_schemas.recurring_schedules import RecurringSchedule


@lists("payment_profiles")
def list_client_payment_profiles(clientary: Clientary, args: ListClientPaymentProfiles) -> Listing[PaymentProfile]:
    """List the cards that one client has stored."""
    return Listing(clientary, PaymentProfile, args, f"clients/{args.client_id}/payment_profiles")


@creates("payment_profiles", "money", checked_with="list_client_payment_profiles")
async def create_payment_profile(clientary: Clientary, args: CreatePaymentProfile) -> PaymentProfile:
    """Store a client's card from ids that Stripe issued; card numbers are not accepted. Needs the account's Stripe
    integration. Charges nothing."""
    return await clientary.create(PaymentProfile, f"clients/{args.client_id}/payment_profiles", args.body())


async def _preview_delete_payment_profile(clientary: Clientary, args: DeletePaymentProfile) -> Outcome:
    path = f"clients/{args.client_id}/payment_profiles"
    profiles = await clientary.list_all(PaymentProfile, path)
    profile = find_by_id(profiles, args.payment_profile_id, f"{path}/{args.payment_profile_id}")
    try:
        schedules = await clientary.list_all(RecurringSchedule)
    except NotAllowed:
        charging: dict[str, Any] = {"not_visible": "the owner of the API token is not allowed to list them"}
    else:
        names = [f"{each.id} {name_of(each)}" for each in schedules if each.payment_profile_id == profile.id]
        charging = {"count": len(names), "first": names[:10]}
    return preview(
        f"delete stored card {profile.id} of client {args.client_id} for good",
        profile,
        goes_with_it={"recurring_schedules_that_charge_it": charging},
        not_visible="Clientary does not document what happens to schedules that charge it.",
    )


@deletes("payment_profiles", _preview_delete_payment_profile, checked_with="list_client_payment_profiles")
async def delete_payment_profile(clientary: Clientary, args: DeletePaymentProfile) -> Outcome:
    """Delete a stored card for good; only the client can enter it again. Schedules with autobill may depend on it."""
    path = f"clients/{args.client_id}/payment_profiles"

    async def there() -> object:
        profiles = await clientary.list_all(PaymentProfile, path)
        return find_by_id(profiles, args.payment_profile_id, path)

    await clientary.delete(f"{path}/{args.payment_profile_id}", there)
    return done(f"Stored card {args.payment_profile_id} of client {args.client_id} is deleted.")


TOOLS = (list_client_payment_profiles, create_payment_profile, delete_payment_profile)
