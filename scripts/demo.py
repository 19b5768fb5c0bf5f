"""A demonstration: a real MCP client starts the server over stdio on the embedded account and works with it.

Every call and answer is printed. Any unexpected answer ends the demo with status 1.
"""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from io import TextIOWrapper
from textwrap import wrap
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from clientary_mcp.tools import ALL

SERVER = StdioServerParameters(command=sys.executable, args=["-m", "clientary_mcp", "--sandbox"])
WIDTH = max(60, min(shutil.get_terminal_size((100, 24)).columns, 110))
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ
SHOWN = 4
"""Entries of a list that are printed; the others are counted."""

UNBROKEN = "\N{NO-BREAK SPACE}"
BETWEEN = f"{UNBROKEN}· "
EMPTY: tuple[Any, ...] = (None, "", [], {})

INTRODUCTION = """
This starts clientary-mcp as an agent's host would, on an embedded account: a small agency whose clients, invoices
and hours live in the server's memory. No Clientary account is needed, and nothing here is real.
"""


class UnexpectedError(Exception):
    """An expectation of the demo failed."""


async def main() -> None:
    """Run the demo step by step."""
    paragraph(INTRODUCTION)
    async with Client(SERVER) as client:
        await list_the_tools(client)
        clients = await read_every_client(client)
        chosen = next(record for record in clients if record.get("country") == "US")
        await draft_an_invoice(client, chosen)
        await ask_who_owes(client)
        await bill_hours(client)
        await delete_a_client(client, chosen, len(clients))
    paragraph(
        'That is all. Next, let your own agent try it. README.md, "Try it", says how, and has the names of other'
        " programs; for Claude Desktop, paste this into this terminal, and start Claude Desktop again:"
    )
    print(f"  {next_command()}")


def next_command() -> str:
    """What sets up the embedded account in a host, to be pasted into a terminal: its folder may have a space."""
    command = shutil.which("clientary-mcp", path=os.path.dirname(sys.executable)) or "clientary-mcp"
    return shlex.join([command, "install", "claude-desktop", "--sandbox"])


async def list_the_tools(client: Client) -> None:
    """List the tools, as an agent does first."""
    step("An agent asks what it can do")
    print(bold("  → tools/list"))
    tools = (await client.list_tools()).tools
    gated = [tool.name for tool in tools if "confirm" in tool.input_schema["properties"]]
    reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
    writing = [tool.name for tool in tools if tool.name not in {*gated, *reading}]
    print(bold("  ←"))
    show({f"{len(tools)} tools": {"reading": reading, "writing": writing, "only when confirmed": gated}})
    expected = [tool.name for tool in ALL if tool.resource != "raw"]
    expect([tool.name for tool in tools] == expected, f"{len(tools)} tools are listed")


async def read_every_client(client: Client) -> list[dict[str, Any]]:
    """Read a first part of the list, then the rest from `next_offset`."""
    step("It reads every client. Clientary sends ten on a page; the tool joins the pages")
    first = await answer(client, "list_clients", limit=30)
    rest = await answer(client, "list_clients", limit=1000, offset=first["next_offset"])
    clients = [*first["records"], *rest["records"]]
    total = rest["total_count"]
    expect(
        not first["complete"] and rest["complete"],
        "the first answer says that more is left, the second that nothing is",
    )
    expect(len({record["id"] for record in clients}) == len(clients) == total, f"{total} clients, each of them once")
    return clients


async def draft_an_invoice(client: Client, chosen: dict[str, Any]) -> None:
    """Create an invoice with two taxable lines; Clientary computes the totals."""
    step(f"It drafts an invoice for {chosen['name']}")
    today = date.today()  # noqa: DTZ011 - the account's day is the day of this machine, too
    invoice = await answer(
        client,
        "create_invoice",
        client_id=chosen["id"],
        date=today.isoformat(),
        due_date=(today + timedelta(days=30)).isoformat(),
        currency_code="USD",
        title="Website relaunch",
        tax=8.25,
        tax_label="Sales tax",
        items=[
            {"title": "Design", "quantity": 12, "price": 120, "taxable": True},
            {"title": "Hosting for a year", "quantity": 1, "price": 180, "taxable": True},
        ],
    )
    expect(invoice["status"] == "draft", f"invoice {invoice['number']} is a draft: nothing was mailed")
    expect(invoice["total_cost"] == 1753.65, "1,620.00 plus 8.25% tax is 1,753.65 USD")


async def ask_who_owes(client: Client) -> None:
    """Ask one question with one call; the server returns the totals per currency."""
    step("It is asked who is late with more than 10,000, and answers from a report over all invoices")
    report = await answer(client, "receivables_report", min_total=10_000, min_days_overdue=1)
    expect(all(row["total"] >= 10_000 for row in report["rows"]), "every row is one client in one currency")


