"""Random accounts: lists, exports, previews, receivables and overviews agree with a plain sum, to the last unit.

The plain sum counts in whole units of each currency (cents, yen, fils) and shares nothing with the server.
"""

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.money import sums_of
from clientary_mcp.accounting.totals import totals_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.settings import Settings
from tests.conftest import TODAY
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice

JsonObject = dict[str, Any]
Sums = dict[str, dict[str, int]]
"""Currency → name of a sum → units."""

DECIMALS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "TND": 3}
CLIENTS = (1, 2, 3)
DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
DAYS = [None, "2025-12-31", "2026/11/19", "2026-11-20", "2026-11-21", "2027/01/05"]
DUE = [None, "2026-01-31", "2026-11-19", "2026-11-20", "2026-12-31"]


@dataclass(frozen=True)
class Line:
    """One line: thousandths of a unit of quantity, units of price, and whether it is taxed."""

    quantity: int
    price: int
    taxable: bool


@dataclass(frozen=True)
class Bill:
    """An invoice in whole units of its currency; rates are in hundredths of a percent."""

    client: int
    code: str
    status: int
    day: str | None
    due: str | None
    lines: tuple[Line, ...]
    rates: tuple[int, int, int]
    compound: bool
    pending: int
    as_text: bool
    paid: int = 0

    @property
    def total(self) -> int:
        amounts = [(_half_up(line.quantity * line.price, 1_000), line.taxable) for line in self.lines]
        taxed = sum(amount for amount, taxable in amounts if taxable)
        first = _half_up(taxed * self.rates[0], 10_000)
        second = _half_up((taxed + (first if self.compound else 0)) * self.rates[1], 10_000)
        return sum(amount for amount, _ in amounts) + first + second + _half_up(taxed * self.rates[2], 10_000)

    @property
    def balance(self) -> int:
        return self.total - self.paid

    @property
    def future(self) -> bool:
        return self.day is not None and self.day.replace("/", "-") > TODAY.isoformat()

    def sent_as(self, number: int) -> JsonObject:
        """What Clientary sends."""

        def amount(units: int) -> Any:
            exact = Decimal(units).scaleb(-DECIMALS[self.code])
            return f"{exact:f}" if self.as_text else float(exact)

        spelled = (self.code, self.code.lower(), f" {self.code} ")[number % 3]
        return {
            "id": number, "number": f"N{number}", "client_id": self.client, "status": self.status, "date": self.day,
            "due_date": self.due, "currency_code": spelled, "total_cost": amount(self.total),
            "balance": amount(self.balance), "pending_amount": amount(self.pending) if self.pending else None,
            "client": {"id": self.client, "name": f"Client {self.client}"}, "compound_tax": self.compound,
            "tax": self.rates[0] / 100, "tax2": self.rates[1] / 100, "tax3": self.rates[2] / 100, "payments": [],
            "invoice_items": [
                {
                    "id": place, "title": "Work", "quantity": line.quantity / 1_000, "price": amount(line.price),
                    "taxable?": line.taxable, "item_type": 3,
                }
                for place, line in enumerate(self.lines, 1)
            ],
        }  # fmt: skip


