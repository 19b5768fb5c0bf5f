"""When clients were last sent an invoice, in few requests."""

from collections.abc import Collection
from contextlib import aclosing
from datetime import date
from functools import partial
from math import inf

from clientary_mcp.accounting.invoices import stage_of
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotFound
from tool_schemas.invoices import Invoice

_FEW = 10
"""Clients whose own invoices are read; for more, all invoices are, where they are on no more pages than clients."""


async def last_invoices(clientary: Clientary, ids: Collection[int] | None = None) -> dict[int, date]:
    """The date of the newest invoice of each of these clients, or of all; a client without one is missing.

    Drafts, cancelled invoices and those of the future do not count.
    """
    if ids is None:
        return await _read(clientary) or {}
    if len(ids) > _FEW and (of_all := await _read(clientary, most=len(ids))) is not None:
        return of_all
    reads = (partial(_read_of, clientary, client_id) for client_id in ids)
    found: dict[int, date] = {}
    for newest in await gather(reads, clientary.settings.concurrency):
        found |= newest
    return found


async def _read_of(clientary: Clientary, client_id: int) -> dict[int, date]:
    try:
        return await _read(clientary, client_id) or {}
    except NotFound:  # gone since it was listed
        return {}


@rereads
async def _read(clientary: Clientary, client_id: int | None = None, most: float = inf) -> dict[int, date] | None:
    """The same of one list; None where its first page does not tell that it has at most so many."""
    newest, today = dict[int, date](), clientary.today()
    stream = clientary.stream(Invoice, None if client_id is None else f"clients/{client_id}/invoices")
    async with aclosing(stream.__aiter__()) as invoices:
        async for invoice in invoices:
            if stream.first_page and most < stream.first_page.pages:
                return None
            owner = invoice.client_id or client_id
            if owner and invoice.date and stage_of(invoice, today) == "invoiced":
                newest[owner] = max(invoice.date, newest.get(owner, invoice.date))
    return newest
