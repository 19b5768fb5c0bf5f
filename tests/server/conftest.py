"""The account of tests in virtual time."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.virtual_time import follow_loop


@pytest.fixture
async def running(books: Sandbox) -> Sandbox:
    """The account, on the running loop's clock."""
    follow_loop(books)
    return books
