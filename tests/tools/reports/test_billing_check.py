"""The check of the billing: each check finds exactly the fault that was planted, and nothing in a sound account."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from clientary_mcp.tools.reports.billing_checks import CHECKS
from tests.conftest import TODAY, agency, session_with
from tests.scenarios.account import CANCELLED, COMPLETED, DRAFT, PAID, VIEWED, Added
from tests.support.agent import agent_of
from tests.tools.reports.test_missing_rights import session
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
TOOLS = {tool.name: tool for tool in ALL}
LATE, SOON = "2026-11-19", "2027-01-31"
FIXED = 2


class Sound:
    """An account in which nothing is wrong, and the ids of what is in it."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(TODAY, filled=False)
        self.added = added = Added(self.sandbox)
        self.client = added.client("Quarry Books")
        self.contact = added.contact(self.client, "Dana Reed", "dana@quarry.example.com")
        self.project = added.project(self.client, "Catalogue", end_date=SOON)
        self.hours = added.hours(self.project, "2026-10-01", 150, billed=True)
        self.finished = added.project(self.client, "Archive", end_date=LATE, status=COMPLETED)
        self.sent = added.invoice(self.client, "1", 10_000, SOON)
        self.paid = added.invoice(self.client, "2", 0, "2026-09-30", status=PAID, paid=5_000)
        self.draft = added.invoice(self.client, "3", 7_000, SOON, date="2026-10-21", status=DRAFT)
        self.credit = added.invoice(self.client, "4", -2_000, SOON)
        added.invoice(self.client, "5", 10_000, SOON, status=CANCELLED, note="Time entries: 90000.")
        self.schedule = added.row(
            "recurring_schedules",
            client_id=self.client,
            next_date=TODAY.isoformat(),
            time_interval=5,
            status=0,
            currency_code="EUR",
            due_period=14,
            unlimited=True,
            total_cost=3_000,
        )

    def run(self, statement: str, *values: Any) -> None:
        with self.sandbox.connection as tables:
            assert tables.execute(statement, values).rowcount == 1

    def invoice(self, invoice: int, change: str) -> int:
        self.run(f"UPDATE invoices SET {change} WHERE id = ?", invoice)  # noqa: S608 - written here
        return invoice


async def rows_of(sandbox: Sandbox, **settings: Any) -> list[Row]:
    async with agent_of(session_with(sandbox, **settings)) as agent:
        rows: list[Row] = (await agent.answer("billing_check"))["rows"]
    return rows


def cancelled_note(sound: Sound) -> int:
    sound.added.invoice(sound.client, "6", 0, SOON, status=CANCELLED, note=f"Time entries: {sound.hours}.")
    return sound.hours


def without_invoices(sound: Sound) -> int:
    project = sound.added.project(sound.added.client("Never Invoiced"), "Quiet")
    sound.added.hours(project, "2026-10-01", 250, billed=True)
    return project


def noted_twice(sound: Sound) -> int:
    """The younger one is paid, so the older one is to be cancelled."""
    sound.invoice(sound.paid, f"note = 'Thank you. Time entries: {sound.hours}.'")
    return sound.invoice(sound.sent, f"note = 'Time entries: {sound.hours - 5}-{sound.hours + 1}.'")


def noted_twice_unpaid(sound: Sound) -> int:
    sound.invoice(sound.sent, f"note = 'Time entries: {sound.hours}.'")
    return sound.invoice(sound.draft, f"note = 'Time entries: {sound.hours}.'")


def noted_twice_paid(sound: Sound) -> int:
    noted_twice(sound)
    sound.added.row("payments", invoice_id=sound.sent, amount=10, received_on=LATE)
    sound.invoice(sound.sent, "balance = 9990, total_payments = 10")
    return sound.paid


def hours_left(sound: Sound) -> int:
    sound.added.hours(sound.finished, "2026-10-02", 200)
    sound.added.hours(sound.finished, "2026-10-02", 133, None)
    sound.added.hours(sound.finished, "2026-10-02", 500, billed=True)
    return sound.finished


def of_nobody(sound: Sound) -> int:
    project = sound.added.project(sound.client, "Own", status=COMPLETED)
    sound.run("UPDATE projects SET client_id = NULL WHERE id = ?", project)
    sound.added.hours(project, "2026-10-02", 200)
    return project


def expense_left(sound: Sound, **project: Any) -> int:
    finished = sound.added.project(sound.client, "Poster", status=COMPLETED, **project)
    for invoice in (None, sound.sent):
        about = {"client_id": sound.client, "invoice_id": invoice, "incurred_on": "2026-10-02", "user_id": 1}
        sound.added.row("expenses", project_id=finished, amount=2_500, **about)
    return finished


def another_contact(sound: Sound, email: str) -> int:
    return sound.added.contact(sound.client, "Dana Reed", email)


def two_without_address(sound: Sound) -> int:
    another_contact(sound, "")
    return another_contact(sound, " ")


