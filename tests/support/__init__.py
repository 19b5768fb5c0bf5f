"""What tests share: the agent, clocks, played accounts, and calls to try."""

import pytest

pytest.register_assert_rewrite("tests.support.played_requests")
