"""One call of a tool and the exact requests that it sends to Clientary."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema  # type: ignore[import-untyped]  # brings no types
import respx

from clientary_mcp.tools import ALL
from tests.support.agent import Agent
from tests.support.replies import SECRET

JsonObject = dict[str, Any]

TOOLS = {tool.name: tool for tool in ALL if tool.resource not in ("reports", "workflows", "raw")}
"""The tools that are one request each; what the others send follows from what they find."""


@dataclass(frozen=True, eq=False)
class Request:
    """A request as Clientary receives it. Equal when all of it is; unlike in Python, true is not 1."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and self._text() == other._text()

    def _text(self) -> str:
        return json.dumps([self.method, self.path, self.query, self.body], sort_keys=True)


_LOOKUP = re.compile(r"(clients|projects|invoices)/\d+|clients/\d+/invoices|staff")


def without_names(account: respx.MockRouter) -> None:
    """Mock what no other route expects as not found: the names beside the ids of a list."""
    account.get().respond(404)


def is_lookup(request: Request) -> bool:
    """Whether a request looks up the name of what a list refers to."""
    return request.method == "GET" and bool(_LOOKUP.fullmatch(request.path))


def sent(account: respx.MockRouter) -> list[Request]:
    """Every request that reached Clientary, in order."""
    return [_request(call.request) for call in account.calls]


def _request(request: Any) -> Request:
    query = request.url.params.multi_items()
    assert len(query) == len(dict(query)), "a name stands twice in the query"
    path = request.url.path.removeprefix("/api/v2/")
    return Request(request.method, path, dict(query), json.loads(request.content) if request.content else None)


@dataclass(frozen=True)
class Exchange:
    """A call, the one request that it becomes, and Clientary's reply, with the reads before and after it.

    A path in `then_read` may carry a query.
    """

    tool: str
    arguments: JsonObject
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    reply: Any = None
    then_read: JsonObject = field(default_factory=dict)
    first_read: JsonObject = field(default_factory=dict)

    def __str__(self) -> str:
        return self.tool

    @property
    def request(self) -> Request:
        """The request that Clientary must receive."""
        return Request(self.method, self.path, self.query, self.body)

    @property
    def requests(self) -> list[Request]:
        """All that Clientary must receive, in order."""
        return [*(Request("GET", path) for path in self.first_read), self.request, *self.reads]

    @property
    def reads(self) -> list[Request]:
        """The requests that Clientary must receive after it."""
        parts = [path.partition("?") for path in self.then_read]
        return [Request("GET", path, dict(parse_qsl(query))) for path, _, query in parts]

    def prepare_reads(self, account: respx.MockRouter) -> None:
        """Mock the responses to the reads before and after it."""
        replies: dict[str, list[httpx.Response]] = {}
        paths = [*self.first_read, *(read.path for read in self.reads)]
        for path, reply in zip(paths, [*self.first_read.values(), *self.then_read.values()], strict=True):
            replies.setdefault(path, []).append(httpx.Response(200, json=reply))
        for path, in_turn in replies.items():
            account.get(path).mock(side_effect=[*in_turn, *[in_turn[-1]] * len(self.then_read)])

    async def takes_place(self, agent: Agent, account: respx.MockRouter) -> JsonObject:
        """Make the call and return the answer; checks the exact requests sent and the answer's schema."""
        status = {"POST": 201, "DELETE": 204}.get(self.method, 200)
        account.request(self.method, self.path).respond(status, json=self.reply)
        self.prepare_reads(account)
        if self.tool.startswith("list_"):
            without_names(account)
        answer = await agent.answer(self.tool, **self.arguments)
        expected = self.requests
        assert sent(account)[: len(expected)] == expected
        assert all(map(is_lookup, sent(account)[len(expected) :]))
        jsonschema.validate(answer, TOOLS[self.tool].published.output_schema or {})
        assert SECRET not in json.dumps(answer)
        return answer