async def bill_hours(client: Client) -> None:
    """Run a job of many writes, which nothing starts before the user agrees."""
    step("It looks for unbilled hours, and is shown the invoice that a project's would make")
    report = await answer(client, "unbilled_report", min_hours=5)
    project = next(row for row in report["rows"] if row.get("client_id"))
    bill = await answer(client, "bill_project_hours", project_id=project["project_id"])
    expect(not bill["done"], f"the invoice for {project['project']} is shown, and not made")


async def delete_a_client(client: Client, chosen: dict[str, Any], before: int) -> None:
    """Preview a delete, confirm it, and check that the client is gone."""
    step(f"It is asked to delete {chosen['name']}, and does not confirm: it gets a preview of what would go with it")
    preview = await answer(client, "delete_client", client_id=chosen["id"])
    expect(not preview["done"], "nothing was deleted")
    step("The owner agrees, so it confirms")
    outcome = await answer(client, "delete_client", client_id=chosen["id"], confirm=True)
    expect(outcome["done"], "the client is deleted")
    step("It looks again")
    gone = await call(client, "get_client", client_id=chosen["id"])
    expect(bool(gone.is_error), f"{chosen['name']} is gone")
    left = await answer(client, "list_clients", limit=1)
    expect(left["total_count"] == before - 1, f"{before - 1} clients are left")


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    """Call a tool, and print the call and its answer."""
    print(bold(f"  → {tool}"))
    show(arguments)
    result = await client.call_tool(tool, arguments)
    print(bold("  ← it fails" if result.is_error else "  ←"))
    text = result.content[0]
    assert isinstance(text, TextContent)  # noqa: S101 - every tool answers with text first
    show({"message": text.text} if result.is_error else result.structured_content or {})
    return result


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The answer to a call that must succeed."""
    result = await call(client, tool, **arguments)
    if result.is_error:
        raise UnexpectedError(f"{tool} succeeds")
    return dict(result.structured_content or {})


def step(title: str) -> None:
    """Print a heading."""
    print()
    for line in wrap(f"{title}.", WIDTH):
        print(bold(line))
    print()


def expect(true: bool, what: str) -> None:
    """Print the expectation, or end the demo when it fails."""
    if not true:
        raise UnexpectedError(what)
    print(f"  ✓ {what}")


def paragraph(text: str) -> None:
    """Print running text."""
    print()
    print("\n".join(wrap(" ".join(text.split()), WIDTH)))


def show(fields: dict[str, Any]) -> None:
    """Print a request or an answer."""
    for line in lines_of(fields, 6):
        print(dim(line))


def lines_of(fields: dict[str, Any], indent: int) -> Iterator[str]:
    """Short values share a line; texts, objects and lists of objects get their own. Empty values are omitted."""
    short: list[str] = []
    for name, value in fields.items():
        if value in EMPTY:
            continue
        long = list(lines_of_one(name, value, indent))
        if not long:
            short.append(f"{name}: {brief(value)}".replace(" ", UNBROKEN))
            continue
        yield from wrapped(BETWEEN.join(short), indent)
        short.clear()
        yield from long
    yield from wrapped(BETWEEN.join(short), indent)


def lines_of_one(name: str, value: Any, indent: int) -> Iterator[str]:
    """The lines of a field that needs its own; none if it is short."""
    margin = " " * indent
    if isinstance(value, dict):
        yield f"{margin}{name}"
        yield from lines_of(value, indent + 2)
    elif isinstance(value, list) and isinstance(value[0], dict):
        yield f"{margin}{name}"
        for entry in value[:SHOWN]:
            yield from wrapped(f"-{UNBROKEN}{brief(entry)}", indent + 2)
        if len(value) > SHOWN:
            yield f"{margin}  … and {len(value) - SHOWN} more"
    elif len(one_line := brief(value)) > WIDTH // 2:
        yield from wrapped(f"{name}: {one_line}", indent)


def brief(value: Any) -> str:
    """A value on one line."""
    match value:
        case dict():
            fields = (f"{name}: {brief(part)}" for name, part in value.items() if part not in EMPTY)
            return BETWEEN.join(field.replace(" ", UNBROKEN) for field in fields)
        case list():
            more = f" … and {len(value) - SHOWN} more" if len(value) > SHOWN else ""
            between = " " if str(value[0]).endswith(".") else ", "  # sentences, or names
            return between.join(brief(part) for part in value[:SHOWN]) + more
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def wrapped(text: str, indent: int) -> list[str]:
    """Lines that hang from their first."""
    lines = wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
    return [line.replace(UNBROKEN, " ") for line in lines]


def bold(text: str) -> str:
    """Bold on a terminal."""
    return f"\033[1m{text}\033[0m" if COLOURS else text


def dim(text: str) -> str:
    """Dim on a terminal."""
    return f"\033[2m{text}\033[0m" if COLOURS else text


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ✓ shows ?
    try:
        asyncio.run(main())
    except* UnexpectedError as failures:
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):  # each of the client's task groups put it into another
            failure = failure.exceptions[0]
        sys.exit(f"\nThe demo failed: it is not so that {failure}.")
    except* BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