def settled(sound: Sound) -> int:
    sound.added.row("payments", invoice_id=sound.sent, amount=10_000, received_on=LATE)
    return sound.invoice(sound.sent, f"balance = 0, total_payments = 10000, status = {VIEWED}")


def late(sound: Sound) -> int:
    sound.run("UPDATE recurring_schedules SET next_date = ? WHERE id = ?", LATE, sound.schedule)
    return sound.schedule


def ended(sound: Sound) -> int:
    sound.run("UPDATE projects SET end_date = ? WHERE id = ?", LATE, sound.project)
    return sound.project


def forgotten(sound: Sound) -> int:
    return sound.invoice(sound.draft, "date = '2026-10-20'")


def forgotten_of_nobody(sound: Sound) -> int:
    sound.run("DELETE FROM contacts WHERE id = ?", sound.contact)
    return forgotten(sound)


Plant = Callable[[Sound], int]
# Check → how its fault is planted, the amount of its row, and the tool that the row names.
PLANTED: list[tuple[str, Plant, float | None, str]] = [
    ("billed_by_none", cancelled_note, 150, "update_hour_entry"),
    ("billed_by_none", without_invoices, 250, "list_project_hours"),
    ("billed_twice", noted_twice, None, "update_invoice"),
    ("billed_twice", noted_twice_unpaid, None, "update_invoice"),
    ("billed_twice", noted_twice_paid, None, "get_invoice"),
    ("wrong_total", lambda at: at.invoice(at.sent, "total_cost = total_cost + 1"), 0.01, "get_invoice"),
    ("wrong_total", lambda at: at.invoice(at.sent, "total_tax = 1, total_tax2 = 2"), -0.03, "get_invoice"),
    ("paid_with_balance", lambda at: at.invoice(at.paid, "balance = 1"), 0.01, "update_invoice"),
    ("owed_without_balance", settled, None, "update_invoice"),
    ("overpaid", lambda at: at.invoice(at.sent, "balance = -500, total_payments = 10500"), 5, "get_invoice"),
    ("unbilled_on_completed", hours_left, 333, "bill_project_hours"),
    ("unbilled_on_completed", of_nobody, 200, "get_project"),
    ("unbilled_on_completed", expense_left, 25, "bill_project_hours"),
    ("unbilled_on_completed", lambda at: expense_left(at, project_type=FIXED), 25, "list_project_expenses"),
    ("old_draft", forgotten, 70, "send_invoice_message"),
    ("old_draft", forgotten_of_nobody, 70, "get_invoice"),
    ("late_schedule", late, 30, "update_recurring_schedule"),
    ("past_end", ended, None, "update_project"),
    ("doubled_contact", lambda at: another_contact(at, "DANA@Quarry.example.com"), None, "delete_contact"),
    ("doubled_contact", two_without_address, None, "delete_contact"),
]
NAMES = [f"{check}-{place}" for place, (check, *_) in enumerate(PLANTED)]


def test_a_fault_of_every_check_is_planted() -> None:
    assert {check for check, *_ in PLANTED} == CHECKS.keys()


@pytest.mark.parametrize("form", FORMS)
async def test_a_sound_account_has_no_rows(form: str) -> None:
    sound = Sound()
    sound.sandbox.switches = FORMS[form]
    assert await rows_of(sound.sandbox) == []


@pytest.mark.parametrize(("check", "plant", "amount", "tool"), PLANTED, ids=NAMES)
async def test_a_planted_fault_gives_one_row_with_the_call_that_mends_it(
    check: str, plant: Plant, amount: float | None, tool: str
) -> None:
    sound = Sound()
    planted = plant(sound)
    (row,) = await rows_of(sound.sandbox)
    assert (row["check"], row["id"], row["tool"]) == (check, planted, tool)
    assert row.get("amount") == amount
    assert row.get("currency_code") == (None if amount is None else "EUR")
    assert row["arguments"][f"{row['type']}_id"] == planted
    assert TOOLS[tool].check(row["arguments"])


MENDING = ("update_", "delete_", "bill_")
MENDED = [(name, planted) for name, planted in zip(NAMES, PLANTED, strict=True) if planted[3].startswith(MENDING)]


@pytest.mark.parametrize("planted", [planted for _, planted in MENDED], ids=[name for name, _ in MENDED])
async def test_the_named_call_mends_it(planted: tuple[str, Plant, float | None, str]) -> None:
    sound = Sound()
    planted[1](sound)
    async with agent_of(session_with(sound.sandbox)) as agent:
        (row,) = (await agent.answer("billing_check"))["rows"]
        ask = agent.confirmed if TOOLS[row["tool"]].gated else agent.answer
        await ask(row["tool"], **row["arguments"])
        assert (await agent.answer("billing_check"))["rows"] == []


