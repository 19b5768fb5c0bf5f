"""Random accounts: sales add up to the same by every group, and agree with taxes, to the last unit.

The plain sums count in whole units of each currency (cents, yen, fils) and share nothing with the server.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import anyio
import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.api.session import Clientary
from tests.conftest import SETTINGS, TODAY
from tests.scenarios.test_random_accounts import (
    CANCELLED,
    COMPOUND,
    DECIMALS,
    DRAFT,
    PENDING,
    SENT,
    VIEWED,
    Bill,
    JsonObject,
    Line,
    _half_up,
    bills,
)
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

YEAR = {"from_date": "2026-01-01", "to_date": TODAY.isoformat()}
EVER = {"from_date": "2020-01-01", "to_date": TODAY.isoformat()}
WORDS = ("month", "client", "day", "quarter", "year", "project", "currency", "status", "client,month", "status,project")
PAID_ON = ("2025-12-30", "2026-02-28", "2026-11-20")
Sums = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Sold:
    """An invoice with its payments, each a day and so many units, and a fee that is neither net nor tax."""

    bill: Bill
    project: int | None
    payments: tuple[tuple[str, int], ...]
    fee: int
    tells: bool
    """Whether Clientary tells its subtotal and taxes."""

    @property
    def code(self) -> str:
        return self.bill.code

    @property
    def total(self) -> int:
        return self.bill.total + self.fee

    @property
    def paid(self) -> int:
        return sum(amount for _, amount in self.payments)

    @property
    def lines(self) -> list[tuple[int, bool]]:
        return [(_half_up(line.quantity * line.price, 1_000), line.taxable) for line in self.bill.lines]

    @property
    def net(self) -> int:
        return sum(amount for amount, _ in self.lines)

    @property
    def taxed(self) -> int:
        return sum(amount for amount, taxable in self.lines if taxable) if any(self.bill.rates) else 0

    @property
    def taxes(self) -> list[tuple[str, int, int]]:
        """Name, base and amount of each tax."""
        found, first = [], 0
        for place, rate in enumerate(self.bill.rates):
            base = self.taxed + (first if place == 1 and self.bill.compound else 0)
            amount = _half_up(base * rate, 10_000)
            first = first if place else amount
            if rate and base:
                found.append((f"T{place}", base, amount))
        return found

    def counts(self, since: str) -> bool:
        day = (self.bill.day or "").replace("/", "-")
        return self.bill.status not in (DRAFT, CANCELLED) and since <= day <= TODAY.isoformat()

    def sent_as(self, number: int) -> JsonObject:
        """What Clientary sends."""

        def amount(units: int) -> Any:
            return f"{Decimal(units).scaleb(-DECIMALS[self.code]):f}"

        told = {}
        if self.tells or self.fee:
            told = {"subtotal": amount(self.net), "total_taxes": amount(self.total - self.net - self.fee)}
        projects = [] if self.project is None else [{"id": self.project, "name": f"Project {self.project}"}]
        return {
            **replace(self.bill, paid=self.paid).sent_as(number), **told, "projects": projects,
            "total_cost": amount(self.total), "balance": amount(self.total - self.paid),
            "tax_label": "T0", "tax2_label": "T1", "tax3_label": "T2",
            "payments": [
                {"id": number * 10 + place, "amount": amount(units), "received_on": day}
                for place, (day, units) in enumerate(self.payments)
            ],
        }  # fmt: skip


@st.composite
def sold(draw: st.DrawFn) -> Sold:
    """An invoice paid in up to three parts, by far, or not at all."""
    bill = draw(bills())
    parts = draw(st.lists(st.tuples(st.sampled_from(PAID_ON), st.integers(1, 100)), max_size=3))
    total, tells, whole = bill.total, draw(st.booleans()), draw(st.booleans())
    if parts and whole:  # paid to the last unit
        amounts = [total * share // 300 for _, share in parts[:-1]]
        payments = [*zip((day for day, _ in parts), amounts, strict=False), (parts[-1][0], total - sum(amounts))]
    else:
        payments = [(day, total * share // 100) for day, share in parts]
    fee = draw(st.sampled_from([0, 0, 0, 500])) if not payments else 0
    return Sold(replace(bill, pending=0), draw(st.sampled_from([None, 7, 8])), tuple(payments), fee, tells)


def invoiced(some: Iterable[Sold]) -> Sums:
    sums: Sums = defaultdict(lambda: defaultdict(int))
    for each in some:
        balance, of = each.total - each.paid, sums[each.code]
        of["invoices"] += 1
        of["net"] += each.net
        of["tax"] += each.total - each.net - each.fee
        of["other"] += each.fee
        of["gross"] += each.total
        of["received"] += each.paid
        of["open"] += max(balance, 0) if each.bill.status in (SENT, VIEWED) else 0
        of["pending"] += max(balance, 0) if each.bill.status == PENDING else 0
        of["credits"] += max(-balance, 0)
    return {code: dict(of) for code, of in sums.items()}


def units(row: JsonObject, *names: str) -> dict[str, int]:
    exact = {name: Decimal(str(row[name])) for name in names}
    return {
        name: int(value if name in ("invoices", "payments") else value.scaleb(DECIMALS[row["currency_code"]]))
        for name, value in exact.items()
    }


def summed(rows: Iterable[JsonObject], *names: str) -> Sums:
    sums: Sums = defaultdict(lambda: dict.fromkeys(names, 0))
    for row in rows:
        for name, amount in units(row, *names).items():
            sums[row["currency_code"]][name] += amount
    return dict(sums)


def played(some: list[Sold]) -> Callable[[httpx.Request], httpx.Response]:
    """Clientary with these invoices and their payments, the newest first."""
    rows = [each.sent_as(number) for number, each in enumerate(some, 1)]
    payments = [payment | {"invoice_id": row["id"]} for row in rows for payment in row["payments"]]
    payments.sort(key=lambda payment: str(payment["received_on"]), reverse=True)

    def answer(request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        if last.isdigit():
            return httpx.Response(200, json=rows[int(last) - 1])
        every = {"invoices": rows, "payments": payments}[last]
        size, page = 30, int(request.url.params.get("page", 1))
        about = {"page_count": -(-len(every) // size) or 1, "page_size": size, "total_count": len(every)}
        return httpx.Response(200, json={**about, last: every[(page - 1) * size : page * size]})

    return answer


async def agreed(some: list[Sold]) -> None:
    session = Clientary(SETTINGS, httpx.MockTransport(played(some)), FakeTime(TODAY).clock)
    async with agent_of(session) as agent:
        await _invoiced(agent, [each for each in some if each.counts("2026-01-01")])
        await _received(agent, some)


async def _invoiced(agent: Agent, some: list[Sold]) -> None:
    columns = ("invoices", "net", "tax", "other", "gross", "received", "open", "pending", "credits")
    for group_by in WORDS:
        answer = await agent.answer("sales_report", group_by=group_by, **YEAR)
        assert summed(answer["totals"], *columns) == invoiced(some)
        if len(answer["rows"]) == answer["row_count"]:
            assert summed(answer["rows"], *columns) == invoiced(some)
    taxes = await agent.answer("tax_report", **YEAR)
    assert summed(taxes["totals"], "tax") == {code: {"tax": of["tax"]} for code, of in invoiced(some).items()}
    expected: dict[tuple[str, str, float], tuple[int, int]] = {}
    for each in some:
        for name, base, amount in each.taxes:
            key = each.code, name, each.bill.rates[int(name[1])] / 100
            before = expected.get(key, (0, 0))
            expected[key] = before[0] + base, before[1] + amount
    shown = {
        (row["currency_code"], row["tax_label"], row["rate"]): tuple(units(row, "taxable", "tax").values())
        for row in taxes["rows"]
    }
    assert shown == expected
    nets = summed(taxes["totals"], "taxable")
    for row in taxes.get("untaxed", []):
        nets[row["currency_code"]]["taxable"] += units(row, "net")["net"]
    assert nets == {code: {"taxable": of["net"]} for code, of in invoiced(some).items()}


async def _received(agent: Agent, some: list[Sold]) -> None:
    received: Sums = defaultdict(lambda: {"payments": 0, "received": 0})
    for each in some:
        for day, amount in each.payments:
            if day >= "2026":
                received[each.code]["payments"] += 1
                received[each.code]["received"] += amount
    for group_by in WORDS:
        answer = await agent.answer("sales_report", basis="received", group_by=group_by, **YEAR)
        assert summed(answer["totals"], "payments", "received") == dict(received)
    await _paid_in_full(agent, some)


async def _paid_in_full(agent: Agent, some: list[Sold]) -> None:
    """The taxes of the payments of all years add up to those of the invoices, where all were paid to the last unit."""
    paying = [each for each in some if each.payments]
    parts = [await agent.answer("tax_report", basis="received", **days) for days in (EVER, YEAR, _BEFORE)]
    every, now, before = (summed(answer["totals"], "tax", "taxable") for answer in parts)
    for code, whole in every.items():
        for name, amount in whole.items():
            assert amount == sum(part.get(code, {}).get(name, 0) for part in (now, before))
    for answer in parts:
        rows = summed(answer["rows"], "tax")
        for code, of in summed(answer["totals"], "tax").items():
            assert rows.get(code, {"tax": 0}) == of
    if all(each.paid == each.total for each in paying):
        taxes = dict.fromkeys(every, 0)
        for each in paying:
            if each.total:
                taxes[each.code] += sum(amount for *_, amount in each.taxes)
        assert {code: of["tax"] for code, of in every.items()} == taxes


_BEFORE = {"from_date": "2020-01-01", "to_date": "2025-12-31"}

PARTS = Sold(
    replace(COMPOUND, pending=0), 7, (("2025-12-30", 100), ("2026-02-28", COMPOUND.total - 100)), 0, tells=True
)

THIRDS = replace(
    PARTS,
    bill=replace(PARTS.bill, code="EUR", lines=(Line(1_000, 10_000, taxable=True),), rates=(1_900, 0, 0)),
    payments=(("2025-12-30", 3_966), ("2026-02-28", 3_967), ("2026-11-20", 3_967)),
)
"""Of 119.00 with 19.00 tax: each third by itself, rounded, would be 0.01 of tax short."""


@given(st.lists(sold(), max_size=30))
@example([THIRDS])
@example([PARTS, replace(PARTS, tells=False, project=None)])
@example([replace(PARTS, payments=(), fee=500)])
def test_every_answer_about_sales_and_taxes_comes_to_the_same_sums(some: list[Sold]) -> None:
    anyio.run(agreed, some)
