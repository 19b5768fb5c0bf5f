"""Converting a lead: the client gets all its data, anything left out is reported, and the lead stays."""

import json
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import SettingsError
from clientary_mcp.sandbox import Switches
from clientary_mcp.server.app import ClientaryServer
from tests.conftest import SETTINGS, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.users import User, configured, connect, writes

pytestmark = pytest.mark.anyio

COMPANY = {
    "name": "Harbour Café",
    "number": "L-7",
    "address": "1 Quay",
    "address_2": "Floor 2",
    "city": "Leith",
    "state": "Lothian",
    "zip": "EH6",
    "country": "GB",
    "website": "https://harbour.example.com",
    "description": "Met at the fair\nCall in May",
    "invoice_extra_fields": '{"VAT": "GB 1", "Terms": "30 days"}',
}
ANN = {
    "name": "Ann Quay",
    "email": "ann@harbour.example.com",
    "title": "Owner",
    "phone": "1",
    "ext": "2",
    "mobile": "3",
}
BOB = {"name": "Bob Pier", "email": "Bob@harbour.example.com", "title": "", "phone": "", "ext": "", "mobile": ""}
PROJECT = {"name": "Menu", "rate": 95.5, "budget_type": "hours", "budget": 40, "end_date": "2027-01-31"}
TASKS = [{"title": "Kick-off"}, {"title": "Photos", "due_date": "2026-12-01", "assignee_id": 1}]


class Won(Books):
    """An account with a lead that is won, and another one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.lead = self.add("leads", **COMPANY)
        self.job: dict[str, Any] = {"lead_id": self.lead, "project": PROJECT, "tasks": TASKS}
        for user in (ANN, BOB):
            self.add("contacts", lead_id=self.lead, **user)
        self.other = self.add("leads", name="Harbour Cabs")
        self.add("contacts", lead_id=self.other, name="Cy Cab", email="cy@cabs.example.com")
        self.before = self.of_the_leads()

    def of_the_leads(self) -> list[dict[str, Any]]:
        """The leads and their contacts."""
        return self.rows("SELECT * FROM leads") + self.rows("SELECT * FROM contacts WHERE lead_id IS NOT NULL")

    def made(self, table: str) -> list[dict[str, Any]]:
        """The records that were created."""
        known = {"clients": self.client, "projects": self.project}.get(table, 0)
        return self.rows(f"SELECT * FROM {table} WHERE id <> ? ORDER BY id", known)  # noqa: S608 our own names

    def people(self) -> list[dict[str, Any]]:
        """The contacts of clients."""
        return self.rows("SELECT * FROM contacts WHERE client_id IS NOT NULL ORDER BY id")


@pytest.fixture
def won() -> Won:
    return Won()


async def converted(won: Won, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived agent."""
    async with agent_of(session_with(won.sandbox)) as agent:
        ask = agent.confirmed if more.pop("confirm", True) else agent.answer
        return await ask("convert_lead", **(won.job | more))


async def refused(won: Won, **more: Any) -> str:
    async with agent_of(session_with(won.sandbox)) as agent:
        ask = agent.refusal_of_confirmed if more.pop("confirm", True) else agent.refusal
        return await ask("convert_lead", **(won.job | more))


def outcomes(answer: dict[str, Any]) -> list[str]:
    return [step["outcome"] for step in answer["steps"]]


def skipped(answer: dict[str, Any]) -> list[str]:
    """What was skipped, with the reasons."""
    return [f"{step['step']}: {step['why']}" for step in answer["steps"] if step["outcome"] == "skipped"]


# Created records


async def test_the_preview_shows_every_record_in_full_and_changes_nothing(won: Won) -> None:
    shown = await converted(won, confirm=False)
    client, ann, bob, project, first, second = shown["steps"]
    given = COMPANY | {"invoice_extra_fields": json.loads(COMPANY["invoice_extra_fields"])}
    assert client == {"step": "client “Harbour Café”", "outcome": "to do", **given}
    assert ann == {"step": "contact “Ann Quay <ann@harbour.example.com>”", "outcome": "to do", **ANN}
    assert (bob["name"], bob["email"]) == ("Bob Pier", "Bob@harbour.example.com")
    assert project == {"step": "project “Menu”", "outcome": "to do", **PROJECT}
    assert (first["title"], second["due_date"], second["assignee_id"]) == ("Kick-off", "2026-12-01", 1)
    assert shown["done"] is False
    assert "the lead stays" in shown["message"]
    assert shown["record"]["id"] == won.lead
    assert not writes(won.sandbox)


