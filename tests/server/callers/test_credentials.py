"""Whether a credential is accepted, asked of an account."""

import httpx
import pytest

from clientary_mcp.errors import ClientaryError, NotAllowed, NotFound, TokenRejected
from clientary_mcp.server.callers.credentials import check_credentials, may_be_token
from tests.server.callers.sign_in.served import ACME, serving

pytestmark = pytest.mark.anyio


def account(**statuses: int) -> httpx.MockTransport:
    """An account that answers to lists with these statuses."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        assert (request.method, request.url.host) == ("GET", "acme.clientary.com")
        assert request.url.query == (b"page=1" if name == "clients" else b"")
        return httpx.Response(statuses.get(name, 200), json={name: []})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("statuses", "readable", "words"),
    [
        ({}, ("clients", "staff"), "reads the account's clients and staff"),
        ({"staff": 403}, ("clients",), "but not its staff"),
        ({"staff": 404}, ("clients",), "but not its staff"),
        ({"clients": 403}, ("staff",), "clients and staff"),
        ({"clients": 403, "staff": 403}, (), "neither clients nor staff"),
    ],
)
async def test_it_says_what_the_credential_gives_access_to(
    statuses: dict[str, int], readable: tuple[str, ...], words: str
) -> None:
    rights = await check_credentials(serving(), ACME, "t0ken", account(**statuses))
    assert rights.readable == readable
    assert words in rights.in_words


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ({"clients": 401}, TokenRejected),
        ({"staff": 401}, TokenRejected),
        ({"clients": 404}, NotFound),
    ],
)
async def test_what_is_not_accepted_or_no_account_is_an_error(
    statuses: dict[str, int], error: type[ClientaryError]
) -> None:
    with pytest.raises(error):
        await check_credentials(serving(), ACME, "t0ken", account(**statuses))


async def test_a_rejected_token_is_a_missing_right_to_those_who_do_not_ask_further() -> None:
    with pytest.raises(NotAllowed, match="Clientary rejected the API token"):
        await check_credentials(serving(), ACME, "t0ken", account(clients=401))


def test_what_cannot_be_a_token_is_not_sent_anywhere() -> None:
    assert may_be_token("t0ken-of-acme")
    assert [text for text in ("", "x" * 201, "two words", "línea", "a\nb", "a\x00b") if may_be_token(text)] == []
