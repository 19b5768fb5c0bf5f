"""What reports have to tell apart, in records that are there already.

Nothing is drawn or added here: every other record stays as it was, and there are as many as before.
"""

from collections import defaultdict
from datetime import date, timedelta

from clientary_mcp.sandbox.api.writes import PAID, SENT
from clientary_mcp.sandbox.seed.billing import VIEWED, add_up
from clientary_mcp.sandbox.seed.entries import Books, Entry
from clientary_mcp.sandbox.store.documents import LINES

ARCHIVED, QUIET_DAYS = 2, 400
YEN, YEN_PLACE = "JPY", ("Yokohama", "", "JP")
FULL_RATE, REDUCED_RATE = {"tax": 19000, "tax_label": "VAT"}, {"tax": 7000}
LATE_PAYERS = 2
CREDIT_NOTE = "Credit note"
UNTAXED: Entry = {
    "tax": 0,
    "tax2": 0,
    "tax3": 0,
    "tax_label": "",
    "tax2_label": "",
    "tax3_label": "",
    "compound_tax": False,
}


def make_special_cases(books: Books) -> None:
    """An archived client gone quiet, one in yen, VAT at a second rate, clients that pay late, and credits."""
    cases = _SpecialCases(books)
    cases.silence_an_archived_client()
    cases.move_a_client_to_yen()
    cases.reduce_vat()
    cases.delay_payments()
    cases.overpay()
    cases.write_a_credit_note()


