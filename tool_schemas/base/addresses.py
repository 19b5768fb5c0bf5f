"""E-mail addresses, read as people paste them: `Ann <ann@x.example>`, `mailto:ann@x.example`, several in one text.

Two addresses are one mailbox where they differ in case alone, or in the form of their domain: `bücher.example` is
`xn--bcher-kva.example`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

# What people use as quotes and separators, in any script.
_QUOTES = "\"'`\xb4\xab\xbb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u300c\u300d\u300e\u300f"
_BEFORE = f"{_QUOTES} \t\xa0"
_BEHIND = f"{_BEFORE}.,:;!?\u2026\u3002"
_MAILTO = re.compile(r"mailto:(?://)?([^?\s<>\"]*)(?:\?[^\s<>\"]*)?", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()@]*\)")
_IN_OTHER_BRACKETS = re.compile(r"[(\[]([^()\[\]@]*@[^()\[\]@]*)[)\]]")
_QUOTED_NAME = re.compile(r'"[^"]*"\s*(?=<)')
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_BETWEEN_PEOPLE = re.compile("[;\r\n\uff1b\u061b]")
_COMMA = re.compile("[,|\uff0c\u3001\u060c]")

_LOCAL_PART = re.compile(r"[^\s@.,;:<>()\[\]\\\"]+(?:\.[^\s@.,;:<>()\[\]\\\"]+)*")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")
_EVERYDAY = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*@[A-Za-z0-9-][A-Za-z0-9.-]*[A-Za-z0-9]")
_LONGEST, _LONGEST_LOCAL_PART = 254, 64


class Addresses(NamedTuple):
    """The addresses in a value, each mailbox once, and the parts of it that are no address, as they were given."""

    read: list[str]
    unreadable: list[Any]

    @property
    def one(self) -> str | None:
        """The address, where there is exactly one and nothing else."""
        return self.read[0] if len(self.read) == 1 and not self.unreadable else None


def addresses_in(value: Any) -> Addresses:
    """The addresses in a text, in an object with an `email`, or in a list of those.

    What is no part of an address is left out: names, brackets, quotes, `mailto:`, punctuation behind it. Words that
    could be a part of it, as in `an n@x.example`, make it unreadable; so does an id.
    """
    read: dict[str, str] = {}
    unreadable = []
    for part in _parts(value):
        if isinstance(part, str) and _is_address(part):
            read.setdefault(_same_mailbox(part), part)
        else:
            unreadable.append(part)
    return Addresses(list(read.values()), unreadable)


def mailbox(address: str | None) -> str:
    """One address in the form in which two of the same mailbox are equal; text that is none without case alone."""
    text = (address or "").strip()
    if not _EVERYDAY.fullmatch(text):
        text = addresses_in(text).one or text
    return _same_mailbox(text)


def _parts(value: Any) -> Iterator[Any]:
    """What should be one address each: text without what surrounds an address, and whatever is no text."""
    match value:
        case None:
            return
        case str():
            yield from _parts_of_text(value)
        case Mapping() if value.get("email"):
            yield from _parts(value["email"])
        case Iterable() if not isinstance(value, Mapping | bytes):
            for each in value:
                yield from _parts(each)
        case _:
            yield value


def _parts_of_text(text: str) -> Iterator[str]:
    plain = _MAILTO.sub(lambda found: unquote(found[1]), text)
    plain = _QUOTED_NAME.sub("", _IN_OTHER_BRACKETS.sub(r"<\1>", _COMMENT.sub(" ", plain)))
    parts = [
        part
        for person in _BETWEEN_PEOPLE.split(plain)
        for piece in _pieces(person)
        for part in _words(piece.lstrip(_BEFORE).rstrip(_BEHIND))
    ]
    yield from parts or ([text] if text.strip() else [])


def _pieces(text: str) -> Iterator[str]:
    """What stands in `<…>`, and what stands apart from it; `Doe, Ann <…>` is one name before the bracket."""
    end = 0
    for bracket in _IN_BRACKETS.finditer(text):
        *others, _name = _COMMA.split(text[end : bracket.start()])
        yield from (other for other in others if "@" in other)
        yield bracket[1].partition("|")[0]
        end = bracket.end()
    yield from _COMMA.split(text[end:])


def _words(piece: str) -> list[str]:
    """The addresses of `a@x.example b@x.example`, or the piece as it is."""
    words = [word for word in piece.split() if any(map(str.isalnum, word))]
    return words if all(_is_address(word) for word in words) else [piece]


def _is_address(text: str) -> bool:
    local_part, _, domain = text.rpartition("@")
    if len(text) > _LONGEST or len(local_part) > _LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local_part):
        return False
    try:
        return _HOST.fullmatch(_host(domain)) is not None
    except ValueError:
        return False


def _same_mailbox(address: str) -> str:
    local_part, at, domain = address.rpartition("@")
    try:
        return f"{local_part.casefold()}{at}{_host(domain)}"
    except ValueError:
        return address.casefold()


def _host(domain: str) -> str:
    """A domain as the network writes it, in lower case; ValueError where it cannot be written so."""
    host = domain.lower()
    if host.isascii() and "xn--" not in host:
        return host
    import idna  # few domains need it

    return idna.encode(domain, uts46=True).decode("ascii")
