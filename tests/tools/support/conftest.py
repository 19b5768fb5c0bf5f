"""The account of the tests of lists, which only read it."""

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency


@pytest.fixture(scope="module")
def whole_account() -> Sandbox:
    """One account for all tests of a module."""
    return agency()


@pytest.fixture
def sandbox(whole_account: Sandbox) -> Sandbox:
    """That account as it was, however a test before let it answer."""
    whole_account.requests.clear()
    whole_account.switches = Switches()
    return whole_account
