"""An account with a different currency for every record: sums stay separate, and answers stay short."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.resilience.test_hostile import MOST, Answer, account_of, session
from tests.support.calls import COUNTS, JOBS, REPORTS
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.users import connect, text_of
from tool_schemas.base.results import MAX_ANSWER

pytestmark = pytest.mark.anyio

ROWS = 1_500
RECORD: dict[str, Any] = {
    **COUNTS,
    "id": 7,
    "client_id": 7,
    "name": "Acme",
    "number": "7",
    "title": "Work",
    "email": "ann@acme.example",
    "balance": 5,
    "total_cost": 5,
    "rate": 5,
}
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("list_invoices", {"limit": 1}),
    ("list_invoices", {"limit": 1000, "detail": "full", "min_balance": 1}),
    ("list_projects", {"query": "acme"}),
]


def account(length: int) -> Answer:
    """Clientary with lists in which every record has its own currency, client and project, and one entry."""
    one, many = account_of(RECORD, rows=1), account_of(RECORD, rows=ROWS)

    def answer(request: httpx.Request) -> httpx.Response:
        *_, above, last = request.url.path.split("/")
        if last.isdigit() or above.isdigit():
            return one(request)
        body = json.loads(many(request).content)
        for number, row in enumerate(body[last], 1):
            row |= {"currency_code": f"{number}{'c' * length}", "client_id": number, "project_id": number}
            row |= {"status": 0} if last == "recurring" else {}
        return httpx.Response(200, json=body)

    return answer


@pytest.mark.parametrize(
    ("tool", "arguments", "length"),
    covering(
        ((*call, length) for call in (*LISTS, *REPORTS, *JOBS) for length in (300, 1)),
        lambda tool, _, length: ("a list" if tool.startswith("list_") else tool, *(["long"] if length > 1 else [])),
    ),
)
async def test_the_answer_is_short_whatever_the_currencies(
    time: FakeTime, tool: str, arguments: dict[str, Any], length: int
) -> None:
    async with connect(session(account(length), time)) as agent:
        text = text_of(await agent.call(tool, arguments))
    assert len(text) <= MAX_ANSWER < MOST
    assert "defect" not in text


@pytest.mark.parametrize(
    ("tool", "arguments", "sums"),
    [
        ("list_invoices", {"min_balance": 1, "limit": 1}, "total_amounts"),
        ("receivables_report", {}, "totals"),
        ("unbilled_report", {}, "totals"),
        ("recurring_revenue_report", {}, "totals"),
    ],
)
async def test_the_number_of_omitted_currencies_is_reported(
    time: FakeTime, tool: str, arguments: dict[str, Any], sums: str
) -> None:
    async with connect(session(account(1), time)) as agent:
        answer = await agent.answer(tool, **arguments)
    assert re.search(rf"{sums} shows 50 of 1,50[01] currencies\.", answer["notice"])  # the account's own may be one
    assert len({row["currency_code"] for row in answer[sums]}) == len(answer[sums]) == 50
