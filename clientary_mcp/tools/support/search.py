"""Finds records by name, number or address in the whole account: for searches, and for names given as ids.

Lists are read whole and at the same time; of each only the best matches are kept, with the few fields that are shown.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappush, heapreplace
from typing import Any

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotAllowed
from clientary_mcp.tools.support.formatting import name_of, plural_name
from clientary_mcp.tools.support.lookups import client_named_in
from clientary_mcp.tools.support.matching import Level, Match, Wanted
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import as_json
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.projects import Project
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.staff import Staff
from tool_schemas.tasks import Task

MOST = 25
"""Records of a kind that are kept."""
_NEAREST = 5

Rank = tuple[int, bool, int, float, int]


@dataclass(frozen=True)
class Kind:
    """One type of record that can be found by name."""

    word: str
    """The name of the type for agents."""
    record: type[Record]
    found_by: tuple[str, ...]
    fields: tuple[str, ...]
    """The fields shown with a match, which distinguish records of the same name."""
    closed: tuple[str, Collection[Any]] = ("", ())
    """A field, and its values in a closed record."""
    amounts: tuple[str, ...] = ()
    """The fields by which an amount finds it."""

    @property
    def words(self) -> str:
        """The plural of the name."""
        return plural_name(self.record)

    def is_closed(self, record: Record) -> bool:
        """Whether a record is closed."""
        name, values = self.closed
        return bool(name) and getattr(record, name, None) in values


KINDS = {
    kind.word: kind
    for kind in (
        Kind(
            "client",
            Client,
            ("name", "number", "website"),
            ("number", "status", "city", "country", "website"),
            ("status", ("archived",)),
        ),
        Kind("lead", Lead, ("name", "number", "website"), ("number", "city", "country", "website")),
        Kind("contact", Contact, ("name", "email"), ("email", "title", "client_id", "lead_id")),
        Kind(
            "project",
            Project,
            ("name", "number"),
            ("number", "status", "client_id", "budget_type", "budget", "worked_hours", "currency_code", "end_date"),
            ("status", ("completed",)),
        ),
        Kind(
            "invoice",
            Invoice,
            ("number", "title", "po"),
            ("title", "po", "status", "client_id", "date", "currency_code", "total_cost", "balance"),
            ("status", ("cancelled",)),
            ("total_cost", "balance"),
        ),
        Kind(
            "estimate",
            Estimate,
            ("number", "title"),
            ("title", "status", "client_id", "date", "currency_code", "total_cost"),
            ("status", ("cancelled", "declined", "archived")),
            ("total_cost",),
        ),
        Kind(
            "task",
            Task,
            ("title",),
            ("project_id", "client_id", "assignee_id", "due_date", "complete"),
            ("complete", (True,)),
        ),
        Kind("staff", Staff, ("name", "email"), ("email", "title")),
        Kind(
            "recurring_schedule",
            RecurringSchedule,
            ("number", "title"),
            ("title", "status", "client_id", "time_interval", "next_date"),
            ("status", ("stopped",)),
        ),
    )
}
DOCUMENTS = ("invoice", "estimate")
"""What numbers and amounts find first; of these lists, the longest of an account, names are no reason to read all."""
PEOPLE = ("contact", "staff")
LINKS = {"client_id": "client", "lead_id": "lead", "project_id": "project", "assignee_id": "staff"}
"""Fields that name another record, and of which kind it is."""


@dataclass(frozen=True)
class Hit:
    """One record that was found, and why. `fields` are the fields of its kind that have a value."""

    type: str
    id: int
    name: str
    match: Match
    fields: dict[str, Any]
    client: str | None
    """The name of its client, where the record itself carries it."""
    rank: Rank

    @property
    def closed(self) -> bool:
        """Whether the record is closed."""
        return not self.rank[1]


@dataclass
class Found:
    """What was found, the best first."""

    open: list[Hit]
    closed: list[Hit]
    nearest: list[Hit]
    """The closest records, where nothing matches."""
    counts: Counter[tuple[str, bool, Level]]
    """How many match, by type, whether they are closed, and why."""
    searched: dict[str, int]
    """Records that were read, by type."""
    hidden: list[str]
    """Types that the owner of the API token is not allowed to see."""
    names: dict[str, dict[int, str]]
    """Names of clients, leads, projects and staff, by type and id, as far as they were read."""

    def count(self, *, closed: bool) -> Counter[str]:
        """How many match, by type."""
        counted: Counter[str] = Counter()
        for (kind, is_closed, _), number in self.counts.items():
            if is_closed == closed:
                counted[kind] += number
        return counted


async def find(clientary: Clientary, wanted: Wanted, types: Iterable[str]) -> Found:
    """What is wanted among the records of these types; NotAllowed when none of the types is visible."""
    kinds = [KINDS[kind] for kind in _likeliest_first(wanted, types)]
    read = await gather(
        (partial(_try, clientary, kind, wanted, -place) for place, kind in enumerate(kinds)),
        clientary.settings.concurrency,
    )
    lists = [matches for matches in read if isinstance(matches, _Matches)]
    if not lists:
        raise next(matches for matches in read if isinstance(matches, NotAllowed))
    hidden = [kind.word for kind, matches in zip(kinds, read, strict=True) if isinstance(matches, NotAllowed)]
    return _joined(lists, hidden)


def _likeliest_first(wanted: Wanted, types: Iterable[str]) -> list[str]:
    """Documents for a number or an amount, people for an address; the rest in the order of `KINDS`."""
    of_number = wanted.amount is not None or any(map(wanted.numbers, KINDS))
    likely = PEOPLE if wanted.is_address else DOCUMENTS if of_number else ()
    return sorted(types, key=lambda kind: (kind not in likely, list(KINDS).index(kind)))


async def _try(clientary: Clientary, kind: Kind, wanted: Wanted, place: int) -> "_Matches | NotAllowed":
    try:
        return await _read(clientary, kind, wanted, place)
    except NotAllowed as hidden:
        return hidden


@rereads
async def _read(clientary: Clientary, kind: Kind, wanted: Wanted, place: int) -> "_Matches":
    """The best matches of one list; of two that match alike, that of the higher place comes first."""
    matches = _Matches(kind)
    async for record in clientary.stream(kind.record):
        matches.read += 1
        if kind.word in LINKS.values():
            matches.names[record.id] = name_of(record)
        texts = {name: text for name in kind.found_by if (text := getattr(record, name, None))}
        client = client_named_in(record)
        amounts = {name: amount for name in kind.amounts if (amount := getattr(record, name, None)) is not None}
        match = wanted.match(kind.word, texts, client or "", amounts)
        closed = kind.is_closed(record)
        rank = (match.level, not closed, place, match.closeness, record.id)
        hit = partial(_hit, kind, record, match, client, rank)
        if match.level is not Level.FAR:
            matches.counts[kind.word, closed, match.level] += 1
            (matches.closed if closed else matches.open).add(rank, hit)
        elif match.closeness > 0:
            matches.far.add(rank, hit)
    return matches


def _hit(kind: Kind, record: Record, match: Match, client: str | None, rank: Rank) -> Hit:
    fields = {name: as_json(value) for name in kind.fields if (value := getattr(record, name, None)) is not None}
    fields = {name: value for name, value in fields.items() if value != ""}
    return Hit(kind.word, record.id, name_of(record), match, fields, client, rank)


def _joined(lists: list["_Matches"], hidden: list[str]) -> Found:
    """The matches of all lists; near misses only where nothing matches exactly."""
    counts = sum((matches.counts for matches in lists), start=Counter[tuple[str, bool, Level]]())
    least = Level.WORDS if any(level is Level.EXACT for _, _, level in counts) else Level.NEAR
    best = sorted((hit for matches in lists for hit in matches.hits()), key=lambda hit: hit.rank, reverse=True)
    hits = [hit for hit in best if hit.match.level >= least]
    return Found(
        open=[hit for hit in hits if not hit.closed][:MOST],
        closed=[hit for hit in hits if hit.closed][:MOST],
        nearest=[] if hits else best[:_NEAREST],
        counts=Counter({key: number for key, number in counts.items() if key[2] >= least}),
        searched={matches.kind.word: matches.read for matches in lists},
        hidden=hidden,
        names={matches.kind.word: matches.names for matches in lists},
    )


class _Best:
    """Keeps the highest-ranked hits, up to `most`; the others are never built."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[Rank, Hit]] = []

    def add(self, rank: Rank, hit: Callable[[], Hit]) -> None:
        """Keep one more, if it ranks high enough; no two rank the same."""
        if len(self._heap) < self._most:
            heappush(self._heap, (rank, hit()))
        elif rank > self._heap[0][0]:
            heapreplace(self._heap, (rank, hit()))

    def hits(self) -> list[Hit]:
        """The best so far, unordered."""
        return [hit for _, hit in self._heap]


@dataclass
class _Matches:
    """The best matches of one list, and how many there are."""

    kind: Kind
    read: int = 0
    names: dict[int, str] = field(default_factory=dict)
    counts: Counter[tuple[str, bool, Level]] = field(default_factory=Counter)
    open: _Best = field(default_factory=partial(_Best, MOST))
    closed: _Best = field(default_factory=partial(_Best, MOST))
    far: _Best = field(default_factory=partial(_Best, _NEAREST))

    def hits(self) -> list[Hit]:
        """The best, unordered."""
        return [*self.open.hits(), *self.closed.hits(), *self.far.hits()]
