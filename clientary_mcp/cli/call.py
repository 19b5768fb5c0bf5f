"""`clientary-mcp call`: one call of a tool, as an agent makes it, with its answer on standard output.

It returns the status to exit with: 0 if the call did what it says or nothing was to be done, 1 if it was refused or not
confirmed, 2 if it was made wrongly, and 3 if a part of it was done, or if that is unknown.
"""

import argparse
import json
import os
import sys
from typing import Any

import anyio

from clientary_mcp.cli.account import opened, tool_settings
from clientary_mcp.cli.answers import printed, remarks
from clientary_mcp.cli.call_arguments import arguments
from clientary_mcp.cli.charts import charted, require_chart
from clientary_mcp.cli.html_pages import as_page, require_picture
from clientary_mcp.cli.tool_table import as_table
from clientary_mcp.errors import BadArguments, ClientaryError
from clientary_mcp.logs import configure
from clientary_mcp.server.office import Ended, Office

DONE, REFUSED, WRONG_USE, PARTIAL = 0, 1, 2, 3

_CLIENT = "shell"
"""What the audit trail names in place of an MCP client."""

_FAILED = ("failed", "not ", "refused", "unknown")
"""How the outcomes of steps begin that did not succeed, though others did."""

_REQUIRES = {"chart": require_chart, "html": require_picture}
"""What is checked before a call whose answer is to be drawn."""

_TO_CONFIRM = "This is only a preview. The same command with --yes does what it shows."


def call(options: argparse.Namespace) -> int:
    """Make the call that the options ask for, and print its answer; or list the tools."""
    if options.list:
        print(as_table(tool_settings(options)))  # noqa: T201 - output for the user
        return DONE
    if require := _REQUIRES.get(options.format):
        require(options.subject)
    given = arguments(options.given, options.json)
    ended = anyio.run(_called, options, given)
    if ended.error is not None:
        _say(ended.text)
        return _status_of(ended.error)
    answer = json.loads(ended.text)
    form = options.format or ("table" if sys.stdout.isatty() else "json")
    if form == "html":
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # as the page says of itself
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # half a letter, or an old terminal
    print(_text(options.subject, answer, form), end="", flush=True)  # noqa: T201 - output for the user
    if form == "csv":
        for remark in remarks(answer):
            _say(remark)
    status = _status(answer)
    if status == REFUSED and not options.yes:  # with it, the answer says why it is a preview all the same
        _say(_TO_CONFIRM)
    return status


async def _called(options: argparse.Namespace, given: dict[str, Any]) -> Ended:
    async with opened(options) as clientary:
        configure(clientary.settings)
        office, name = Office(clientary), options.subject
        takes: dict[str, Any] = next(
            (tool.input_schema["properties"] for tool in office.tools if tool.name == name), {}
        )
        if not options.yes or "confirm" not in takes:
            return await office.ended(name, given, None, _CLIENT)
        if "preview_id" in takes and "preview_id" not in given:
            preview = await office.ended(name, given, None, _CLIENT)
            shown = {} if preview.error else json.loads(preview.text)
            if "preview_id" not in shown:
                return preview  # refused, or there is nothing to confirm
            given = {**given, "preview_id": shown["preview_id"]}
        return await office.ended(name, {**given, "confirm": True}, None, _CLIENT)


def _text(tool: str, answer: dict[str, Any], form: str) -> str:
    if form == "html":
        return as_page(tool, answer)
    if form != "chart":
        return printed(answer, form)
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return charted(tool, answer, colored=not plain)


def _status(answer: dict[str, Any]) -> int:
    if answer.get("done") is False:  # a preview, unless there is nothing to confirm
        return REFUSED if "to_proceed" in answer else DONE
    steps = answer.get("steps") if answer.get("done") is True else None
    outcomes = [str(step.get("outcome", "")) for step in steps or () if isinstance(step, dict)]
    return PARTIAL if any(outcome.startswith(_FAILED) for outcome in outcomes) else DONE


def _status_of(error: ClientaryError) -> int:
    if isinstance(error, BadArguments):
        return WRONG_USE
    return PARTIAL if error.effect in ("partial", "unknown") else REFUSED


def _say(text: str) -> None:
    print(f"clientary-mcp: {text}", file=sys.stderr)  # noqa: T201 - for the user, beside the data
