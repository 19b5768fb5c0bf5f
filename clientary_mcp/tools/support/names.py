"""Names beside ids: what the records of a list or an export refer to, in as few requests as possible."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotAllowed, NotFound
from clientary_mcp.tools.support.formatting import plural_name
from clientary_mcp.tools.support.lookups import client_named_in
from tool_schemas.base.models import Record
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.staff import Staff

Facts = Mapping[str, Any]
Row = Mapping[str, Any]

MOST_REQUESTS = 10
"""Requests that a page of a list may cost beyond its own, to name what its records refer to."""
_ONE_BY_ONE = 2
"""Records that are read one by one without a look at their list, which could hardly take fewer requests."""
_REMARK = "Some {kinds} are shown by id alone: reading their names is not allowed, or takes too many requests."


class _Reference(NamedTuple):
    """A field with the id of another record, that record's kind, and the facts that are shown beside the id."""

    field: str
    kind: type[Record]
    tells: tuple[str, ...]


_CLIENT = _Reference("client_id", Client, ("client",))
_OF_PROJECT = _Reference("project_id", Project, ("project",))
_REFERENCES: Mapping[str, tuple[_Reference, ...]] = {
    "invoices": (_CLIENT,),
    "estimates": (_CLIENT,),
    "recurring": (_CLIENT,),
    "expenses": (_CLIENT, _Reference("project_id", Project, ("client",))),
    "payments": (_Reference("invoice_id", Invoice, ("invoice_number", "client_id", "client", "currency_code")),),
    "hours": (_OF_PROJECT, _Reference("user_id", Staff, ("person",))),
    "tasks": (_OF_PROJECT, _Reference("assignee_id", Staff, ("person",))),
}


class Names:
    """What is known of the records that others refer to, for one call; what the others carry costs no request."""

    def __init__(self, clientary: Clientary, of: type[Record]) -> None:
        self._clientary, self._references = clientary, _REFERENCES.get(of.plural, ())
        self._known: dict[type[Record], dict[int, Facts]] = defaultdict(dict)
        self._wanted: dict[type[Record], set[int]] = defaultdict(set)
        self._left: float = 0

    def learn(self, record: Record) -> None:
        """Remember a record that was read for another reason."""
        self._known[type(record)][record.id] = _facts(record)

    def want(self, record: Record) -> None:
        """Take what a record carries of others, and note whose names it lacks."""
        client_id, name = getattr(record, "client_id", None), client_named_in(record)
        if client_id and name:
            self._known[Client][client_id] = {"client": name}
        for reference, record_id in self._referred_to(vars(record)):
            self._wanted[reference.kind].add(record_id)

    async def read(self, most: float = MOST_REQUESTS) -> str | None:
        """Read the names that are still unknown, in `most` requests; a remark where some remain unknown."""
        self._left = most
        for kind in (Invoice, Project, Staff):
            await self._read(kind)
        if self.tell_clients:
            self._wanted[Client].update(self._clients_without_names())
        await self._read(Client)
        unknown = [plural_name(kind) for kind in self._wanted if self._missing(kind)]
        return _REMARK.format(kinds=" and ".join(unknown)) if unknown else None

    def beside(self, row: Row) -> dict[str, Any]:
        """A record as JSON holds it, with each name after the id that it belongs to."""
        told = {each.field: self._told(each, record_id) for each, record_id in self._referred_to(row)}
        named: dict[str, Any] = {}
        for name, value in row.items():
            named[name] = value
            named.update({key: fact for key, fact in told.get(name, {}).items() if key not in row})
        return named

    def columns(self, columns: Iterable[str]) -> list[str]:
        """The columns of a table of such records, with those of the names."""
        told = {each.field: each.tells for each in self._references}
        return list(dict.fromkeys(name for column in columns for name in (column, *told.get(column, ()))))

    @property
    def tell_clients(self) -> bool:
        """Whether they tell the client's name."""
        return any("client" in each.tells for each in self._references)

    def _referred_to(self, record: Row) -> Iterator[tuple[_Reference, int]]:
        """What a record refers to; to its project for the client's sake only where it names none itself."""
        told: set[str] = set()
        for reference in self._references:
            if (record_id := record.get(reference.field)) and not told.issuperset(reference.tells):
                told.update(reference.tells)
                yield reference, record_id

    def _told(self, reference: _Reference, record_id: int) -> Facts:
        facts = self._known[reference.kind].get(record_id, {})
        facts = {**self._known[Client].get(facts.get("client_id", 0), {}), **facts}
        return {name: facts[name] for name in reference.tells if name in facts}

    def _clients_without_names(self) -> Iterator[int]:
        """The clients of the invoices and projects that the records refer to."""
        for kind in (Invoice, Project):
            for facts in (self._known[kind].get(each, {}) for each in self._wanted[kind]):
                if "client_id" in facts and "client" not in facts:
                    yield facts["client_id"]

    def _missing(self, kind: type[Record]) -> list[int]:
        return sorted(self._wanted[kind] - self._known[kind].keys())

    async def _read(self, kind: type[Record]) -> None:
        """Read those that are missing, as a list or one by one, whichever is fewer requests; none if too many."""
        missing = self._missing(kind)
        few = len(missing) <= self._left
        with suppress(ClientaryError):  # the records themselves were read
            if len(missing) > _ONE_BY_ONE or (missing and kind is Staff):
                await self._read_list(kind)
            if few:
                some = self._missing(kind)[: int(min(len(missing), max(0, self._left)))]
                self._left -= len(some)
                at_once = self._clientary.settings.concurrency
                await gather((partial(self._read_one, kind, each) for each in some), at_once)

    async def _read_list(self, kind: type[Record]) -> None:
        """Its first page, and the others if they are few enough."""
        first = await self._clientary.stream(kind).peek()
        self._left -= 1
        self._learn_wanted(kind, first.records)
        pages = (first.page_count or 1) - 1
        missing = len(self._missing(kind))
        if not missing or first.may_go_on or pages > min(missing, self._left):
            return
        if pages:
            self._left -= pages
            async for record in self._clientary.stream(kind, offset=len(first.records)):
                self._learn_wanted(kind, [record])
        self._known[kind].update({each: {} for each in self._missing(kind)})  # gone, or not to be seen

    def _learn_wanted(self, kind: type[Record], records: Iterable[Record]) -> None:
        for record in records:
            if record.id in self._wanted[kind]:
                self.learn(record)

    async def _read_one(self, kind: type[Record], record_id: int) -> None:
        try:
            self.learn(await self._clientary.get(kind, f"{kind.plural}/{record_id}"))
        except (NotFound, NotAllowed):
            self._known[kind][record_id] = {}


def _facts(record: Record) -> Facts:
    """The facts of a record that are shown beside its id."""
    facts: dict[str, Any] = {"client": client_named_in(record)}
    match record:
        case Client():
            facts = {"client": record.name}
        case Staff():
            facts = {"person": record.name}
        case Project():
            facts |= {"project": record.name, "client_id": record.client_id}
        case Invoice():
            facts |= {
                "invoice_number": record.number, "client_id": record.client_id, "currency_code": record.currency_code,
            }  # fmt: skip
    return {name: fact for name, fact in facts.items() if fact}
