"""Taking back one earlier change: with the tools that made it or that delete and create, if the owner exposes them."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, PartiallyDone
from clientary_mcp.state.actions import Action
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.formatting import label, quote
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.tool import Answer, Tool
from clientary_mcp.tools.toolsets import allowed
from clientary_mcp.tools.workflows.undo_plan import AGAIN, Plan, refused, take_back
from clientary_mcp.tools.workflows.undo_together import PlanOf, Together
from clientary_mcp.tools.workflows.undo_values import changed_since, changed_since_made, earlier_values
from tool_schemas.base.models import AllowsUnusual, Arguments, Record
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome
from tool_schemas.workflows.undo import Undo

MADE_AGAIN = {
    "contact": "create_contact",
    "task": "create_task",
    "expense": "create_expense",
    "hour_entry": "create_project_hours",
}
"""What can be made again after a delete, which took nothing else along that matters, and with which tool."""

_SET_AFTERWARDS = ("billed", "complete")
"""Fields that only an update can set."""

_NOT_ALLOWED = "The settings of this server do not allow it."

Tools = Mapping[str, Tool]


def undoing(tools: Collection[Tool]) -> Tool:
    """The tool that takes back what those of these tools that are exposed did."""

    readers = {tool.name: tool for tool in tools if tool.effect.reads_only}

    def plan_of(clientary: Clientary) -> PlanOf:
        return partial(_plan, clientary, exposed=_exposed(tools, clientary), readers=readers)

    async def show(clientary: Clientary, args: Undo, _job: Job) -> Outcome:
        if args.action_id is None:
            return await _listed(clientary, _exposed(tools, clientary))
        found = await _found(clientary, args.action_id)
        if isinstance(found, Action):
            return (await plan_of(clientary)(found)).preview
        return await Together(clientary, found, plan_of(clientary)).show()

    @jobs("workflows", show, checked_with="list_changes")
    async def undo(clientary: Clientary, args: Undo, _job: Job) -> Outcome:
        """Take back an earlier change of this server: an update, a create, or a deleted contact, task, expense or hour
        entry. Without action_id, lists the changes, newest first."""
        found = await _found(clientary, args.action_id or "")
        if isinstance(found, Action):
            return await take_back(clientary, found.id, await plan_of(clientary)(found))
        return await Together(clientary, found, plan_of(clientary)).act()

    return undo


def _exposed(tools: Collection[Tool], clientary: Clientary) -> Tools:
    return {tool.name: tool for tool in allowed(tools, clientary.settings)}


async def _listed(clientary: Clientary, exposed: Tools) -> Outcome:
    actions = await clientary.memory.actions.recent()
    of_calls = Counter(action.call for action in actions)
    rows = [_row(action, why_not(action, exposed), together=of_calls[action.call] > 1) for action in actions]
    if not rows:
        return nothing_to_do("This server remembers no change.")
    listed = ["These changes are remembered, newest first."]
    if any("call_id" in row for row in rows):
        listed.append("A call_id, given as action_id, takes back all that one job changed.")
    return nothing_to_do(listed, steps=rows)


def _row(action: Action, why: str | None, *, together: bool) -> dict[str, Any]:
    row = {
        "action_id": action.id,
        **({"call_id": action.call} if together else {}),
        "time": datetime.fromtimestamp(action.at, UTC).isoformat(timespec="seconds"),
        "tool": action.tool,
        "record": action.label,
        **action.ids,
        "can_be_taken_back": why is None,
    }
    return row | {name: value for name, value in (("id", action.made), ("why_not", why)) if value is not None}


def why_not(action: Action, exposed: Tools) -> str | None:
    """Why an action cannot be taken back, as far as that is known without reading the account."""
    verb, _, kind = action.tool.partition("_")
    if action.taken_back:
        return "It was taken back already."
    if action.made is not None:
        return None if _deleting_tool(action) in exposed else _NOT_ALLOWED
    if verb == "delete":
        return _why_not_made_again(action, kind, exposed)
    if verb == "update":
        if action.tool not in exposed:
            return _NOT_ALLOWED
        return None if action.before is not None else "The earlier values are not known."
    return _FINAL.get(verb, "It changed several records, or none of a known kind: take them back one by one.")


_FINAL = {
    "send": "What was mailed cannot be taken back.",
    "charge": "A charge cannot be taken back.",
    "undo": "It took a change back: make that change again.",
}


def _why_not_made_again(action: Action, kind: str, exposed: Tools) -> str | None:
    if kind not in MADE_AGAIN:
        return "What was deleted with it cannot be made again."
    maker = exposed.get(MADE_AGAIN[kind])
    if maker is None:
        return _NOT_ALLOWED
    if action.before is None:
        return "The earlier values are not known."
    try:
        _checked(maker, _fields(maker, action.before))
    except BadArguments:
        return "It lacks what a new one must have."
    return None


async def _found(clientary: Clientary, action_id: str) -> Action | list[Action]:
    """The action with that id, or all those of the job whose call has it; BadArguments if none is remembered."""
    actions = clientary.memory.actions
    if action := await actions.find(action_id):
        return action
    if together := [each for each in await actions.recent() if each.call == action_id]:
        return together
    raise BadArguments(f"undo: no remembered action has the id {quote(action_id)}.", AGAIN)


async def _plan(clientary: Clientary, action: Action, exposed: Tools, readers: Tools) -> Plan:
    """How to take back an action; BadArguments if that is impossible."""
    if why := why_not(action, exposed):
        raise refused(why[0].lower() + why[1:].rstrip("."))
    if action.made is not None:
        return await _deleting(clientary, action, exposed)
    if action.tool.startswith("delete_"):
        return _making_again(clientary, action, exposed)
    changer = exposed[action.tool]
    return await _setting_back(clientary, action, changer, readers[changer.checked_with or ""])


def _deleting_tool(action: Action) -> str:
    """The tool that deletes what the action made."""
    return "delete_" + action.tool.partition("_")[2].replace("project_hours", "hour_entry")


async def _deleting(clientary: Clientary, action: Action, exposed: Tools) -> Plan:
    tool = exposed[_deleting_tool(action)]
    own = f"{tool.name.removeprefix('delete_')}_id"
    ids = {name: action.made if name == own else action.ids[name] for name in tool.arguments.addresses()}

    async def act() -> Outcome:
        return _outcome(await tool.function(clientary, tool.check(ids | {"confirm": True})))

    assert tool.preview is not None  # noqa: S101 - every delete has one
    shown = await tool.preview(clientary, tool.check(ids))
    if changed := changed_since_made(action, as_json(shown.record or {})):
        raise refused(f"somebody changed {', '.join(changed)} since; {tool.name} deletes it all the same")
    return Plan(shown, act)


def _making_again(clientary: Clientary, action: Action, exposed: Tools) -> Plan:
    kind = action.tool.removeprefix("delete_")
    maker, old = exposed[MADE_AGAIN[kind]], dict(action.before or {})
    noun = kind.replace("_", " ")
    changes = {name: True for name in _SET_AFTERWARDS if old.get(name) is True}
    changer = exposed.get(f"update_{kind}")

    async def act() -> Outcome:
        record = _record(await maker.function(clientary, _checked(maker, _fields(maker, old))))
        made = f"The {noun} {label(record)} was made again, with the new id {record.id}"
        try:
            await clientary.memory.billed.replaced(record.plural, old["id"], record.id)
            if changes and changer is not None:
                args = _checked(changer, {f"{kind}_id": record.id, **changes})
                record = _record(await changer.function(clientary, args))
        except ClientaryError as failure:  # a second try would make the record twice
            raise PartiallyDone(f"{made}, but it is not as it was.", *failure.sentences) from None
        return done(f"{made}.", record)

    lost = [f"The new one has another id than {old['id']}, and no comments or invoice of the old one."]
    if kind == "hour_entry":
        lost.append("It counts as the work of the API token's owner.")
    if changes and changer is None:
        lost.append(f"{', '.join(changes)} stays unset.")
    shown = preview(f"make the deleted {noun} again", steps=[_fields(maker, old) | changes], not_visible=" ".join(lost))
    return Plan(shown, act, repeatable=False)


def _checked(tool: Tool, given: dict[str, Any]) -> Arguments:
    """The arguments with which a tool restores what was there, however unusual that was."""
    unusual = {"allow_unusual": True} if issubclass(tool.arguments, AllowsUnusual) else {}
    return tool.check(given | unusual)


def _fields(maker: Tool, old: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that a create takes."""
    names = maker.arguments.model_fields
    return {name: value for name, value in old.items() if name in names and value not in (None, "")}


