"""Exact sums of money per currency; amounts in different currencies are never added."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tool_schemas.base.models import Record

UNKNOWN = "unknown"
"""The currency code of amounts whose currency Clientary does not report."""

_ASSUMED_CURRENCY = {"expenses": "the account's", "hours": "the project's"}
"""The currency of records that never carry one."""


class Totals:
    """Adds up named amounts, currency by currency.

    An invoice's id may be the placeholder for its currency until that is known: see `resolved`.
    """

    def __init__(self) -> None:
        self._sums: dict[str | int, dict[str, Decimal]] = {}
        self._counts: dict[str | int, int] = {}

    def add(self, currency_code: str | int | None, **amounts: Decimal | None) -> None:
        """Add one record; an amount of None adds nothing."""
        code = currency_code or UNKNOWN
        sums = self._sums.setdefault(code, {})
        self._counts[code] = self._counts.get(code, 0) + 1
        for name, amount in amounts.items():
            if amount is not None:
                sums[name] = sums.get(name, Decimal(0)) + amount

    def add_record(self, record: Record, currency_code: str | int | None = None) -> None:
        """Add the amounts of a record (`Record.money`) in its own currency, or in the given one."""
        if not record.money:
            return
        amounts = {name: getattr(record, name, None) for name in record.money}
        known = {name: amount for name, amount in amounts.items() if isinstance(amount, Decimal)}
        self.add(currency_code or currency_of(record) or _ASSUMED_CURRENCY.get(record.plural), **known)

    @property
    def unresolved(self) -> set[int]:
        """The invoice ids that are placeholders for a currency."""
        return {code for code in self._sums if isinstance(code, int)}

    def resolved(self, currency: Callable[[int], str | None]) -> "Totals":
        """The same sums, with each id replaced by its currency."""
        resolved = Totals()
        for code, sums in self._sums.items():
            known = (currency(code) or UNKNOWN) if isinstance(code, int) else code
            resolved.add(known, **sums)
            resolved._counts[known] += self._counts[code] - 1
        return resolved

    def to_json(self) -> list[dict[str, Any]]:
        """`[{currency_code, count, …}]`, in the order of the codes."""
        codes = sorted(self._sums, key=str)
        return [{"currency_code": str(code), "count": self._counts[code], **self._sums[code]} for code in codes]

    def of(self, currency_code: str, name: str) -> Decimal:
        """One sum; zero when nothing was added."""
        return self._sums.get(currency_code, {}).get(name, Decimal(0))


def currency_of(record: Record) -> str | None:
    """The currency code that the record itself carries."""
    code = getattr(record, "currency_code", None)
    return code if isinstance(code, str) and code else None


def totals_of(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The sums of the records per currency; empty for records without amounts."""
    totals = Totals()
    for record in records:
        totals.add_record(record)
    return totals.to_json()
