"""Converts a lead into a client with contacts, a project and tasks; what exists already is not created again."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import capital, name_of, quote, singular_name
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.lead_conversion_plan import COMPANY, Plan, planned, same_words
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.addresses import addresses_in, mailbox
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact, ContactFields
from tool_schemas.projects import Project
from tool_schemas.tasks import Task
from tool_schemas.workflows.convert_lead import ConvertLead

RecordT = TypeVar("RecordT", bound=Record)

_PERSON = ("name", "email", *ContactFields.model_fields)
_STAYS = "The lead stays, with its contacts and estimates."
_ONLY_THEN = (
    "Clientary may refuse the number and the e-mail addresses while the lead has them too: what it refuses is skipped"
    " and reported."
)


async def _preview(clientary: Clientary, args: ConvertLead, job: Job) -> Outcome:
    plan = await planned(clientary, args)
    conversion = _Conversion(clientary, args, plan, job, None)
    await conversion.run()
    if not conversion.has("to do"):
        return conversion.nothing()
    go_on = f", continuing with client {plan.client.id}" if plan.client else ""
    return preview(
        f"create a client from lead {plan.lead.id}, {quote(plan.lead.name or '')}, step by step{go_on}; the lead stays",
        plan.lead,
        steps=conversion.steps.rows,
        not_visible=_ONLY_THEN,
    )


@jobs("workflows", _preview, checked_with="list_clients", destroys=False)
async def convert_lead(clientary: Clientary, args: ConvertLead, job: Job) -> Outcome:
    """Create a client from a lead and its contacts, with a project and tasks if given. The lead stays. After a
    failure, the same call continues: nothing is created twice."""
    turn = f"convert lead {args.lead_id}"
    async with exclusive(clientary, job.ledger, turn):
        plan = await planned(clientary, args)
        await _Conversion(clientary, args, plan, job, None).run()
        job.check(all_there=True)
        conversion = _Conversion(clientary, args, plan, job, partial(job.ledger.step, turn))
        client = await conversion.run()
    if client is None or not conversion.has("done"):
        return conversion.nothing()
    return done(conversion.summary(client), client, steps=conversion.steps.rows)


class _Conversion:
    """Runs the steps, or in a preview lists those that are to do."""

    def __init__(
        self,
        clientary: Clientary,
        args: ConvertLead,
        plan: Plan,
        job: Job,
        sending: Callable[[], AbstractAsyncContextManager[None]] | None,
    ) -> None:
        """`sending` notes a write in the ledger while it is sent; None to list the steps alone."""
        self._clientary, self._args, self._plan, self._job = clientary, args, plan, job
        self._sending = sending
        self.steps = Steps()

    async def run(self) -> Client | None:
        """Run all steps; returns the client, None in a preview where there is none yet."""
        client = await self._client()
        client_id = client.id if client else None
        await self._people(client_id)
        project_id = await self._project(client_id)
        await self._tasks({"project_id": project_id, "client_id": client_id})
        return client

    async def _step(
        self, item: str, what: str, there: RecordT | None, make: Callable[[], Awaitable[RecordT]], about: dict[str, Any]
    ) -> RecordT | None:
        """One step, `item` in the preview: found done, done now, or listed."""
        if there is not None:
            self._job.settled(item)
            self.steps.found(what, id=there.id)
        elif self._sending:
            made = await self.steps.do(what, self._sent(make))
            self._job.made(item, made, f"create_{singular_name(made.plural)}", name_of(made))
            return made
        else:
            self._job.needs(item, what, about)
            self.steps.to_do(what, **about)
        return there

    async def _sent(self, make: Callable[[], Awaitable[RecordT]]) -> RecordT:
        async with self._sending() if self._sending else nullcontext():
            return await make()

    async def _client(self) -> Client | None:
        lead, there = self._plan.lead, self._plan.client
        body = _filled(lead, COMPANY)
        name = (there and there.name) or lead.name or ""
        client = await self._step("client", f"client {quote(name)}", there, partial(self._new_client, body), body)
        if client and not there and body.get("number") and not client.number:
            self.steps.skipped(
                f"number {quote(body['number'])}", "Clientary refused it: another record has that number."
            )
        for field in (lead.unreadable or {}).keys() & set(COMPANY):
            self.steps.skipped(f"{field} of the client", "Clientary returned a value that could not be read.")
        return client

    async def _new_client(self, body: dict[str, Any]) -> Client:
        try:
            return await self._clientary.create(Client, "clients", body)
        except Refused as refusal:
            required = (self._clientary.settings.required_fields or {}).get("client", ())
            if set(refusal.fields) != {"number"} or "number" in required:
                raise
        return await self._clientary.create(Client, "clients", {k: v for k, v in body.items() if k != "number"})

    async def _people(self, client_id: int | None) -> None:
        there = {
            mailbox(address): contact.id
            for contact in self._plan.contacts
            for address in addresses_in(contact.email).read
        }
        addresses: set[str] = set()
        for person in self._plan.people:
            address = mailbox(person.email)
            what = f"contact {quote(f'{person.name} <{person.email}>' if address else name_of(person))}"
            if not address:
                self.steps.skipped(what, "It has no e-mail address, which a contact of a client needs.")
            elif addresses_in(person.email).one is None:
                self.steps.skipped(what, "Its e-mail address cannot be read as one address.")
            elif address in addresses:
                self.steps.skipped(what, "Another contact of the lead has that address.")
            elif address in there:
                self._job.settled(f"contact {person.id}")
                self.steps.found(what, id=there[address])
            elif not self._job.may(f"contact {person.id}", _contact(person)):
                self.steps.skipped(what, f"{capital(CAME_SINCE)}.")
            elif self._sending:
                await self._person(person, what, f"clients/{client_id}/contacts")
            else:
                self.steps.to_do(what, **_contact(person))
            addresses.add(address)
        if self._plan.unclear:
            self.steps.skipped("other contacts", self._plan.unclear)

    async def _person(self, person: Contact, what: str, path: str) -> None:
        """A new contact, unless Clientary refuses it, perhaps because the lead still has the address."""
        try:
            contact = await self._sent(partial(self._clientary.create, Contact, path, _contact(person)))
        except Refused as refusal:
            self.steps.skipped(what, str(refusal))
        except ClientaryError as failure:
            raise self.steps.stopped(what, failure) from None
        else:
            self.steps.record(what, id=contact.id)
            self._job.made(f"contact {person.id}", contact, "create_contact", name_of(contact))

    async def _project(self, client_id: int | None) -> int | None:
        wanted = self._args.project
        if wanted is None:
            return None
        fields = {name: value for name, value in wanted if value is not None}
        there = next(iter(self._plan.projects), None)
        body = wanted.body() | {"client_id": client_id}
        project = await self._step(
            "project", f"project {quote(fields['name'])}", there, partial(self._new_project, body), fields
        )
        differs = [name for name, value in fields.items() if there and getattr(there, name) != value and name != "name"]
        if differs:
            self.steps.rows[-1]["differs"] = differs
        return project.id if project else None

    async def _new_project(self, body: dict[str, Any]) -> Project:
        own = partial(self._clientary.list_all, Project, f"clients/{body['client_id']}/projects", {"filter": "all"})
        return await self._clientary.create(Project, "projects", body, listed=own)

    async def _tasks(self, links: dict[str, int | None]) -> None:
        there = list(self._plan.tasks)
        for number, wanted in enumerate(self._args.tasks or (), 1):
            fields = {name: value for name, value in wanted if value is not None}
            same = next((task for task in there if same_words(task.title, fields["title"])), None)
            if same:
                there.remove(same)  # two tasks of the same title are two tasks
            body = wanted.body() | {name: id_ for name, id_ in links.items() if id_ is not None}
            await self._step(
                f"task {number}", f"task {quote(fields['title'])}", same, partial(self._new_task, body), fields
            )

    async def _new_task(self, body: dict[str, Any]) -> Task:
        narrowest = f"projects/{body['project_id']}/tasks" if "project_id" in body else "tasks"
        own = partial(self._clientary.list_all, Task, narrowest)
        return await self._clientary.create(Task, "tasks", body, otherwise="task", listed=own)

    def has(self, outcome: str) -> bool:
        """Whether any step has that outcome."""
        return any(step["outcome"] == outcome for step in self.steps.rows)

    def summary(self, client: Client) -> str:
        """What was done."""
        counts = Counter(step["outcome"] for step in self.steps.rows)
        counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        return (
            f"Lead {self._plan.lead.id} is now client {client.id}, {quote(client.name or '')}. Steps: {counted}."
            f" {_STAYS}"
        )

    def nothing(self) -> Outcome:
        """The answer when everything was done before."""
        client = self._plan.client
        there = (
            f"Client {client.id}, {quote(client.name or '')}, has all of it already"
            if client
            else "Everything exists already"
        )
        return nothing_to_do(f"{there}. {_STAYS}", self._plan.lead, self.steps.rows)


def _contact(person: Contact) -> dict[str, Any]:
    """The fields of a contact of the lead, its address without what is no part of it."""
    return _filled(person, _PERSON) | {"email": addresses_in(person.email).one}


def _filled(record: Record, names: Iterable[str]) -> dict[str, Any]:
    """These fields of a record as Clientary takes them, less those that are empty."""
    return {name: as_json(value) for name in names if (value := getattr(record, name))}


TOOLS = (convert_lead,)
