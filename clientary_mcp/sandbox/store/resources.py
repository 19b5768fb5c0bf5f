"""The resources of the account: their fields, wrapper keys, page sizes, orders and routes, as tables.

What a resource does beyond this (totals, charging, completing) stands in `writes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clientary_mcp.sandbox.store.fields import TODAY, Field, Orphan, Shown

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


def _party(*, was_lead: bool) -> tuple[Field, ...]:
    plain = ("address", "address_2", "city", "state", "zip", "country", "website", "description")
    extra = (Field("was_lead", "flag", writable=False, shown="extra", default=False),) if was_lead else ()
    return (
        Field("number", unique=True, default=""),
        Field("name", required=True),
        *(Field(name, default="") for name in plain),
        Field("invoice_extra_fields", "json"),
        Field("status", "integer", shown="extra", default=1, among=frozenset({1, 2})),
        Field("contact_viewable", "flag", shown="extra", default=True),
        Field("currency_code", writable=False, shown="never", default="USD"),
        *extra,
    )


def _link(
    name: str, table: str, orphan: Orphan = "SET NULL", *, shown: Shown = "always", writable: bool = True
) -> Field:
    return Field(name, "integer", refers=table, orphan=orphan, shown=shown, writable=writable)


_OWNER = Field("user_id", "integer", refers="staff", writable=False, default=1)

_TAXES = (
    *(Field(name, "percent", default=0) for name in ("tax", "tax2", "tax3")),
    *(Field(name, default="") for name in ("tax_label", "tax2_label", "tax3_label")),
    Field("compound_tax", "flag", default=False),
)

_TOTALS = (
    *(Field(name, "money", writable=False, default=0) for name in ("subtotal", "total_cost")),
    *(
        Field(name, "money", writable=False, shown="extra", default=0)
        for name in ("taxable_subtotal", "total_tax", "total_tax2", "total_tax3")
    ),
)

_DOCUMENT = (
    Field("number", unique=True),
    Field("date", "slash_date", required=True),
    Field("currency_code", required=True),
    Field("title", default=""),
    Field("note", default=""),
    Field("summary", null=True),
    _link("client_id", "clients", "CASCADE"),
    _link("project_id", "projects", shown="never", writable=False),
    Field("secret", writable=False, shown="extra", default=""),
    Field("user_id", "integer", refers="staff", writable=False, shown="extra", default=1),
    *_TAXES,
    *_TOTALS,
)

CLIENTS = Resource(
    table="clients",
    path="clients",
    wrapper="client",
    fields=_party(was_lead=True),
    first_id=1201,
    page_size=10,
    orders={"": "name COLLATE NOCASE, id", "date": "created_at DESC, id DESC"},
)

CONTACTS = Resource(
    table="contacts",
    path="contacts",
    wrapper="client_user",
    fields=(
        _link("client_id", "clients", "CASCADE", writable=False),
        _link("lead_id", "leads", "CASCADE", shown="extra", writable=False),
        Field("name", required=True),
        Field("email", required=True),
        *(Field(name, default="") for name in ("title", "phone", "ext", "mobile")),
    ),
    first_id=4801,
    page_size=10,
    orders={"": "name COLLATE NOCASE, id"},
    verbs=EVERY_VERB - {"create"},
    under={"clients": frozenset({"list", "create"})},
)

LEADS = Resource(
    table="leads",
    path="leads",
    wrapper="lead",
    fields=_party(was_lead=False),
    first_id=3301,
    page_size=10,
    orders={
        "": "created_at DESC, id DESC",
        "oldest": "created_at, id",
        "name": "name COLLATE NOCASE, id",
    },
)

PROJECTS = Resource(
    table="projects",
    path="projects",
    wrapper="project",
    fields=(
        Field("number", unique=True, default=""),
        Field("name", required=True),
        Field("rate", "money", required=True),
        _link("client_id", "clients", "CASCADE", shown="never"),
        Field("description", default=""),
        Field("project_type", "integer", default=0, among=frozenset({0, 1, 2})),
        Field("budget_type", "integer", default=0, among=frozenset({0, 1})),
        Field("budget", "money"),
        Field("status", "integer", default=1, among=frozenset({1, 2, 4})),
        Field("currency_code"),
        Field("start_date", "slash_date", shown="extra"),
        Field("end_date", "slash_date"),
    ),
    first_id=2401,
    page_size=20,
    page_size_under={"clients": 10},
    orders={"": "name COLLATE NOCASE, id"},
    under={"clients": frozenset({"list"})},
)

HOURS = Resource(
    table="hours",
    path="hours",
    wrapper="project_item",
    fields=(
        _link("project_id", "projects", "CASCADE", writable=False),
        _OWNER,
        Field("title", required=True),
        Field("hours", "quantity", required=True),
        Field("date", "slash_date", default=TODAY),
        Field("description", default=""),
        Field("rate", "money"),
        Field("cost", "money", writable=False, default=0),
        Field("billed", "flag", writable=False, shown="never", default=False),
    ),
    first_id=70001,
    orders={"": "date DESC, id DESC"},
    verbs=frozenset({"get", "update", "delete"}),
    under={"projects": frozenset({"list", "create"})},
)

TASKS = Resource(
    table="tasks",
    path="tasks",
    wrapper="task",
    fields=(
        Field("title", required=True),
        _link("project_id", "projects", "CASCADE"),
        _link("client_id", "clients"),
        _link("assignee_id", "staff"),
        _OWNER,
        Field("description", null=True),
        Field("due_date", "date"),
        Field("complete", "flag", default=False),
        Field("completed_at", "timestamp", writable=False),
    ),
    first_id=9101,
    page_size=50,
    orders={"": "id"},
    under={"projects": frozenset({"list"})},
    stamps=frozenset({"created_at", "updated_at"}),
)

EXPENSES = Resource(
    table="expenses",
    path="expenses",
    wrapper="expense",
    fields=(
        Field("amount", "money", required=True),
        _link("client_id", "clients"),
        _link("project_id", "projects"),
        _link("invoice_id", "invoices"),
        Field("invoice_item_id", "integer", writable=False),
        _OWNER,
        Field("description", default=""),
        Field("incurred_on", "slash_date", default=TODAY),
    ),
    first_id=6101,
    orders={"": "incurred_on DESC, id DESC"},
    under={"clients": frozenset({"list"}), "projects": frozenset({"list"})},
)

INVOICES = Resource(
    table="invoices",
    path="invoices",
    wrapper="invoice",
    fields=(
        *_DOCUMENT,
        Field("status", "integer", default=0, among=frozenset(range(6))),
        Field("due_date", "slash_date", required=True),
        Field("po", default=""),
        *(Field(name, "money", writable=False, default=0) for name in ("balance", "total_payments")),
        Field("paid_date", "slash_date", writable=False, shown="extra"),
        _link("recurring_schedule_id", "recurring_schedules", shown="never", writable=False),
    ),
    first_id=20101,
    page_size=30,
    orders={"": "date DESC, id DESC"},
    under={path: frozenset({"list"}) for path in ("clients", "projects", "recurring")},
)

ESTIMATES = Resource(
    table="estimates",
    path="estimates",
    wrapper="estimate",
    fields=(
        *_DOCUMENT,
        Field("status", "integer", default=0, among=frozenset(range(8))),
        Field("po", shown="extra", default=""),
        _link("lead_id", "leads", "CASCADE", shown="extra", writable=False),
    ),
    first_id=15101,
    page_size=30,
    orders={"": "date DESC, id DESC"},
    under={path: frozenset({"list"}) for path in ("clients", "projects")},
)

PAYMENTS = Resource(
    table="payments",
    path="payments",
    wrapper="payment",
    fields=(
        _link("invoice_id", "invoices", "CASCADE", writable=False),
        Field("amount", "money", required=True),
        Field("note", default=""),
        Field("received_on", "date", default=TODAY),
        Field("transaction_fee_amount", "money", default=0),
        Field("transaction_id", writable=False, null=True),
    ),
    first_id=980101,
    page_size=30,
    orders={"": "received_on DESC, id DESC", "created_at": "created_at DESC, id DESC"},
    verbs=frozenset({"list"}),
    under={"invoices": frozenset({"create", "delete"})},
)

PAYMENT_PROFILES = Resource(
    table="payment_profiles",
    path="payment_profiles",
    wrapper="stripe_payment_profile",
    fields=(
        _link("client_id", "clients", "CASCADE", writable=False),
        Field("stripe_customer_id", required=True, shown="never"),
        Field("stripe_source_id", required=True, shown="never"),
        Field("last_four_digits", required=True, shown="extra"),
        Field("name", required=True),
        Field("expiration_date", "date", required=True),
        Field("card_type", shown="extra", null=True),
        *(Field(name, null=True) for name in ("address", "city", "zip", "state", "country")),
    ),
    first_id=41,
    orders={"": "id"},
    verbs=frozenset(),
    under={"clients": frozenset({"list", "create", "delete"})},
    stamps=frozenset({"created_at", "updated_at"}),
    stamp_offset=True,
)

RECURRING = Resource(
    table="recurring_schedules",
    path="recurring",
    wrapper="recurring_schedule",
    fields=(
        Field("client_id", "integer", required=True, refers="clients"),
        Field("next_date", "date", required=True),
        Field("time_interval", "integer", required=True, among=frozenset(range(1, 12))),
        Field("currency_code", required=True),
        Field("due_period", "integer", required=True),
        Field("number"),
        *(Field(name, default="") for name in ("title", "note")),
        *(Field(name, null=True) for name in ("po", "summary")),
        Field("status", "integer", default=0, among=frozenset({0, 1, 2})),
        Field("action", "integer", default=1, among=frozenset({0, 1, 2})),
        _link("payment_profile_id", "payment_profiles"),
        Field("unlimited", "flag"),
        Field("occurrences_remaining", "integer"),
        *_TAXES,
        *_TOTALS,
    ),
    first_id=501,
    page_size=10,
    orders={"": "next_date, id"},
    stamps=frozenset({"updated_at"}),
    stamp_offset=True,
)

STAFF = Resource(
    table="staff",
    path="staff",
    wrapper="",
    fields=(
        Field("name", required=True),
        *(Field(name, default="") for name in ("title", "email", "phone", "ext", "mobile")),
        Field("hourly_rate", "money", shown="never", default=0),
    ),
    first_id=1,
    orders={"": "id"},
    verbs=frozenset({"list", "get"}),
)

RESOURCES = (
    STAFF,
    CLIENTS,
    LEADS,
    CONTACTS,
    PROJECTS,
    HOURS,
    TASKS,
    PAYMENT_PROFILES,
    RECURRING,
    INVOICES,
    ESTIMATES,
    EXPENSES,
    PAYMENTS,
)
BY_PATH = {resource.path: resource for resource in RESOURCES}
PARENT_KEYS = {
    "clients": "client_id",
    "projects": "project_id",
    "invoices": "invoice_id",
    "recurring": "recurring_schedule_id",
}


def _line(item_type: int) -> tuple[Field, ...]:
    return (
        Field("title", required=True),
        Field("quantity", "quantity", required=True),
        Field("price", "money", required=True),
        Field("taxable", "flag", default=False),
        Field("item_type", "integer", default=item_type, among=frozenset({0, 1, 3})),
    )


LINES = {
    "invoices": Lines("invoice_items", "invoice_id", _line(3), 31001),
    "estimates": Lines("estimate_items", "estimate_id", _line(3), 25001),
    "recurring_schedules": Lines("recurring_schedule_items", "recurring_schedule_id", _line(1), 801),
}
SECTION_HEADER = 0
