"""Exports: whole lists and reports as files in the owner's directory, and nowhere else."""

import csv
import gc
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import mcp_types
import pytest
from mcp import MCPError

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.settings import Settings
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.lists_in_sql import exactly, sums

pytestmark = pytest.mark.anyio


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The owner's directory for exports."""
    (tmp_path / "exports").mkdir()
    return tmp_path / "exports"


@pytest.fixture
async def agent(sandbox: Sandbox, directory: Path) -> AsyncIterator[Agent]:
    async with agent_of(session_with(sandbox, export_dir=directory)) as agent:
        yield agent


def files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def exported(agent: Agent, tool: str, form: str = "csv", **arguments: Any) -> dict[str, Any]:
    return await agent.answer("export_records", tool=tool, arguments=arguments, format=form)


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def sheet_rows(path: Path) -> list[list[str]]:
    """The cells of the one sheet, as text; read without the library that wrote it."""
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own file
        assert not sheet.findall(f".//{name}f"), "no cell may hold a formula"
    return [
        ["".join(part.text or "" for part in cell.iter(f"{name}t")) or cell.findtext(f"{name}v", "") for cell in row]
        for row in sheet.iter(f"{name}row")
    ]


async def test_every_invoice_is_in_the_file_with_control_totals(
    agent: Agent, sandbox: Sandbox, directory: Path
) -> None:
    answer = await exported(agent, "list_invoices")
    rows = csv_rows(directory / answer["file"])
    assert len(rows) == answer["exported_rows"] == sandbox.store.count("invoices")
    assert list(rows[0]) == answer["columns"]
    assert exactly(answer["totals"]) == sums(sandbox, "list_invoices", "1")
    for total in answer["totals"]:
        of_currency = [row for row in rows if row["currency_code"] == total["currency_code"]]
        owed = [Decimal(row["balance"]) for row in of_currency if row["status"] in ("sent", "viewed")]
        assert sum(balance for balance in owed if balance > 0) == Decimal(str(total["balance"]))
        assert len(of_currency) == sum(part["count"] for part in (total, *total.values()) if isinstance(part, dict))
    assert len(answer["rows"]) == 3
    assert "secret" not in json.dumps(answer) + (directory / answer["file"]).read_text()


async def test_a_file_has_a_column_for_each_field_in_full_detail(agent: Agent, directory: Path) -> None:
    for tool in ("list_staff", "list_leads", "list_estimates"):
        answer = await exported(agent, tool)
        fields = {name for record in (await full(agent, tool)) for name in record}
        named = {"clientary_client"} if "client" in fields else set()
        assert set(csv_rows(directory / answer["file"])[0]) == set(answer["columns"]) == fields | named, tool


async def full(agent: Agent, tool: str) -> list[dict[str, Any]]:
    """All records of a list, every field of each."""
    ids = [record["id"] for record in (await agent.answer(tool, limit=1000))["records"]]
    kind = tool.removeprefix("list_").removesuffix("s") if tool != "list_staff" else "staff"
    return [await agent.answer(f"get_{kind}", **{f"{kind}_id": record}) for record in ids]


async def test_a_filter_narrows_the_file(agent: Agent, sandbox: Sandbox, directory: Path) -> None:
    answer = await exported(agent, "list_invoices", "jsonl", status="draft")
    rows = [json.loads(line) for line in (directory / answer["file"]).read_text().splitlines()]
    assert {row["status"] for row in rows} == {"draft"}
    assert len(rows) == sandbox.store.count("invoices", "status = 0")


async def test_a_report_can_be_exported(agent: Agent, directory: Path) -> None:
    report = await agent.answer("receivables_report")
    answer = await exported(agent, "receivables_report")
    rows = csv_rows(directory / answer["file"])
    assert len(rows) == report["row_count"]
    assert answer["totals"] == report["totals"]
    assert [row["client"] for row in rows] == [row["client"] for row in report["rows"]]


