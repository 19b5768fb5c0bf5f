"""The time of Redis, as a machine tells it whose own clock is wrong."""

import logging

import pytest

from clientary_mcp.state.redis.store_clock import StoreClock


@pytest.mark.parametrize("hours", [1, -1])
def test_it_is_told_whatever_the_clock_of_the_machine_says(hours: int, caplog: pytest.LogCaptureFixture) -> None:
    here = [1_000_000.0 + hours * 3_600]
    clock = StoreClock(lambda: here[0])
    for _ in range(2):
        asked = here[0]
        here[0] += 2
        clock.set(asked, 1_000_000, 500_000)
        assert clock() == 1_000_001.5  # half of the time it took to ask has passed
    here[0] += 60
    assert clock() == 1_000_061.5
    (told,) = caplog.messages
    assert told == (
        f"The clock of this machine is 60 minutes {'ahead of' if hours > 0 else 'behind'} that of Redis, which counts."
    )


def test_a_clock_that_is_right_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        clock = StoreClock(lambda: 1_000_000.0)
        clock.set(1_000_000.0, 1_000_030, 0)
    assert clock() == 1_000_030
    assert caplog.messages == []
