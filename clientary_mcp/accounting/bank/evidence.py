"""What the words of a bank line say: the invoices whose numbers stand in them, and the clients that they name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from unicodedata import normalize

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
_COUNTED = _words("nr no number num nummer ref n numero")
"""Words that stand before the numbers of other things as well."""
_OTHER = _words(
    "customer client account order po contract mandate member card kunde kunden kd konto auftrag auftrags bestellung"
    " bestell vertrag vertrags mandat mandats mitglied mitglieds karten kundennr kundennummer kdnr auftragsnr"
    " auftragsnummer bestellnr bestellnummer vertragsnr vertragsnummer commande contrat compte cliente pedido contrato"
    " cuenta ordine contratto conto klant klantnummer klantnr kundnr kundnummer avtal kundenr kontonr"
)
"""Words before the number of something else."""
_AND = _words("and und et y e en och og ja i to bis through thru tot")
"""Words between two numbers, or between the first and the last of several."""
_JOINED = ("-", "/", ".", "\u2013")
_PERIOD = re.compile(
    r"(?:19|20)\d\d(?:-?(?:0?[1-9]|1[0-2]))?|(?:0?[1-9]|1[0-2])-(?:19|20)\d\d"
    r"|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
)
"""What may as well be a year, a month or a day."""
_SURE_LENGTH = 4
"""Characters from which a number is one wherever it stands; a shorter one needs a word of an invoice before it."""
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


class _Word(NamedTuple):
    text: str
    before: str
    """What stands between it and the word before."""


class Numbers:
    """The numbers of all invoices, to be found in texts however they are punctuated."""

    def __init__(self, invoices: Iterable[Invoice]) -> None:
        self._ids: dict[tuple[str, ...], set[int]] = {}
        self._without_zeros: dict[tuple[str, ...], set[int]] = {}
        for invoice in invoices:
            parts = _parts(invoice.number or "")
            digits = [part for part in parts if part.isdecimal()]
            if digits:
                self._ids.setdefault(parts, set()).add(invoice.id)
                self._without_zeros.setdefault(_without_zeros(parts), set()).add(invoice.id)
            if len(digits) == 1 and len(parts) > 1 and len(digits[0]) >= _SURE_LENGTH:
                self._ids.setdefault((digits[0],), set()).add(invoice.id)

    def named_in(self, text: str) -> set[int]:
        """The invoices whose number stands in a text; amounts, days, accounts and other numbers in it are none."""
        found = (self._ids[number] for _, number in self._found(text))
        return {each for ids in found if len(ids) == 1 for each in ids}

    def similar_in(self, text: str) -> set[int]:
        """Those whose number differs from one that stands there, or from it with the word before, in zeros alone."""
        found = ((*before, *number)[start:] for before, number in self._found(text) for start in range(len(before) + 1))
        return {each for number in found for each in self._without_zeros.get(_without_zeros(number), ())}

    def _found(self, text: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The word before and the longest number, at each place where one is meant."""
        words = list(_written(_NO_NUMBER.sub(" ", text)))
        start = last = 0
        while start < len(words):
            for end in range(min(len(words), start + _LONGEST), start, -1):
                number = tuple(word.text for word in words[start:end])
                if number in self._ids and self._is_meant(words, start, end, last):
                    yield tuple(word.text for word in words[:start][-1:]), number
                    start = last = end
                    break
            else:
                start += 1

    def _is_meant(self, words: Sequence[_Word], start: int, end: int, last: int) -> bool:
        """Whether an invoice is meant there; `last` is where the number before ended."""
        number = [word.text for word in words[start:end]]
        before = [word.text for word in words[:start]]
        if number[0].isdecimal() and _of_another_thing(before):
            return False
        if sum(map(len, number)) >= _SURE_LENGTH and not _PERIOD.fullmatch("-".join(number)):
            return True
        for after in words[end : end + 1]:
            if after.text.isdecimal() and after.before in _JOINED and (after.text,) not in self._ids:
                return False
        return (start > 0 and before[-1] in _INVOICE) or _goes_on(words, last, start)


def _of_another_thing(before: Sequence[str]) -> bool:
    """Whether the words before a number say that it is one of a client, of an order, or the like."""
    *_, other, last = ("", "", *before)
    return last in _OTHER or (last in _COUNTED and other in _OTHER)


def _goes_on(words: Sequence[_Word], last: int, start: int) -> bool:
    """Whether several numbers go on from one that ended to one that begins: `1, 10 and 12`, `1-7`."""
    between = {word.text for word in words[last:start]}
    return last > 0 and between <= _AND and (bool(between) or not words[start].before.isspace())


def _written(text: str) -> Iterator[_Word]:
    """The words and the numbers of a text."""
    plain, end = normalize("NFKC", text), 0
    for found in _PART.finditer(plain):
        yield _Word(normalized(found[0]), plain[end : found.start()])
        end = found.end()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(word.text for word in _written(text))


def _without_zeros(number: Iterable[str]) -> tuple[str, ...]:
    """A number without leading zeros."""
    return tuple(part.lstrip("0") for part in number)


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
