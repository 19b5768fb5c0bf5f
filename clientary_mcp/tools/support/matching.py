"""How well a record's texts match a query: exactly, from the beginning, by words, or approximately.

Case, accents, punctuation and white space make no difference. It works on texts and fields, not on records or lists.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple
from unicodedata import normalize

from tool_schemas.base.addresses import mailbox
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.text import folded, is_unspaced, normalized

_ADDRESS = re.compile(r"(?:mailto:)?([^\s@,;<>]+@[^\s@,;<>]+)")
_SITE = re.compile(r"(?:\w+://)?(?:www\.)?([^\s/?#@]+)\S*")
_NUMBERED = re.compile(r"([^\W\d_]*)(\d.*)")
_DIGITS = r"([1-9][0-9]{0,2}(?:[,.'\u2019 ][0-9]{3})+|[0-9]+)(?:([,.])([0-9]{1,3}))?"
_CURRENCY = r"(?:[^\W\d_]{1,3}\.?|[A-Za-z]{0,2}\$|[\u00a2-\u00a5\u20a0-\u20cf])"
_AMOUNT = re.compile(rf"({_CURRENCY})?\s*{_DIGITS}\s*({_CURRENCY})?")
_CENTS = 2
_SIGN = re.compile(r"(?<=[\w+#])[+#]")
_SIGNS = {"+": "plus", "#": "sharp"}
_NUMBER_WORDS = {"no", "nr", "number"}
_NUMBERS = ("number", "po")
_NEVER_NEAR = (*_NUMBERS, "website")
"""Numbers and addresses match exactly or not at all: the next one is another record, not a typo."""

_NEAR, _FAR = 80, 60
"""Similarity out of 100 from which a text counts as a typo, and from which it is suggested when nothing matches."""
_INSIDE = 85
"""The similarity of a text that contains the query in the middle of a word."""
_TOGETHER = 50
"""The similarity of words that are spread over several fields."""
_SHORTEST = 3


class Level(IntEnum):
    """Why a record matched; higher is better."""

    FAR = 0
    NEAR = 1
    WORDS = 2
    PREFIX = 3
    EXACT = 4


class Match(NamedTuple):
    """How well something matches, in display order; `closeness` is out of 100."""

    level: Level
    closeness: float
    field: str


NOTHING = Match(Level.FAR, 0.0, "")


class Wanted:
    """A query, in the forms in which it is compared."""

    def __init__(self, query: str) -> None:
        # Loaded on the first search: it takes longer to import than everything else here.
        from rapidfuzz.fuzz import ratio

        self._ratio = ratio
        self._form = normalized if normalized(query) else folded  # a query without words is looked for as it is
        self._text = self._form(query)
        self._words = [word if is_unspaced(word) else f" {word}" for word in self._text.split()]
        self._spelt = any(letter.isalpha() for letter in query)
        address = _ADDRESS.search(query)
        self._address = mailbox(address[1]).rstrip(".") if address else ""
        self._site = "" if address else _site(query)
        self.amount = read_amount(query)
        self._number = None if self.amount is not None else _number(query)

    @property
    def words(self) -> list[str]:
        """Its words, as they are compared."""
        return self._text.split()

    @property
    def is_address(self) -> bool:
        """Whether it is an e-mail address."""
        return bool(self._address)

    @property
    def may_be_a_document(self) -> bool:
        """Whether it may be the number or the amount of an invoice or an estimate."""
        return not self._address and any(letter.isdigit() for letter in self._text)

    def numbers(self, kind: str) -> bool:
        """Whether it reads as the number of a record of that type: `1042` or `INV-1042` of an invoice."""
        return self._number is not None and kind.startswith(self._number[0])

    def match(
        self, kind: str, texts: Mapping[str, str], beside: str = "", amounts: Mapping[str, Decimal] | None = None
    ) -> Match:
        """The best match of the texts of one record, by field; `beside` are words that may help, but don't suffice.

        `kind` names the type in numbers: `INV-1042` is the invoice 1042. An amount matches the same one in `amounts`.
        """
        if self.amount is not None:
            for field, amount in (amounts or {}).items():
                if amount == self.amount:
                    return Match(Level.EXACT, 100.0, field)
        plain = {field: self._form(_site(text) if field == "website" else text) for field, text in texts.items()}
        exact = [place for place, field in enumerate(texts) if self._is(kind, field, texts[field], plain[field])]
        if exact:
            return Match(Level.EXACT, 100.0 - exact[0], list(texts)[exact[0]])
        found = [self._in_field(field, text) for field, text in plain.items() if text]
        if self._address and "email" in texts:
            found.append(self._in_address(texts["email"]))
        best = max(found, key=_order, default=NOTHING)
        if best.level >= Level.WORDS or len(self._words) == 1 or self._address:
            return best
        return self._in_several(plain, beside) or best

    def _is(self, kind: str, field: str, value: str, text: str) -> bool:
        if field == "email" and self._address:
            return mailbox(value) == self._address
        if field == "website":
            return bool(self._site) and _site(value) == self._site
        if field in _NUMBERS and self._number:
            return _same_number(kind, self._number, _number(value))
        return text == self._text

    def _in_field(self, field: str, text: str) -> Match:
        wanted = self._form(self._site) if field == "website" else self._text
        if not wanted or (self._address and field == "email"):
            return NOTHING
        closeness = 100.0 * min(1.0, len(wanted) / len(text))
        if text.startswith(wanted):
            return Match(Level.PREFIX, closeness, field)
        if all(word in f" {text}" for word in self._words):
            return Match(Level.WORDS, closeness, field)
        spelt = self._spelt and field not in _NEVER_NEAR
        return _nearly(self._nearness(text), field, spelt=spelt)

    def _in_address(self, value: str) -> Match:
        """Another address is near when both its sides are: one that shares the domain alone belongs to someone else."""
        there = mailbox(value)
        if there.startswith(self._address):
            return Match(Level.PREFIX, 100.0 * len(self._address) / len(there), "email")
        names, hosts = zip(self._address.split("@", 1), f"{there}@".split("@")[:2], strict=True)
        return _nearly(min(self._ratio(*names), self._ratio(*hosts)), "email", spelt=True)

    def _in_several(self, plain: Mapping[str, str], beside: str) -> Match | None:
        """A match of words spread over several fields, at least one of them in a field of the record itself."""
        spaced = {field: f" {text}" for field, text in plain.items()}
        strange = [word for word in self._words if not any(word in text for text in spaced.values())]
        if len(strange) == len(self._words) or not all(word in f" {self._form(beside)}" for word in strange):
            return None
        own = [field for field, text in spaced.items() if any(word in text for word in self._words)]
        return Match(Level.WORDS, _TOGETHER, ", ".join([*own, *(["client"] if strange else [])]))

    def _nearness(self, text: str) -> float:
        """The similarity out of 100: of the whole, or word by word, so that a misspelt word finds a longer name."""
        whole = self._ratio(self._text, text)
        if len(self._text) >= _SHORTEST and self._text in text:
            return max(whole, _INSIDE)
        there, wanted = text.split(), self._text.split()
        by_word = sum(len(word) * max(self._ratio(word, other) for other in there) for word in wanted)
        return max(whole, by_word / max(1, sum(map(len, wanted))))


def comparable(text: str) -> str:
    """The name of one record, normalized; C++ and C# remain apart, and so do names of punctuation alone."""
    return normalized(_SIGN.sub(lambda sign: f" {_SIGNS[sign[0]]} ", text)) or folded(text)