async def test_a_spreadsheet_contains_the_same_as_the_csv_file(agent: Agent, directory: Path) -> None:
    text = csv_rows(directory / (await exported(agent, "list_staff"))["file"])
    (head, *rows) = sheet_rows(directory / (await exported(agent, "list_staff", "xlsx"))["file"])
    assert head == list(text[0])
    assert [row[1] for row in rows] == [row["name"] for row in text]


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", '=HYPERLINK("https://example.com")']


@pytest.mark.parametrize("start", FORMULAS)
async def test_no_text_of_a_record_becomes_a_formula(
    agent: Agent, sandbox: Sandbox, directory: Path, start: str
) -> None:
    with sandbox.connection:
        sandbox.connection.execute("UPDATE staff SET title = ?", (start,))
    rows = csv_rows(directory / (await exported(agent, "list_staff"))["file"])
    assert {row["title"] for row in rows} == {f"'{start}"}
    sheet = sheet_rows(directory / (await exported(agent, "list_staff", "xlsx"))["file"])
    assert start in sheet[1]


async def test_a_second_export_never_overwrites_the_first(agent: Agent, directory: Path) -> None:
    first = await exported(agent, "list_staff")
    before = (directory / first["file"]).read_bytes()
    second = await exported(agent, "list_staff")
    assert (first["file"], second["file"]) == ("list_staff-2026-11-20.csv", "list_staff-2026-11-20-2.csv")
    assert (directory / first["file"]).read_bytes() == before
    assert len(files(directory)) == 2


async def test_an_empty_list_is_a_file_with_only_a_header(agent: Agent, directory: Path) -> None:
    answer = await exported(agent, "list_tasks", query="nothing is called so")
    assert answer["exported_rows"] == 0
    assert (directory / answer["file"]).read_text().startswith("\ufeffid,title,project_id,project,")


async def test_an_unreadable_page_leaves_no_file(agent: Agent, sandbox: Sandbox, directory: Path) -> None:
    sandbox.faults = Faults([Fault("html", "GET", "invoices", nth=4, times=20)])
    await agent.refusal("export_records", tool="list_invoices")
    assert files(directory) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tool": "get_client"}, "is not a list or report. Did you mean list_clients?"),
        ({"tool": "../../etc/passwd"}, "is not a list or report"),
        ({"tool": "export_records"}, "is not a list or report"),
        ({"tool": "list_clients", "arguments": {"limit": 5}}, "leave out limit"),
        ({"tool": "list_clients", "arguments": {"colour": "red"}}, "no argument 'colour'"),
        ({"tool": "list_clients", "format": "pdf"}, "csv"),
    ],
)
async def test_an_impossible_export_is_reported_and_nothing_is_written(
    agent: Agent, directory: Path, arguments: dict[str, Any], message: str
) -> None:
    assert message in await agent.refusal("export_records", **arguments)
    assert files(directory) == []


async def test_without_a_directory_nothing_is_written(sandbox_agent: Agent) -> None:
    message = await sandbox_agent.refusal("export_records", tool="list_staff")
    assert "CLIENTARY_EXPORT_DIR" in message


async def test_a_missing_directory_is_reported(agent: Agent, directory: Path) -> None:
    directory.rmdir()  # noqa: ASYNC240 - nothing else runs
    assert "CLIENTARY_EXPORT_DIR" in await agent.refusal("export_records", tool="list_staff")


async def test_an_unavailable_tool_cannot_be_exported(sandbox: Sandbox, directory: Path) -> None:
    clientary = session_with(sandbox, export_dir=directory, exclude_tools=frozenset({"list_staff"}))
    async with agent_of(clientary) as agent:
        assert "is not a list or report" in await agent.refusal("export_records", tool="list_staff")


async def content(agent: Agent, uri: str) -> mcp_types.TextResourceContents | mcp_types.BlobResourceContents:
    (part,) = (await agent.client.read_resource(uri)).contents
    return part


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
async def test_a_file_can_be_downloaded_as_a_resource(agent: Agent, directory: Path, form: str) -> None:
    name = (await exported(agent, "list_staff", form))["file"]
    part = await content(agent, f"clientary://exports/{name}")
    if isinstance(part, mcp_types.TextResourceContents):
        assert part.text == (directory / name).read_bytes().decode()
    else:
        assert form == "xlsx"
        assert part.mime_type
        assert part.mime_type.startswith("application/vnd.openxmlformats")


