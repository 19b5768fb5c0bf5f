"""Exports open in a spreadsheet as they are: dates, numbers, telephone numbers, lines, and all parts of a report."""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.settings import Settings
from clientary_mcp.tools.support.spreadsheets import LONGEST_CELL, defused
from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

_XML = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
async def agent(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Agent]:
    async with agent_of(session_with(sandbox, export_dir=tmp_path)) as agent:
        yield agent


async def exported(
    agent: Agent, tool: str, form: str = "csv", *, lines: bool = False, **arguments: Any
) -> dict[str, Any]:
    return await agent.answer("export_records", tool=tool, arguments=arguments, format=form, lines=lines)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def workbook(path: Path) -> dict[str, list[list[tuple[str, str]]]]:
    """The sheets by name: of each cell its kind (`n`, `s`, `date`, …) and its text, read without what wrote it."""
    with zipfile.ZipFile(path) as book:
        names = [sheet.get("name", "") for sheet in _parsed(book, "workbook").iter(f"{_XML}sheet")]
        rows = [_parsed(book, f"worksheets/sheet{place}").iter(f"{_XML}row") for place in range(1, len(names) + 1)]
    return {name: [list(map(_cell, row)) for row in each] for name, each in zip(names, rows, strict=True)}


def _parsed(book: zipfile.ZipFile, part: str) -> ElementTree.Element:
    return ElementTree.fromstring(book.read(f"xl/{part}.xml"))  # noqa: S314 - our own file


def _cell(cell: ElementTree.Element) -> tuple[str, str]:
    text = "".join(part.text or "" for part in cell.iter(f"{_XML}t")) or cell.findtext(f"{_XML}v", "")
    return "date" if cell.get("s") in ("1", "2") else cell.get("t", "n"), text


