"""The way to everything that the API can do and no other tool does: one request, as it is."""

from dataclasses import replace
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import MalformedResponse, NotAllowed, NotFound, OutcomeUnknown, Refused
from clientary_mcp.state.recent import RecentResults
from clientary_mcp.tools.decorators import jobs, reads
from clientary_mcp.tools.support.previews import preview
from tool_schemas.base.parsing import sanitized
from tool_schemas.base.results import Outcome
from tool_schemas.raw import ApiAnswer, ApiCall, ApiPreview, ApiRequest, ReadApi

_NOTHING_SEEN = "Nothing is to be read at that path, so what is there now is not shown."


async def _answered(clientary: Clientary, args: ApiCall) -> Outcome:
    body = await clientary.request("GET", args.path, args.parameters)
    return ApiAnswer(done=True, message=f"Clientary answered GET {args.path}.", body=body)


async def _look(clientary: Clientary, args: ApiRequest, _memory: RecentResults) -> Outcome:
    """A GET is done; of anything else it is shown what would leave, and to what."""
    if args.method == "GET":
        return await _answered(clientary, args)
    parts = {"method": args.method, "path": args.path, "query": args.parameters, "body": args.content}
    request = {name: part for name, part in parts.items() if part is not None}
    there = None if args.method == "POST" else await _what_is_there(clientary, args.path)
    unseen = None if args.method == "POST" or there else _NOTHING_SEEN
    shown = preview(f"send {args.method} {args.path} as it stands in steps", steps=[request], not_visible=unseen)
    return ApiPreview(**vars(shown) | {"record": there})


async def _what_is_there(clientary: Clientary, path: str) -> dict[str, Any] | None:
    try:
        there = await clientary.request("GET", path)
    except (NotFound, NotAllowed, Refused, MalformedResponse):
        return None
    return dict(sanitized(there)) if isinstance(there, dict) else None


@reads("raw")
async def _read(clientary: Clientary, args: ReadApi) -> Outcome:
    """Read anything of this account's API that no other tool shows, with its own field names and codes."""
    return await _answered(clientary, args)


@jobs("raw", _look, "money", "mail", "delete", seen_with="list_changes")
async def api_request(clientary: Clientary, args: ApiRequest, _memory: RecentResults) -> Outcome:
    """Send one raw request to this account's API, with its own field names and codes, for what no other tool covers.
    All methods but GET need confirm."""
    try:
        body = await clientary.request(args.method, args.path, args.parameters, args.content)
    except OutcomeUnknown as lost:
        lost.add(f"GET {args.path} may show it.")
        raise
    return ApiAnswer(done=True, message=f"Clientary accepted {args.method} {args.path}.", body=body)


TOOLS = (replace(api_request, reading=replace(_read, name=api_request.name)),)
