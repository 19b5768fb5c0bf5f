"""Suggests records when an agent passes a name instead of an id. It never guesses."""

import re
from collections.abc import Collection, Iterable
from functools import partial

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.matching import Wanted
from clientary_mcp.tools.support.search import KINDS, Hit, find

_LISTED_WITH = {
    "client": "list_clients",
    "contact": "list_contacts",
    "lead": "list_leads",
    "project": "list_projects",
    "invoice": "list_invoices",
    "estimate": "list_estimates",
    "task": "list_tasks",
    "staff": "list_staff",
    "recurring_schedule": "list_recurring_schedules",
}
_PEOPLE = {"assignee": "staff", "user": "staff"}
_DETAILS = ("email", "title", "status", "client", "city", "due_date")
"""The fields shown with the name of a candidate, if it has them."""

_NAMES, _CANDIDATES, _LONGEST = 3, 4, 100
_A_NUMBER = re.compile(r"[-+]?[\d.,_ ]+(e[-+]?\d+)?", re.IGNORECASE)
_A_WORD = re.compile(r"[a-z_]{1,20}")


async def suggest_ids(
    clientary: Clientary, wrong: BadArguments, names: Iterable[tuple[str, str]], hidden: Collection[str]
) -> BadArguments:
    """`wrong`, with the records that match the names given instead of ids (argument, text).

    Records whose list tool is `hidden` are left out, and a search that fails adds nothing.
    """
    meant = dict.fromkeys((_kind(argument), text) for argument, text in names if _may_be_a_name(text))
    known = [(kind, text) for kind, text in meant if kind and _LISTED_WITH[kind] not in hidden][:_NAMES]
    found = await gather(
        (partial(_with_name_like, clientary, kind, text) for kind, text in known), clientary.settings.concurrency
    )
    return wrong.add(*filter(None, found))


def _kind(argument: str) -> str:
    """The type of record that an id, or a list of ids, refers to; empty where such records have no names."""
    noun = re.sub("_ids?$", "", argument)
    kind = _PEOPLE.get(noun, noun)
    return kind if kind in KINDS else ""


def _may_be_a_name(text: str) -> bool:
    return len(text) <= _LONGEST and any(c.isalnum() for c in text) and not _A_NUMBER.fullmatch(text.strip())


async def _with_name_like(clientary: Clientary, kind: str, text: str) -> str:
    """`Clients with a name like “Beacon”: 12 “Beacon Foods” (active).`; empty if they cannot be read."""
    try:
        found = await find(clientary, Wanted(text), [kind])
    except ClientaryError:
        return ""
    hits = sorted([*found.open, *found.closed], key=lambda hit: hit.rank, reverse=True)
    if not hits:
        return f"No {kind.replace('_', ' ')} has a name like {quote(text)}."
    more = (found.count(closed=False) + found.count(closed=True)).total() - len(hits[:_CANDIDATES])
    also = f" and {more} more" if more else ""
    words = KINDS[kind].words.capitalize()
    return f"{words} with a name like {quote(text)}: {', '.join(map(_candidate, hits[:_CANDIDATES]))}{also}."


def _candidate(hit: Hit) -> str:
    known = {**hit.fields, "client": hit.client}
    details = [str(value) for name in _DETAILS if (value := known.get(name))]
    about = ", ".join(word if _A_WORD.fullmatch(word) else quote(word) for word in details)
    return f"{hit.id} {quote(hit.name)}{f' ({about})' if about else ''}"
