"""The columns of bank exports: what banks call them in several languages, and which fact each one holds."""

import re
from collections.abc import Mapping
from typing import Any

from tool_schemas.base.currencies import minor_units
from tool_schemas.base.text import normalized

_NAMES: dict[str, str] = {
    "date": "date; booking date; transaction date; posting date; posted; value date; datum; buchungstag; buchungsdatum;"
    " wertstellung; valutadatum; date operation; date de l operation; date comptable; date de valeur; fecha;"
    " fecha operacion; fecha valor; data; data contabile; data operazione; data valuta; data operacji;"
    " data ksiegowania; dato; bokforingsdag; bogforingsdato; bokforingsdato; transaktionsdatum; boekdatum; rentedatum;"
    " pvm; kirjauspaiva; data lancamento; data mov",
    "amount": "amount; sum; value; betrag; umsatz; montant; importe; importo; kwota; bedrag; belopp; belob; belop;"
    " beloep; valor; summa; maara; castka; transaction amount; transaktionsbetrag",
    "money_in": "credit; credit amount; paid in; money in; deposit; deposits; received; haben; gutschrift; einnahmen;"
    " accredito; avere; entrate; abono; haber; ingresos; uznania; wplywy; bij; insattning; ind; inn; credito",
    "money_out": "debit; debit amount; paid out; money out; withdrawal; withdrawals; soll; lastschrift; belastung;"
    " ausgaben; addebito; dare; uscite; cargo; debe; gastos; obciazenia; wydatki; af; uttag; ud; ut; debito",
    "sign": "direction; sign; debit credit; credit debit; dr cr; cr dr; soll haben; s h; af bij; bij af; sens; signo;"
    " segno; kennzeichen; d c; c d; indicator; credit debit indicator",
    "currency_code": "currency code; currency; ccy; wahrung; waehrung; devise; moneda; divisa; waluta; munt; muntsoort;"
    " valuta; moeda; mena; valuutta",
    "reference": "reference; ref; referenz; kundenreferenz; end to end id; end to end reference; payment reference;"
    " reference number; mandatsreferenz; referencia; riferimento; kenmerk; betalingskenmerk; ocr; kid; viite;"
    " bank reference; customer reference",
    "text": "text; description; details; memo; narrative; particulars; transaction description; transaction details;"
    " purpose; remittance information; verwendungszweck; buchungstext; zahlungsgrund; libelle; motif; communication;"
    " concepto; descripcion; causale; descrizione; tytul; opis; tytulem; omschrijving; mededelingen; meddelande;"
    " tekst; beskrivelse; descricao; historico; viesti; selitys; note; notes; message",
    "payer": "payer; payee; name; from; sender; counterparty; counterparty name; debtor; debtor name; remitter;"
    " payer name; auftraggeber; zahlungspflichtiger; auftraggeber zahlungspflichtiger;"
    " beguenstigter zahlungspflichtiger; begunstigter zahlungspflichtiger; empfanger zahlungspflichtiger;"
    " name zahlungsbeteiligter; auftraggeber empfanger; donneur d ordre; emetteur; tiers; nom; ordenante; beneficiario;"
    " ordinante; nome; nadawca; kontrahent; naam; naam tegenpartij; tegenpartij; naam omschrijving; avsandare;"
    " afsender; avsender; navn; namn; maksaja; saaja maksaja",
}
_FACTS: dict[str, tuple[str, int]] = {
    name: (fact, rank) for fact, names in _NAMES.items() for rank, name in enumerate(names.split("; "))
}
"""What a column is called → the fact in it, and how far back its name stands: of two dates the first one counts."""

_SEVERAL = ("text", "reference", "payer")
"""Facts that may be spread over several columns."""

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


def _fact(heading: str, cell: Any) -> tuple[str | None, int, str | None]:
    """The fact that a column holds, its rank, and the currency in its heading."""
    words = normalized(heading.replace("_", " ")).split()
    codes = [word.upper() for word in words if minor_units(word.upper()) is not None and len(words) > 1]
    whole = " ".join(words)
    if (known := _FACTS.get(whole)) is not None:
        codes = []
    elif codes:
        known = _FACTS.get(" ".join(word for word in words if word.upper() not in codes))
    fact, rank = known or (None, 0)
    if whole == "valuta" and not _CODE.fullmatch(str(cell).strip()):
        fact, rank = "date", len(_FACTS)  # a currency in some languages, the day that counts for interest in others
    return fact, rank, codes[0] if codes and fact else None