async def test_hours_that_only_a_cancelled_invoice_bills_are_unbilled_work_of_a_completed_project_too() -> None:
    sound = Sound()
    cancelled_note(sound)
    sound.run("UPDATE projects SET status = ? WHERE id = ?", COMPLETED, sound.project)
    async with agent_of(session_with(sound.sandbox)) as agent:
        found = {row["check"]: row for row in (await agent.answer("billing_check"))["rows"]}
        unbilled = await agent.answer("unbilled_report", client_id=sound.client, include_completed=True)
        assert {check: row["amount"] for check, row in found.items()} == {
            "billed_by_none": 150, "unbilled_on_completed": unbilled["totals"][0]["amount"]
        }  # fmt: skip
        await agent.confirmed("bill_project_hours", **found["unbilled_on_completed"]["arguments"])
        assert (await agent.answer("billing_check"))["rows"] == []


async def test_what_is_dated_in_the_future_is_no_unbilled_work_yet() -> None:
    sound = Sound()
    sound.added.hours(sound.finished, SOON, 200)
    about = {"client_id": sound.client, "incurred_on": SOON, "user_id": 1}
    sound.added.row("expenses", project_id=sound.finished, amount=2_500, **about)
    async with agent_of(session_with(sound.sandbox)) as agent:
        answer = await agent.answer("billing_check")
    assert answer["rows"] == []
    assert [sentence.partition(": ")[0] for sentence in answer["left_out"]] == [
        "1 hour entry of a completed project, dated in the future (2 hours)",
        "1 expense of a completed project, dated in the future (25 EUR)",
    ]


async def test_all_faults_at_once_come_in_the_order_of_the_checks_and_are_counted() -> None:
    sound = Sound()
    for _, plant, _, _ in PLANTED[:2] + PLANTED[10:11] + PLANTED[16:19]:
        plant(sound)
    async with agent_of(session_with(sound.sandbox)) as agent:
        answer = await agent.answer("billing_check")
    found = [row["check"] for row in answer["rows"]]
    assert found == sorted(found, key=list(CHECKS).index)
    assert {total["check"]: total["count"] for total in answer["totals"]} == Counter(found)
    assert [total.get("amount") for total in answer["totals"] if total["check"] == "billed_by_none"] == [400]


async def test_a_row_names_no_tool_that_is_not_offered() -> None:
    sound = Sound()
    ended(sound)
    sound.invoice(sound.sent, "total_cost = total_cost + 1")
    wrong, past = await rows_of(sound.sandbox, read_only=True)
    assert wrong["tool"] == "get_invoice"
    assert not {"tool", "arguments"} & past.keys()


async def test_a_part_that_may_not_be_seen_is_named_and_the_others_are_checked() -> None:
    sound = Sound()
    ended(sound)
    hours_left(sound)
    for denied, remark in (("recurring", "Recurring schedules: not included"), ("(clients/.*/)?invoices", "Invoices:")):
        async with agent_of(session(sound, denied)) as agent:
            answer = await agent.answer("billing_check")
        assert [row["check"] for row in answer["rows"]] == ["unbilled_on_completed", "past_end"]
        assert answer["left_out"][0].startswith(remark)
    for denied, remark in (("expenses", "Expenses:"), ("projects/.*/hours", "2 projects whose hours")):
        async with agent_of(session(sound, denied)) as agent:
            assert (await agent.answer("billing_check"))["left_out"][-1].startswith(remark)


async def test_an_invoice_whose_lines_are_not_told_is_left_out() -> None:
    sound = Sound()
    sound.run("DELETE FROM invoice_items WHERE invoice_id = ?", sound.sent)
    async with agent_of(session_with(sound.sandbox)) as agent:
        answer = await agent.answer("billing_check")
    assert answer["rows"] == []
    assert answer["left_out"] == ["1 invoice without lines or a total that can be read, so not checked for it: “1”."]


UNBILLED = """
SELECT projects.id AS id, sum(amount) AS amount FROM projects JOIN (
    SELECT project_id, (2 * hours * coalesce(hours.rate, projects.rate) + 100) / 200 AS amount FROM hours
    JOIN projects ON projects.id = project_id WHERE NOT billed AND project_type <> 2
    UNION ALL SELECT project_id, amount FROM expenses WHERE invoice_id IS NULL
) ON project_id = projects.id WHERE status = 2 GROUP BY projects.id
"""


@pytest.mark.parametrize("form", FORMS)
async def test_the_agency_is_checked_as_its_tables_say_in_every_form(form: str) -> None:
    sandbox = agency(switches=FORMS[form])
    rows = await rows_of(sandbox)
    unbilled = {row["id"]: round(row["amount"] * 100) for row in rows if row["check"] == "unbilled_on_completed"}
    assert unbilled == {row["id"]: row["amount"] for row in sandbox.connection.execute(UNBILLED)}
    found = [row for row in rows if row["check"] == "unbilled_on_completed"]
    for code in {row["currency_code"] for row in found}:
        amounts = [row["amount"] for row in found if row["currency_code"] == code]
        assert amounts == sorted(amounts, reverse=True)
    ended = "SELECT id FROM projects WHERE status <> 2 AND end_date < ?"
    expected = {row["id"] for row in sandbox.connection.execute(ended, (TODAY.isoformat(),))}
    assert {row["id"] for row in rows if row["check"] == "past_end"} == expected
    assert min(len(unbilled), len(expected)) > 5  # otherwise the test would prove nothing
