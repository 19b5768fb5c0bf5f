"""A call that failed leaves nothing to the garbage collector: with its error, responses would stay that it had read."""

import gc
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.errors import ClientaryError
from tests.support.agent import Agent

pytestmark = pytest.mark.anyio


def errors() -> list[ClientaryError]:
    """The errors that are still there."""
    return [each for each in gc.get_objects() if isinstance(each, ClientaryError)]


@pytest.fixture
def earlier() -> Iterator[list[ClientaryError]]:
    """The errors of earlier tests, and from here on no collector: what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield errors()
    gc.enable()


@pytest.mark.parametrize(
    ("answer", "tool", "arguments"),
    [
        (lambda _: httpx.Response(200, json={"clients": []}), "get_client", {"client_id": "Acme"}),
        (lambda _: httpx.Response(200, text="<html>"), "get_client", {"client_id": "Acme"}),
        (lambda _: httpx.Response(200, text="<html>"), "list_clients", {}),
        (lambda _: httpx.Response(404), "get_nothing", {}),
        (lambda _: httpx.Response(404), "get_client", {"client_id": 7}),
        (lambda _: httpx.Response(500), "receivables_report", {}),
        (lambda _: httpx.Response(403), "client_overview", {"client_id": 7}),
        (lambda _: httpx.Response(422, json={"errors": ["no"]}), "create_lead", {"name": "Ada"}),
    ],
    ids=count(),
)
async def test_an_error_is_gone_with_its_call(
    agent: Agent,
    account: respx.MockRouter,
    earlier: list[ClientaryError],
    answer: Callable[[httpx.Request], httpx.Response],
    tool: str,
    arguments: dict[str, Any],
) -> None:
    account.route().mock(side_effect=answer)
    assert await agent.refusal(tool, **arguments)
    assert not [str(each) for each in errors() if not any(each is known for known in earlier)]
