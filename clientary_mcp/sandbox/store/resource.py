"""What a resource is: its table, its fields, and what may be done with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clientary_mcp.sandbox.store.fields import Field, Orphan, Shown

EVERY_VERB = frozenset({"list", "get", "create", "update", "delete"})


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record. `path` is its URL segment, and the key of its lists."""

    table: str
    path: str
    wrapper: str
    fields: tuple[Field, ...]
    first_id: int
    """Ids start apart for each kind, so that one taken for another does not happen to exist."""
    page_size: int | None = None
    """Records per page; None: the list is not paginated."""
    page_size_under: Mapping[str, int] = field(default_factory=dict)
    """Page sizes of lists under a parent, where they differ."""
    orders: Mapping[str, str] = field(default_factory=dict)
    """`sort` value to order; the empty one is the default."""
    verbs: frozenset[str] = EVERY_VERB
    under: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Parent path to the verbs that are reached under it."""
    stamps: frozenset[str] = frozenset()
    """Which of created_at and updated_at the documented sample shows."""
    stamp_offset: bool = False
    """Timestamps come with an offset, as the sample's."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a document: where they are kept and what they are called on the wire."""

    table: str
    parent: str
    fields: tuple[Field, ...]
    first_id: int

    @property
    def attributes(self) -> str:
        """The key that writes them."""
        return f"{self.table}_attributes"


def link(
    name: str, table: str, orphan: Orphan = "SET NULL", *, shown: Shown = "always", writable: bool = True
) -> Field:
    return Field(name, "integer", refers=table, orphan=orphan, shown=shown, writable=writable)


OWNER = Field("user_id", "integer", refers="staff", writable=False, default=1)