class _SpecialCases:
    """The rows of the books, by what they belong to."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.invoices = books.rows["invoices"]
        self.lines = {table: _grouped(books.rows[LINES[table].table], LINES[table].parent) for table in LINES}
        self.payments = _grouped(books.rows["payments"], "invoice_id")
        self.quiet_since = (books.today - timedelta(days=QUIET_DAYS)).isoformat()
        self.with_card = {profile["client_id"] for profile in books.rows["payment_profiles"]}

    def silence_an_archived_client(self) -> None:
        """Exchange the recent invoices of an archived client for old ones that others paid; taxes and totals stay."""
        archived = [client for client in self.books.rows["clients"] if client["status"] == ARCHIVED]
        for client in sorted(archived, key=self._recent_matters):
            own = [invoice for invoice in self.invoices if invoice["client_id"] == client["id"]]
            recent = [invoice for invoice in own if not self._is_settled(invoice)]
            settled = [invoice for invoice in self.invoices if invoice not in own and self._is_settled(invoice)]
            alike = [invoice for invoice in settled if own and _kind(invoice) == _kind(own[0])]
            if own and len(recent) <= len(alike):
                for mine, theirs in zip(recent, alike, strict=False):
                    for name in ("client_id", "project_id", "recurring_schedule_id"):
                        mine[name], theirs[name] = theirs[name], mine[name]
                return

    def _was_transferred(self, invoice: Entry) -> bool:
        """Whether it was paid by a client without a card: a charge is never late, and has a fee."""
        return invoice["status"] == PAID and invoice["client_id"] not in self.with_card

    def _is_settled(self, invoice: Entry) -> bool:
        """Whether it was paid, and long ago."""
        return invoice["status"] == PAID and bool(invoice["date"] < self.quiet_since)

    def _recent_matters(self, client: Entry) -> int:
        """How many estimates and expenses show that a client has not gone quiet."""
        dates = {"estimates": "date", "expenses": "incurred_on"}
        rows = ((row, row[name]) for table, name in dates.items() for row in self.books.rows[table])
        return sum(row["client_id"] == client["id"] and day >= self.quiet_since for row, day in rows)

    def move_a_client_to_yen(self) -> None:
        """Let a client without projects owe a yen for each cent, and no taxes: the one that is late by least."""
        tables = ("projects", "recurring_schedules", "payment_profiles")
        busy = {row["client_id"] for table in tables for row in self.books.rows[table]}
        invoiced = {invoice["client_id"] for invoice in self.invoices}
        oldest: dict[int, str] = {}
        for invoice in filter(self._is_overdue, self.invoices):
            oldest[invoice["client_id"]] = min(invoice["due_date"], oldest.get(invoice["client_id"], "9"))
        candidates = (
            client
            for client in self.books.rows["clients"]
            if client["id"] in invoiced - busy and client["status"] != ARCHIVED
        )
        for client in sorted(candidates, key=lambda row: oldest.get(row["id"], ""), reverse=True)[:1]:
            city, state, country = YEN_PLACE
            about = client["description"].replace(client["city"], city)
            client |= {"city": city, "state": state, "country": country, "description": about, "currency_code": YEN}
            for table in ("invoices", "estimates"):
                for document in self.books.rows[table]:
                    if document["client_id"] == client["id"]:
                        self._put_in_yen(table, document)
            for expense in self.books.rows["expenses"]:
                expense["amount"] *= 100 if expense["client_id"] == client["id"] else 1

    def _is_overdue(self, invoice: Entry) -> bool:
        return invoice["status"] in {SENT, VIEWED} and invoice["due_date"] < self.books.today.isoformat()

    def _put_in_yen(self, table: str, document: Entry) -> None:
        document |= {**UNTAXED, "currency_code": YEN}
        for line in self.lines[table][document["id"]]:
            line |= {"price": line["price"] * 100, "taxable": False}
        for payment in self.payments[document["id"]] if table == "invoices" else []:
            payment["amount"] *= 100
        self._add_up(table, document)

    def reduce_vat(self) -> None:
        """Charge the reduced rate on every other paid invoice of the client that paid most of them at the full one."""
        full: dict[int, list[Entry]] = defaultdict(list)
        for invoice in self.invoices:
            if self._was_transferred(invoice) and FULL_RATE.items() <= invoice.items():
                full[invoice["client_id"]].append(invoice)
        for invoice in max(full.values(), key=len, default=[])[::-2]:
            invoice |= REDUCED_RATE
            self._add_up("invoices", invoice)

    def _add_up(self, table: str, document: Entry) -> None:
        """Bring the totals up to date, and with them what was paid: the last payment is of what was left."""
        add_up(document, self.lines[table][document["id"]])
        if table == "invoices":
            payments = self.payments[document["id"]]
            if document["status"] == PAID:
                payments[-1]["amount"] = document["total_cost"] - sum(payment["amount"] for payment in payments[:-1])
            document["total_payments"] = sum(payment["amount"] for payment in payments)
            document["balance"] = document["total_cost"] - document["total_payments"]

    def delay_payments(self) -> None:
        """Let those that paid most invoices pay as long after the due date as they did after the invoice's."""
        paid: dict[int, list[Entry]] = defaultdict(list)
        for invoice in self.invoices:
            if self._was_transferred(invoice):
                paid[invoice["client_id"]].append(invoice)
        for invoices in sorted(paid.values(), key=len, reverse=True)[:LATE_PAYERS]:
            for invoice in invoices:
                self._delay(invoice)

    def _delay(self, invoice: Entry) -> None:
        term = date.fromisoformat(invoice["due_date"]) - date.fromisoformat(invoice["date"])
        for payment in self.payments[invoice["id"]]:
            day = min(self.books.today, date.fromisoformat(payment["received_on"]) + term).isoformat()
            stamp = day + payment["created_at"][10:]
            payment |= {"received_on": day, "created_at": stamp, "updated_at": stamp}
            invoice |= {"paid_date": day, "updated_at": max(invoice["updated_at"], stamp)}

    def overpay(self) -> None:
        """Let a client that is late have paid another invoice with a round sum, which was too much."""
        for invoice in reversed(self.invoices):
            payments = self.payments[invoice["id"]]
            if self._was_transferred(invoice) and len(payments) == 1 and self._is_late(invoice["client_id"]):
                [payment] = payments
                payment["amount"] = invoice["total_payments"] = (invoice["total_cost"] // 10_000 + 1) * 10_000
                invoice["balance"] = invoice["total_cost"] - payment["amount"]
                return

    def _is_late(self, client_id: int) -> bool:
        """Whether a client has not paid something that was due, in a currency with cents."""
        own = (invoice for invoice in self.invoices if invoice["client_id"] == client_id)
        return any(self._is_overdue(invoice) and invoice["currency_code"] != YEN for invoice in own)

    def write_a_credit_note(self) -> None:
        """Turn an invoice that nobody has to pay yet into a credit note for a client that is late."""
        for invoice in self.invoices:
            waits = invoice["status"] == SENT and not invoice["total_payments"] and not self._is_overdue(invoice)
            if waits and self._is_late(invoice["client_id"]):
                for line in self.lines["invoices"][invoice["id"]]:
                    line["price"] = -line["price"]
                invoice |= {"title": CREDIT_NOTE, "note": ""}
                self._add_up("invoices", invoice)
                return


def _grouped(rows: list[Entry], name: str) -> dict[int, list[Entry]]:
    """Rows by the record that they belong to."""
    grouped: dict[int, list[Entry]] = defaultdict(list)
    for row in rows:
        grouped[row[name]].append(row)
    return grouped


def _kind(document: Entry) -> list[object]:
    """Its currency and its taxes."""
    return [document[name] for name in ("currency_code", *UNTAXED)]