def account(tmp_path: Path, **lists: list[dict[str, Any]]) -> Clientary:
    """A session with an account that has these lists, each on one page, and nothing else."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name not in lists:
            return httpx.Response(404)
        return httpx.Response(200, json={"page_count": 1, "total_count": len(lists[name]), name: lists[name]})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", export_dir=tmp_path)
    return Clientary(settings, httpx.MockTransport(answer), FakeTime().clock)


# What a cell holds

HARMLESS = [
    "+49 30 123", "+1 (555) 123-4567", "+44 20 7946 0958 ext. 12", "+49/30/123", "+(49) 30 1", "-12.50", "-1,234.50",
    "- 5 %", "-7", "+7", "plain", "a=b", "12-3", "",
]  # fmt: skip
DANGEROUS = [
    "=cmd|' /C calc'!A0", "=1", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "-2+3", "+A1", "-A1", "@SUM(1)", "\t=1",
    "\r=1", "\n=1", " =1", "\xa0=1", "\u3000@SUM(1)",
    "+49 30 123+cmd", "+1;=cmd", "\uff1d1", "- note", "+", "-", "+49 30 123\n=1", '+HYPERLINK("x")',
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_no_spreadsheet_executes_stays_as_it_is(text: str) -> None:
    assert defused(text) == text


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_execute_is_text(text: str) -> None:
    assert defused(text) == f"'{text}"


def test_numbers_are_never_text() -> None:
    assert [defused(-5), defused(-0.5), defused(None)] == [-5, -0.5, None]


async def test_a_csv_file_says_that_it_is_unicode(tmp_path: Path) -> None:
    phone = {"id": 1, "name": "Łukasz ร้านกิน", "phone": "+48 22 123"}
    async with agent_of(account(tmp_path, staff=[phone])) as agent:
        answer = await exported(agent, "list_staff")
    content = (tmp_path / answer["file"]).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,")
    (row,) = table(tmp_path / answer["file"])
    assert phone.items() <= {**row, "id": 1}.items()


async def test_a_workbook_holds_dates_and_numbers(agent: Agent, tmp_path: Path) -> None:
    answer = await exported(agent, "list_invoices", "xlsx")
    head, *rows = workbook(tmp_path / answer["file"])["rows"]
    columns = {name: place for place, (_, name) in enumerate(head)}
    for name, kind in (("id", "n"), ("total_cost", "n"), ("balance", "n"), ("date", "date"), ("due_date", "date")):
        assert {row[columns[name]][0] for row in rows} == {kind}, name
    whole = await agent.answer("get_invoice", invoice_id=int(rows[0][columns["id"]][1]))
    days = int(rows[0][columns["date"]][1])
    assert date.fromordinal(date(1899, 12, 30).toordinal() + days).isoformat() == whole["date"]
    assert {row[columns["number"]][0] for row in rows} == {"inlineStr"}, "a number of an invoice is no amount"
    assert rows[0][columns["created_at"]][0] == "date"


async def test_only_days_become_dates(tmp_path: Path) -> None:
    odd = [
        {"id": 1, "name": "2026-01-05", "created_at": "2012-11-08T21:20:47-08:00"},
        {"id": 2, "name": "Ann", "hired_on": "1899-05-01", "left_on": "2026-02-31", "as_of": "2026-02-28"},
    ]
    async with agent_of(account(tmp_path, staff=odd)) as agent:
        head, *rows = workbook(tmp_path / (await exported(agent, "list_staff", "xlsx"))["file"])["rows"]
    assert [name for _, name in head][:2] == ["id", "name"]
    assert rows[0][1] == ("inlineStr", "2026-01-05")
    assert rows[0][2][0] == "date"
    assert {("inlineStr", "1899-05-01"), ("inlineStr", "2026-02-31"), ("date", "46081")} <= set(rows[1])


@pytest.mark.parametrize(
    ("form", "length", "remark"),
    [
        ("csv", LONGEST_CELL + 1, "2 texts in the file are longer than the 32,767 characters"),
        ("xlsx", LONGEST_CELL + 1, "2 texts longer than the 32,767 characters that a cell holds were cut"),
        ("csv", LONGEST_CELL, None),
        ("xlsx", LONGEST_CELL, None),
    ],
)
async def test_no_cell_is_cut_without_a_remark(tmp_path: Path, form: str, length: int, remark: str | None) -> None:
    long = [{"id": number, "name": "Ann", "title": "t" * length} for number in (1, 2)]
    async with agent_of(account(tmp_path, staff=long)) as agent:
        answer = await exported(agent, "list_staff", form)
    assert (remark or "") in answer.get("notice", "")
    assert ("notice" in answer) is (remark is not None)
    if form == "csv":
        assert table(tmp_path / answer["file"])[1]["title"] == "t" * length
    else:
        cut = workbook(tmp_path / answer["file"])["rows"][2][2][1]
        assert len(cut) == LONGEST_CELL
        assert cut.endswith("… [cut]") is (remark is not None)


# Lines


@pytest.mark.parametrize("tool", ["list_invoices", "list_estimates", "list_recurring_schedules"])
async def test_a_row_a_line_adds_up_to_the_documents(agent: Agent, tmp_path: Path, tool: str) -> None:
    whole = table(tmp_path / (await exported(agent, tool))["file"])
    answer = await exported(agent, tool, lines=True)
    rows = table(tmp_path / answer["file"])
    items = [json.loads(row["items"]) if row["items"] else [] for row in whole]
    assert len(rows) == sum(max(1, len(lines)) for lines in items) == answer["exported_rows"]
    assert sum(Decimal(row["total_cost"] or 0) for row in rows) == sum(Decimal(row["total_cost"] or 0) for row in whole)
    assert {row["id"] for row in rows} == {row["id"] for row in whole}
    assert all(row["number"] and row["client"] for row in rows if tool == "list_invoices"), "repeated on every line"
    assert [row["line_title"] for row in rows if row["line_id"]] == [line["title"] for lines in items for line in lines]
    assert "items" not in answer["columns"]
    assert "its amounts stand on its first line alone" in answer["basis"]


async def test_lines_are_rounded_to_the_unit_of_their_currency(tmp_path: Path) -> None:
    lines = [{"id": 1, "title": "Work", "quantity": "1.5", "price": 333}, {"id": 2, "title": "More", "item_type": 0}]
    yen = {"id": 1, "number": "7", "currency_code": "JPY", "total_cost": 500, "client_id": 3, "invoice_items": lines}
    async with agent_of(account(tmp_path, invoices=[yen, {**yen, "id": 2, "invoice_items": []}])) as agent:
        rows = table(tmp_path / (await exported(agent, "list_invoices", lines=True))["file"])
    assert [(row["id"], row["line_amount"], row["total_cost"]) for row in rows] == [
        ("1", "500", "500"), ("1", "", ""), ("2", "", "500"),
    ]  # fmt: skip


@pytest.mark.parametrize("tool", ["list_clients", "receivables_report", "list_payments"])
async def test_what_has_no_lines_is_refused(agent: Agent, tmp_path: Path, tool: str) -> None:
    refusal = await agent.refusal("export_records", tool=tool, lines=True)
    assert f"lines=true takes a list of invoices, estimates or recurring schedules; {tool} has no lines" in refusal
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - nothing else runs


# Every part of a report


async def test_each_part_of_a_report_is_a_sheet(agent: Agent, tmp_path: Path) -> None:
    report = await agent.answer("receivables_report")
    answer = await exported(agent, "receivables_report", "xlsx")
    sheets = workbook(tmp_path / answer["file"])
    lists = {name for name, value in report.items() if isinstance(value, list) and value and isinstance(value[0], dict)}
    assert set(sheets) == {*lists, "notes"}
    assert answer["sheets_beside"] == list(sheets)[1:]
    for name in lists:
        assert len(sheets[name]) == 1 + len(report[name]), name
    notes = {(name[1], value[1]) for name, value in sheets["notes"][1:]}
    assert ("basis", report["basis"]) in notes
    assert {("left_out", text) for text in report["left_out"]} <= notes
    assert "as_of" in {name for name, _ in notes}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_each_part_of_a_report_is_a_file_beside_it(agent: Agent, tmp_path: Path, form: str) -> None:
    report = await agent.answer("receivables_report")
    for number in ("", "-2"):
        answer = await exported(agent, "receivables_report", form)
        stem = f"receivables_report-2026-11-20{number}"
        assert answer["file"] == f"{stem}.{form}"
        beside = answer["files_beside"]
        assert {f"{stem}.totals.{form}", f"{stem}.notes.{form}"} <= set(beside)
        assert all((tmp_path / name).exists() for name in beside)
        totals = (tmp_path / f"{stem}.totals.{form}").read_text("utf-8-sig").splitlines()
        assert len(totals) == len(report["totals"]) + (form == "csv")
        (part,) = (await agent.client.read_resource(f"clientary://exports/{stem}.notes.{form}")).contents
        assert "basis" in part.model_dump_json()


async def test_a_list_is_one_file(agent: Agent, tmp_path: Path) -> None:
    answer = await exported(agent, "list_invoices")
    assert "files_beside" not in answer
    assert [path.name for path in tmp_path.iterdir()] == [answer["file"]]  # noqa: ASYNC240 - nothing else runs


# Names

IDS = range(1, 41)


async def test_exports_name_everything_whatever_it_takes(tmp_path: Path) -> None:
    clients = [{"id": number, "name": f"Client {number}"} for number in IDS]
    invoices = [{"id": number, "number": f"N-{number}", "client_id": number, "currency_code": "EUR"} for number in IDS]
    payments = [{"id": number, "invoice_id": number, "amount": 5} for number in IDS]
    async with agent_of(account(tmp_path, clients=clients, invoices=invoices, payments=payments)) as agent:
        for tool in ("list_invoices", "list_payments"):
            answer = await exported(agent, tool)
            rows = table(tmp_path / answer["file"])
            assert {row["client"] for row in rows} == {client["name"] for client in clients}, tool
            assert all(row["client"] == f"Client {row['client_id']}" for row in rows)
            assert answer["rows"][0]["client"] == "Client 1"
    assert rows[0]["invoice_number"] == "N-1"
    assert {row["currency_code"] for row in rows} == {"EUR"}


async def test_a_client_in_a_record_makes_room_for_its_name(agent: Agent, tmp_path: Path) -> None:
    rows = table(tmp_path / (await exported(agent, "list_invoices"))["file"])
    assert all(json.loads(row["clientary_client"])["name"] == row["client"] for row in rows)
