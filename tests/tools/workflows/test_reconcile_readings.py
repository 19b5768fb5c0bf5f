"""Bank lines that can be read in more than one way: clients, numbers and balances that are alike."""

import pytest

from tests.conftest import session_with
from tests.support.agent import agent_of
from tests.support.quarry import Books
from tests.tools.workflows.test_reconcile_payments import Shop, line, outcomes, reconciled

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_a_client_that_owes_nothing_is_not_taken_for_another_whose_name_is_shorter(shop: Shop) -> None:
    shop.add("clients", name="Acme Foundry Services", currency_code="EUR", status=1)
    assert outcomes(await reconciled(shop, line(100, payer="Acme Foundry Services Ltd"))) == ["to choose"]
    assert shop.recorded() == []


async def test_of_two_clients_with_the_same_name_none_is_meant_for_certain(shop: Shop) -> None:
    shop.add("clients", name="ACME Foundry", currency_code="EUR", status=1)
    assert outcomes(await reconciled(shop, line(100, payer="Acme Foundry Ltd"))) == ["to choose"]


async def test_one_balance_that_is_the_sum_of_many_alike_as_well_is_not_certain(shop: Shop) -> None:
    client = shop.add("clients", name="Dalia", currency_code="EUR", status=1)
    for number in range(60):
        shop.sold(f"D-{2_000 + number}", 10_000, client_id=client)
    shop.sold("D-3000", 30_000, client_id=client)
    assert outcomes(await reconciled(shop, line(300, payer="Dalia"), line(100, payer="Dalia"))) == ["to choose"] * 2
    assert outcomes(await reconciled(shop, line(300, "D-3000", payer="Dalia"))) == ["recorded"]


async def test_a_payer_who_names_two_invoices_and_pays_one_leaves_the_choice(shop: Shop) -> None:
    shop.sold("7", 10_000, client_id=shop.acme)
    rows = line(100, "Invoices INV-1042 and 7"), line(200, "Invoices INV-1042 and 7")
    assert outcomes(await reconciled(shop, rows[0])) == ["to choose"]
    assert outcomes(await reconciled(shop, rows[1])) == ["recorded"]


async def test_a_number_is_not_certain_where_another_differs_in_zeros_alone() -> None:
    books = Books()
    plain, prefixed = (books.sold(number, 10_000) for number in ("2026-10", "RE-2026-010"))
    assert outcomes(await reconciled(books, line(100, "RE-2026-10"))) == ["to choose"]
    assert outcomes(await reconciled(books, line(100, "RE-2026-010"))) == ["recorded"]
    assert books.recorded() == [(prefixed, 10_000)]
    assert outcomes(await reconciled(books, line(100, "RE-2026-10", date="2026-11-18"))) == ["recorded"]
    assert books.recorded()[1:] == [(plain, 10_000)]


async def test_what_an_earlier_line_leaves_only_one_reading_of_is_recorded_in_the_same_call(shop: Shop) -> None:
    rows = line(300, payer="Acme Foundry"), line(100, payer="Acme Foundry")  # 300, or 100 and 200
    assert outcomes(await reconciled(shop, *rows)) == ["recorded", "recorded"]
    assert outcomes(await reconciled(shop, *rows)) == ["already recorded", "already recorded"]


async def test_of_a_payment_that_came_twice_the_first_is_recorded_whatever_the_order_of_the_rows(shop: Shop) -> None:
    rows = line(100, "INV-1042") | {"date": "2026-11-12"}, line(100, "INV-1042")
    for outcome in ("recorded", "already recorded"):
        assert outcomes(await reconciled(shop, *rows)) == ["unmatched", outcome]
    assert shop.rows("SELECT received_on FROM payments") == [{"received_on": "2026-11-10"}]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("balance = balance - 15000", "the balance of invoice “INV-1043” (id {}) has changed meanwhile, to 150.00 EUR"),
        ("status = 3", "only 0.00 EUR is owed on invoice “INV-1043” (id {}) by now"),
    ],
)
async def test_what_is_not_owed_any_more_when_its_turn_comes_is_not_recorded(shop: Shop, change: str, why: str) -> None:
    # Another session, which shares no memory with this one, changes the invoice of row 2 while row 1 is recorded.
    takes = f"UPDATE invoices SET {change} WHERE id = {shop.three}"  # noqa: S608 our ids
    when = f"AFTER INSERT ON payments WHEN new.invoice_id = {shop.one}"
    shop.sandbox.connection.execute(f"CREATE TRIGGER another {when} BEGIN {takes}; END")
    rows = [line(100, "INV-1042"), line(150, "Acme Foundry INV-1043")]
    async with agent_of(session_with(shop.sandbox, concurrency=1)) as agent:
        done = await agent.confirmed("reconcile_payments", rows=rows)
    assert outcomes(done) == ["recorded", "refused"]
    assert why.format(shop.three) in done["steps"][1]["why"]
    assert shop.recorded() == [(shop.one, 10_000)]


async def test_two_rows_that_pay_parts_of_one_invoice_are_both_recorded(shop: Shop) -> None:
    rows = line(150, "Acme Foundry INV-1043"), line(40, "Acme Foundry INV-1043") | {"date": "2026-11-17"}
    assert outcomes(await reconciled(shop, *rows)) == ["recorded", "recorded"]
    assert shop.recorded() == [(shop.three, 15_000), (shop.three, 4_000)]
