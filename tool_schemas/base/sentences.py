"""Sentences for agents, some of which name tools: those are left out where a tool that they name is not available."""

from collections.abc import Collection, Iterable
from typing import Self


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


def as_tuple(sentences: Sentences) -> tuple[str, ...]:
    """The sentences one by one."""
    return (sentences,) if isinstance(sentences, str) else tuple(sentences)


def join_sentences(sentences: Sentences, unavailable: Collection[str] = ()) -> str:
    """The text of the sentences, without those that mention an unavailable tool."""
    gone = {*unavailable}
    return " ".join(
        part for part in as_tuple(sentences) if part and not (isinstance(part, Mention) and part.tools & gone)
    )
