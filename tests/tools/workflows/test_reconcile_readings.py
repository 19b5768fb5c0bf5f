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
