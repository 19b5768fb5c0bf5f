"""What is confirmed is what was shown: a job over several records does what its preview listed, by its id."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from clientary_mcp.state.store import path_of
from clientary_mcp.tools import ALL
from tests.conftest import TODAY
from tests.support.agent import Agent, Era
from tests.support.clock import FakeTime
from tests.support.users import User, connect, writes
from tests.tools.workflows.test_payment_reminders import PAID, Debtors, ago, three, why
from tool_schemas.base.models import Previewed

pytestmark = pytest.mark.anyio

REMIND, BILL, IMPORT, CONVERT, ALLOCATE, RECONCILE, BULK = JOBS = (
    "send_payment_reminders",
    "bill_project_hours",
    "import_contacts",
    "convert_lead",
    "allocate_payment",
    "reconcile_payments",
    "bulk_update",
)
LATE: dict[str, Any] = {"min_days_overdue": 1}
DAY = 86_400
ANN, BO = ({"client": "Quarry Books", "name": name, "email": f"{name}@example.com"} for name in ("Ann", "Bo"))


def sure(shown: dict[str, Any]) -> dict[str, Any]:
    """The arguments that confirm a preview."""
    return {"confirm": True, "preview_id": shown["preview_id"]}


class Account(Debtors):
    """An account with something to do for every job, and the processes that work on it, which share one store."""

    def __init__(self, stack: AsyncExitStack) -> None:
        super().__init__()
        self._stack = stack
        self.time = FakeTime(TODAY)
        self.clock = self.time.clock
        self.entries = [self.hours("2026-10-01", 100, title="Layout"), self.hours("2026-10-02", 200, title="Cover")]
        self.lead = self.add("leads", name="Tidewater")
        self.person = self.add("contacts", lead_id=self.lead, name="Cy", email="cy@example.com")
        self.late = three(self)
        self.open = [self.owed(self.client, number, days=-5) for number in ("Q-1", "Q-2")]
        self.jobs: dict[str, dict[str, Any]] = {
            REMIND: LATE,
            BILL: {"project_id": self.project},
            IMPORT: {"rows": [ANN, BO]},
            ALLOCATE: {"client_id": self.client, "amount": 150},
            RECONCILE: {"rows": [{"date": ago(2), "amount": 100, "text": f"Invoice no {number}"} for number in (1, 2)]},
            BULK: {"tool": "update_hour_entry", "ids": self.entries, "changes": {"title": "Work"}},
            CONVERT: {"lead_id": self.lead, "tasks": [{"title": "Call"}, {"title": "Write"}]},
        }

    async def process(self, era: Era = "auto", user: User | None = None) -> Agent:
        """An agent with a server process of its own."""
        settings = Settings(base_url="http://localhost", api_token=self.sandbox.token)
        memory = local_memory(settings, self.clock.wall, shared=True)
        self._stack.push_async_callback(memory.aclose)
        session = Clientary(settings, Network(self.sandbox), self.clock, memory)
        return await self._stack.enter_async_context(connect(session, era, user))

    def change(self, table: str, record: int, **values: Any) -> None:
        """Somebody else changes a record."""
        for name, value in values.items():
            self.sandbox.connection.execute(f"UPDATE {table} SET {name} = ? WHERE id = ?", (value, record))  # noqa: S608 our names


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with AsyncExitStack() as stack:
        yield Account(stack)


def test_exactly_the_jobs_over_several_records_take_a_preview_id() -> None:
    assert {tool.name for tool in ALL if issubclass(tool.arguments, Previewed)} == {*JOBS}
    takers = {tool.name for tool in ALL if "preview_id" in tool.published.input_schema["properties"]}
    assert takers == {*JOBS}


# What every job has


@pytest.mark.parametrize("tool", JOBS)
async def test_a_preview_of_one_process_is_confirmed_in_another_and_carried_out_once(
    account: Account, tool: str
) -> None:
    job = account.jobs[tool]
    shown = await (await account.process()).answer(tool, **job)
    assert "preview_id" in shown["to_proceed"]
    second = await account.process()
    assert (await second.answer(tool, **job, **sure(shown)))["done"] is True
    made = len(writes(account.sandbox))
    assert made > 1
    for agent in (second, await account.process()):
        await account.time.clock.sleep(3_600)
        again = await agent.answer(tool, **job, **sure(shown))
        assert again["done"] is True
        assert "carried out" in again["message"]
        assert again["steps"]
    assert len(writes(account.sandbox)) == made


@pytest.mark.parametrize("tool", JOBS)
async def test_confirm_without_a_preview_id_shows_the_preview_and_why(account: Account, tool: str) -> None:
    agent = await account.process()
    shown = await agent.answer(tool, **account.jobs[tool], confirm=True)
    assert (shown["done"], writes(account.sandbox)) == (False, [])
    assert "What is confirmed must be what was shown" in shown["message"]
    assert (await agent.answer(tool, **account.jobs[tool], **sure(shown)))["done"] is True


async def test_confirm_without_a_preview_id_is_no_fault_where_there_is_nothing_to_do(account: Account) -> None:
    agent = await account.process()
    shown = await agent.answer(REMIND, **account.jobs[REMIND] | {"min_days_overdue": 9_999}, confirm=True)
    assert "There is no reminder to send." in shown["message"]
    assert "preview_id" not in str(shown)


@pytest.mark.parametrize("wait", [0, DAY + 1])
async def test_an_unknown_or_expired_preview_id_gets_a_new_preview(account: Account, wait: int) -> None:
    agent = await account.process()
    shown = await agent.answer(IMPORT, **account.jobs[IMPORT])
    await account.time.clock.sleep(wait)
    asked = shown if wait else {"preview_id": "bcdfghjk"}
    new = await agent.answer(IMPORT, **account.jobs[IMPORT], **sure(asked))
    assert (new["done"], writes(account.sandbox)) == (False, [])
    assert "unknown or has expired" in new["message"]
    assert new["preview_id"] not in (asked["preview_id"], shown["preview_id"])


@pytest.mark.parametrize(
    ("tool", "other"), [(IMPORT, {"rows": [ANN]}), (REMIND, {"subject": "Please"}), (REMIND, {"allow_duplicate": True})]
)
async def test_other_arguments_with_a_preview_id_get_a_new_preview(
    account: Account, tool: str, other: dict[str, Any]
) -> None:
    agent = await account.process()
    shown = await agent.answer(tool, **account.jobs[tool])
    new = await agent.answer(tool, **(account.jobs[tool] | other), **sure(shown))
    assert (new["done"], writes(account.sandbox)) == (False, [])
    assert "other arguments" in new["message"]
    assert (await agent.answer(tool, **(account.jobs[tool] | other), **sure(new)))["done"] is True


async def test_the_preview_id_of_another_job_confirms_nothing(account: Account) -> None:
    agent = await account.process()
    shown = await agent.answer(IMPORT, **account.jobs[IMPORT])
    assert (await agent.answer(BILL, **account.jobs[BILL], **sure(shown)))["done"] is False
    assert not writes(account.sandbox)


@pytest.mark.parametrize("tool", JOBS)
async def test_where_the_user_is_asked_the_question_is_the_preview(account: Account, era: Era, tool: str) -> None:
    user = User()
    agent = await account.process(era, user)
    assert (await agent.answer(tool, **account.jobs[tool], confirm=True))["done"] is True
    assert len(user.questions) == 1


async def test_a_user_who_is_asked_approves_what_the_question_shows_not_the_earlier_preview(account: Account) -> None:
    user = User()
    agent = await account.process("auto", user)
    shown = await agent.answer(REMIND, **LATE)
    account.change("invoices", account.late[1], balance=4_000)
    assert (await agent.answer(REMIND, **LATE, **sure(shown)))["done"] is True
    assert "balance: 40" in user.questions[0]
    assert (await agent.answer(REMIND, **LATE, **sure(shown)))["done"] is True
    assert (len(user.questions), len(writes(account.sandbox))) == (1, 3)


@pytest.mark.parametrize("tool", JOBS)
async def test_after_a_failure_midway_the_same_preview_id_goes_on_in_another_process(
    account: Account, tool: str
) -> None:
    agent, job = await account.process(), account.jobs[tool]
    shown = await agent.answer(tool, **job)
    account.sandbox.faults = Faults([Fault(429, method, nth=2, times=100) for method in ("POST", "PUT")])
    text = await agent.refusal(tool, **job, **sure(shown))
    assert "The same call continues" in text
    account.sandbox.faults = None
    rest = await (await account.process()).answer(tool, **job, **sure(shown))
    assert rest["done"] is True
    again = await agent.answer(tool, **job, **sure(shown))
    assert "carried out" in again["message"]
    assert again["done"] is True


async def test_the_store_holds_ids_and_digests_alone(account: Account) -> None:
    agent = await account.process()
    for tool, job in account.jobs.items():
        await agent.answer(tool, **job, **sure(await agent.answer(tool, **job)))
    path = path_of("http://localhost/api/v2/")
    held = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"invoice " in held
    for text in ("example.com", "Quarry", "Tidewater", "Layout", "Call"):
        assert text.encode() not in held


# Reminders


async def test_an_invoice_paid_since_is_left_out_and_named(account: Account) -> None:
    agent = await account.process()
    shown = await agent.answer(REMIND, **LATE)
    account.change("invoices", account.late[1], status=PAID, balance=0)
    done = await agent.answer(REMIND, **LATE, **sure(shown))
    assert [invoice for invoice, _ in account.mailed()] == [account.late[0], account.late[2]]
    assert why(done) == {account.late[1]: "its status is “paid”"}


async def test_an_invoice_deleted_or_due_later_since_is_left_out_and_named(account: Account) -> None:
    agent = await account.process()
    job = {"min_days_overdue": 60}
    shown = await agent.answer(REMIND, **job)
    account.sandbox.connection.execute("DELETE FROM invoices WHERE id = ?", (account.late[0],))
    account.change("invoices", account.late[1], due_date=ago(30))
    done = await agent.answer(REMIND, **job, **sure(shown))
    assert [invoice for invoice, _ in account.mailed()] == [account.late[2]]
    assert why(done) == {
        account.late[0]: "the invoice does not exist any more",
        account.late[1]: "it is not late enough any more",
    }


async def test_an_invoice_that_became_late_since_is_left_out_and_named(account: Account) -> None:
    agent = await account.process()
    shown = await agent.answer(REMIND, **LATE)
    new = account.owed(account.client_with("new@example.com"), "new")
    done = await agent.answer(REMIND, **LATE, **sure(shown))
    assert sorted(invoice for invoice, _ in account.mailed()) == account.late
    assert why(done) == {new: "it came since the preview"}
    assert "3 reminders mailed, 1 invoice skipped, 1 of them because it came since the preview." in done["message"]


async def test_a_changed_balance_or_recipient_gets_a_new_preview(account: Account) -> None:
    agent = await account.process()
    shown = await agent.answer(REMIND, **LATE)
    account.change("invoices", account.late[1], balance=4_000)
    new = await agent.answer(REMIND, **LATE, **sure(shown))
    assert (new["done"], writes(account.sandbox)) == (False, [])
    assert f"changed since the preview: invoice {account.late[1]}" in new["message"]
    account.sandbox.connection.execute("UPDATE contacts SET email = 'else@example.com' WHERE email = '0@example.com'")
    newer = await agent.answer(REMIND, **LATE, **sure(new))
    assert f"changed since the preview: invoice {account.late[0]}" in newer["message"]
    assert (await agent.answer(REMIND, **LATE, **sure(newer)))["done"] is True


# Hours


async def test_hours_logged_since_are_left_out_and_named(account: Account) -> None:
    agent = await account.process()
    job = account.jobs[BILL]
    shown = await agent.answer(BILL, **job)
    new = [account.hours("2026-10-03", 100), account.hours("2026-10-04", 100)]
    done = await agent.answer(BILL, **job, **sure(shown))
    assert "2 time entries came since the preview, and are left out." in done["message"]
    assert {"step": "left out", "why": "it came since the preview", "time_entries": f"{new[0]}-{new[1]}"} in done[
        "steps"
    ]
    unbilled = account.rows("SELECT id FROM hours WHERE NOT billed")
    assert [row["id"] for row in unbilled] == new


@pytest.mark.parametrize("change", [{"hours": 300}, {"rate": 5_000}, {"title": "Other"}, {"date": "2026-10-05"}])
async def test_a_changed_entry_gets_a_new_preview(account: Account, change: dict[str, Any]) -> None:
    agent = await account.process()
    job = account.jobs[BILL]
    shown = await agent.answer(BILL, **job)
    account.change("hours", account.entries[1], **change)
    new = await agent.answer(BILL, **job, **sure(shown))
    assert (new["done"], writes(account.sandbox)) == (False, [])
    assert f"time entry {account.entries[1]}" in new["message"]
    assert (await agent.answer(BILL, **job, **sure(new)))["done"] is True


async def test_an_entry_billed_since_gets_a_new_preview_since_the_invoice_would_be_another(account: Account) -> None:
    agent = await account.process()
    job = account.jobs[BILL]
    shown = await agent.answer(BILL, **job)
    account.change("hours", account.entries[1], billed=True)
    new = await agent.answer(BILL, **job, **sure(shown))
    assert "draft invoice" in new["message"]
    assert f"no longer there: time entry {account.entries[1]}" in new["message"]
    assert not writes(account.sandbox)


# Rows


async def test_a_row_that_another_process_imported_since_is_there_already(account: Account) -> None:
    agent = await account.process()
    job = account.jobs[IMPORT]
    shown = await agent.answer(IMPORT, **job)
    await (await account.process()).confirmed(IMPORT, rows=[ANN])
    done = await agent.answer(IMPORT, **job, **sure(shown))
    assert [step["outcome"] for step in done["steps"]] == ["already there", "imported"]


async def test_a_row_whose_contact_was_deleted_since_is_left_out(account: Account) -> None:
    there = account.add("contacts", client_id=account.client, name="Ann", email="ann@example.com")
    agent = await account.process()
    job = account.jobs[IMPORT]
    shown = await agent.answer(IMPORT, **job)
    account.sandbox.connection.execute("DELETE FROM contacts WHERE id = ?", (there,))
    done = await agent.answer(IMPORT, **job, **sure(shown))
    assert [step["outcome"] for step in done["steps"]] == ["left out", "imported"]


async def test_a_row_whose_client_is_another_now_gets_a_new_preview(account: Account) -> None:
    agent = await account.process()
    job = account.jobs[IMPORT]
    shown = await agent.answer(IMPORT, **job)
    account.change("clients", account.client, name="Formerly Quarry Books")
    account.add("clients", name="Quarry Books", status=1)
    new = await agent.answer(IMPORT, **job, **sure(shown))
    assert "changed since the preview: row 1, row 2" in new["message"]
    assert not writes(account.sandbox)


# Leads


async def test_a_contact_that_the_lead_got_since_is_left_out_and_named(account: Account) -> None:
    agent = await account.process()
    job = account.jobs[CONVERT]
    shown = await agent.answer(CONVERT, **job)
    account.add("contacts", lead_id=account.lead, name="Di", email="di@example.com")
    done = await agent.answer(CONVERT, **job, **sure(shown))
    (left_out,) = [step for step in done["steps"] if step["outcome"] == "skipped"]
    assert (left_out["step"], left_out["why"]) == ("contact “Di <di@example.com>”", "It came since the preview.")


@pytest.mark.parametrize("what", ["lead", "contact", "no contact", "client"])
async def test_what_changed_of_a_lead_gets_a_new_preview(account: Account, what: str) -> None:
    agent = await account.process()
    client = account.add("clients", name="Tidewater", status=1) if what == "client" else 0
    job = account.jobs[CONVERT]
    shown = await agent.answer(CONVERT, **job)
    match what:
        case "lead":
            account.change("leads", account.lead, city="Bath")
        case "contact":
            account.change("contacts", account.person, email="other@example.com")
        case "no contact":
            account.sandbox.connection.execute("DELETE FROM contacts WHERE id = ?", (account.person,))
        case "client":
            account.sandbox.connection.execute("DELETE FROM clients WHERE id = ?", (client,))
    new = await agent.answer(CONVERT, **job, **sure(shown))
    assert (new["done"], writes(account.sandbox)) == (False, [])
    assert "no longer holds" in new["message"]
    assert (await agent.answer(CONVERT, **job, **sure(new)))["done"] is True
