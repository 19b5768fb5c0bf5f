"""Retries between a request and the network: which failures are retried, the waits, and the concurrency."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest
import respx

from clientary_mcp.api.retry import MAX_TRIES, MAX_TRIES_IN_DOUBT
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.write_tracker import MOSTLY_OVER
from clientary_mcp.errors import ClientaryError, OutcomeUnknown, RateLimited, Unavailable
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS
from tests.support.clock import FakeTime
from tool_schemas.clients import Client

pytestmark = pytest.mark.anyio

WRITES = ("POST", "PUT", "DELETE")
METHODS = ("GET", *WRITES)
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.ReadTimeout, httpx.WriteTimeout)
TROUBLED = (502, 503, 504, *range(520, 525))
DOUBTFUL = (408, 425, 500, 530)
NOT_WHOLE = ('{"id": 7, "na', "<html>Back soon</html>", "")
ACME = {"id": 7, "name": "Acme"}
PATH = "clients/7"


def happening(what: Any) -> Any:
    """A respx side effect: a status or body becomes a response, an exception stays itself."""
    if isinstance(what, str):
        return httpx.Response(200, text=what)
    return httpx.Response(what) if isinstance(what, int) else what("the library's own words")


async def ask(clientary: Clientary, method: str) -> Any:
    match method:
        case "GET":
            return await clientary.fetch(PATH)
        case "POST":
            return await clientary.post(PATH, {"name": "Acme"})
        case "PUT":
            return await clientary.update(Client, PATH, {"name": "Acme"})
        case _:
            return await clientary.delete(PATH)


def playing(account: respx.MockRouter, method: str, *what: Any) -> respx.Route:
    """Mock these events in order, followed by success. A check after a write finds nothing."""
    if method != "GET":
        account.get(PATH).respond(403)
    return account.request(method, PATH).mock(side_effect=[*map(happening, what), httpx.Response(200, json=ACME)])


# The table, row by row


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("what", [429, *NOTHING_SENT])
async def test_rate_limited_and_unsent_requests_are_retried_for_every_method(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, method: str, what: Any
) -> None:
    route = playing(account, method, what, what)
    await ask(clientary, method)
    assert route.call_count == 3
    assert len(time.waits) == 2


@pytest.mark.parametrize("what", [*TROUBLED, *DOUBTFUL, *LOST, *NOT_WHOLE])
async def test_a_failed_read_is_retried(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, what: Any
) -> None:
    route = playing(account, "GET", what, what)
    assert await ask(clientary, "GET") == ACME
    assert route.call_count == 3
    assert len(time.waits) == 2


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("what", [408, 499, 500, 530, *TROUBLED, *LOST])
async def test_a_failed_write_is_never_retried_and_its_outcome_is_unknown(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, method: str, what: Any
) -> None:
    route = playing(account, method, what)
    with pytest.raises(OutcomeUnknown, match=f"{method} {PATH}"):
        await ask(clientary, method)
    assert route.call_count == 1
    assert set(time.waits) <= {MOSTLY_OVER}  # before another look for its effect


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 426, 499, 501])
async def test_an_error_that_a_retry_would_not_change_is_final(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, status: int
) -> None:
    route = account.get(PATH).respond(status)
    with pytest.raises(Exception, match=r"\w"):
        await ask(clientary, "GET")
    assert route.call_count == 1
    assert time.waits == []


@pytest.mark.parametrize("method", METHODS)
async def test_endless_rate_limiting_ends_as_busy(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, method: str
) -> None:
    route = account.request(method, PATH).respond(429)
    with pytest.raises(RateLimited, match="rate limit was reached") as caught:
        await ask(clientary, method)
    assert caught.value.retry_after is None
    assert route.call_count > MAX_TRIES
    assert 55 < sum(time.waits) < 60


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("failure", "error"),
    [(httpx.ConnectError, Unavailable), (httpx.ConnectTimeout, Unavailable), (httpx.PoolTimeout, RateLimited)],
)
async def test_a_request_that_is_never_sent_fails_with_that_message(
    account: respx.MockRouter,
    clientary: Clientary,
    method: str,
    failure: type[httpx.TransportError],
    error: type[ClientaryError],
) -> None:
    route = account.request(method, PATH).mock(side_effect=failure("the library's own words"))
    with pytest.raises(error) as caught:
        await ask(clientary, method)
    assert caught.value.effect == "not sent"
    assert route.call_count == MAX_TRIES
    assert "library" not in str(caught.value)


@pytest.mark.parametrize(
    ("what", "tries"), [*((what, MAX_TRIES) for what in LOST), *((what, MAX_TRIES_IN_DOUBT) for what in DOUBTFUL)]
)
async def test_a_read_that_keeps_failing_ends_as_unavailable(
    account: respx.MockRouter, clientary: Clientary, what: Any, tries: int
) -> None:
    route = account.get(PATH).mock(side_effect=[happening(what)] * tries)
    with pytest.raises(Unavailable) as caught:
        await ask(clientary, "GET")
    assert route.call_count == tries
    assert "library" not in str(caught.value)


@pytest.mark.parametrize("status", TROUBLED)
async def test_a_read_from_a_server_in_trouble_is_retried_until_the_deadline(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, status: int
) -> None:
    route = account.get(PATH).respond(status)
    with pytest.raises(Unavailable, match=str(status)):
        await ask(clientary, "GET")
    assert route.call_count > MAX_TRIES
    assert 55 < sum(time.waits) < 60


async def test_tries_are_counted_by_kind(account: respx.MockRouter, clientary: Clientary, time: FakeTime) -> None:
    what = [429, 503, 500, 429, "", 503]
    route = playing(account, "GET", *what)
    assert await ask(clientary, "GET") == ACME
    assert route.call_count == len(what) + 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_no_wait_is_not_asked_without_end(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, status: int
) -> None:
    route = account.get(PATH).respond(status, headers={"Retry-After": "0"})
    with pytest.raises(ClientaryError):
        await ask(clientary, "GET")
    assert route.call_count < 20


# The deadline


@pytest.mark.parametrize("method", METHODS)
async def test_a_wait_beyond_the_deadline_is_not_started(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, method: str
) -> None:
    route = account.request(method, PATH).respond(429, headers={"Retry-After": "61"})
    with pytest.raises(RateLimited, match="Try again in 61 seconds") as caught:
        await ask(clientary, method)
    assert caught.value.retry_after == 61
    assert route.call_count == 1
    assert time.waits == []


async def test_total_waits_stay_below_the_deadline(account: respx.MockRouter, time: FakeTime) -> None:
    account.get(PATH).mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(Unavailable):
        await ask(Clientary(Settings(subdomain="acme", api_token="t0ken", deadline=2), clock=time.clock), "GET")
    assert time.waits
    assert sum(time.waits) < 2


async def test_the_requests_of_one_call_share_its_deadline(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime
) -> None:
    busy = httpx.Response(429, headers={"Retry-After": "40"})
    account.get(PATH).mock(side_effect=[busy, httpx.Response(200, json=ACME), busy])
    call = clientary.within(clientary.new_call())
    await ask(call, "GET")
    with pytest.raises(RateLimited):
        await ask(call, "GET")
    assert time.waits[0] == 40
    assert sum(time.waits) < 60


@pytest.mark.parametrize(("method", "error"), [("GET", Unavailable), *((write, OutcomeUnknown) for write in WRITES)])
async def test_a_missing_response_times_out_at_the_deadline(
    time: FakeTime, method: str, error: type[Exception]
) -> None:
    requests = 0

    async def never_answers(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        if requests == 1:
            await time.clock.sleep(0.99)  # of the 60 seconds 59.01 are left: one wait of 59, and a moment
            return httpx.Response(429, headers={"Retry-After": "59"})
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    clientary = Clientary(SETTINGS, httpx.MockTransport(never_answers), time.clock)
    with pytest.raises(error):
        await ask(clientary.within(clientary.new_call()), method)
    assert requests == 2


async def test_a_request_that_gets_no_slot_before_the_deadline_is_not_sent(time: FakeTime) -> None:
    requests: list[httpx.Request] = []
    arrived = anyio.Event()

    async def holds_its_place(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) == 1:
            return httpx.Response(200, json=ACME)
        arrived.set()
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    one_place = Settings(subdomain="acme", api_token="t0ken", concurrency=1)
    clientary = Clientary(one_place, httpx.MockTransport(holds_its_place), time.clock)
    async with anyio.create_task_group() as group:
        late = clientary.within(clientary.new_call())
        await late.fetch(PATH)
        group.start_soon(clientary.fetch, "clients")
        await arrived.wait()
        await time.clock.sleep(59.99)
        with pytest.raises(RateLimited) as caught:
            await late.delete(PATH)
        assert caught.value.effect == "not sent"
        group.cancel_scope.cancel()
    assert [request.method for request in requests] == ["GET", "GET"]


# Concurrency and rate


class Crowd:
    """Clientary that answers only once the maximum number of requests is in flight, and counts them."""

    def __init__(self, size: int) -> None:
        self.size, self.now, self.most, self.served = size, 0, 0, 0
        self._full = anyio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == self.size:
            self._full.set()
        await self._full.wait()
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        self.now -= 1
        self.served += 1
        return httpx.Response(200, json=ACME)


@pytest.mark.parametrize("concurrency", [1, 4, 7])
async def test_no_more_requests_are_in_flight_than_the_setting_allows(time: FakeTime, concurrency: int) -> None:
    crowd = Crowd(concurrency)
    settings = Settings(subdomain="acme", api_token="t0ken", concurrency=concurrency)
    clientary = Clientary(settings, httpx.MockTransport(crowd), time.clock)
    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(clientary.fetch, PATH)
    assert (crowd.most, crowd.served) == (concurrency, 30)


async def test_a_slot_is_released_when_a_call_is_cancelled(time: FakeTime) -> None:
    crowd = Crowd(2)
    settings = Settings(subdomain="acme", api_token="t0ken", concurrency=1)
    clientary = Clientary(settings, httpx.MockTransport(crowd), time.clock)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(clientary.fetch, PATH)
            while not crowd.now:
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    crowd.size = crowd.now + 1
    assert await clientary.fetch(PATH) == ACME


@pytest.mark.parametrize("at_once", [True, False])
async def test_requests_per_second_spaces_the_starts(time: FakeTime, at_once: bool) -> None:
    starts: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        starts.append(time.clock.now())
        return httpx.Response(200, json=ACME)

    settings = Settings(subdomain="acme", api_token="t0ken", requests_per_second=4)
    clientary = Clientary(settings, httpx.MockTransport(answer), time.clock)
    async with anyio.create_task_group() as group:
        for _ in range(9):
            if at_once:
                group.start_soon(clientary.fetch, PATH)
            else:
                await clientary.fetch(PATH)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(gaps) == 8
    assert min(gaps) == pytest.approx(0.25)


# Bodies that break off


class BreaksOff(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"id": 7, '
        raise httpx.ReadError("the peer went away")


@pytest.mark.parametrize("method", METHODS)
async def test_a_truncated_body_counts_as_a_lost_connection(time: FakeTime, method: str) -> None:
    requests: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.method)
        if len(requests) == 1:
            return httpx.Response(200, stream=BreaksOff())
        return httpx.Response(200, json=ACME) if method == "GET" else httpx.Response(403)

    clientary = Clientary(SETTINGS, httpx.MockTransport(answer), time.clock)
    if method == "GET":
        assert await ask(clientary, method) == ACME
        assert requests == ["GET", "GET"]
    else:
        with pytest.raises(OutcomeUnknown):
            await ask(clientary, method)
        assert requests.count(method) == 1


async def test_over_a_real_connection_a_truncated_read_is_retried(time: FakeTime) -> None:
    answers = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"", b"HTTP/1.1 200 OK\r\n\r\n" + b'{"id": 7}'])

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(next(answers))

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, answer)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
        settings = Settings(base_url=f"http://127.0.0.1:{port}", api_token="t0ken")
        async with Clientary(settings, clock=time.clock) as clientary:
            assert await clientary.fetch(PATH) == {"id": 7}
        group.cancel_scope.cancel()
    assert len(time.waits) == 2
