"""Reports stay within the answer limit, whatever the number of rows and the length of texts."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.replies import listed
from tool_schemas.base.report import Report
from tool_schemas.base.results import MAX_ANSWER, as_text

pytestmark = pytest.mark.anyio


def invoices(count: int, currencies: int, letters: int) -> list[dict[str, Any]]:
    """Open invoices of this many clients, in invented currencies with names of this length; most have credits."""
    return [
        {
            "id": number, "client_id": number, "client": {"id": number, "name": f"{number:05}{'n' * letters}"},
            "status": 1, "balance": -5 if number % 3 else 5, "date": "2023/10/01", "due_date": "2023/10/31",
            "currency_code": f"{number % currencies:03}{'c' * letters}", "number": "1" * letters, "payments": [],
        }
        for number in range(1, count + 1)
    ]  # fmt: skip


@pytest.mark.parametrize(("currencies", "letters"), [(1, 3), (40, 20), (70, 250), (210, 5_000)])
async def test_a_report_fits_and_states_what_it_omitted(
    account: respx.MockRouter, agent: Agent, currencies: int, letters: int
) -> None:
    account.get("invoices").respond(json=listed("invoices", *invoices(1_500, currencies, letters)))
    answer = await agent.answer("receivables_report")
    assert len(as_text(answer)) <= MAX_ANSWER
    assert answer["row_count"] == 1_500  # credits have rows of their own
    assert 0 < len(answer["rows"]) < 1_500
    assert f"Only the first {len(answer['rows'])} of 1500 rows fit" in answer["notice"]
    assert ("currencies" in answer["notice"]) == (currencies > 50)
    assert answer["as_of"] == "2023-11-14"


def test_rows_of_zeros_give_way_to_those_that_hold_something() -> None:
    for each, shown in ((100, 1_000), (10, 10_000)):
        rows = [{"number": number, "count": int(number % each == 0), "text": "x" * 50} for number in range(100_000)]
        answer = Report(rows, "All.", counted="count").to_json()
        assert len(as_text(answer)) <= MAX_ANSWER
        assert answer["row_count"] == 100_000
        assert answer["rows"] == [row for row in rows if row["count"]][: len(answer["rows"])]
        assert f"{100_000 - shown:,} rows of zeros are left out: not all rows fit." in answer["notice"]
        assert f"Only the first {len(answer['rows'])} of {shown} rows fit;" in answer["notice"]
    fitting = Report(rows[:50], "All.", counted="count").to_json()
    assert (fitting["rows"], "notice" in fitting) == (rows[:50], False)


def test_as_many_totals_are_shown_as_the_notice_says() -> None:
    totals = [{"currency_code": f"A{number}", "total": number} for number in range(60)]
    about = {name: [{"id": number, "title": "ж" * 250} for number in range(190)] for name in "abcd"}
    shown = Report([{"id": 1}], "All.", totals, about=about).to_json()
    assert "totals shows 50 of 60 currencies" in shown["notice"]
    assert shown["totals"] == totals[:50]
    assert len(as_text(shown)) <= MAX_ANSWER
