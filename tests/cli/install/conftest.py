"""What the tests of installations share: an account, and a standard input with nobody at it."""

import io
import sys

import pytest
import respx

from clientary_mcp.sandbox import Sandbox
from tests.support.installing import TOKEN


@pytest.fixture(autouse=True)
def _nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def acme(account: respx.MockRouter, sandbox: Sandbox) -> respx.MockRouter:
    """acme.clientary.com, answered by the sandbox."""
    sandbox.token = TOKEN
    account.route().side_effect = respx.ASGIHandler(sandbox.app)
    return account
