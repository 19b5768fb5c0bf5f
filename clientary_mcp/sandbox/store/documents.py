"""Documents and their lines: invoices, estimates, recurring schedules."""

from clientary_mcp.sandbox.store.fields import Field
from clientary_mcp.sandbox.store.resource import Lines, Resource, link

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
    link("client_id", "clients", "CASCADE"),
    link("project_id", "projects", shown="never", writable=False),
    Field("secret", writable=False, shown="extra", default=""),
    Field("user_id", "integer", refers="staff", writable=False, shown="extra", default=1),
    *_TAXES,
    *_TOTALS,
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
        Field("recipients", "json", writable=False, shown="extra"),
        link("recurring_schedule_id", "recurring_schedules", shown="never", writable=False),
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
        link("lead_id", "leads", "CASCADE", shown="extra", writable=False),
        Field("expiration_date", "slash_date", writable=False, shown="extra"),
    ),
    first_id=15101,
    page_size=30,
    orders={"": "date DESC, id DESC"},
    under={path: frozenset({"list"}) for path in ("clients", "projects")},
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
        link("payment_profile_id", "payment_profiles"),
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