async def _setting_back(clientary: Clientary, action: Action, changer: Tool, reader: Tool) -> Plan:
    record = _record(await reader.function(clientary, reader.check(dict(action.ids))))
    now, old = record.to_json(), dict(action.before or {})
    if changed := changed_since(action, now):
        raise refused(f"somebody changed {', '.join(changed)} since")
    values = earlier_values(old, now)
    noun = action.tool.removeprefix("update_").replace("_", " ")
    if not values:
        nothing = nothing_to_do(f"The {noun} {label(record)} is as it was before.", record)
        return Plan(nothing, lambda: _at_once(nothing))
    clear = [name for name, value in values.items() if value in (None, "", [], {})]
    given = {name: value for name, value in values.items() if name not in clear}
    try:
        args = _checked(changer, {**action.ids, **given, **({"clear": clear} if clear else {})})
    except BadArguments as wrong:
        raise refused(f"Clientary takes no such value ({wrong.sentences[0]})") from None

    async def act() -> Outcome:
        record = _record(await changer.function(clientary, args))
        return done(f"The {noun} {label(record)} has its earlier values again: {', '.join(values)}.", record)

    steps = [{"field": name, "now": now.get(name), "then": old.get(name)} for name in values]
    return Plan(preview(f"set the {noun} {label(record)} back", record, steps=steps), act)


def _record(answer: Answer) -> Record:
    assert isinstance(answer, Record)  # noqa: S101 - creates, updates and their readers return one
    return answer


def _outcome(answer: Answer) -> Outcome:
    assert isinstance(answer, Outcome)  # noqa: S101 - deletes return one
    return answer


async def _at_once(outcome: Outcome) -> Outcome:
    return outcome
