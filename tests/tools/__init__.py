"""The tools, one by one: what each sends upstream, and what the agent hears."""

import pytest

pytest.register_assert_rewrite("tests.tools.exchange")
