"""Bank lines that can be read in more than one way: clients, numbers and balances that are alike."""

import pytest

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
