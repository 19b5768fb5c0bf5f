"""The resources of the account: their fields, wrapper keys, page sizes, orders and routes, as tables.

Behaviour beyond tables (totals, charging, completing) is in `api/writes.py`.
"""

from clientary_mcp.sandbox.store.documents import ESTIMATES, INVOICES, RECURRING
from clientary_mcp.sandbox.store.fields import TODAY, Field
from clientary_mcp.sandbox.store.resource import EVERY_VERB, OWNER, Resource, link


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
        link("client_id", "clients", "CASCADE", writable=False),
        link("lead_id", "leads", "CASCADE", shown="extra", writable=False),
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
        link("client_id", "clients", "CASCADE", shown="never"),
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
        link("project_id", "projects", "CASCADE", writable=False),
        OWNER,
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
        link("project_id", "projects", "CASCADE"),
        link("client_id", "clients"),
        link("assignee_id", "staff"),
        OWNER,
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
        link("client_id", "clients"),
        link("project_id", "projects"),
        link("invoice_id", "invoices"),
        Field("invoice_item_id", "integer", writable=False),
        OWNER,
        Field("description", default=""),
        Field("incurred_on", "slash_date", default=TODAY),
    ),
    first_id=6101,
    orders={"": "incurred_on DESC, id DESC"},
    under={"clients": frozenset({"list"}), "projects": frozenset({"list"})},
)


PAYMENTS = Resource(
    table="payments",
    path="payments",
    wrapper="payment",
    fields=(
        link("invoice_id", "invoices", "CASCADE", writable=False),
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
        link("client_id", "clients", "CASCADE", writable=False),
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
