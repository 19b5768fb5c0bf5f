"""The plan of a lead conversion: the lead with its contacts, and what the account already has of its client."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, BlockedByOwner, NotAllowed
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.matching import comparable
from tool_schemas.base.sentences import Mention
from tool_schemas.base.text import folded
from tool_schemas.clients import Client, CompanyArguments
from tool_schemas.contacts import Contact
from tool_schemas.leads import Lead
from tool_schemas.projects import Project
from tool_schemas.tasks import Task
from tool_schemas.workflows.convert_lead import ConvertLead

COMPANY = ("name", *CompanyArguments.model_fields)

_NAMED = 10
"""Contacts and clients named in a sentence, at most."""


@dataclass
class Plan:
    """A lead with its contacts, and the records that exist of its client."""

    lead: Lead
    people: list[Contact]
    unclear: str | None
    """Why its contacts are not known, or not completely."""
    client: Client | None = None
    contacts: list[Contact] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    """Those of the requested project, or without one those of the client on no project."""


async def planned(clientary: Clientary, args: ConvertLead) -> Plan:
    """The current state; BadArguments where it is ambiguous, BlockedByOwner where the owner requires more fields."""
    lead = await clientary.get(Lead, f"leads/{args.lead_id}")
    (alike, has_its_id), people = await gather_two(
        partial(_clients, clientary, lead), partial(_people, clientary, lead)
    )
    own = people.own + ([] if has_its_id else people.with_its_id)
    plan = Plan(lead, own, people.unclear(len(own)))
    plan.client = await _client(clientary, args, lead, alike)
    if plan.client is None:
        _check_required(clientary, lead)
    else:
        await _add_what_is_there(clientary, args, plan, plan.client.id)
    return plan


@rereads
async def _clients(clientary: Clientary, lead: Lead) -> tuple[list[Client], bool]:
    """The clients with the name of a lead, and whether any client has its id."""
    alike, has_its_id = [], False
    async for client in clientary.stream(Client):
        has_its_id |= client.id == lead.id
        if comparable(client.name or "") == comparable(lead.name or ""):
            alike.append(client)
    return alike, has_its_id


@dataclass
class _People:
    """The contacts of a lead, as far as the list of all contacts shows whose they are."""

    lead: Lead
    own: list[Contact] = field(default_factory=list)
    with_its_id: list[Contact] = field(default_factory=list)
    """Those whose client_id is the id of the lead. Where no client has that id, they belong to the lead."""
    nobodys: list[Contact] = field(default_factory=list)
    """The first contacts of no known client or lead, and how many there are."""
    nobodys_count: int = 0
    may_be_read: bool = True

    def unclear(self, found: int) -> str | None:
        """What is unknown of the lead's contacts when that many were found."""
        if not self.may_be_read:
            return "The owner of the API token is not allowed to list contacts, so none is copied."
        counted = getattr(self.lead, "users_count", None)  # a key of live leads alone
        if counted == found or (counted is None and not self.nobodys_count):
            return None
        how_many = (
            ""
            if counted is None
            else f"Clientary's count of this lead's contacts is {counted}, and {found} were found. "
        )
        if not self.nobodys_count:
            return how_many.strip()
        named = ", ".join(f"{each.id} {quote(f'{each.name} <{each.email}>')}" for each in self.nobodys)
        return (
            f"{how_many}Clientary does not show to which lead these belong, so none of them is copied: {named}"
            f"{' and more' if self.nobodys_count > _NAMED else ''}."
        )


async def _people(clientary: Clientary, lead: Lead) -> _People:
    try:
        return await _read_people(clientary, lead)
    except NotAllowed:
        return _People(lead, may_be_read=False)


@rereads
async def _read_people(clientary: Clientary, lead: Lead) -> _People:
    people = _People(lead)
    async for contact in clientary.stream(Contact):
        lead_id = getattr(contact, "lead_id", None)  # a key of live contacts alone
        if lead_id is not None:
            people.own += [contact] if str(lead_id) == str(lead.id) else []
        elif contact.client_id == lead.id:
            people.with_its_id.append(contact)
        elif contact.client_id is None:
            people.nobodys_count += 1
            people.nobodys += [contact] if people.nobodys_count <= _NAMED else []
    return people


async def _client(clientary: Clientary, args: ConvertLead, lead: Lead, alike: list[Client]) -> Client | None:
    """The client that an earlier call made of the lead, or that the caller names; None where there is none yet."""
    if args.client_id is not None:
        return await clientary.get(Client, f"clients/{args.client_id}")
    # A list may show only some fields.
    whole = await gather(
        (partial(clientary.get, Client, f"clients/{each.id}") for each in alike[:_NAMED]),
        clientary.settings.concurrency,
    )
    made = [client for client in whole if not _differences(client, lead)]
    if not alike or len(made) == 1:
        return made[0] if made else None
    described = "; ".join(_with_differences(client, lead) for client in whole)
    exist = "A client of that name exists" if len(alike) == 1 else f"{len(alike)} clients of that name exist"
    raise BadArguments(
        f"{exist}, and it is unclear whether lead {lead.id} became one of them: {described}. Pass client_id to continue"
        " with one of them; for a separate client, create it first and pass its client_id."
    )


def _with_differences(client: Client, lead: Lead) -> str:
    differences = ", ".join(_differences(client, lead))
    return (
        f"{client.id} {quote(client.name or '')} ({f'differs in {differences}' if differences else 'no differences'})"
    )


def _differences(client: Client, lead: Lead) -> list[str]:
    """The fields in which a client differs from the lead; a missing number may have been refused."""
    different = [name for name in COMPANY if _plain(getattr(client, name)) != _plain(getattr(lead, name))]
    return [name for name in different if name != "number" or client.number]


def _plain(value: Any) -> Any:
    """A value without its white space, and [] for every empty value."""
    return value.split() if isinstance(value, str) else value or []


def _check_required(clientary: Clientary, lead: Lead) -> None:
    required = (clientary.settings.required_fields or {}).get("client", ())
    if missing := [name for name in required if not _plain(getattr(lead, name, None))]:
        raise BlockedByOwner(
            f"CLIENTARY_REQUIRED_FIELDS requires {' and '.join(missing)} of every new client,"
            f" and lead {lead.id} has none.",
            Mention("update_lead adds it.", "update_lead"),
        )


async def _add_what_is_there(clientary: Clientary, args: ConvertLead, plan: Plan, client_id: int) -> None:
    """The contacts, the project and the tasks that the client has already, as far as this call needs them."""
    path = f"clients/{client_id}"
    plan.contacts = await clientary.list_all(Contact, f"{path}/contacts") if plan.people else []
    if project := args.project:
        projects = await clientary.list_all(Project, f"{path}/projects", {"filter": "all"})
        plan.projects = [each for each in projects if same_words(each.name, project.body()["name"])]
    if args.tasks and plan.projects:
        plan.tasks = await clientary.list_all(Task, f"projects/{plan.projects[0].id}/tasks")
    elif args.tasks and not args.project:
        tasks = await clientary.list_all(Task)
        plan.tasks = [task for task in tasks if task.client_id == client_id and task.project_id is None]


def same_words(one: str | None, other: str) -> bool:
    """Whether two names or titles are typed the same, but for case, diacritics and white space."""
    return folded(one or "") == folded(other)
