"""`clientary-mcp check`: its report on an account, on a rejected token, and on the open questions."""

import subprocess
import sys

import httpx
import pytest
import respx

from clientary_mcp.cli.check import report
from clientary_mcp.cli.main import main
from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with

VARIABLES = ("CLIENTARY_BASE_URL", "CLIENTARY_CONCURRENCY", "CLIENTARY_DEADLINE", "CLIENTARY_MCP_TOKEN")


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the checked account, independent of this machine's."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLIENTARY_SUBDOMAIN", "acme")
    monkeypatch.setenv("CLIENTARY_API_TOKEN", "sandbox")


@pytest.fixture
def played(account: respx.MockRouter, sandbox: Sandbox) -> respx.MockRouter:
    """acme.clientary.com, answered by the sandbox."""
    account.route().side_effect = respx.ASGIHandler(sandbox.app)
    return account


def ended(*arguments: str) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert isinstance(ending.value.code, int)
    return ending.value.code


async def report_on(switches: Switches) -> str:
    """The report on a sandbox account."""
    async with session_with(agency(switches=switches)) as clientary:
        return "\n".join([line async for line in report(clientary)])


def test_check_describes_the_account_and_the_owners_permissions(
    played: respx.MockRouter, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check"])
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "account       https://acme.clientary.com"
    assert lines[1] == "token         accepted"
    for name, table in (
        ("clients", "clients"),
        ("contacts", "contacts"),
        ("leads", "leads"),
        ("tasks", "tasks"),
        ("invoices", "invoices"),
        ("estimates", "estimates"),
        ("payments", "payments"),
        ("recurring schedules", "recurring_schedules"),
        ("staff", "staff"),
    ):
        (count,) = sandbox.connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 names written here
        assert f"{count} {name}" in out
    assert not any(line.startswith("no access to") for line in lines)
    assert {call.request.method for call in played.calls} == {"GET"}
    assert {method for method, _ in sandbox.requests} == {"GET"}


@pytest.mark.usefixtures("played")
def test_a_rejected_token_ends_the_check_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIENTARY_API_TOKEN", "t0ken-of-somebody-else")
    assert ended("check") == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == ["account       https://acme.clientary.com"]
    assert err.startswith("clientary-mcp: Clientary rejected the API token.")
    assert "CLIENTARY_API_TOKEN" in err
    assert err.count("\n") == 1
    assert "t0ken-of-somebody-else" not in out + err


def test_resources_that_the_owner_may_not_read_are_named(
    account: respx.MockRouter, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("payments", "recurring"):
        account.get(path).respond(403, html="<h1>Forbidden</h1>")
    account.route().side_effect = respx.ASGIHandler(sandbox.app)
    main(["check"])
    lines = capsys.readouterr().out.splitlines()
    assert "no access to  payments, recurring schedules" in lines
    (seen,) = [line for line in lines if line.startswith("access to")]
    assert "payments" not in seen
    assert "64 clients" in seen


def test_an_owner_without_any_permission_ends_the_check(
    account: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    account.route().respond(403)
    assert ended("check") == 1
    assert "not allowed to do this" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (httpx.Response(302, headers={"Location": "https://clientary.com/login"}), "CLIENTARY_SUBDOMAIN"),
        (httpx.Response(404, html="<h1>No such account</h1>"), "answers, but not as a Clientary account"),
        (httpx.Response(200, html="<h1>Welcome</h1>"), "could not be read"),
    ],
)
def test_an_address_that_is_not_an_account_ends_the_check(
    account: respx.MockRouter,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: httpx.Response,
    text: str,
) -> None:
    account.route().return_value = answer
    monkeypatch.setenv("CLIENTARY_DEADLINE", "1")  # an answer that is not whole is asked for again until then
    assert ended("check") == 1
    out, err = capsys.readouterr()
    assert text in err
    assert "<" not in out + err
    assert err.count("\n") == 1


ANSWERS = [
    (Switches(), "dates are written 2026/03/01 -"),
    (Switches(dates="iso"), "dates are written 2026-03-01 -"),
    (Switches(), "amounts are numbers"),
    (Switches(money_as_text=True), "amounts are text"),
    (Switches(), "hours use the key billed?"),
    (Switches(predicate_keys="plain"), "hours use the key billed -"),
    (Switches(), "invoice lines use the key taxable -"),
    (Switches(predicate_keys="question"), "invoice lines use the key taxable?"),
    (Switches(), "a client's status is a number"),
    (Switches(status_as_text=True), "a client's status is a word"),
    (Switches(extra_keys=False), "a client's status is missing"),
    (Switches(), "a project refers to its client by an object"),
    (Switches(nested_client_in_projects=False), "a project refers to its client by client_id"),
    (Switches(), "records per page: clients 10, contacts 10, leads 10, projects 20, tasks 50, invoices 30"),
    (Switches(), "lists without page numbers: expenses, staff"),
    (
        Switches(page_keys=False),
        "lists without page numbers: clients, contacts, leads, projects, tasks, expenses, invoices",
    ),
    (
        Switches(bare_arrays=True),
        "lists without page numbers: clients, contacts, leads, projects, tasks, expenses, invoices",
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("switches", "line"), ANSWERS)
async def test_the_open_questions_are_answered_from_the_responses(switches: Switches, line: str) -> None:
    assert line in " ".join((await report_on(switches)).split())


@pytest.mark.anyio
@pytest.mark.parametrize("switches", [Switches(page_keys=False), Switches(bare_arrays=True)])
async def test_lists_without_page_keys_are_not_reported_as_paginated(switches: Switches) -> None:
    text = await report_on(switches)
    assert "records per page" not in text
    assert "64 clients" in text


@pytest.mark.anyio
async def test_the_report_says_which_day_it_is_and_where() -> None:
    async with session_with(agency(), time_zone="Pacific/Auckland") as clientary:
        assert "today         Today is 2026-11-21 (Pacific/Auckland)." in [line async for line in report(clientary)]


@pytest.mark.anyio
async def test_hours_that_may_not_be_read_are_omitted(sandbox: Sandbox) -> None:
    sandbox.switches = Switches(allow_hours=False)
    text = await report_on(sandbox.switches)
    assert "hours use the key" not in text
    assert "access to" in text


@pytest.mark.anyio
async def test_questions_that_only_a_write_could_answer_stay_open() -> None:
    _, _, unknown = (await report_on(Switches())).partition("Only a write could show")
    assert "PUT" in unknown


@pytest.mark.anyio
@pytest.mark.parametrize("switches", [Switches(), Switches(page_keys=False)])
async def test_the_report_fits_a_terminal(switches: Switches) -> None:
    assert max(len(line) for line in (await report_on(switches)).splitlines()) < 80


def test_a_reader_that_stops_reading_ends_the_check_without_a_word() -> None:
    command = [sys.executable, "-m", "clientary_mcp", "check", "--sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as check:  # noqa: S603 - ours
        assert check.stdout is not None
        assert check.stderr is not None
        assert check.stdout.readline() == "account       the sandbox\n"
        check.stdout.close()
        assert (check.stderr.read(), check.wait()) == ("", 141)


def test_the_embedded_account_needs_no_token_wherever_another_one_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIENTARY_API_TOKEN")
    for kept in ("FILE", "KEYCHAIN"):
        monkeypatch.setenv(f"CLIENTARY_API_TOKEN_{kept}", "elsewhere")
    main(["check", "--sandbox"])
    assert capsys.readouterr().out.startswith("account       the sandbox\n")
