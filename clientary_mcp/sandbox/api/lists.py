"""Lists: which records, in which order, which page of them, and the envelope around it."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from clientary_mcp.sandbox.api.replies import invalid
from clientary_mcp.sandbox.api.shapes import shape
from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.store.fields import InvalidError, instant, iso_date, wire_date
from clientary_mcp.sandbox.store.resource import Resource
from clientary_mcp.sandbox.store.resources import CONTACTS, PARENT_KEYS, PAYMENT_PROFILES
from clientary_mcp.sandbox.store.tables import Store

LARGEST_PAGE = 100


def fiscal_year(today: date) -> tuple[date, date]:
    """The account's current fiscal year: twelve months from the first of the month nine months ago."""
    month = today.year * 12 + today.month - 1 - 9
    start, following = date(month // 12, month % 12 + 1, 1), month + 12
    return start, date(following // 12, following % 12 + 1, 1) - timedelta(days=1)


class _Condition:
    """What the listed records have in common, as SQL."""

    def __init__(self) -> None:
        self.terms: list[str] = ["1"]
        self.values: list[Any] = []

    def add(self, term: str, *values: Any) -> None:
        self.terms.append(term)
        self.values += values

    @property
    def where(self) -> str:
        return " AND ".join(self.terms)


def listing(
    store: Store,
    switches: Switches,
    resource: Resource,
    query: Mapping[str, str],
    parent: tuple[str, int] | None = None,
) -> Any:
    """The answer to a GET of a list, under a parent (its path and id) or not."""
    condition = _Condition()
    if parent:
        condition.add(f"{PARENT_KEYS[parent[0]]} = ?", parent[1])
    envelope = _filter(store, switches, resource, query, condition, nested=parent is not None)
    order = resource.orders.get(query.get("sort", ""), resource.orders[""])
    total = store.count(resource.table, condition.where, condition.values)
    limit, offset = -1, 0
    if (size := _page_size(switches, resource, query, parent)) is not None:
        offset = (_positive(query.get("page"), 1) - 1) * size
        limit = size
        if switches.page_keys:
            envelope |= {"page_count": max(1, -(-total // size)), "page_size": size, "total_count": total}
    elif resource is PAYMENT_PROFILES and switches.page_keys:
        # The sample's page_size is its number of rows: it is not paginated.
        envelope |= {"page_count": 1, "page_size": total, "total_count": total}
    rows = store.select(resource.table, condition.where, condition.values, order=order, limit=limit, offset=offset)
    records = shape(store, switches, resource, rows)
    return records if switches.bare_arrays else {**envelope, resource.path: records}


def _page_size(
    switches: Switches, resource: Resource, query: Mapping[str, str], parent: tuple[str, int] | None
) -> int | None:
    if resource.page_size is None or switches.bare_arrays or not switches.page_keys:
        return None
    default = resource.page_size_under.get(parent[0], resource.page_size) if parent else resource.page_size
    if resource is CONTACTS or switches.honour_page_size:
        return min(_positive(query.get("page_size"), default), LARGEST_PAGE)
    return default


def _positive(text: str | None, default: int) -> int:
    if text and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text) or default
    return default


def _filter(
    store: Store,
    switches: Switches,
    resource: Resource,
    query: Mapping[str, str],
    condition: _Condition,
    *,
    nested: bool,
) -> dict[str, Any]:
    """Filter the list by the query; returns the keys that the envelope adds."""
    chosen = query.get("filter") if switches.honour_filter else "all"
    match resource.table:
        case "projects" if not nested and chosen != "all":
            condition.add("status <> 2")
        case "hours" if chosen in {"billed", "unbilled"}:
            condition.add("billed = ?", chosen == "billed")
        case "clients" | "invoices" if not nested and query.get("updated_since"):
            condition.add("updated_at >= ?", _read("updated_since", query["updated_since"], instant))
        case "expenses":
            start, end = fiscal_year(store.today)
            first = _read("from_date", query.get("from_date") or start.isoformat(), iso_date)
            last = _read("to_date", query.get("to_date") or end.isoformat(), iso_date)
            condition.add("incurred_on BETWEEN ? AND ?", first, last)
            return {
                "total_count": store.count("expenses", condition.where, condition.values),
                "from_date": wire_date(first, switches),
                "to_date": wire_date(last, switches),
            }
        case _:
            pass
    return {}


def _read(name: str, text: str, parse: Any) -> str:
    try:
        return str(parse(text))
    except InvalidError as reason:
        raise invalid({name: [str(reason)]}) from None
