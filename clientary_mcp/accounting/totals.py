"""Exact sums of money per currency; amounts in different currencies are never added."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.estimates import STAGES
from clientary_mcp.accounting.invoices import KNOWN, lacks_balance, pending_remark, standing_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.filters import day_of
from tool_schemas.base.models import Record
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice

UNKNOWN = "unknown"
"""The currency code of amounts whose currency Clientary does not report."""

_ASSUMED_CURRENCY = {"expenses": "the account's", "hours": "the project's"}
"""The currency of records that never carry one."""
_APART = {"cancelled": "cancelled", "draft": "drafts", "future": "future"}
"""Stage of an invoice that is not invoiced → the part of the row that counts it."""

_ROW = ""
"""The part of a row that is the row itself."""


@dataclass
class _Part:
    """The records of one currency that are counted together, and what they come to."""

    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, count: int, amounts: Mapping[str, Decimal | None]) -> None:
        self.count += count
        sums = self.sums
        for name, amount in amounts.items():
            if amount is not None:
                sums[name] = sums[name] + amount if name in sums else amount

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, **self.sums}


class Totals:
    """Adds up named amounts, currency by currency.

    A row may have parts, with a count and amounts of their own, like the drafts beside what is invoiced. An invoice's
    id may be the placeholder for its currency until that is known: see `resolved`.
    """

    def __init__(self) -> None:
        self._rows: dict[str | int, dict[str, _Part]] = {}
        self.left_out = Omissions()
        """What could not be added up like the rest, and why."""

    def add(self, currency_code: str | int | None, part: str = _ROW, **amounts: Decimal | None) -> None:
        """Add one record; an amount of None adds nothing."""
        self._part(currency_code, part).add(1, amounts)

    def merge(self, other: "Totals") -> None:
        """Add the sums of others, and what they had to leave out."""
        self.left_out.merge(other.left_out)
        for code, parts in other._rows.items():
            for name, part in parts.items():
                self._part(code, name).add(part.count, part.sums)

    def add_record(self, record: Record, today: Today, currency_code: str | int | None = None) -> None:
        """Add the amounts of a record (`Record.money`) in its own currency, or in the given one.

        Invoices and estimates count in the part that their status and date say; anything else that is dated after
        today, in `future`.
        """
        if not record.money:
            return
        code = currency_code or currency_of(record) or _ASSUMED_CURRENCY.get(record.plural)
        lacking = record.unreadable.keys() & set(record.money) if record.unreadable else set()
        if getattr(record, record.money[0], None) is None:  # the others may well be missing: hours have no cost yet
            lacking |= {record.money[0]}
        if isinstance(record, Invoice):
            self._add_invoice(record, today, code)
            lacking = lacking - {"balance"} | ({"balance"} if lacks_balance(record, today) else set())
        elif isinstance(record, Estimate):
            for always in ("open", "accepted"):
                self._part(code, always).add(0, {"total_cost": ZERO})
            self.add(code, STAGES.get(record.status, "of_unknown_status"), total_cost=record.total_cost)
        else:
            values = {name: getattr(record, name, None) for name in record.money}
            amounts = {name: value for name, value in values.items() if isinstance(value, Decimal)}
            future = today.is_future(day_of(record, record.day))
            self._part(code).add(0, dict.fromkeys(amounts, ZERO))
            self.add(code, "future" if future else _ROW, **amounts)
        self._remark(record, code, lacking)

    def _add_invoice(self, invoice: Invoice, today: Today, code: str | int | None) -> None:
        stage, owed, pending, credit = standing_of(invoice, today)
        if stage != "invoiced":
            self._part(code).add(0, {"total_cost": ZERO, "balance": ZERO})
            self.add(code, _APART[stage], total_cost=invoice.total_cost)
            return
        balance = None if lacks_balance(invoice, today) else owed
        self.add(code, total_cost=invoice.total_cost, balance=balance, pending=pending or None, credits=credit or None)
        if invoice.status not in KNOWN:
            self.left_out.add("record", "of an unknown status, not counted as owed", f"id {invoice.id}")
        if why := pending_remark(invoice):
            self.left_out.add("record", why, f"id {invoice.id}")

    def _part(self, currency_code: str | int | None, part: str = _ROW) -> _Part:
        parts = self._rows.setdefault(currency_code or UNKNOWN, {})
        return parts[part] if part in parts else parts.setdefault(part, _Part())

    def _remark(self, record: Record, code: str | int | None, lacking: Iterable[str]) -> None:
        name = f"id {record.id}"
        for amount in sorted(lacking):
            self.left_out.add("record", f"without a readable {amount}, which is not in the sum", name)
        if code not in _ASSUMED_CURRENCY.values() and not isinstance(code, int) and (why := currency_remark(code)):
            self.left_out.add("record", why, name)

    @property
    def unresolved(self) -> set[int]:
        """The invoice ids that are placeholders for a currency."""
        return {code for code in self._rows if isinstance(code, int)}

    def resolved(self, currency: Callable[[int], str | None]) -> "Totals":
        """The same sums, with each id replaced by its currency."""
        resolved = Totals()
        resolved.left_out.merge(self.left_out)
        for code, parts in self._rows.items():
            known = (currency(code) or UNKNOWN) if isinstance(code, int) else code
            for name, part in parts.items():
                resolved._part(known, name).add(part.count, part.sums)
                if isinstance(code, int) and (why := currency_remark(known)):
                    resolved.left_out.add("record", why, count=part.count)
        return resolved

    def to_json(self) -> list[dict[str, Any]]:
        """`[{currency_code, count, …, drafts: {count, …}}]`, in the order of the codes."""
        rows = []
        for code in sorted(self._rows, key=str):
            parts = {name: part.to_json() for name, part in self._rows[code].items()}
            rows.append({"currency_code": str(code), **parts.pop(_ROW, {}), **parts})
        return rows


def currency_of(record: Record) -> str | None:
    """The currency code that the record itself carries."""
    code = getattr(record, "currency_code", None)
    return code if isinstance(code, str) and code else None


def currency_remark(code: str | None) -> str | None:
    """Why amounts in a currency are kept apart, as `Omissions.add` takes it; None for one of ISO 4217."""
    if not code or code == UNKNOWN:
        return "without a currency, counted separately"
    return "in a currency that ISO 4217 does not list, counted separately" if minor_units(code) is None else None


def totals_of(records: Iterable[Record], today: Today) -> Totals:
    """The sums of the records per currency; empty for records without amounts."""
    totals = Totals()
    for record in records:
        totals.add_record(record, today)
    return totals
