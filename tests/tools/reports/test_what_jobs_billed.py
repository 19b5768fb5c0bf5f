"""Reports know what jobs billed, though Clientary knows of it neither by a mark nor by the project of the invoice."""

from typing import Any, Literal

import pytest

from clientary_mcp.sandbox import Switches
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.quarry import OCTOBER, TOTAL, Books, october

pytestmark = pytest.mark.anyio


async def figures(agent: Agent, books: Books) -> tuple[Any, Any, Any]:
    """Hours billed and unbilled by project_status, and what profitability_report shows of drafts."""
    (row,) = (await agent.answer("project_status", project_id=books.project))["rows"]
    profit = await agent.answer("profitability_report", project_id=books.project)
    return row["billed_hours"], row["unbilled_hours"], profit.get("drafts")


@pytest.mark.parametrize("key", ["billed", None])
async def test_hours_on_a_draft_of_ours_are_billed_until_it_is_voided(key: Literal["billed"] | None) -> None:
    books = Books()
    october(books)
    books.sandbox.switches = Switches(billed_key=key)
    async with agent_of(session_with(books.sandbox)) as agent:
        assert await figures(agent, books) == (4, 11.08, None)
        invoice = (await agent.confirmed("bill_project_hours", project_id=books.project, **OCTOBER))["record"]["id"]
        draft = {"currency_code": "EUR", "count": 1, "invoiced": TOTAL / 100}
        assert await figures(agent, books) == (10.08, 5, [draft])
        await agent.answer("update_invoice", invoice_id=invoice, status="cancelled")
        assert await figures(agent, books) == (4, 11.08, None)
