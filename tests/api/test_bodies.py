"""Response bodies: packed or not, in any charset, up to a limit; and no cookies."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from clientary_mcp.api.bodies import MOST_BYTES
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import MalformedResponse, NotFound, OutcomeUnknown, Refused, Unavailable
from tests.conftest import SETTINGS
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

PATH = "clients/7"
RECORD = {"id": 7, "name": "Zoë & Łódź"}
TEXT = json.dumps(RECORD, ensure_ascii=False)


class Account:
    """Answers each request with the next of these, and the last one for ever."""

    def __init__(self, *answers: tuple[int, dict[str, str], Any]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        stream = body if isinstance(body, httpx.AsyncByteStream) else httpx.ByteStream(body)
        return httpx.Response(status, headers=headers, stream=stream)


def session(account: Account) -> Clientary:
    return Clientary(SETTINGS, httpx.MockTransport(account), FakeTime().clock)


def bare_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:])),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("identity", bytes),
    ],
)
async def test_a_packed_body_is_unpacked(packing: str, pack: Any) -> None:
    account = Account((200, {"Content-Encoding": packing}, pack(TEXT.encode())))
    assert await session(account).fetch(PATH) == RECORD
    assert len(account.requests) == 1
    assert account.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ("", "utf-32"),
        ("; charset=utf-8", "utf-8-sig"),
        ("; charset=iso-8859-1", "iso-8859-1"),
        ('; charset="ISO-8859-2"', "iso-8859-2"),
        ("; Charset=windows-1252", "windows-1252"),
        ("; charset=utf-16", "utf-16"),
        ("; charset=utf-16be", "utf-16-be"),
        ("; charset=no-such-charset", "utf-8"),
        ("; charset=unicode_escape", "utf-8"),
        ("; charset=utf-16", "utf-8"),
    ],
)
async def test_any_charset_is_read_at_the_first_try(charset: str, encoding: str) -> None:
    record = {"id": 7, "name": "Zoë"}
    body = json.dumps(record, ensure_ascii=False).encode(encoding)
    account = Account((200, {"Content-Type": f"application/json{charset}"}, body))
    assert await session(account).fetch(PATH) == record
    assert len(account.requests) == 1


async def test_messages_in_another_charset_are_read_as_well() -> None:
    body = '{"name": ["für Łódź"]}'.encode("utf-16")
    account = Account((422, {"Content-Type": "application/json; charset=utf-16"}, body))
    with pytest.raises(Refused, match="für Łódź"):
        await session(account).post("clients", {})


DAMAGED = [  # packed without a time, so that the cases have the same names in every process
    ({"Content-Encoding": "gzip"}, gzip.compress(TEXT.encode(), mtime=0)[:-9]),
    ({"Content-Encoding": "gzip"}, b"no gzip at all"),
    ({"Content-Encoding": "gzip"}, gzip.compress(TEXT.encode(), mtime=0)[:-5] + b"\0\0\0\0\0"),
    ({"Content-Encoding": "br"}, TEXT.encode()),
    ({}, b'{"id": {"a": 1}'),
    ({}, b'{"id": 7, "name": "\xff"}'),
]


@pytest.mark.parametrize(("headers", "body"), DAMAGED)
async def test_a_damaged_body_is_read_again_and_three_times_at_most(headers: dict[str, str], body: bytes) -> None:
    whole = Account((200, headers, body), (200, headers, body), (200, {}, TEXT.encode()))
    assert await session(whole).fetch(PATH) == RECORD
    never = Account((200, headers, body))
    with pytest.raises((Unavailable, MalformedResponse)):
        await session(never).fetch(PATH)
    assert len(never.requests) == 3


@pytest.mark.parametrize(("headers", "body"), DAMAGED)
async def test_after_a_damaged_body_the_outcome_of_a_write_is_unknown(headers: dict[str, str], body: bytes) -> None:
    account = Account((200, headers, body))
    with pytest.raises(OutcomeUnknown):
        await session(account).post("clients", {})
    assert len(account.requests) == 1


class Endless(httpx.AsyncByteStream):
    """A body that never ends; counts the bytes that are taken from it."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk, self.taken = chunk, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += len(self.chunk)
            yield self.chunk


def bomb() -> bytes:
    """A chunk that unpacks to far more than the limit."""
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(MOST_BYTES * 2)) + packer.flush()


async def test_a_body_above_the_limit_is_refused_as_soon_as_it_is_exceeded() -> None:
    endless = Endless(b" " * 1_000_000)
    account = Account((200, {}, endless))
    with pytest.raises(MalformedResponse, match="larger than 32 MB"):
        await session(account).fetch(PATH)
    assert endless.taken <= MOST_BYTES + 2_000_000
    assert len(account.requests) == 1


async def test_a_packed_body_counts_unpacked() -> None:
    packed = Account((200, {"Content-Encoding": "gzip"}, bomb()))
    with pytest.raises(MalformedResponse, match="larger than 32 MB"):
        await session(packed).fetch(PATH)
    with pytest.raises(OutcomeUnknown, match="larger than 32 MB"):
        await session(packed).post("clients", {})


async def test_a_body_at_the_limit_is_read() -> None:
    body = TEXT.encode() + b" " * (MOST_BYTES - len(TEXT.encode()))
    assert await session(Account((200, {}, body))).fetch(PATH) == RECORD


async def test_the_status_of_an_error_counts_even_if_its_body_does_not() -> None:
    with pytest.raises(NotFound):
        await session(Account((404, {"Content-Encoding": "gzip"}, b"no gzip"))).fetch(PATH)
    with pytest.raises(Refused):
        await session(Account((422, {}, Endless(b" " * 9_000_000)))).post("clients", {})


async def test_cookies_are_never_sent_back() -> None:
    account = Account((200, {"Set-Cookie": "session=s3cret; Path=/"}, TEXT.encode()))
    clientary = session(account)
    for _ in range(2):
        await clientary.fetch(PATH)
    assert len(account.requests) == 2
    assert not any("cookie" in request.headers for request in account.requests)
