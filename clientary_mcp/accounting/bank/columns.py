"""The columns of bank exports: what banks call them in several languages, and which fact each one holds."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clientary_mcp.accounting.bank.numbers import CURRENCY_SIGNS
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.text import normalized

_NAMES: dict[str, str] = {
    "date": "date; booking date; transaction date; posting date; posted; posted date; settlement date; operation date;"
    " completed date; date completed; arrival date; value date; valuedate; transactiondate; date time; created;"
    " started date; date started; datum; buchung; buchungstag; buchungsdatum; wertstellung; valutadatum; wert;"
    " date operation; date de l operation; date op; date comptable; date de comptabilisation; date de valeur;"
    " date valeur; date val; fecha; fecha operacion; fecha de operacion; f operacion; fecha valor; f valor; data;"
    " data contabile; data operazione; data registrazione; data valuta; data operacji; data ksiegowania; dato;"
    " bokforingsdag; bogforingsdato; bokforingsdato; transaktionsdatum; boekdatum; transactiedatum; rentedatum; pvm;"
    " kirjauspaiva; data lancamento; data mov; bookg dt; val dt",
    "amount": "amount; gross; sum; value; betrag; umsatz; brutto; montant; montant de l operation; montant operation;"
    " brut; importe; bruto; importo; lordo; kwota; bedrag; transactiebedrag; belopp; belob; belop; beloep; valor;"
    " summa; maara; castka; transaction amount; transaktionsbetrag; amt",
    "money_in": "credit; credit amount; paid in; money in; deposit; deposits; received; haben; gutschrift; einnahmen;"
    " accredito; accrediti; avere; entrate; abono; haber; ingreso; ingresos; uznania; wplywy; bij; insattning; ind;"
    " inn; credito",
    "money_out": "debit; debit amount; paid out; money out; withdrawal; withdrawals; soll; lastschrift; belastung;"
    " ausgaben; addebito; addebiti; dare; uscite; cargo; debe; gasto; gastos; obciazenia; wydatki; af; uttag; ud; ut;"
    " debito",
    "sign": "direction; sign; debit credit; credit debit; dr cr; cr dr; soll haben; s h; af bij; bij af; sens; signo;"
    " segno; kennzeichen; d c; c d; indicator; credit debit indicator; cdt dbt ind",
    "currency_code": "currency code; currency; ccy; wahrung; waehrung; devise; moneda; divisa; waluta; munt; muntsoort;"
    " mutationcode; valuta; moeda; mena; valuutta; payment currency",
    "state": "state; status; statut; estado; stato; stan",
    "reference": "reference; ref; referenz; kundenreferenz; end to end id; end to end reference; payment reference;"
    " reference number; mandatsreferenz; referencia; riferimento; kenmerk; betalingskenmerk; ocr; kid; viite;"
    " bank reference; customer reference; invoice number; rechnungsnummer; numero de facture; numero de factura;"
    " numero fattura; factuurnummer",
    "text": "text; description; details; memo; narrative; particulars; transaction description; transaction details;"
    " bank description; purpose; remittance information; information to account owner; verwendungszweck; buchungstext;"
    " buchungs details; beschreibung; zahlungsgrund; avisierungstext; betreff; hinweis; libelle; label; motif;"
    " communication; detail de l ecriture; objet; concepto; movimiento; descripcion; mas datos; observaciones;"
    " comentario; causale; descrizione; descrizione estesa; tytul; opis; tytulem; omschrijving; mededelingen;"
    " onderwerp; meddelande; tekst; beskrivelse; descricao; historico; viesti; selitys; subject; note; notes;"
    " notes and tags; message; rmt inf; ustrd",
    "payer": "payer; payee; name; from; sender; counterparty; counter party; counterparty name; partner name;"
    " partnername; debtor; debtor name; remitter; payer name; auftraggeber; zahlungspflichtiger; zahlungspflichtige r;"
    " auftraggeber zahlungspflichtiger; beguenstigter zahlungspflichtiger; begunstigter zahlungspflichtiger;"
    " beguenstigter auftraggeber; begunstigter auftraggeber; empfanger zahlungspflichtiger;"
    " name zahlungsbeteiligter; auftraggeber empfanger; donneur d ordre; emetteur; tiers; nom; ordenante; beneficiario;"
    " ordinante; nome; nadawca; kontrahent; naam; naam tegenpartij; tegenpartij; naam omschrijving; avsandare;"
    " afsender; avsender; navn; namn; maksaja; saaja maksaja; dbtr nm",
}
COLUMNS: Mapping[str, tuple[str, ...]] = {fact: tuple(names.split("; ")) for fact, names in _NAMES.items()}
"""What the column of each fact is called, the likeliest first."""

_FACTS: dict[str, tuple[str, int]] = {
    name: (fact, rank) for fact, names in COLUMNS.items() for rank, name in enumerate(names)
}
"""What a column is called → the fact in it, and how far back its name stands: of two dates the first one counts."""

_SEVERAL = ("text", "reference", "payer")
"""Facts that may be spread over several columns."""

_BESIDE = ("utc", "in", "en")
"""Words beside the name of a column: `Date (UTC)`, `Credit in CHF`."""

_CALLED = {"EURO": "EUR", "EUROS": "EUR"}
"""What headings call a currency instead of its code: `Crédit euros`."""

_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])")
_COUNTED = re.compile(r"(?<=[^\W\d_])\d+$")
_CODE = re.compile(r"[A-Za-z]{3}")


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of one row: its cells by our names, texts joined; the currency of a heading like `Betrag (EUR)` too."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for heading, cell in row.items():
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        fact, rank, code = _fact(heading, cell)
        if fact is not None:
            found.setdefault(fact, []).append((rank, cell))
        if code is not None:
            found.setdefault("currency_code", []).append((len(_FACTS), code))
    for cells in found.values():
        cells.sort(key=lambda each: each[0])
    return {
        fact: " ".join(dict.fromkeys(str(cell).strip() for _, cell in cells)) if fact in _SEVERAL else cells[0][1]
        for fact, cells in found.items()
    }


def unknown_columns(row: Mapping[str, Any]) -> list[str]:
    """The headings of a row that are none of these; what they hold is not used."""
    return [heading for heading, cell in row.items() if cell not in (None, "") and _fact(heading, cell)[0] is None]


def missing_facts(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, tuple[str, ...]]:
    """What no row has a column for, although each needs one, and the names that are understood."""
    found = {_fact(heading, cell)[0] for row in rows for heading, cell in row.items()}
    needed = {"date": ("date",), "amount": ("amount", "money_in", "money_out")}
    return {
        fact: tuple(name for each in columns for name in COLUMNS[each])
        for fact, columns in needed.items()
        if not found & {*columns}
    }


def _fact(heading: str, cell: Any) -> tuple[str | None, int, str | None]:
    """The fact that a column holds, its rank, and the currency in its heading."""
    words = normalized(_JOINED.sub(" ", heading.replace("_", " "))).split()
    whole = " ".join(words)
    code = next((CURRENCY_SIGNS[each] for each in heading if each in CURRENCY_SIGNS), None)
    known = _FACTS.get(whole)
    if known is None:
        code = code or (next(filter(None, map(_currency, words)), None) if len(words) > 1 else None)
        known = _FACTS.get(" ".join(filter(None, (_COUNTED.sub("", word) for word in words if _names(word)))))
    fact, rank = known or (None, 0)
    if whole == "valuta" and not _CODE.fullmatch(str(cell).strip()):
        fact, rank = "date", len(_FACTS)  # a currency in some languages, the day that counts for interest in others
    return fact, rank, code if fact else None


def _names(word: str) -> bool:
    """Whether a word of a heading may belong to the name of a column."""
    return not (word in _BESIDE or word.isdecimal() or _currency(word))


def _currency(word: str) -> str | None:
    code = _CALLED.get(word.upper(), word.upper())
    return code if minor_units(code) is not None else None
