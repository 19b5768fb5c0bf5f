"""Code shared by tests: the agent, clocks, mocked accounts, and sample calls."""

import pytest

pytest.register_assert_rewrite("tests.support.played_requests")
