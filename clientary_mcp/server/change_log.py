"""Records what write tools changed, with the values before, so that `undo` can take it back."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from clientary_mcp.api.call import Call
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError
from clientary_mcp.server.audit import Entry, given_fields
from clientary_mcp.state.actions import Action
from clientary_mcp.tools.job import STATE, Change
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.workflows.undo import MADE_AGAIN
from tool_schemas.base.models import Arguments, Record
from tool_schemas.base.results import as_text, bounded

_MOST = 100_000
"""Characters of earlier values that are kept; an honest record has a hundredth of that."""

_MAKING = ("create", "copy")
_LABEL = 120
_PART = 4

Values = dict[str, Any] | None


class ChangeLog:
    """Shared by all sessions of the process."""

    def __init__(self, clientary: Clientary, tools: Collection[Tool], *, keeps: bool) -> None:
        self._clientary, self._keeps = clientary, keeps
        self._tools = {tool.name: tool for tool in tools}

    async def read_before(self, tool: Tool, args: Arguments, call: Call) -> Values:
        """The record as it is before an update, or a delete that can be made good; None where it cannot be read.

        PUT returns new values only, so this costs a request, but never more than a part of the time for the write.
        """
        verb, _, kind = tool.name.partition("_")
        if not self._keeps or not (verb == "update" or (verb == "delete" and kind in MADE_AGAIN)):
            return None
        reader, reading = self._tools[tool.checked_with or ""], self._clientary.new_call(call.on_wait)
        reading.latest, reading.records = call.clock.now() + call.left / _PART, call.records
        with suppress(ClientaryError):  # whether the write is possible is for Clientary to say
            record = await reader.function(self._clientary.within(reading), reader.check(_ids(args)))
            assert isinstance(record, Record)  # noqa: S101 - what it is checked with reads the record
            return dict(self._clientary.secrets.outgoing(record.to_json()))
        return None

    async def add(self, tool: Tool, args: Arguments, entry: Entry, before: Values, answer: dict[str, Any]) -> None:
        """Remember a call that succeeded, if it changed anything."""
        if not self._keeps or not entry.call.writes:
            return
        verb, after = tool.name.partition("_")[0], dict[str, Any]()
        single = not tool.gated and isinstance(answer.get("id"), int)
        if verb == "update":
            names = given_fields(args)
            after = {name: answer.get(name) for name in names}
            before = None if before is None or _unknown(tool, names) else {name: before.get(name) for name in names}
        if single and verb in _MAKING:
            after = {name: answer[name] for name in (*given_fields(args), *STATE) if name in answer}
        if len(as_text([before, after])) > _MOST:
            before, after = None, {}
        await self._clientary.memory.actions.add(
            Action(
                entry.id,
                self._clientary.clock.wall(),
                tool.name,
                label=bounded(str(_name(answer) or _name(before or {}) or answer.get("message", "")), _LABEL, 0),
                ids=_ids(args),
                made=answer["id"] if single and verb in _MAKING else None,
                before=before,
                after=after,
            )
        )

    async def add_each(self, changes: Collection[Change], entry: Entry) -> None:
        """Remember what a job changed, each record as an action of its own."""
        for number, change in enumerate(changes if self._keeps else (), 1):
            before, after = (
                dict(self._clientary.secrets.outgoing(dict(each))) for each in (change.before, change.after)
            )
            known = not _unknown(self._tools[change.tool], change.before) and len(as_text([before, after])) <= _MOST
            await self._clientary.memory.actions.add(
                Action(
                    f"{entry.id}-{number}",
                    self._clientary.clock.wall(),
                    change.tool,
                    label=bounded(change.label, _LABEL, 0),
                    ids=change.ids,
                    made=change.made,
                    before=before if known else None,
                    after=after if known else {},
                )
            )


def _ids(args: Arguments) -> dict[str, int]:
    return {name: value for name in args.addresses() if isinstance(value := getattr(args, name), int)}


def _name(record: dict[str, Any]) -> Any:
    names = (record.get(field) for field in ("name", "number", "title", "description"))
    return next((name for name in names if name), None)


def _unknown(tool: Tool, names: Collection[str]) -> bool:
    """Whether one of these fields is never shown, so that its earlier value is unknown."""
    return not set(names) <= set(tool.answer.model_fields)
