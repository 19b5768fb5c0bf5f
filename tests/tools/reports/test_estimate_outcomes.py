"""The report on estimates, compared with SQL on the account's tables, in cents."""

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
STATUS = ("draft", "sent", "viewed", "cancelled", "declined", "revised", "accepted", "archived")
FIRST, LAST = "2025-11-01", "2026-10-31"


def of_year(sandbox: Sandbox, where: str) -> list[Row]:
    query = f"SELECT * FROM estimates WHERE date BETWEEN ? AND ? AND {where}"  # noqa: S608 - written here
    found = rows(sandbox, query, FIRST, LAST)
    assert found  # otherwise the test would prove nothing
    return found


def summed(found: list[Row], *by: str) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The columns and the currency → count and cents."""
    sums: dict[tuple[Any, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in found:
        key = (*(row[name] for name in by), row["currency_code"])
        sums[key] = sums[key][0] + 1, sums[key][1] + row["total_cost"]
    return sums


def shown(answered: list[Row], *by: str) -> dict[tuple[Any, ...], tuple[int, int]]:
    found = {
        (*(row.get(name) for name in by), row["currency_code"]): (row["count"], exact(row["amount"]))
        for row in answered
    }
    assert len(found) == len(answered)
    return found


def percent(part: int, whole: int) -> float:
    return float((Decimal(part) / whole * 100).quantize(Decimal("0.1"), ROUND_HALF_UP))


@pytest.mark.parametrize("switches", SWITCHES)
async def test_every_figure_matches_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("estimates_report")

    sent = [row | {"status": STATUS[row["status"]]} for row in of_year(sandbox, "status <> 0")]
    assert shown(answer["rows"], "status") == summed(sent, "status")
    assert shown(answer["totals"]) == summed(sent)
    assert (answer["from_date"], answer["to_date"]) == (FIRST, LAST)
    parts = {"open": "status IN (1, 2, 5)", "won": "status = 6", "lost": "status = 4", "drafts": "status = 0"}
    for part, where in parts.items():
        assert shown(answer[part]) == summed(of_year(sandbox, where))
    decided = of_year(sandbox, "status IN (4, 6)")
    won = [row for row in decided if row["status"] == 6]
    assert answer["win_rate_count"] == percent(len(won), len(decided))
    of_won, of_all = summed(won), summed(decided)
    assert {row["currency_code"]: row["win_rate"] for row in answer["win_rate_amount"]} == {
        code: percent(of_won[code,][1], amount) for (code,), (_, amount) in of_all.items()
    }
    if switches.extra_keys:
        expired = of_year(sandbox, "status IN (1, 2, 5) AND expiration_date < '2026-11-20'")
        assert shown(answer["expired"]) == summed(expired)
        days = [(date.fromisoformat(row["updated_at"][:10]) - date.fromisoformat(row["date"])).days for row in decided]
        assert answer["mean_days_to_decision"] == percent(sum(days), len(days) * 100)
        assert "left_out" not in answer
    else:
        assert "mean_days_to_decision" not in answer
        assert answer["left_out"][0].startswith(f"{len(decided)} estimates without updated_at")


@pytest.mark.parametrize("group_by", ["client", "month", "client,status", "month,client"])
async def test_groups_add_up_to_the_tables(sandbox: Sandbox, sandbox_agent: Agent, group_by: str) -> None:
    answer = await sandbox_agent.answer("estimates_report", group_by=group_by)
    sent = [
        row | {"status": STATUS[row["status"]], "month": row["date"][:7]} for row in of_year(sandbox, "status <> 0")
    ]
    by = ["client_id" if word == "client" else word for word in group_by.split(",")]
    assert shown(answer["rows"], *by) == summed(sent, *by)
    if "client" in group_by:
        names = {row["id"]: row["name"] for row in rows(sandbox, "SELECT id, name FROM clients")}
        names[None] = "no client"
        assert all(row["client"] == names[row.get("client_id")] for row in answer["rows"])
    largest = [row["amount"] for row in answer["rows"] if row["currency_code"] == "USD"]
    assert group_by != "client" or largest == sorted(largest, reverse=True)


async def test_one_client_and_one_project(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    (row, *_) = of_year(sandbox, "project_id IS NOT NULL AND status <> 0")
    for name, path in (("client_id", "clients"), ("project_id", "projects")):
        sandbox.requests.clear()
        answer = await sandbox_agent.answer("estimates_report", **{name: row[name]})
        assert shown(answer["totals"]) == summed(of_year(sandbox, f"{name} = {row[name]} AND status <> 0"))
        assert {path.partition("?")[0] for _, path in sandbox.requests} == {f"/api/v2/{path}/{row[name]}/estimates"}


async def test_estimates_of_a_client_need_not_say_whose_they_are(account: respx.MockRouter, agent: Agent) -> None:
    told = {"status": 1, "date": "2023/10/31", "total_cost": 100, "currency_code": "USD"}
    account.get("clients/4/estimates").respond(json=listed("estimates", {"id": 1, **told}))
    account.get("clients/4").respond(json={"id": 4, "name": "Acme"})
    answer = await agent.answer("estimates_report", client_id=4, group_by="client")
    assert shown(answer["rows"], "client_id", "client") == {(4, "Acme", "USD"): (1, 10_000)}


async def test_what_is_dated_ahead_or_incomplete_is_left_out_and_named(account: respx.MockRouter, agent: Agent) -> None:
    def estimate(number: int, **fields: Any) -> Row:
        return {
            "id": number, "number": f"E{number}", "client_id": 4, "status": 1, "date": "2023/10/31", "total_cost": 100,
            "currency_code": "USD", "expiration_date": "2023/11/14", **fields,
        }  # fmt: skip

    account.get("estimates").respond(
        json=listed(
            "estimates",
            estimate(1, date=None),
            estimate(2, date="2023/11/15"),
            estimate(3, status=9),
            estimate(4, total_cost=None),
            estimate(5, currency_code=None),
            estimate(6, date="2023/09/30"),
            estimate(7, expiration_date="2023-11-13"),
            estimate(8, status=5, total_cost="12.50"),
        )
    )
    answer = await agent.answer("estimates_report", from_date="2023-10-01", to_date="2023-12-31")
    assert shown(answer["open"]) == {("USD",): (3, 11_250), ("unknown",): (1, 10_000)}
    assert shown(answer["expired"]) == {("USD",): (1, 10_000)}
    assert (answer["won"], answer["lost"], "win_rate_count" in answer) == ([], [], False)
    assert answer["left_out"] == [
        "1 estimate without a date (100 USD): “E1”.",
        "1 estimate dated after 2023-11-14 (100 USD).",
        "1 estimate of an unknown status: “E3”.",
        "1 estimate without a total, counted as 0: “E4”.",
        "1 estimate without a currency, counted separately: “E5”.",
    ]


async def test_nothing_decided_and_nothing_there(books: Sandbox, reader: Agent) -> None:
    empty = await reader.answer("estimates_report")
    assert (empty["rows"], empty["totals"], empty["win_rate_amount"]) == ([], [], [])
    put(books, "estimates", client_id=put(books, "clients", name="Acme"), status=0, total_cost=100)
    answer = await reader.answer("estimates_report", period="this_year")
    assert answer["rows"] == []
    assert shown(answer["drafts"]) == {("USD",): (1, 100)}


@pytest.mark.parametrize(
    ("arguments", "valid"),
    [
        ({"group_by": "project"}, "client, month, status"),
        ({"group_by": "month,month"}, "two different words"),
        ({"period": "last_decade"}, "last_12_months"),
        ({"period": "last_year", "to_date": "2026-01-01"}, "both period and dates"),
    ],
)
async def test_bad_input_sends_nothing(books: Sandbox, reader: Agent, arguments: Row, valid: str) -> None:
    assert valid in await reader.refusal("estimates_report", **arguments)
    assert not books.requests
