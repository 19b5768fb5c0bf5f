"""The parts of the client overview: what stands beside the open balances, and what a right is missing for."""

import pytest

from tests.support.agent import agent_of
from tests.tools.reports.test_client_overview import PAID, SENT, played

pytestmark = pytest.mark.anyio


async def test_credits_and_coming_invoices_stand_beside_what_is_open() -> None:
    invoices = [
        {"id": 31, "status": SENT, "balance": "9.5", "pending_amount": 2, "currency_code": "kwd", "date": "2026-11-19"},
        {"id": 2, "status": PAID, "balance": "-1.125", "currency_code": "KWD", "date": "2026-11-18"},
        {"id": 3, "status": SENT, "balance": 40, "total_cost": 40, "currency_code": "KWD", "date": "2026-11-22"},
    ]
    async with agent_of(played(invoices=invoices)) as agent:
        answer = await agent.answer("client_overview", client_id=7)
    (row,) = answer["rows"]
    assert (row["open"], row["pending"], row["credits"], row["net"]) == (7.5, 2, 1.125, 6.375)
    assert (row["future"], row["future_invoices"]) == (40, 1)
    assert answer["latest_invoice"]["id"] == 31
    assert "Today is 2026-11-20 (" in answer["basis"]


PARTS = {
    "7": {"client"},
    "contacts": {"contacts"},
    "invoices": {"latest_invoice", "draft_invoices"},
    "projects": {"open_projects"},
    "estimates": {"open_estimates", "accepted_estimates", "draft_estimates"},
}


@pytest.mark.parametrize("denied", PARTS)
async def test_a_missing_right_leaves_only_its_own_part_out(denied: str) -> None:
    invoices = [{"id": 1, "status": SENT, "balance": 5, "currency_code": "EUR", "invoice_items": []}]
    projects = [{"id": 5, "name": "Site", "client_id": 7, "status": 1}]
    async with agent_of(played({denied}, invoices=invoices, projects=projects)) as agent:
        answer = await agent.answer("client_overview", client_id=7)
    assert {part for parts in PARTS.values() for part in parts} - answer.keys() == PARTS[denied] - {"client"}
    assert answer["client"]["id"] == 7
    assert answer["row_count"] == (denied != "invoices")
    assert f"{'client' if denied == '7' else denied}: not included, since" in answer["left_out"][0].lower()
