"""Billing hours: an invoice voided and billed again, in accounts that mark hours and in those that do not; and yen."""

from dataclasses import replace
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.scenarios import oracle
from tests.scenarios.account import Added
from tests.scenarios.playing import Play

pytestmark = pytest.mark.anyio

OCTOBER = {"from_date": "2026-10-01", "to_date": "2026-10-31"}


async def unbilled(play: Play, project: int) -> float:
    report = await play.ask("unbilled_report", project_id=project)
    return float(sum(row["hours"] for row in report["rows"]))


async def bill(play: Play, **job: Any) -> dict[str, Any]:
    shown = await play.ask("bill_project_hours", **job, allow_duplicate=True)
    done = await play.confirm("bill_project_hours", shown, **job, allow_duplicate=True)
    assert done["done"] is True, done
    return done


@pytest.mark.parametrize("key", ["billed", None], ids=lambda key: f"key {key}")
async def test_an_invoice_is_voided_and_its_hours_are_billed_again(play: Play, account: Sandbox, key: Any) -> None:
    account.switches = replace(account.switches, billed_key=key)
    project = oracle.id_of(account, "projects", "Quarry Catalogue")
    before = await unbilled(play, project)
    first = (await bill(play, project_id=project, **OCTOBER))["record"]["id"]
    assert await unbilled(play, project) == 5
    await play.ask("update_invoice", invoice_id=first, note="Please pay by bank transfer.")
    assert await unbilled(play, project) == 5
    voided = await play.ask("update_invoice", invoice_id=first, status="cancelled")
    assert "they are unbilled again." in voided["notice"]
    assert await unbilled(play, project) == before
    second = (await bill(play, project_id=project, **OCTOBER, group_by="project"))["record"]["id"]
    assert second != first
    assert await unbilled(play, project) == 5
    assert "stays cancelled" in await play.refused("update_invoice", invoice_id=first, status="sent")
    deleted = await play.ask("delete_invoice", invoice_id=second, confirm=True)
    assert "they are unbilled again." in deleted["message"]
    assert await unbilled(play, project) == before
    third = await bill(play, project_id=project)
    assert await unbilled(play, project) == 0
    live = "SELECT id FROM invoices WHERE status <> 3 AND id >= ?"
    assert [row["id"] for row in oracle.rows(account, live, first)] == [third["record"]["id"]]


async def test_a_project_in_yen_is_billed_in_whole_yen(play: Play, account: Sandbox) -> None:
    added = Added(account)
    client = added.client("Sakura Shuppan", "JPY")
    project = added.project(client, "Catalogue in Japanese", rate=954_500)
    account.connection.execute("UPDATE projects SET currency_code = 'JPY' WHERE id = ?", (project,))
    for hours in (133, 33, 33):
        added.hours(project, "2026-10-05", hours, 954_500, title="校正")
    (row,) = (await play.ask("unbilled_report", project_id=project))["rows"]
    # 1.33 h at ¥9,545 are ¥12,694.85, and 0.33 h ¥3,149.85; together 1.99 h are ¥18,994.55.
    assert (row["currency_code"], row["amount"]) == ("JPY", 12_695 + 3_150 + 3_150)
    job = {"project_id": project, "group_by": "title", "tax": 10, "tax_label": "消費税"}
    shown = await play.ask("bill_project_hours", **job)
    assert "20,895 JPY" in shown["message"]
    assert [step["amount"] for step in shown["steps"] if step["step"] == "line"] == [18_995]
    assert shown["totals"] == [
        {"currency_code": "JPY", "subtotal": 18_995, "taxes": 1_900, "total": 20_895, "hours": 1.99}
    ]
    done = await play.confirm("bill_project_hours", shown, **job)
    assert "20,895 JPY" in done["message"]
    assert ".00" not in done["message"]
