"""Lists and reports as files, for spreadsheets and other programs."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from anyio import to_thread

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.export_files import Exports, Rows, check
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.narrowing import narrowed
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from tool_schemas.base.models import Arguments
from tool_schemas.base.pairs import as_object
from tool_schemas.base.parsing import as_json
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.base.validation import nearest
from tool_schemas.reports.export_records import ExportRecords

_NOT_TAKEN = ("limit", "offset", "order", "detail")


def exporting(tools: Collection[Tool]) -> Tool:
    """The tool that exports the results of those of these tools that are lists or reports."""

    @reads("reports", writes_files=True)
    async def export_records(clientary: Clientary, args: ExportRecords) -> Report:
        """Save a complete list or report for a spreadsheet, in the directory that the owner set. Returns its name,
        columns, totals and first rows."""
        tool = _exported(args.tool, tools, clientary)
        given = _arguments(tool, args)
        check(args.format)
        exports = Exports(clientary.settings.export_dir)
        with narrowed(tool.name, given, whole=True), exports.rows(_main_columns(tool)) as rows:
            report = await _collect(tool, given, clientary, rows)
            stem = f"{tool.name}-{clientary.today().day.isoformat()}"
            name = await to_thread.run_sync(partial(exports.write, rows, stem, args.format))
            of_all = f"The first of {rows.count:,} rows; the file contains all of them, with nested values as JSON."
            return replace(
                report,
                rows=rows.first,
                basis=in_order(of_all, report.basis),
                about={
                    "file": name,
                    "uri": f"clientary://exports/{name}",
                    "exported_rows": rows.count,
                    "columns": list(rows.columns),
                    **report.about,
                },
            )

    return export_records


def _main_columns(tool: Tool) -> tuple[str, ...]:
    """What a list shows of each record; a report's columns are those of its rows."""
    if tool.listing is None:
        return ()
    (record,) = get_args(tool.answer)
    brief: tuple[str, ...] = record.summary_fields
    return brief


async def _collect(tool: Tool, given: Arguments, clientary: Clientary, rows: Rows) -> Report:
    """Write every row of the tool's result to `rows`; returns the rest of the report."""
    if tool.listing is not None:
        return await _write_list(tool.listing(clientary, given), rows)
    report = await tool.function(clientary, given)
    assert isinstance(report, Report)  # noqa: S101 - only lists and reports are exported
    for row in report.rows:
        rows.add_row(dict(as_json(row)))
    return report


@rereads
async def _write_list(listing: Listing[Any], rows: Rows) -> Report:
    rows.restart()
    async for record, currency_code in listing.stream():
        rows.add(record, currency_code)
    first = listing.first_page
    days = {"from_date": first.from_date, "to_date": first.to_date} if first else {}
    return Report([], "", totals=listing.totals.to_json() or None, about=days, notice=listing.notice)


def _exported(name: str, tools: Collection[Tool], clientary: Clientary) -> Tool:
    known = {
        tool.name: tool
        for tool in allowed(tools, clientary.settings)
        if tool.listing is not None or tool.answer is Report
    }
    if name not in known:
        raise BadArguments(f"export_records: {name[:64]!r} is not a list or report.{nearest(name, known)}")
    return known[name]


def _arguments(tool: Tool, args: ExportRecords) -> Arguments:
    given = as_object(args.arguments)
    if given_in_vain := [name for name in _NOT_TAKEN if name in given]:
        raise BadArguments(f"export_records: leave out {', '.join(given_in_vain)}; an export contains everything.")
    return tool.check(given)