@pytest.mark.parametrize("name", ["../secrets.csv", "..%2Fsecrets.csv", "/etc/passwd", "notes.csv", "link-1.csv", ""])
async def test_no_other_file_can_be_downloaded(agent: Agent, directory: Path, name: str) -> None:
    outside = directory.parent / "secrets.csv"
    outside.write_text("nobody may read this")
    (directory / "notes.csv").write_text("nobody may read this")
    (directory / "link-1.csv").symlink_to(outside)
    with pytest.raises(MCPError, match="does not exist"):
        await content(agent, f"clientary://exports/{name}")


class LongList:
    """A list of many small records, page by page."""

    size = 100

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "1"))
        first = (page - 1) * self.size + 1
        tasks = [{"id": number, "title": f"Task {number}"} for number in range(first, first + self.size)]
        counts = {"page_count": self.rows // self.size, "page_size": self.size, "total_count": self.rows}
        return httpx.Response(200, json={**counts, "tasks": tasks})


async def peak_of_export(directory: Path, rows: int) -> int:
    """The peak memory in bytes while exporting this many rows."""
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", export_dir=directory, concurrency=1)
    async with agent_of(Clientary(settings, httpx.MockTransport(LongList(rows)), FakeTime().clock)) as agent:
        await exported(agent, "list_tasks", query="nothing is called so")
        gc.collect()
        tracemalloc.start()
        answer = await exported(agent, "list_tasks")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer["exported_rows"] == rows
    assert (directory / answer["file"]).read_bytes().count(b"\n") == rows + 1
    return peak


async def test_a_list_three_times_as_long_uses_no_more_memory(directory: Path) -> None:
    short = await peak_of_export(directory, 4_000)
    assert await peak_of_export(directory, 12_000) < short + 500_000


async def test_an_export_reports_its_date_range_and_excluded_records(
    agent: Agent, sandbox: Sandbox, directory: Path
) -> None:
    listed = await agent.answer("list_expenses")
    assert listed["from_date"]
    answer = await exported(agent, "list_expenses")
    assert (answer["from_date"], answer["to_date"]) == (listed["from_date"], listed["to_date"])
    with sandbox.connection:
        sandbox.connection.execute("UPDATE invoices SET due_date = NULL WHERE id IN (SELECT id FROM invoices LIMIT 2)")
    answer = await exported(agent, "list_invoices", due_before="2026-01-01")
    assert answer["notice"] == "2 records without due_date were excluded."


async def test_an_exported_report_returns_the_values_beside_its_rows(agent: Agent) -> None:
    report = await agent.answer("receivables_report", as_of="2026-06-30")
    answer = await exported(agent, "receivables_report", as_of="2026-06-30")
    beside = report.keys() - {"rows", "row_count", "basis"}
    assert {"as_of", "totals", "left_out"} <= beside
    assert {name: answer[name] for name in beside} == {name: report[name] for name in beside}
    assert answer["basis"].endswith(report["basis"])


async def test_list_changes_continues_after_an_export(agent: Agent, sandbox: Sandbox) -> None:
    answer = await exported(agent, "list_changes", since="2026-11-01")
    assert answer["exported_rows"] > 0
    later = await agent.answer("list_changes", cursor=answer["cursor"])
    assert later["rows"] == []


async def test_no_column_name_becomes_a_formula(directory: Path) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"staff": [{"id": 1, "name": "Ann", "=1+1": "odd"}]})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", export_dir=directory)
    async with agent_of(Clientary(settings, httpx.MockTransport(answer), FakeTime().clock)) as agent:
        (row,) = csv_rows(directory / (await exported(agent, "list_staff"))["file"])
    assert row["'=1+1"] == "odd"
