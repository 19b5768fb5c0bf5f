"""Waits between tries: what Retry-After asks for, in each of its forms, or else longer and longer ones."""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import tzset

import httpx
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import RateLimited
from clientary_mcp.settings import Settings
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

ACME = {"id": 7, "name": "Acme"}
PATH = "clients/7"


@pytest.fixture
def in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine far from GMT."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    tzset()
    yield
    monkeypatch.undo()
    tzset()


@pytest.mark.parametrize(
    ("status", "sent", "waited"),
    [(429, "7", 7), (503, "7", 7), (429, "2.5", 2.5), (500, " 2.50 ", 2.5), (429, "0007", 7), (429, "3.", 3)],
)
async def test_retry_after_in_seconds_is_honored(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, status: int, sent: str, waited: float
) -> None:
    account.get(PATH).side_effect = [
        httpx.Response(status, headers={"Retry-After": sent}),
        httpx.Response(200, json=ACME),
    ]
    await clientary.fetch(PATH)
    assert time.waits == [waited]


@pytest.mark.usefixtures("in_auckland")
@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"])
@pytest.mark.parametrize(("ahead", "waited"), [(30, 30), (-30, 0)])
async def test_retry_after_as_a_date_is_honored_and_a_past_date_means_no_wait(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, form: str, ahead: int, waited: int
) -> None:
    then = datetime.fromtimestamp(time.clock.wall() + ahead, UTC).strftime(form)
    account.post(PATH).side_effect = [
        httpx.Response(429, headers={"Retry-After": then}),
        httpx.Response(200, json=ACME),
    ]
    await clientary.post(PATH, {})
    assert time.waits == [waited]


@pytest.mark.parametrize("sent", [None, b"", b"soon", b"-5", b"1e3", b"\xb2", b"Mon, 99 Foo 99999", b"1, 2"])
async def test_without_a_valid_retry_after_waits_double_with_jitter(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, sent: bytes | None
) -> None:
    headers = [] if sent is None else [(b"Retry-After", sent)]
    account.get(PATH).respond(429, headers=headers)
    with pytest.raises(RateLimited):
        await clientary.fetch(PATH)
    for number, wait in enumerate(time.waits[:5]):
        assert 0.25 * 2**number <= wait <= 0.5 * 2**number


async def test_a_long_deadline_makes_no_wait_longer_and_no_two_waits_short(account: respx.MockRouter) -> None:
    time = FakeTime()
    route = account.get(PATH).respond(429)
    with pytest.raises(RateLimited):
        await Clientary(Settings(subdomain="acme", api_token="t0ken", deadline=3600), clock=time.clock).fetch(PATH)
    assert 3600 / 20 < route.call_count < 3600 / 10 + 20
    assert max(time.waits) <= 20


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("61", "in 61 seconds"),
        ("120.5", "in 3 minutes"),
        ("7200", "in 120 minutes"),
        ("7201", "in 3 hours"),
        ("86400", "in more than a day"),
        ("9" * 20, "in more than a day"),
        ("9" * 400, "in more than a day"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "in more than a day"),
    ],
)
async def test_one_above_the_deadline_ends_the_call_at_once_with_a_time_that_can_be_read(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, sent: str, words: str
) -> None:
    route = account.get(PATH).respond(429, headers={"Retry-After": sent})
    with pytest.raises(RateLimited, match=f"Try again {words}") as caught:
        await clientary.fetch(PATH)
    assert route.call_count == 1
    assert time.waits == []
    assert caught.value.retry_after is not None
    assert caught.value.retry_after <= 86_400
