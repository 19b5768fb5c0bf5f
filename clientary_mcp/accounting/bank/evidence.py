"""What the words of a bank line say: the invoices whose numbers stand in them, and the clients that they name."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tool_schemas.base.text import normalized
from tool_schemas.invoices import Invoice


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEGAL = _words(
    "ltd limited llc llp inc corp corporation company co plc pty gmbh mbh ag kg ohg gbr ug ek eg se sa sas sarl eurl"
    " srl spa sl slu bv nv cv vof oy oyj ab as asa aps lda ltda sp z o doo dd kft zrt sro and und et"
)
"""Words that banks and payers add to a name, or leave out."""
_INVOICE = _words(
    "inv invoice invoices rechnung rechnungen rechnungsnummer rechnungsnr rg rnr re nr no number num facture factures"
    " fact fattura fatt faktura faktury fv fatura factura factuur fra ref n"
)
"""Words before the number of an invoice."""
_SURE_LENGTH = 4
"""Characters from which a number is one wherever it stands; a shorter one needs such a word before it."""
_LONGEST = 5
"""Words that a number may be written as: INV 2026 001."""
_SHORTEST_NAME = 3
_PART = re.compile(r"\d+|[^\W\d_]+")
_NO_NUMBER = re.compile(
    r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,}(?: ?[A-Z0-9]{1,3})?\b"
    r"|(?<![\w.,/-])(?:\d{1,3}(?:[.,' ]\d{3})*[.,]\d\d|\d+[.,]\d\d"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d\d?[./-]\d\d?)(?![\w/-])"
)
"""Accounts, amounts and days."""
_UMLAUTS = str.maketrans({"\xe4": "ae", "\xf6": "oe", "\xfc": "ue", "\xc4": "Ae", "\xd6": "Oe", "\xdc": "Ue"})


class Numbers:
    """The numbers of all invoices, to be found in texts however they are punctuated."""

    def __init__(self, invoices: Iterable[Invoice]) -> None:
        self._ids: dict[tuple[str, ...], set[int]] = {}
        for invoice in invoices:
            parts = _parts(invoice.number or "")
            digits = [part for part in parts if part.isdecimal()]
            if digits:
                self._ids.setdefault(parts, set()).add(invoice.id)
            if len(digits) == 1 and len(parts) > 1 and len(digits[0]) >= _SURE_LENGTH:
                self._ids.setdefault((digits[0],), set()).add(invoice.id)

    def named_in(self, text: str) -> set[int]:
        """The invoices whose number stands in a text; amounts, days and accounts in it are no numbers."""
        words = _parts(_NO_NUMBER.sub(" ", text))
        found: set[int] = set()
        start = 0
        while start < len(words):
            start, ids = self._at(words, start)
            found |= ids
        return found

    def _at(self, words: tuple[str, ...], start: int) -> tuple[int, set[int]]:
        """The longest number that begins with a word: where it ends, and whose it is."""
        for end in range(min(len(words), start + _LONGEST), start, -1):
            ids = self._ids.get(words[start:end])
            sure = sum(map(len, words[start:end])) >= _SURE_LENGTH
            if ids and (sure or (start > 0 and words[start - 1] in _INVOICE)):
                return end, ids if len(ids) == 1 else set()
        return start + 1, set()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(_PART.findall(normalized(text)))


class Names:
    """The names of all clients, to be found in texts with or without their legal form."""

    def __init__(self, names: Mapping[int | None, str]) -> None:
        self._clients: dict[tuple[str, ...], set[int]] = {}
        for client_id, name in names.items():
            if client_id is not None:
                for words in {_core(name), _core(name.translate(_UMLAUTS))}:
                    if len("".join(words)) >= _SHORTEST_NAME:
                        self._clients.setdefault(words, set()).add(client_id)
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for words in self._clients:
            self._by_first.setdefault(words[0], []).append(words)

    def named_in(self, text: str) -> set[int]:
        """The clients that a text names, by the longest name at each place."""
        words = _core(text)
        found: set[int] = set()
        start = 0
        while start < len(words):
            fitting = [
                name for name in self._by_first.get(words[start], ()) if words[start : start + len(name)] == name
            ]
            name = max(fitting, key=len, default=None)
            found |= self._clients[name] if name else set()
            start += len(name) if name else 1
        return found


def _core(name: str) -> tuple[str, ...]:
    words = normalized(name).split()
    return tuple(word for word in words if word not in _LEGAL) or tuple(words)


def has_digits_of(number: str | None, text: str) -> bool:
    """Whether a word of a text has the digits of a number in another order, as when two of them are transposed."""
    digits = "".join(filter(str.isdigit, number or ""))
    return len(digits) > 1 and any(
        written != digits and sorted(written) == sorted(digits) for written in _digits_in(text)
    )


def _digits_in(text: str) -> Iterator[str]:
    for word in text.split():
        yield "".join(filter(str.isdigit, word))
