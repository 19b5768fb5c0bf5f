"""Statements as banks let people download them, read by `clientary-mcp call`: each tells the same payment."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from clientary_mcp.accounting.bank.lines import BankLine, read_lines
from clientary_mcp.accounting.days import Today
from clientary_mcp.cli.call_arguments import arguments

TODAY = Today.on(date(2026, 11, 27))
UTF_8, WITH_MARK, LATIN_1, WINDOWS = "utf-8", "utf-8-sig", "latin-1", "cp1252"

BANKS = {
    "Sparkasse": (
        WINDOWS,
        "Auftragskonto;Buchungstag;Valutadatum;Buchungstext;Verwendungszweck;Kundenreferenz (End-to-End);"
        "Beguenstigter/Zahlungspflichtiger;Kontonummer/IBAN;BIC (SWIFT-Code);Betrag;Waehrung;Info\n"
        "DE12;26.11.26;26.11.26;GUTSCHRIFT;Rechnung 1362;;Lantern;DE99;X;4.317,06;EUR;Umsatz gebucht\n",
    ),
    "DKB": (
        WITH_MARK,
        '"Girokonto";"DE12"\n""\n"Kontostand vom 27.11.2026:";"1.234,56 EUR"\n""\n'
        '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Verwendungszweck";"Betrag (€)"\n'
        '"26.11.26";"26.11.26";"Gebucht";"Lantern";"RE 1362";"4.317,06"\n',
    ),
    "ING": (
        LATIN_1,
        "Umsatzanzeige;Datei erstellt am: 27.11.2026 10:00\n;\nIBAN;DE12\nSaldo;1.234,56;EUR\n\n"
        "Buchung;Valuta;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung\n"
        "26.11.2026;26.11.2026;Lantern;Gutschrift;RE 1362;5.000,00;EUR;4.317,06;EUR\n",
    ),
    "Deutsche Bank": (
        WINDOWS,
        "Buchungstag;Wert;Umsatzart;Begünstigter / Auftraggeber;Verwendungszweck;Betrag;Soll;Haben;Währung\n"
        "26.11.2026;26.11.2026;SEPA;Lantern;RE 1362;4.317,06;;4.317,06;EUR\n",
    ),
    "N26": (
        UTF_8,
        '"Booking Date","Value Date","Partner Name",Type,"Payment Reference","Amount (EUR)","Original Currency"\n'
        "2026-11-26,2026-11-26,Lantern,Credit Transfer,RE 1362,4317.06,\n",
    ),
    "BNP Paribas": (
        WINDOWS,
        "Date operation;Date valeur;Libelle;Debit;Credit\n"
        '26/11/2026;26/11/2026;"VIR DE LANTERN\n/MOTIF 1362";;4 317,06\n',
    ),
    "Crédit Agricole": (
        WINDOWS,
        "Date;Libellé;Débit euros;Crédit euros;\n26/11/2026;VIREMENT LANTERN 1362;;4\xa0317,06;\n",
    ),
    "BoursoBank": (
        WITH_MARK,
        "dateOp;dateVal;label;category;amount;accountNum\n2026-11-26;2026-11-26;VIR Lantern 1362;X;4 317,06;123\n",
    ),
    "BBVA": (
        WINDOWS,
        "F.Valor;Fecha;Concepto;Movimiento;Importe;Divisa;Disponible;Divisa;Observaciones\n"
        "26/11/2026;26/11/2026;Transferencia;LANTERN 1362;4.317,06;EUR;5.000,00;EUR;\n",
    ),
    "Intesa Sanpaolo": (
        UTF_8,
        "Data contabile;Data valuta;Descrizione;Accrediti;Addebiti;Descrizione estesa\n"
        "26/11/2026;26/11/2026;BONIFICO;4.317,06;;LANTERN FATTURA 1362\n",
    ),
    "ING in the Netherlands": (
        UTF_8,
        '"Datum","Naam / Omschrijving","Rekening","Code","Af Bij","Bedrag (EUR)","Mutatiesoort","Mededelingen"\n'
        '"20261126","Lantern","NL1","OV","Bij","4317,06","Overschrijving","Factuur 1362"\n',
    ),
    "Rabobank": (
        WINDOWS,
        '"IBAN/BBAN","Munt","Datum","Bedrag","Saldo na trn","Naam tegenpartij","Omschrijving-1","Omschrijving-2"\n'
        '"NL1","EUR","2026-11-26","+4317,06","+5000,00","Lantern","Factuur 1362"," "\n',
    ),
    "ABN AMRO": (
        UTF_8,
        "accountNumber\tmutationcode\ttransactiondate\tvaluedate\tamount\tdescription\n"
        "1\tEUR\t20261126\t20261126\t4317,06\tNaam: Lantern Omschrijving: 1362\n",
    ),
    "HSBC": (
        UTF_8,
        'Date,Type,Description,Paid out,Paid in,Balance\n26 Nov 26,CR,LANTERN 1362,,"4,317.06","5,000.00"\n',
    ),
    "NatWest": (
        UTF_8,
        "\nDate, Type, Description, Value, Balance, Account Name\n\n26 Nov 2026,BAC,LANTERN 1362,4317.06,5000,X\n",
    ),
    "Chase": (
        UTF_8,
        "Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #\n"
        "CREDIT,11/26/2026,LANTERN INV 1362,4317.06,ACH_CREDIT,5000.00,,\n",
    ),
    "Bank of America": (
        UTF_8,
        'Description,,Summary Amt.\nBeginning balance,,"1.00"\nTotal credits,,"4,317.06"\n\n'
        'Date,Description,Amount,Running Bal.\n11/26/2026,LANTERN INV 1362,"4,317.06","4,318.06"\n',
    ),
    "Revolut": (
        UTF_8,
        "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
        "TRANSFER,Current,2026-11-25 10:00:00,2026-11-26 10:00:01,From Lantern 1362,4317.06,0.00,EUR,COMPLETED,5\n",
    ),
    "Wise": (
        UTF_8,
        '"TransferWise ID",Date,Amount,Currency,Description,"Payment Reference","Payer Name","Total fees"\n'
        "TRANSFER-1,26-11-2026,4317.06,EUR,From Lantern,1362,Lantern,0.00\n",
    ),
    "PayPal": (
        WITH_MARK,
        '"Datum","Uhrzeit","Name","Typ","Status","Währung","Brutto","Gebühr","Netto","Rechnungsnummer","Betreff"\n'
        '"26.11.2026","10:00:00","Lantern","Zahlung","Abgeschlossen","EUR","4.317,06","-108,23","4.208,83","1362",""\n',
    ),
    "Stripe": (
        UTF_8,
        "id,Amount,Arrival Date (UTC),Created (UTC),Currency,Description,Status\n"
        "po_1,4317.06,2026-11-26 00:00,2026-11-25 09:00,eur,PAYOUT 1362 Lantern,paid\n",
    ),
    "CAMT": (
        UTF_8,
        "BookgDt;Amt;Ccy;CdtDbtInd;EndToEndId;DbtrNm;Ustrd\n2026-11-26;4317.06;EUR;CRDT;X;Lantern;Rechnung 1362\n",
    ),
    "PostFinance": (
        WITH_MARK,
        "Buchungsdatum;Avisierungstext;Gutschrift in EUR;Lastschrift in EUR;Valuta;Saldo in EUR\n"
        "26.11.2026;GUTSCHRIFT LANTERN 1362;4317.06;;26.11.2026;5000.00\n",
    ),
}


def line_in(path: Path) -> BankLine:
    (line,) = read_lines(arguments([f"rows=@{path}"])["rows"], TODAY)
    assert isinstance(line, BankLine), line
    return line


@pytest.mark.parametrize(("encoding", "text"), BANKS.values(), ids=BANKS)
def test_a_statement_is_read_as_it_was_downloaded(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "statement.csv"
    path.write_bytes(text.encode(encoding))
    line = line_in(path)
    assert (line.day, line.amount) == (date(2026, 11, 26), Decimal("4317.06"))
    assert line.currency_code in ("EUR", None)
    assert {"lantern", "1362"} <= {*line.words.casefold().replace("/", " ").split()}
