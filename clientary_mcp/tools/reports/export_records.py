"""Lists and reports as files, for spreadsheets and other programs."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any, get_args

from anyio import to_thread

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.export_files import Exports, Rows, check
from clientary_mcp.tools.support.export_rows import LINES, has_lines, parts_of, rows_of
from clientary_mcp.tools.support.listing import OF_A_PAGE, Listing
from clientary_mcp.tools.support.narrowing import narrowed
from clientary_mcp.tools.support.periods import with_days
from clientary_mcp.tools.support.spreadsheets import Table
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from tool_schemas.base.models import Arguments, Record
from tool_schemas.base.pairs import as_object
from tool_schemas.base.parsing import as_json
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.base.validation import nearest
from tool_schemas.reports.export_records import ExportRecords

_BASIS = "The first of {:,} rows; the file contains all of them, with nested values as JSON."
_LINKS = "The links of download open the files, in this order, for an hour, for whoever has them."


def exporting(tools: Collection[Tool]) -> Tool:
    """The tool that exports the results of those of these tools that are lists or reports."""

    @reads("reports", writes_files=True)
    async def export_records(clientary: Clientary, args: ExportRecords) -> Report:
        """Save a complete list or report for a spreadsheet, in the directory set for exports. Returns its name,
        columns, totals and first rows."""
        tool = _exported(args, tools, clientary)
        given, of_days = await with_days(clientary, _arguments(tool, args))
        check(args.format)
        exports = Exports(clientary.settings.export_dir)
        with narrowed(given, whole=True), exports.rows(_main_columns(tool)) as rows:
            report = await _collect(tool, given, clientary, rows, lines=args.lines)
            stem = f"{tool.name}-{clientary.today().day.isoformat()}"
            parts = parts_of(report) if tool.listing is None else []
            files, remark = await to_thread.run_sync(partial(exports.write, rows, stem, args.format, parts))
            return replace(
                report,
                rows=rows.first,
                basis=in_order(
                    _BASIS.format(rows.count),
                    _LINKS if clientary.link_to else None,
                    LINES if args.lines else None,
                    report.basis,
                ),
                about={
                    **_about(files, parts, clientary.link_to),
                    "exported_rows": rows.count,
                    "columns": rows.columns,
                    **report.about,
                },
                notice=in_order(report.notice, of_days, remark),
            )

    return export_records


def _about(files: list[str], parts: list[Table], link_to: Callable[[str], str] | None) -> dict[str, Any]:
    """The names of the files, and where they can be downloaded, by people through a link if there is one."""
    name, *beside = files
    sheets = [table.name for table in parts] if parts and not beside else None
    return {
        "file": name,
        "uri": f"clientary://exports/{name}",
        "download": [link_to(each) for each in files] if link_to else None,
        "files_beside": beside or None,
        "sheets_beside": sheets,
    }


def _main_columns(tool: Tool) -> tuple[str, ...]:
    """What a list shows of each record; a report's columns are those of its rows."""
    return () if tool.listing is None else _record(tool).summary_fields


def _record(tool: Tool) -> type[Record]:
    """The kind of record that a list tool lists."""
    kind: type[Record] = get_args(tool.answer)[0]
    return kind


async def _collect(tool: Tool, given: Arguments, clientary: Clientary, rows: Rows, *, lines: bool) -> Report:
    """Write every row of the tool's result to `rows`; returns the rest of the report."""
    if tool.listing is not None:
        return await _write_list(tool.listing(clientary, given), rows, lines=lines)
    report = await tool.function(clientary, given)
    assert isinstance(report, Report)  # noqa: S101 - only lists and reports are exported
    for row in report.rows:
        rows.add(dict(as_json(row)))
    return report


@rereads
async def _write_list(listing: Listing[Any], rows: Rows, *, lines: bool) -> Report:
    rows.restart()
    async for record, currency_code in listing.stream():
        listing.names.want(record)
        for row in rows_of(record, currency_code, listing.names, lines=lines):
            rows.add(row)
    remark = await listing.names.read(most=inf)
    rows.names = listing.names
    notice, totals = in_order(listing.notice, remark), listing.totals
    days = dict(zip(("from_date", "to_date"), listing.days, strict=True))
    return Report([], "", totals.to_json() or None, left_out=totals.left_out.to_json(), about=days, notice=notice)


def _exported(args: ExportRecords, tools: Collection[Tool], clientary: Clientary) -> Tool:
    """The list or report that is wanted; BadArguments for anything else, and for lines of what has none."""
    known = {
        tool.name: tool
        for tool in allowed(tools, clientary.settings)
        if tool.listing is not None or tool.answer is Report
    }
    name = args.tool
    if name not in known:
        raise BadArguments(f"export_records: {name[:64]!r} is not a list or report.{nearest(name, known)}")
    if args.lines and not (known[name].listing and has_lines(_record(known[name]))):
        raise BadArguments(
            f"export_records: lines=true takes a list of invoices, estimates or recurring schedules; {name} has no"
            " lines."
        )
    return known[name]


def _arguments(tool: Tool, args: ExportRecords) -> Arguments:
    given = as_object(args.arguments)
    if given_in_vain := [name for name in OF_A_PAGE if name in given]:
        raise BadArguments(f"export_records: leave out {', '.join(given_in_vain)}; an export contains everything.")
    return tool.check(given)
