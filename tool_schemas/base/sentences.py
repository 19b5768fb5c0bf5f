"""Sentences for agents as data: which tools each one names, and what became of a write.

A sentence that names tools is left out where one of them is not available.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, Self


class Mention(str):
    """A sentence that is of use only where all of its tools are available."""

    __slots__ = ("tools",)
    tools: frozenset[str]

    def __new__(cls, text: str, *tools: str) -> Self:
        """`Mention("update_client can archive it.", "update_client")`."""
        self = super().__new__(cls, text)
        self.tools = frozenset(tools)
        return self


Sentences = str | Iterable[str]
"""One sentence or several; any of them may be a `Mention`."""

Effect = Literal["not sent", "unchanged", "unknown", "partial", "done"]
"""What became of a write, from the caller's point of view."""

EFFECTS: Mapping[Effect, str] = {
    "not sent": "Nothing was sent.",
    "unchanged": "Nothing was changed.",
    "unknown": "It is unknown whether the request succeeded.",
    "partial": "Part of the job is done.",
    "done": "The change was made.",
}
"""The only place that words an effect."""


def in_order(*parts: Sentences | None) -> tuple[str, ...]:
    """The sentences of several parts, in their order; None and empty ones are left out."""
    lists = [(part,) if isinstance(part, str) else part or () for part in parts]
    return tuple(sentence for part in lists for sentence in part if sentence)


def join_sentences(sentences: Sentences | None, unavailable: Collection[str] = ()) -> str:
    """The text of the sentences, without those that mention an unavailable tool."""
    gone = {*unavailable}
    return " ".join(part for part in in_order(sentences) if not (isinstance(part, Mention) and part.tools & gone))


def count_of(count: int, noun: str) -> str:
    """`1 invoice`, `1,204 hour entries`."""
    plural = re.sub("(?<=[^aeiou])y$", "ie", noun) + "s"
    return f"{count:,} {noun if count == 1 else plural}"
