"""Bank lines that can be read in more than one way: clients, numbers and balances that are alike."""

import pytest

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
