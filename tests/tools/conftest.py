"""The played account again, for hundreds of tests: the certificates, which nobody looks at, are read once."""

import ssl

import httpx
import pytest
import respx

from clientary_mcp.api import Clientary
from tests.clock import FakeTime
from tests.conftest import SETTINGS

CERTIFICATES = ssl.create_default_context()


@pytest.fixture
def clientary(account: respx.MockRouter, time: FakeTime) -> Clientary:
    """A session with the played account."""
    return Clientary(SETTINGS, httpx.AsyncHTTPTransport(verify=CERTIFICATES), clock=time.clock)
