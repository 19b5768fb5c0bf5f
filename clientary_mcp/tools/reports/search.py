"""The search: finds ids by name, number or address."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import client_names
from clientary_mcp.tools.support.matching import Level, Wanted
from clientary_mcp.tools.support.questions import answers_to
from clientary_mcp.tools.support.search import DOCUMENTS, KINDS, LINKS, MOST, Found, Hit, find
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import Mention, in_order
from tool_schemas.reports.search import TYPES, Search

_NAMED = 10
_BASIS = (
    "Compares names, e-mail addresses, numbers, websites and titles, ignoring case, accents and punctuation: exact"
    " matches first, then prefix, words and near. Near matches are shown only where nothing matches exactly. Invoices"
    " and estimates are searched for numbers and amounts, and for titles only with types."
)
_BY_AMOUNT = "Read as an amount: invoices and estimates with exactly that total or balance come first."
Names = Mapping[str, Mapping[Any, str]]


@reads(
    "reports",
    mentions=Mention(
        "list_payments, list_expenses and list_hours take a query of their own.",
        "list_payments",
        "list_expenses",
        "list_hours",
    ),
)
async def search(clientary: Clientary, args: Search) -> Report:
    """Find records and their ids by name, e-mail address, number or website, misspelled ones too; best match first.
    Payments, expenses, hours and recurring schedules are not covered."""
    wanted = Wanted(args.query)
    types = args.types or (kind for kind in TYPES if wanted.may_be_a_document or kind not in DOCUMENTS)
    found = await find(clientary, wanted, dict.fromkeys(types))
    hits = found.open
    if args.include_closed:
        hits = sorted([*hits, *found.closed], key=lambda hit: hit.rank, reverse=True)[:MOST]
    names = await _names(clientary, found, [*hits, *found.nearest])
    about: dict[str, Any] = {"searched": found.searched}
    if found.nearest:
        about["nearest"] = [_row(hit, names) for hit in found.nearest]
    return Report(
        rows=[_row(hit, names) | {"match": hit.match.level.name.lower(), "matched": hit.match.field} for hit in hits],
        basis=in_order(_BASIS, None if wanted.amount is None else _BY_AMOUNT),
        left_out=_left_out(found, len(hits), closed=args.include_closed),
        about=about,
        notice=in_order(_notice(found, args.query, shown=len(hits)), *_answering(found, wanted)),
    )


async def _names(clientary: Clientary, found: Found, hits: list[Hit]) -> Names:
    """The names that the search read, and those of clients that the hits carry only as ids."""
    known = {hit.fields["client_id"]: hit.client for hit in hits if "client_id" in hit.fields and hit.client}
    asked = [hit.fields["client_id"] for hit in hits if "client_id" in hit.fields]
    return {**found.names, "client": await client_names(clientary, asked, known | found.names.get("client", {}))}


def _row(hit: Hit, names: Names) -> dict[str, Any]:
    row: dict[str, Any] = {"type": hit.type, "id": hit.id, "name": hit.name}
    fields = hit.fields
    if hit.type == "project" and "budget" not in fields:
        fields = {field: value for field, value in fields.items() if field != "budget_type"} | {"budget": "no budget"}
    for field, value in fields.items():
        row[field] = value
        if name := names.get(LINKS.get(field, ""), {}).get(value):
            row[field.removesuffix("_id")] = name
    return row


def _left_out(found: Found, shown: int, *, closed: bool) -> list[str]:
    sentences = [f"{KINDS[kind].words}: the owner of the API token is not allowed to see them" for kind in found.hidden]
    counted = found.count(closed=False) + (found.count(closed=True) if closed else Counter())
    if (more := counted.total() - shown) > 0:
        sentences.append(f"{more} of the {_counted(counted)} that match: a longer query, or types, shows others")
    if found.closed and not closed:
        named = ", ".join(_called(hit) for hit in found.closed[:_NAMED])
        rest = found.count(closed=True).total() - min(len(found.closed), _NAMED)
        also = f" and {rest} more" if rest else ""
        sentences.append(
            f"closed ones ({_counted(found.count(closed=True))}): {named}{also}; include_closed=true shows them"
        )
    return [f"{each}." for each in sentences]


def _counted(counted: Counter[str]) -> str:
    """`1 client, 12 invoices`"""
    return ", ".join(
        f"{number} {kind.replace('_', ' ') if number == 1 else KINDS[kind].words}" for kind, number in counted.items()
    )


def _called(hit: Hit) -> str:
    return f"{hit.type} {hit.id} {quote(hit.name)} ({hit.fields.get('status', 'done')})"


def _notice(found: Found, query: str, *, shown: int) -> str | None:
    if shown:
        return None
    if found.closed:
        return f"Only closed records match {quote(query)} or come close: see left_out."
    if found.nearest:
        return f"Nothing is called {quote(query)}; nearest lists what comes closest."
    return f"Nothing is called like {quote(query)}."


def _answering(found: Found, wanted: Wanted) -> list[Mention]:
    """The tools that answer a query which is a question, like `unpaid invoices`, rather than a name."""
    named = any(level is Level.EXACT for _, _, level in found.counts)
    return [] if named else answers_to(wanted.words)


TOOLS = (search,)