def read_amount(text: str) -> Decimal | None:
    """The amount in `1,250.00`, `1.250,5 EUR` or `$40`; None for anything else, and for `1042`, which is a number."""
    found = _AMOUNT.fullmatch(normalize("NFKC", text).strip())  # with usual spaces and digits
    if found is None:
        return None
    before, whole, point, decimals, after = found.groups()
    currency, grouped, cents = before or after, not whole.isdecimal(), len(decimals or "") == _CENTS
    if not (currency or grouped or cents) or (before and after) or (grouped and point and point in whole):
        return None
    if currency and not (cents or _is_currency(currency)):
        return None  # letters of a number; with cents, those of a currency as it is written locally: 12,50 kr.
    return Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{decimals or 0}")


def _is_currency(sign: str) -> bool:
    return "$" in sign or not sign[0].isalpha() or minor_units(sign.upper()) is not None


def _nearly(nearness: float, field: str, *, spelt: bool) -> Match:
    level = Level.NEAR if spelt and nearness >= _NEAR else Level.FAR
    return Match(level, nearness if nearness >= _FAR else 0.0, field)


def _order(match: Match) -> tuple[int, float]:
    return match.level, match.closeness


def _site(text: str) -> str:
    """The host of an address on the web: `https://www.x.example/about` and `x.example` are the same."""
    site = _SITE.fullmatch(text.strip().casefold())
    return site[1].partition(":")[0] if site else ""


def _number(text: str) -> tuple[str, str] | None:
    """The letters and the digits of `1042`, `#1042`, `INV-1042` or `invoice no. 1042`; None for anything else."""
    compact = "".join(word for word in normalized(text).split() if word not in _NUMBER_WORDS)
    parts = _NUMBERED.fullmatch(compact)
    return (parts[1], parts[2].lstrip("0")) if parts else None


def _same_number(kind: str, wanted: tuple[str, str], there: tuple[str, str] | None) -> bool:
    """Letters may be omitted, the kind's own name is none of them, and any that abbreviate it are equivalent.

    `Invoice 7` is `INV-7` and `RE-7`, and `inv 7` is `INVOICE-7`.
    """
    if there is None or wanted[1] != there[1]:
        return False
    return wanted[0] in ("", kind, there[0]) or (kind.startswith(wanted[0]) and kind.startswith(there[0]))