async def test_the_new_client_has_all_the_leads_data_and_the_lead_stays(won: Won) -> None:
    done = await converted(won)
    (client,) = won.made("clients")
    assert {name: client[name] for name in COMPANY} == COMPANY
    assert [{name: user[name] for name in ANN} for user in won.people()] == [ANN, BOB]
    assert {user["client_id"] for user in won.people()} == {client["id"]}
    (project,) = won.made("projects")
    assert (project["client_id"], project["name"], project["rate"]) == (client["id"], "Menu", 9_550)
    assert (project["budget_type"], project["budget"], project["end_date"]) == (0, 4_000, "2027-01-31")
    tasks = won.made("tasks")
    assert [(task["title"], task["due_date"], task["assignee_id"]) for task in tasks] == [
        ("Kick-off", None, None),
        ("Photos", "2026-12-01", 1),
    ]
    assert {(task["project_id"], task["client_id"]) for task in tasks} == {(project["id"], client["id"])}
    assert won.of_the_leads() == won.before
    assert "The lead stays" in done["message"]
    assert done["record"]["id"] == client["id"]
    made = [client["id"], *(row["id"] for row in [*won.people(), project, *tasks])]
    assert [step["id"] for step in done["steps"]] == made
    assert outcomes(done) == ["done"] * 6


async def test_a_project_and_tasks_are_created_only_on_request(won: Won) -> None:
    done = await converted(won, project=None, tasks=None)
    assert outcomes(done) == ["done"] * 3
    assert (won.made("projects"), won.made("tasks")) == ([], [])


async def test_tasks_without_a_project_belong_to_the_client(won: Won) -> None:
    await converted(won, project=None)
    (client,) = won.made("clients")
    assert {(task["project_id"], task["client_id"]) for task in won.made("tasks")} == {(None, client["id"])}
    assert outcomes(await converted(won, project=None)) == ["already there"] * 5
    assert len(won.made("tasks")) == 2


async def test_the_project_and_the_tasks_are_accepted_as_json_text(won: Won) -> None:
    await converted(won, project=json.dumps(PROJECT), tasks=json.dumps([json.dumps(TASKS[0]), TASKS[1]]))
    assert [task["title"] for task in won.made("tasks")] == ["Kick-off", "Photos"]


SWITCHED = [
    Switches(dates="iso", money_as_text=True),
    Switches(nulls=True, status_as_text=True),
    Switches(nested_client_in_projects=False),
    Switches(page_keys=False),
    Switches(bare_arrays=True),
    Switches(task_routes="singular"),
    Switches(honour_page_size=True),
]


@pytest.mark.parametrize("switches", SWITCHED)
async def test_the_result_is_the_same_however_the_account_answers(won: Won, switches: Switches) -> None:
    won.sandbox.switches = switches
    assert outcomes(await converted(won)) == ["done"] * 6
    assert outcomes(await converted(won)) == ["already there"] * 6
    assert [len(won.made(table)) for table in ("clients", "projects", "tasks")] == [1, 1, 2]


async def test_a_lead_with_only_a_name_is_converted_once(won: Won) -> None:
    bare = won.add("leads", name="Bare")
    assert outcomes(await converted(won, lead_id=bare, project=None, tasks=None)) == ["done"]
    assert outcomes(await converted(won, lead_id=bare, project=None, tasks=None)) == ["already there"]
    assert len(won.made("clients")) == 1


async def test_the_question_shows_every_step(won: Won) -> None:
    user = User()
    async with connect(configured(won.sandbox), "auto", user) as agent:
        await agent.confirmed("convert_lead", **won.job)
    assert all(text in user.questions[0] for text in ("Harbour Café", "ann@harbour.example.com", "Menu", "Photos"))
    assert "the lead stays" in user.questions[0]


# Whose the contacts are


async def test_contacts_with_an_unknown_lead_are_named_and_not_moved(won: Won) -> None:
    won.sandbox.switches = Switches(extra_keys=False)
    for answer in (await converted(won, confirm=False), await converted(won)):
        (reported,) = skipped(answer)
        assert "does not show to which lead" in reported
        assert "Ann Quay" in reported
        assert "Cy Cab" in reported
    assert won.people() == []
    assert len(won.made("tasks")) == 2


async def test_when_every_contact_has_a_client_none_is_reported(won: Won) -> None:
    won.sandbox.switches = Switches(extra_keys=False)
    won.sandbox.connection.execute("DELETE FROM contacts WHERE lead_id IS NOT NULL")
    assert skipped(await converted(won)) == []


async def test_contacts_with_a_missing_or_duplicate_address_are_reported(won: Won) -> None:
    won.add("contacts", lead_id=won.lead, name="No Mail", email="")
    won.add("contacts", lead_id=won.lead, name="Ann Again", email="ANN@harbour.example.com ")
    shown, done = await converted(won, confirm=False), await converted(won)
    for answer in (shown, done, await converted(won)):
        assert skipped(answer) == [
            "contact “Ann Quay <ann@harbour.example.com>”: Another contact of the lead has that address.",
            "contact “No Mail”: It has no e-mail address, which a contact of a client needs.",
        ]
    assert [user["name"] for user in won.people()] == ["Ann Again", "Bob Pier"]


async def test_addresses_of_a_lead_are_read_as_people_wrote_them(won: Won) -> None:
    won.add("contacts", lead_id=won.lead, name="Eve", email="Eve <mailto:eve@harbour.example.com>")
    won.add("contacts", lead_id=won.lead, name="Two", email="one@x.example; two@x.example")
    assert skipped(await converted(won)) == [
        "contact “Two <one@x.example; two@x.example>”: Its e-mail address cannot be read as one address.",
    ]
    assert [user["email"] for user in won.people() if user["name"] == "Eve"] == ["eve@harbour.example.com"]


