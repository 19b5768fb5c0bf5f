"""Resources that clients read without a tool: the account, two guides, any record, the audit trail, exports.

A record is read through its get tool, so that it cannot be read if that tool is not exposed, and the audit trail has
a line for it. For the same reason, the account shows only counts of records whose list tool is exposed, and the trail
only lines of exposed tools.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, get_args

import mcp_types
from anyio import to_thread
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, NotAllowed
from clientary_mcp.server.audit import Audit
from clientary_mcp.server.guides import Guide, read_guide
from clientary_mcp.tools.support.export_files import Exports
from clientary_mcp.tools.tool import Kind
from tool_schemas.base.models import Record
from tool_schemas.base.results import MAX_ANSWER, as_text
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.projects import Project

_SCHEME = "clientary://"
_RECORD = re.compile(r"clientary://([a-z_]+)/([0-9]{1,15})")
_EXPORT = f"{_SCHEME}exports/"
_TRAIL = (
    "The latest calls in the audit trail, oldest first; only of the tools exposed here."
    " One whose outcome is begun has not ended, or its process died in mid-write."
)
_JSON, _MARKDOWN = "application/json", "text/markdown"
_KINDS = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_COUNTED: Mapping[str, type[Record]] = {kind.plural: kind for kind in (Client, Lead, Project, Invoice)}

CallTool = Callable[[str, dict[str, Any]], Awaitable[mcp_types.CallToolResult | mcp_types.InputRequiredResult]]
Read = Callable[[], Awaitable[str]]


class Resources:
    """Lists the resources, and reads them by URI."""

    def __init__(self, clientary: Clientary, exposed: Collection[str], audit: Audit, about: Mapping[str, Any]) -> None:
        self._clientary, self._exposed, self._audit, self._about = clientary, set(exposed), audit, about
        self._fixed: dict[str, tuple[str, str, Read]] = {
            "account": ("How many records it has, and what this server is allowed to do.", _JSON, self._account),
            "guide/statuses": (
                "What the statuses of records mean, and what overdue means.",
                _MARKDOWN,
                partial(_guide, "statuses"),
            ),
            "guide/money": (
                "How amounts, taxes, hours and budgets are calculated.",
                _MARKDOWN,
                partial(_guide, "money"),
            ),
        }
        directory = clientary.settings.export_dir
        self._exports = Exports(directory) if directory and "export_records" in self._exposed else None
        self._sees_all = {*get_args(Kind)} <= {*about["may"]}
        if audit.keeps:
            self._fixed["audit/recent"] = (_TRAIL, _JSON, self._recent)

    def listed(self) -> list[mcp_types.Resource]:
        """The resources with a fixed URI."""
        return [
            mcp_types.Resource(uri=_SCHEME + path, name=path, title=_title(path), description=about, mime_type=kind)
            for path, (about, kind, _) in self._fixed.items()
        ]

    def templates(self) -> list[mcp_types.ResourceTemplate]:
        """Templates for the resources that are addressed by type and id."""
        templates = []
        if types := self._types():
            about = f"One record in full. type: {', '.join(types)}."
            templates.append(_template("{type}/{id}", "record", about, _JSON))
        if self._exports:
            templates.append(_template("exports/{file}", "export", "A file that export_records wrote.", None))
        return templates

    def _types(self) -> list[str]:
        """The types of records; the account, of which there is one, is read by its own name."""
        types = {name.removeprefix("get_") for name in self._exposed if name.startswith("get_")}
        return sorted(types - self._fixed.keys())

    async def read(self, uri: str, call_tool: CallTool) -> tuple[str | bytes, str]:
        """The content of a resource and its MIME type; ResourceError when it does not exist or cannot be read."""
        if self._exports and (name := uri.removeprefix(_EXPORT)) != uri:
            return await self._export(self._exports, name)
        if (fixed := self._fixed.get(uri.removeprefix(_SCHEME))) and uri.startswith(_SCHEME):
            _, kind, read = fixed
            try:
                return await read(), kind
            except ClientaryError as error:
                raise ResourceError(str(error)) from None
        match = _RECORD.fullmatch(uri)
        if match is None or match[1] not in self._types():
            raise ResourceNotFoundError("This resource does not exist.")
        result = await call_tool(f"get_{match[1]}", {f"{match[1]}_id": int(match[2])})
        assert isinstance(result, mcp_types.CallToolResult)  # noqa: S101 - a read needs no approval
        text = "".join(part.text for part in result.content if isinstance(part, mcp_types.TextContent))
        if result.is_error:
            raise ResourceNotFoundError(text)
        return text, _JSON

    async def _export(self, exports: Exports, name: str) -> tuple[str | bytes, str]:
        try:
            content = await to_thread.run_sync(exports.read, name)
        except BadArguments as error:
            raise ResourceNotFoundError(str(error)) from None
        kind = _KINDS[name.rpartition(".")[2]]
        return (content if name.endswith(".xlsx") else content.decode()), kind

    async def _account(self) -> str:
        counted = [path for path in _COUNTED if f"list_{path}" in self._exposed]
        counts = await gather((partial(self._count, path) for path in counted), self._clientary.settings.concurrency)
        numbers = dict(zip(counted, counts, strict=True))
        return as_text({"address": self._clientary.settings.address, "counts": numbers, **self._about})

    async def _count(self, path: str) -> int | str:
        try:
            page = await self._clientary.collect(_COUNTED[path], limit=1, query={})
        except NotAllowed:
            return "not visible"
        if page.total_count is None:
            return len(page.records) if page.complete else "not counted"
        return page.total_count

    async def _recent(self) -> str:
        lines = await self._audit.recent(MAX_ANSWER, of_others=self._sees_all)
        return as_text([line for line in lines if line.get("tool") in self._exposed])


def _template(path: str, name: str, about: str, kind: str | None) -> mcp_types.ResourceTemplate:
    return mcp_types.ResourceTemplate(
        uri_template=_SCHEME + path, name=name, title=_title(name), description=about, mime_type=kind
    )


async def _guide(guide: Guide) -> str:
    return read_guide(guide)


def _title(path: str) -> str:
    return path.replace("/", ": ").capitalize()
