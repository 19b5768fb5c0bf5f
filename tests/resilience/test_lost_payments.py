"""Payments whose response is lost: their invoice decides, however late they come and whatever else is paid."""

from dataclasses import replace
from itertools import product
from typing import Any

import anyio
import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.controls.faults import Kind
from tests.resilience.outcomes import Answer, answer_to
from tests.support.agent import agent_of
from tests.support.long import covering
from tests.support.virtual_time import VirtualLoop, session_on
from tests.support.writes import an_unpaid_invoice

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Busy(Faults):
    """Loses the first payment's response while forty other payments are entered, before and after it."""

    def __init__(self, books: Sandbox, fault: Fault, invoice: int) -> None:
        super().__init__([fault], sleep=anyio.sleep)
        self._store, self._invoice = books.store, invoice

    def strike(self, method: str, path: str) -> Fault | None:
        if method == "POST":
            others = [row["id"] for row in self._store.select("invoices", "id <> ?", (self._invoice,))][:40]
            for invoice in others:
                now = self._store.now()
                row = {"invoice_id": invoice, "amount": 1234, "received_on": "2026-11-20"}
                self._store.insert("payments", row | {"created_at": now, "updated_at": now})
        return super().strike(method, path)


async def pay(books: Sandbox, fault: Fault, deadline: float, amount: float = 12.34, **more: Any) -> Answer:
    """The answer to a payment that meets this fault."""
    arguments = an_unpaid_invoice(books) | {"amount": amount} | more
    books.faults = Busy(books, fault, arguments["invoice_id"])
    async with agent_of(session_on(books, deadline=deadline)) as clerk:
        return await answer_to(clerk, "create_payment", arguments)


def lost(kind: Kind, *, after: bool = False, seconds: float = 1) -> Fault:
    return Fault(kind, "POST", "invoices/*/payments", nth=1, after=after, seconds=seconds)


@pytest.mark.parametrize(
    ("deadline", "extra_keys", "kind"), covering(product([5, 60], [True, False], ["drop", "truncated", 502]))
)
async def test_a_payment_that_was_recorded_is_found_by_its_invoice(
    books: Sandbox, deadline: float, extra_keys: bool, kind: Any
) -> None:
    books.switches = replace(books.switches, extra_keys=extra_keys)
    answer = await pay(books, lost(kind, after=kind != "truncated"), deadline)
    assert (answer.outcome, len(books.ledger)) == ("done", 1), answer.text
    assert answer.content["id"] == books.ledger[0].id


@pytest.mark.parametrize(("status", "outcome"), [(500, "not done"), (502, "unknown"), (503, "unknown")])
async def test_only_clientarys_own_failure_ends_a_payment(books: Sandbox, status: Any, outcome: str) -> None:
    answer = await pay(books, lost(status), deadline=60)
    assert answer.outcome == outcome, answer.text


@pytest.mark.parametrize(("deadline", "seconds"), covering(product([5, 60], [0.3, 3, 30, 200])))
async def test_a_payment_that_comes_late_is_never_reported_as_not_done(
    books: Sandbox, deadline: float, seconds: float
) -> None:
    answer = await pay(books, lost("late", seconds=seconds), deadline)
    in_time = seconds < 6 and deadline == 60
    assert answer.outcome == ("done" if in_time else "unknown"), answer.text
    await anyio.sleep(seconds)
    assert len(books.ledger) == 1


@pytest.mark.parametrize(("fault", "outcome"), [(lost(500), "not done"), (lost("drop"), "unknown")])
async def test_a_payment_that_was_not_recorded_is_not_done_only_if_clientary_answered(
    books: Sandbox, fault: Fault, outcome: str
) -> None:
    answer = await pay(books, fault, 60)
    assert (answer.outcome, len(books.ledger)) == (outcome, 0), answer.text


async def test_another_payment_on_the_same_invoice_is_not_taken_for_it(books: Sandbox) -> None:
    class Colleague(Busy):
        def strike(self, method: str, path: str) -> Fault | None:
            fault = super().strike(method, path)
            if fault is not None:
                row = {"invoice_id": self._invoice, "amount": 1234, "note": "theirs", "received_on": "2026-11-20"}
                self._store.insert("payments", row | {"created_at": "2026-11-20", "updated_at": "2026-11-20"})
            return fault

    arguments = an_unpaid_invoice(books) | {"amount": 12.34, "note": "ours"}
    books.faults = Colleague(books, lost(500), arguments["invoice_id"])
    async with agent_of(session_on(books)) as clerk:
        answer = await answer_to(clerk, "create_payment", arguments)
    assert answer.outcome == "unknown", answer.text
    assert "get_invoice" in answer.text