def account_where_a_lead_is_a_client(request: httpx.Request) -> httpx.Response:
    """Contacts of a lead name it as their client: whether a live account does so is not documented."""
    path, body = request.url.path.removeprefix("/api/v2/"), json.loads(request.content or "{}")
    contacts = [{"id": 1, "client_id": 7, "name": "Ann", "email": "ann@x.example"}]
    if request.method == "POST":
        return httpx.Response(201, json={"id": 9, **next(iter(body.values()))})
    answers: dict[str, Any] = {
        "leads/7": {"id": 7, "name": "Won", "users_count": 1},
        "clients": {"clients": [{"id": 8, "name": "Other"}]},
        "contacts": {"contacts": contacts},
    }
    return httpx.Response(200, json=answers[path])


async def test_contacts_with_the_lead_as_their_client_belong_to_it() -> None:
    network = httpx.MockTransport(account_where_a_lead_is_a_client)
    async with agent_of(Clientary(SETTINGS, network, FakeTime().clock)) as agent:
        done = await agent.confirmed("convert_lead", lead_id=7)
    assert [step["step"] for step in done["steps"]] == ["client “Won”", "contact “Ann <ann@x.example>”"]


async def test_unreadable_contacts_are_reported_and_the_rest_is_done() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/contacts"):
            return httpx.Response(403)
        return account_where_a_lead_is_a_client(request)

    async with agent_of(Clientary(SETTINGS, httpx.MockTransport(answer), FakeTime().clock)) as agent:
        done = await agent.confirmed("convert_lead", lead_id=7)
    assert outcomes(done) == ["done", "skipped"]
    assert "is not allowed to list contacts" in done["steps"][1]["why"]


# What Clientary refuses


async def test_a_contact_address_still_held_by_the_lead_is_reported_and_the_rest_is_done(won: Won) -> None:
    won.sandbox.switches = Switches(unique_contact_emails=True)
    for _ in range(2):
        done = await converted(won, tasks=[*TASKS, {"title": "New"}] if won.made("tasks") else TASKS)
        assert [each.partition(":")[0] for each in skipped(done)] == [
            "contact “Ann Quay <ann@harbour.example.com>”",
            "contact “Bob Pier <Bob@harbour.example.com>”",
        ]
        assert all("email: “has already been taken”" in each for each in skipped(done))
    assert won.people() == []
    assert [len(won.made(table)) for table in ("clients", "projects", "tasks")] == [1, 1, 3]


async def test_a_number_in_use_elsewhere_is_omitted_and_reported(won: Won) -> None:
    won.sandbox.connection.execute("UPDATE clients SET number = 'L-7'")
    done = await converted(won)
    assert skipped(done) == ["number “L-7”: Clientary refused it: another record has that number."]
    assert won.made("clients")[0]["number"] == ""
    assert outcomes(await converted(won)) == ["already there"] * 6
    assert len(won.made("clients")) == 1


async def test_an_unreadable_field_is_reported_and_omitted(won: Won) -> None:
    won.sandbox.connection.execute("UPDATE leads SET invoice_extra_fields = '[1]'")
    (reported,) = skipped(await converted(won))
    assert reported.startswith("invoice_extra_fields of the client:")
    assert won.made("clients")[0]["invoice_extra_fields"] is None


# What the owner requires of clients

REQUIRED = {"client": ("description", "number", "website")}


async def test_a_lead_without_required_fields_is_refused_with_all_of_them(won: Won) -> None:
    won.sandbox.connection.execute("UPDATE leads SET number = '', website = ' '")
    for confirm in (False, True):
        async with agent_of(session_with(won.sandbox, required_fields=REQUIRED)) as agent:
            message = await agent.refusal("convert_lead", **won.job, confirm=confirm)
        assert "requires number and website of every new client" in message
        assert "description" not in message
        assert "Nothing was sent" in message
    assert not writes(won.sandbox)


async def test_a_required_number_is_not_omitted(won: Won) -> None:
    won.sandbox.connection.execute("UPDATE clients SET number = 'L-7'")
    async with agent_of(session_with(won.sandbox, required_fields=REQUIRED)) as agent:
        assert "number: “has already been taken”" in await agent.refusal_of_confirmed("convert_lead", **won.job)
    assert won.made("clients") == []


async def test_a_lead_with_all_required_fields_is_converted(won: Won) -> None:
    async with agent_of(session_with(won.sandbox, required_fields=REQUIRED)) as agent:
        assert (await agent.confirmed("convert_lead", **won.job))["done"] is True


def test_an_unknown_required_field_is_detected_when_only_the_job_is_exposed(won: Won) -> None:
    clientary = session_with(won.sandbox, required_fields={"client": ("webside",)}, tools=frozenset({"convert_lead"}))
    with pytest.raises(SettingsError, match="Did you mean website"):
        ClientaryServer(clientary)
