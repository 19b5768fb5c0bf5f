"""The toolset `core`: exactly the tools of everyday work, and small enough for every host."""

import json

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import CORE
from tests.support.users import configured, connect

pytestmark = pytest.mark.anyio

# What the contract lists.
_NAMES = """
search get_account client_overview
list_clients get_client create_client update_client
list_contacts create_contact update_contact
list_leads create_lead convert_lead
list_projects get_project create_project update_project
list_hours create_project_hours update_hour_entry
list_tasks create_task update_task
list_expenses create_expense
list_invoices get_invoice create_invoice update_invoice send_invoice_message
list_estimates create_invoice_from_estimate
create_payment
bill_project_hours send_payment_reminders
receivables_report unbilled_report project_status sales_report
undo
"""
CONTRACT = _NAMES.split()

MOST_TOKENS = 9_000
A_TOKEN = 4.3
"""Characters. cl100k takes one token for 4.44 characters of these tools (js-tiktoken 1.0.21: 38,159 characters, 8,588
tokens); this leaves a margin, and needs no vocabulary."""


def test_it_holds_what_the_contract_lists() -> None:
    existing = {tool.name for tool in ALL}
    assert len(set(CONTRACT)) == len(CONTRACT) == 40
    assert set(CONTRACT) == CORE <= existing


async def test_an_agent_gets_exactly_these_within_the_budget(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, toolsets=frozenset({"core"}))) as agent:
        listed = (await agent.client.list_tools()).tools
    assert {tool.name for tool in listed} == CORE
    read = [
        f"{tool.name}{tool.description}{json.dumps(tool.input_schema, ensure_ascii=False, separators=(',', ':'))}"
        for tool in listed
    ]
    assert len(listed) <= 40
    assert sum(map(len, read)) / A_TOKEN <= MOST_TOKENS


@pytest.mark.parametrize(
    ("toolsets", "beyond", "without"),
    [
        ({"core", "staff"}, {"list_staff", "get_staff"}, set()),
        ({"core", "all"}, {tool.name for tool in ALL if tool.resource != "raw"} - CORE, set()),
        ({"core", "read"}, set(), {tool.name for tool in ALL if not tool.effect.reads_only}),
        ({"core", "staff", "read"}, {"list_staff", "get_staff"}, {tool.name for tool in ALL if tool.effect.destroys}),
    ],
)
async def test_it_combines_with_resources_and_effects(
    sandbox: Sandbox, toolsets: set[str], beyond: set[str], without: set[str]
) -> None:
    async with connect(configured(sandbox, toolsets=frozenset(toolsets))) as agent:
        offered = {tool.name for tool in (await agent.client.list_tools()).tools}
    writes = {tool.name for tool in ALL if not tool.effect.reads_only} if without else set()
    assert offered == (CORE | beyond) - writes
    assert not offered & without
