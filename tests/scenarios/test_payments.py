"""Money that is entered wrongly: a slipped point, a cancelled invoice, a tax that would apply to nothing."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.scenarios import oracle
from tests.scenarios.account import CANCELLED, PAID, Added
from tests.scenarios.playing import Play, in_cents

pytestmark = pytest.mark.anyio

DATED = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "EUR"}


async def test_a_point_that_slipped_in_a_payment_is_noticed(play: Play, account: Sandbox) -> None:
    invoice = oracle.id_of(account, "invoices", "T-7", "number")
    refusal = await play.refused("create_payment", invoice_id=invoice, amount=6_000)
    for told in ("6,000.00 EUR", "sent invoice “T-7” of “Two Currencies”", "up to 600.00 EUR", "Nothing was sent."):
        assert told in refusal
    assert oracle.one(account, "SELECT count(*) FROM payments WHERE invoice_id = ?", invoice) == 0
    payment = await play.ask("create_payment", invoice_id=invoice, amount="600.00")
    assert (payment["client"], payment["currency_code"], payment["invoice_number"]) == ("Two Currencies", "EUR", "T-7")
    assert [in_cents(payment[name]) for name in ("balance_before", "amount", "balance_after")] == [60_000, 60_000, 0]
    (row,) = oracle.rows(account, "SELECT balance, status FROM invoices WHERE id = ?", invoice)
    assert (row["balance"], row["status"], payment["invoice_status"]) == (0, PAID, "paid")
    again = await play.ask("create_payment", invoice_id=invoice, amount=600)
    assert "Skipped as a duplicate" in again["notice"]
    assert oracle.one(account, "SELECT count(*) FROM payments WHERE invoice_id = ?", invoice) == 1


async def test_a_cancelled_invoice_is_not_charged(play: Play, account: Sandbox) -> None:
    added = Added(account)
    client = added.client("Gone Quiet")
    card = added.row("payment_profiles", client_id=client, name="Ada", last_four_digits="4242")
    cancelled = added.invoice(client, "V-1", 50_000, "2026-10-01", status=CANCELLED)
    call = {"invoice_id": cancelled, "payment_profile_id": card}
    for more in ({}, {"confirm": True}, {"confirm": True, "allow_unusual": True}):
        refusal = await play.refused("charge_payment_profile", **call, **more)
        assert "nothing to charge for the cancelled invoice “V-1” of “Gone Quiet” (total 500.00 EUR" in refusal
    assert oracle.one(account, "SELECT count(*) FROM payments WHERE invoice_id = ?", cancelled) == 0
    sent = added.invoice(client, "V-2", 50_000, "2026-10-01")
    done = await play.ask("charge_payment_profile", **call | {"invoice_id": sent, "confirm": True})
    assert "was charged 500.00 EUR for the sent invoice “V-2” of “Gone Quiet”" in done["message"]
    assert oracle.one(account, "SELECT sum(amount) FROM payments WHERE invoice_id = ?", sent) == 50_000


async def test_an_invoice_with_tax_from_scratch(play: Play, account: Sandbox) -> None:
    client = oracle.id_of(account, "clients", "Quarry Books")
    items = [
        {"title": "Layout", "quantity": 1.5, "price": 333.33},
        {"title": "Stamps", "quantity": 1, "price": 10, "taxable": False},
    ]
    tax = {"tax": 19, "tax_label": "VAT"}
    refusal = await play.refused("create_invoice", **DATED, client_id=client, **tax, items=items[1:])
    assert "tax: 19 % would apply to nothing" in refusal
    made = await play.ask("create_invoice", **DATED, client_id=client, **tax, items=items)
    # 1.5 x 333.33 is 500.00, 19 % of it 95.00, and 10.00 untaxed.
    assert in_cents(made["total_cost"]) == 60_500
    line = {"title": "Proofs", "quantity": 2, "price": 50}
    changed = await play.ask("update_invoice", invoice_id=made["id"], items=[line])
    assert changed["notice"].startswith(f"This is the draft invoice “{made['number']}” of “Quarry Books” (total 724.00")
    assert oracle.one(account, "SELECT total_cost FROM invoices WHERE id = ?", made["id"]) == 72_400