def _half_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded half away from zero."""
    quotient = (abs(numerator) * 2 + denominator) // (denominator * 2)
    return quotient if numerator >= 0 else -quotient


lines = st.builds(Line, st.integers(1, 9_999), st.integers(-50_000, 400_000), st.booleans())
rates = st.sampled_from([0, 500, 825, 1_900])


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """Any invoice: unpaid, partly paid, paid, overpaid, or a credit note; in any currency, on any day."""
    bill = Bill(
        client=draw(st.sampled_from(CLIENTS)),
        code=draw(st.sampled_from([*DECIMALS])),
        status=draw(st.integers(DRAFT, PENDING)),
        day=draw(st.sampled_from(DAYS)),
        due=draw(st.sampled_from(DUE)),
        lines=tuple(draw(st.lists(lines, min_size=1, max_size=3))),
        rates=(draw(rates), draw(rates), draw(rates)),
        compound=draw(st.booleans()),
        pending=draw(st.sampled_from([0, 0, 1, 700, 10_000_000])),
        as_text=draw(st.booleans()),
    )
    return replace(bill, paid=draw(st.sampled_from([0, bill.total, bill.total // 3, bill.total + 12_345])))


def plain(some: Iterable[Bill]) -> Sums:
    """What lists show: each invoice in one place."""
    sums: Sums = defaultdict(lambda: defaultdict(int))
    for bill in some:
        of = sums[bill.code]
        apart = {CANCELLED: "cancelled", DRAFT: "drafts"}.get(bill.status, "future" if bill.future else "")
        prefix = f"{apart}." if apart else ""
        of[f"{prefix}count"] += 1
        of[f"{prefix}total_cost"] += bill.total
        if apart:
            continue
        waiting = min(bill.pending, max(bill.balance, 0)) if bill.status != PENDING else max(bill.balance, 0)
        of["pending"] += waiting
        of["credits"] += max(-bill.balance, 0)
        if bill.status in (SENT, VIEWED):
            of["balance"] += max(bill.balance, 0) - waiting
            if bill.due and bill.due < TODAY.isoformat():
                of["overdue"] += max(bill.balance, 0) - waiting
    return {code: {name: units for name, units in of.items() if units} for code, of in sums.items()}


def played(some: list[Bill]) -> Callable[[httpx.Request], httpx.Response]:
    """Clientary with these invoices, and nothing else."""
    rows = [bill.sent_as(number) for number, bill in enumerate(some, 1)]

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        if one := re.fullmatch(r"clients/(\d+)", path):
            return httpx.Response(200, json={"id": int(one[1]), "name": f"Client {one[1]}"})
        if one := re.fullmatch(r"invoices/(\d+)", path):
            return httpx.Response(200, json=rows[int(one[1]) - 1])
        *above, last = path.split("/")
        mine = [row for row in rows if not above or row["client_id"] == int(above[1])] if last == "invoices" else []
        size, page = 30, int(request.url.params.get("page", 1))
        about = {"page_count": -(-len(mine) // size) or 1, "page_size": size, "total_count": len(mine)}
        return httpx.Response(200, json={**about, last: mine[(page - 1) * size : page * size]})

    return answer


def units(row: JsonObject, *names: str) -> dict[str, int]:
    """The sums of a row that are not zero, in whole units; parts as `drafts.count`."""
    found: dict[str, int] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            inner = units({**value, "currency_code": row["currency_code"]})
            found |= {f"{name}.{part}": amount for part, amount in inner.items()}
        elif name != "currency_code" and (not names or name in names) and not isinstance(value, str):
            exact = Decimal(str(value)).scaleb(0 if name == "count" else DECIMALS[row["currency_code"]])
            assert exact == exact.to_integral_value(), (name, value)
            found[name] = int(exact)
    return {name: amount for name, amount in found.items() if amount}


def listed(totals: list[JsonObject] | None) -> Sums:
    return {row["currency_code"]: units(row) for row in totals or []}


def without(sums: Sums, *names: str) -> Sums:
    return {code: {name: each for name, each in of.items() if name not in names} for code, of in sums.items()}


def only(sums: Sums, **renamed: str) -> Sums:
    """Some of the sums under other names, for the currencies that have any."""
    found = {code: {new: of[old] for old, new in renamed.items() if of.get(old)} for code, of in sums.items()}
    return {code: of for code, of in found.items() if of}


async def agreed(some: list[Bill], directory: Path) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone="UTC", export_dir=directory)
    session = Clientary(settings, httpx.MockTransport(played(some)), FakeTime(TODAY).clock)
    every = plain(some)
    async with agent_of(session) as agent:
        for arguments in ({}, {"order": "newest"}):
            answer = await agent.answer("list_invoices", limit=1000, **arguments)
            assert listed(answer.get("total_amounts")) == without(every, "overdue")
            assert "notice" not in answer
        file = await agent.answer("export_records", tool="list_invoices", format="jsonl")
        assert listed(file.get("totals")) == without(every, "overdue")
        await _receivables(agent, every)
        await _clients(agent, some)


async def _receivables(agent: Agent, every: Sums) -> None:
    for group_by in ("client", "invoice"):
        report = await agent.answer("receivables_report", group_by=group_by)
        shown = {row["currency_code"]: units(row, "total", "overdue", "credits") for row in report["totals"]}
        assert only(shown, total="balance", overdue="overdue", credits="credits") == only(
            every, balance="balance", overdue="overdue", credits="credits"
        )
        for row in report["totals"]:
            assert Decimal(str(row["net"])) == Decimal(str(row["total"])) - Decimal(str(row["credits"]))
        pending = {row["currency_code"]: units(row, "balance") for row in report.get("pending", [])}
        assert pending == only(every, pending="balance")
        future = {row["currency_code"]: units(row) for row in report.get("future", [])}
        assert only(future, count="count") == only(every, **{"future.count": "count"})
        assert only(future, total_cost="sum") == only(every, **{"future.total_cost": "sum"})


async def _clients(agent: Agent, some: list[Bill]) -> None:
    for client in CLIENTS:
        mine = plain(bill for bill in some if bill.client == client)
        answer = await agent.answer("list_client_invoices", client_id=client, limit=1000)
        assert listed(answer.get("total_amounts")) == without(mine, "overdue")
        preview = await agent.answer("delete_client", client_id=client)
        assert listed(preview["goes_with_it"]["invoices"].get("amounts")) == without(mine, "overdue")
        overview = await agent.answer("client_overview", client_id=client)
        names = {"balance": "open", "overdue": "overdue", "pending": "pending", "credits": "credits"}
        shown = {row["currency_code"]: units(row, "future", *names.values()) for row in overview["rows"]}
        assert {code: of for code, of in shown.items() if of} == only(mine, **names, **{"future.total_cost": "future"})


COMPOUND = Bill(
    client=1,
    code="KWD",
    status=SENT,
    day="2026/11/19",
    due="2026-11-19",
    lines=(Line(1_500, 333, taxable=True), Line(1_000, 7, taxable=False)),
    rates=(825, 1_900, 500),
    compound=True,
    pending=1,
    as_text=True,
    paid=100,
)


@given(st.lists(bills(), max_size=45))
@example([COMPOUND, replace(COMPOUND, code="JPY", paid=99_999), replace(COMPOUND, day=None, status=PENDING)])
def test_every_answer_about_invoices_comes_to_the_same_sums(some: list[Bill]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        anyio.run(agreed, some, Path(directory))


@given(bills())
@example(COMPOUND)
def test_lines_and_taxes_come_to_the_total_of_the_document(bill: Bill) -> None:
    invoice = Invoice.read(bill.sent_as(1))
    sums = sums_of(invoice.items or [], invoice, invoice.currency_code)
    assert sums.total == invoice.total_cost


@given(
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from([*DECIMALS]), st.integers(-10_000, 10_000_000)), max_size=60)
)
def test_estimates_are_counted_by_what_became_of_them(some: list[tuple[int, str, int]]) -> None:
    names = ("drafts", "open", "open", "cancelled", "declined", "open", "accepted", "archived")
    every: Sums = defaultdict(lambda: defaultdict(int))
    records = []
    for number, (status, code, total) in enumerate(some, 1):
        every[code][f"{names[status]}.count"] += 1
        every[code][f"{names[status]}.total_cost"] += total
        exact = Decimal(total).scaleb(-DECIMALS[code])
        sent = {"id": number, "status": status, "currency_code": code.lower(), "total_cost": str(exact)}
        records.append(Estimate.read(sent))
    shown = listed(totals_of(records, Today.on(TODAY)).to_json())
    assert shown == {code: {name: each for name, each in of.items() if each} for code, of in every.items()}
