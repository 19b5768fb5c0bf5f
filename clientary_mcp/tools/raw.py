"""The raw request: one request, sent as given, for anything in the API that no other tool covers."""

from dataclasses import replace
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import MalformedResponse, NotAllowed, NotFound, OutcomeUnknown, Refused
from clientary_mcp.tools.decorators import jobs, reads
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.previews import preview
from tool_schemas.base.parsing import sanitized
from tool_schemas.base.results import Outcome
from tool_schemas.raw import ApiAnswer, ApiCall, ApiPreview, ApiRequest, ReadApi

_NOT_READABLE = "Nothing could be read at that path, so the current state is not shown."


async def _get(clientary: Clientary, args: ApiCall) -> Outcome:
    body = await clientary.request("GET", args.path, args.parameters)
    return ApiAnswer(done=True, message=f"Clientary answered GET {args.path}.", body=body)


async def _preview(clientary: Clientary, args: ApiRequest, _job: Job) -> Outcome:
    """A GET is carried out; of any other method, the request and the current record are shown."""
    if args.method == "GET":
        return await _get(clientary, args)
    parts = {"method": args.method, "path": args.path, "query": args.parameters, "body": args.content}
    request = {name: part for name, part in parts.items() if part is not None}
    current = None if args.method == "POST" else await _current(clientary, args.path)
    unreadable = None if args.method == "POST" or current else _NOT_READABLE
    shown = preview(f"send {args.method} {args.path} as shown in steps", steps=[request], not_visible=unreadable)
    return ApiPreview(**vars(shown) | {"record": current})


async def _current(clientary: Clientary, path: str) -> dict[str, Any] | None:
    try:
        current = await clientary.request("GET", path)
    except (NotFound, NotAllowed, Refused, MalformedResponse):
        return None
    return dict(sanitized(current)) if isinstance(current, dict) else None


@reads("raw")
async def _read(clientary: Clientary, args: ReadApi) -> Outcome:
    """Read anything of this account's API that no other tool shows, with its own field names and codes."""
    return await _get(clientary, args)


@jobs("raw", _preview, "money", "mail", "delete", checked_with="list_changes")
async def api_request(clientary: Clientary, args: ApiRequest, _job: Job) -> Outcome:
    """Send one raw request to this account's API, with its own field names and codes, for what no other tool covers.
    All methods but GET need confirm."""
    try:
        body = await clientary.request(args.method, args.path, args.parameters, args.content)
    except OutcomeUnknown as lost:
        lost.add(f"GET {args.path} may show the current state.")
        raise
    return ApiAnswer(done=True, message=f"Clientary accepted {args.method} {args.path}.", body=body)


TOOLS = (replace(api_request, reading=replace(_read, name=api_request.name)),)
