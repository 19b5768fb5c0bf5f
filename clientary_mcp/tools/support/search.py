"""Finding records by what people call them, in the whole account: for searches, and for names in the place of ids.

Lists are read whole and at the same time; of each only the best are kept, as the few fields that are told of them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import heappush, heapreplace
from typing import Any

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed
from clientary_mcp.tools.support.formatting import name_of
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

Rank = tuple[int, bool, float, int, int]


@dataclass(frozen=True)
class Kind:
    """One type of record that people have a name for."""

    word: str
    """What agents call the type."""
    record: type[Record]
    found_by: tuple[str, ...]
    told: tuple[str, ...]
    """The fields that tell two records apart that are called alike."""
    closed: tuple[str, Collection[Any]] = ("", ())
    """A field, and its values in a record that is done with."""
    query: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What several of them are called."""
        return self.record.plural if self.word != "recurring_schedule" else "recurring schedules"

    def is_closed(self, record: Record) -> bool:
        """Whether it is done with."""
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
        Kind(
            "contact", Contact, ("name", "email"), ("email", "title", "client_id", "lead_id"), query={"page_size": 100}
        ),
        Kind(
            "project",
            Project,
            ("name", "number"),
            ("number", "status", "client_id", "budget_type", "budget", "worked_hours", "currency_code", "end_date"),
            ("status", ("completed",)),
            query={"filter": "all"},
        ),
        Kind(
            "invoice",
            Invoice,
            ("number", "title", "po"),
            ("title", "po", "status", "client_id", "date", "currency_code", "total_cost", "balance"),
            ("status", ("cancelled",)),
        ),
        Kind(
            "estimate",
            Estimate,
            ("number", "title"),
            ("title", "status", "client_id", "date", "currency_code", "total_cost"),
            ("status", ("cancelled", "declined", "archived")),
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
LINKS = {"client_id": "client", "lead_id": "lead", "project_id": "project", "assignee_id": "staff"}
"""Fields that name another record, and of which kind it is."""


@dataclass(frozen=True)
class Hit:
    """One record that was found, and why. `told` are the fields of its kind that have a value."""

    type: str
    id: int
    name: str
    match: Match
    told: dict[str, Any]
    client: str | None
    """The name of its client, where the record itself tells it."""
    rank: Rank

    @property
    def closed(self) -> bool:
        """Whether it is done with."""
        return not self.rank[1]


@dataclass
class Found:
    """What was found, the best first."""

    open: list[Hit]
    closed: list[Hit]
    nearest: list[Hit]
    """What comes closest, where nothing matches."""
    counts: Counter[tuple[str, bool, Level]]
    """How many match, by type, whether they are closed, and why."""
    searched: dict[str, int]
    """Records that were read, by type."""
    unseen: list[str]
    """Types that the owner of the API token may not see."""
    names: dict[str, dict[int, str]]
    """Names of clients, leads, projects and staff, by type and id, as far as they were read."""

    def count(self, *, closed: bool) -> Counter[str]:
        """How many match, by type."""
        counted: Counter[str] = Counter()
        for (kind, is_closed, _), number in self.counts.items():
            if is_closed == closed:
                counted[kind] += number
        return counted


async def find(clientary: Clientary, query: str, types: Iterable[str]) -> Found:
    """What matches `query` among the records of these types; NotAllowed when none of the types may be seen."""
    wanted = Wanted(query)
    kinds = [KINDS[kind] for kind in types]
    read = await gather((partial(_sieved, clientary, kind, wanted) for kind in kinds), clientary.settings.concurrency)
    sieves = [sieve for sieve in read if isinstance(sieve, _Sieve)]
    if not sieves:
        raise next(sieve for sieve in read if isinstance(sieve, NotAllowed))
    unseen = [kind.word for kind, sieve in zip(kinds, read, strict=True) if isinstance(sieve, NotAllowed)]
    return _joined(sieves, unseen)


async def _sieved(clientary: Clientary, kind: Kind, wanted: Wanted) -> "_Sieve | NotAllowed":
    try:
        return await clientary.sift(kind.record, kind.record.plural, partial(_Sieve, kind, wanted), kind.query)
    except NotAllowed as hidden:
        return hidden


def _joined(sieves: list["_Sieve"], unseen: list[str]) -> Found:
    """What all lists gave; near misses only where nothing is called exactly that."""
    counts = sum((sieve.counts for sieve in sieves), start=Counter[tuple[str, bool, Level]]())
    least = Level.WORDS if any(level is Level.EXACT for _, _, level in counts) else Level.NEAR
    best = sorted((hit for sieve in sieves for hit in sieve.kept()), key=lambda hit: hit.rank, reverse=True)
    hits = [hit for hit in best if hit.match.level >= least]
    return Found(
        open=[hit for hit in hits if not hit.closed][:MOST],
        closed=[hit for hit in hits if hit.closed][:MOST],
        nearest=[] if hits else best[:_NEAREST],
        counts=Counter({key: number for key, number in counts.items() if key[2] >= least}),
        searched={sieve.kind.word: sieve.read for sieve in sieves},
        unseen=unseen,
        names={sieve.kind.word: sieve.names for sieve in sieves},
    )


class _Sieve:
    """Keeps the best of one list."""

    def __init__(self, kind: Kind, wanted: Wanted) -> None:
        self.kind, self._wanted = kind, wanted
        self.read = 0
        self.names: dict[int, str] = {}
        self.counts: Counter[tuple[str, bool, Level]] = Counter()
        self._place = -list(KINDS).index(kind.word)
        self._open, self._closed, self._far = _Best(MOST), _Best(MOST), _Best(_NEAREST)

    def add(self, record: Record) -> None:
        """The next record."""
        self.read += 1
        if self.kind.word in LINKS.values():
            self.names[record.id] = name_of(record)
        texts = {name: text for name in self.kind.found_by if (text := getattr(record, name, None))}
        client = client_named_in(record)
        match = self._wanted.match(self.kind.word, texts, client or "")
        closed = self.kind.is_closed(record)
        rank = (match.level, not closed, match.closeness, self._place, record.id)
        hit = partial(self._hit, record, match, client, rank)
        if match.level is not Level.FAR:
            self.counts[self.kind.word, closed, match.level] += 1
            (self._closed if closed else self._open).offer(rank, hit)
        elif match.closeness > 0:
            self._far.offer(rank, hit)

    def _hit(self, record: Record, match: Match, client: str | None, rank: Rank) -> Hit:
        told = {name: as_json(value) for name in self.kind.told if (value := getattr(record, name, None)) is not None}
        told = {name: value for name, value in told.items() if value != ""}
        return Hit(self.kind.word, record.id, name_of(record), match, told, client, rank)

    def kept(self) -> list[Hit]:
        """The best, in no order."""
        return [*self._open.hits(), *self._closed.hits(), *self._far.hits()]


class _Best:
    """The best so many of what is offered; the others are never made."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[Rank, Hit]] = []

    def offer(self, rank: Rank, hit: Callable[[], Hit]) -> None:
        """One more, ranked as no other."""
        if len(self._heap) < self._most:
            heappush(self._heap, (rank, hit()))
        elif rank > self._heap[0][0]:
            heapreplace(self._heap, (rank, hit()))

    def hits(self) -> list[Hit]:
        """Those that are the best so far."""
        return [hit for _, hit in self._heap]
