"""The options: before and after the subcommand, refused where they have no effect, and the help."""

from itertools import chain

import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.cli.options import parse
from clientary_mcp.settings import ALL_SETTINGS
from clientary_mcp.tools import ALL

VALUES = {
    "--date": "2026-01-05",
    "--transport": "http",
    "--host": "127.0.0.1",
    "--port": "8123",
    "--allowed-host": "mcp.example.com",
    "--root-path": "/clientary",
    "--forwarded-allow-ips": "10.0.0.0/8, 192.0.2.7",
    "--account": "acme",
    "--toolsets": "clients",
    "--tools": "get_client",
    "--exclude-tools": "get_client",
    "--deletes-per-hour": "0",
    "--mails-per-hour": "5",
    "--charges-per-hour": "5",
    "--format": "csv",
    "--name": "studio",
}
ALWAYS = ("--help", "--version")
TOOLS = ("--read-only", "--toolsets", "--tools", "--exclude-tools")
PER_HOUR = ("--deletes-per-hour", "--mails-per-hour", "--charges-per-hour")
OF_CALLS = ("--format", "--yes", "--list")
OF_INSTALLS = ("--print", "--name", "--token-stdin", "--keychain")
EFFECTIVE = {
    "": {*VALUES, "--sandbox", "--read-only"} - {"--account", "--format", "--name", *PER_HOUR},
    "install cursor": {"--sandbox", "--read-only", "--toolsets", "--yes", *OF_INSTALLS},
    "uninstall cursor": {"--name"},
    "sandbox": {"--date", "--port"},
    "check": {"--sandbox", "--date"},
    "tools": {*TOOLS, "--json"},
    "callers list": {"--json"},
    "callers add Ada": {"--account", *TOOLS, *PER_HOUR},
    "callers limit 0123456789abcdef": {*TOOLS, *PER_HOUR, "--no-limits"},
    "callers remove 0123456789abcdef": set(),
    "call get_client": {"--sandbox", "--date", *TOOLS, *OF_CALLS, "--json"},
    "backup copy": {"--sandbox", "--date"},
}
OPTIONS = sorted({*VALUES, "--sandbox", "--read-only", "--json", "--no-limits", *OF_CALLS, *OF_INSTALLS})
SUBCOMMANDS = [command for command in EFFECTIVE if command]
FIRST_WORDS = dict.fromkeys(command.partition(" ")[0] for command in SUBCOMMANDS)
HTTP = ["--transport", "http"]
COMPLETED = {
    "--date": ["--sandbox"],
    **dict.fromkeys(("--host", "--port", "--allowed-host", "--root-path", "--forwarded-allow-ips"), HTTP),
}
"""What an option needs beside it to have an effect when MCP is served."""


def words(option: str, command: str) -> list[str]:
    """The option as written, with the arguments that it requires."""
    on_sandbox = option == "--date" and command.partition(" ")[0] in ("check", "call", "backup")
    needed = COMPLETED.get(option, []) if not command or on_sandbox else []
    values = VALUES | ({"--json": "{}"} if command.startswith("call ") else {})
    return [option, *([values[option]] if option in values else []), *needed]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The output of a command that succeeds immediately."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert not ending.value.code
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one or two sentences with which a rejected command exits."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    out, err = capsys.readouterr()
    assert ending.value.code == 2
    assert out == ""
    assert err.startswith("clientary-mcp: ")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("command", "option"), [(command, option) for command in SUBCOMMANDS for option in sorted(EFFECTIVE[command])]
)
def test_an_option_may_be_given_before_or_after_the_subcommand(command: str, option: str) -> None:
    given = words(option, command)
    before, after = parse([*given, *command.split()]), parse([*command.split(), *given])
    assert vars(before) == vars(after)
    assert getattr(after, option[2:].replace("-", "_")) not in (None, "")
    assert command.split() == [word for word in (after.command, after.action, after.subject) if word]


@pytest.mark.parametrize("option", sorted(EFFECTIVE[""]))
def test_an_option_without_a_subcommand_is_for_the_server(option: str) -> None:
    options = parse(words(option, ""))
    assert options.command is None
    assert getattr(options, option[2:].replace("-", "_"))


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command in EFFECTIVE for option in OPTIONS if option not in EFFECTIVE[command]],
)
def test_an_option_without_an_effect_is_refused(capsys: pytest.CaptureFixture[str], command: str, option: str) -> None:
    given = words(option, command)
    for arguments in ([*command.split(), *given], [*given, *command.split()]):
        assert f"{option} has no effect" in refused(capsys, *arguments)


@pytest.mark.parametrize("option", ["--host", "--port", "--allowed-host"])
def test_http_only_options_are_rejected_over_stdio(capsys: pytest.CaptureFixture[str], option: str) -> None:
    text = refused(capsys, "--sandbox", option, VALUES[option])
    assert f"{option} has no effect over stdio" in text
    assert "--transport http" in text


@pytest.mark.parametrize("command", [[], ["check"]])
def test_a_date_is_rejected_for_a_real_account(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    text = refused(capsys, "--date", "2026-01-05", *command)
    assert "--date has no effect on a real account" in text
    assert "--sandbox" in text


@pytest.mark.parametrize("more", [[], ["--date", "2026-01-05"]])
def test_the_sandbox_has_no_store_to_check(capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    assert "--sandbox has no effect with --store" in refused(capsys, "check", "--store", "--sandbox", *more)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--sandboxed"], "no option --sandboxed. Did you mean --sandbox?"),
        (["--hots=::1"], "no option --hots. Did you mean --host"),
        (["--hots", "::1"], "no option --hots. Did you mean --host"),
        (["--trans", "http"], "no option --trans. Did you mean --transport?"),
        (["tools", "--js"], "no option --js. Did you mean --json?"),
        (["check", "--read-olny"], "no option --read-olny. Did you mean --read-only?"),
        (["chek"], "no subcommand chek. Did you mean check?"),
        (["--transport", "htpp"], "--transport must be stdio, http or sse, not htpp. Did you mean http?"),
        (["--transport", "smoke"], "--transport must be stdio, http or sse, not smoke."),
        (["check", "acme"], "check takes options only, but acme was given"),
        (["callers", "invite"], "callers takes list or add or limit or remove, but invite was given"),
        (["callers", "add"], "callers add needs NAME"),
        (["callers", "remove"], "callers remove needs ID"),
        (["callers", "add", "Ada", "Lovelace"], "but add Ada Lovelace was given"),
        (["callers", "limit", "a", "--deletes-per-hour", "-1"], "--deletes-per-hour"),
        (["callers", "limit", "a", "--deletes-per-hour", "few"], "must be a whole number from 0 on"),
        (["call"], "call needs TOOL, or --list"),
        (["call", "get_client", "--json"], "--json needs a value"),
        (
            ["call", "get_client", "--format", "jsn"],
            "--format must be table, json, csv, chart or html, not jsn. Did you mean json?",
        ),
        (["backup"], "backup needs DIR"),
        (["backup", "one", "two"], "backup takes DIR alone, but one two was given"),
        (["install"], "install needs HOST"),
        (["uninstall", "cursor", "zed"], "uninstall takes HOST alone, but cursor zed was given"),
        (["--port"], "--port needs a value"),
        (["--port", "0"], "--port must be a number from 1 to 65535"),
        (["--port", "\u0664\u0662"], "--port must be a number from 1 to 65535"),
        (["--allowed-host", ""], "--allowed-host must be a host name, like mcp.example.com"),
        (["--allowed-host", "https://mcp.example.com"], "--allowed-host must be a host name, like mcp.example.com"),
        (["--date", "2026-02-30"], "--date must be a date written YYYY-MM-DD"),
        (["--tool", "get_client"], "no option --tool. Did you mean --tools or --toolsets?"),
    ],
)
def test_an_unknown_or_invalid_word_is_named_with_the_valid_ones(
    capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    assert what in refused(capsys, *arguments)


@pytest.mark.parametrize("word", ["http", "streamable-http"])
def test_http_is_streamable_http(word: str) -> None:
    assert parse(["--transport", word]).transport == "streamable-http"


@pytest.mark.parametrize("name", ["CLIENTARY_READONLY", "clientary_read_only"])
def test_a_misspelled_setting_ends_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")
    for arguments in (["--sandbox"], ["check", "--sandbox"]):
        assert f"{name} is not a setting. Did you mean CLIENTARY_READ_ONLY?" in refused(capsys, *arguments)


@pytest.mark.parametrize("arguments", [["--sandbox"], ["--sandbox", "--transport", "http"], ["check", "--sandbox"]])
def test_the_sandbox_has_no_callers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("CLIENTARY_CALLERS", "tokens")
    assert "--sandbox serves one owner, but CLIENTARY_CALLERS is set. Remove one" in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CLIENTARY_TOOLSETS": "invoice"}, "Did you mean invoices"),
        ({"CLIENTARY_AUDIT_LOG": "/dev/null/audit.jsonl"}, "CLIENTARY_AUDIT_LOG names a file that cannot be written"),
        ({"CLIENTARY_CALLERS": "tokens, headers", "CLIENTARY_MCP_TOKEN": "m" * 16}, "use --transport http for that"),
        ({"CLIENTARY_CLIENTS": "https://claude.ai"}, "CLIENTARY_CLIENTS must list hosts, like claude.ai"),
    ],
)
def test_what_is_wrong_for_all_callers_ends_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    given = {"CLIENTARY_CALLERS": "tokens", "CLIENTARY_ACCOUNTS": "acme", "CLIENTARY_STORE": "memory"}
    for name, value in (given | {"CLIENTARY_KEYS": "k" * 32} | settings).items():
        monkeypatch.setenv(name, value)
    assert said in refused(capsys, "--transport", "sse")


def test_a_misspelled_name_in_a_setting_ends_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_EXCLUDE_TOOLS", "delete_clients")
    assert "Did you mean delete_client" in refused(capsys, "--sandbox")


def test_help_version_and_tools_never_fail_on_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_READONLY", "true")
    monkeypatch.setenv("CLIENTARY_DEADLINE", "soon")
    monkeypatch.setenv("CLIENTARY_API_TOKEN", "${user_config.token}")
    assert "usage: clientary-mcp" in printed(capsys, "--help")
    assert printed(capsys, "--version")
    main(["tools"])
    assert "list_clients" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--port", "1", "--help", "--hots"]])
def test_the_help_names_every_option_subcommand_and_setting(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    text = printed(capsys, *arguments)
    for word in (*ALWAYS, *sorted(EFFECTIVE[""]), "--json", "stdio", "sse", "127.0.0.1", "8000"):
        assert word in text
    for command in FIRST_WORDS:
        assert f"\n  {command} " in text
    for setting in ALL_SETTINGS:
        assert f"\n  {setting.metadata['variable']}\n" in text


@pytest.mark.parametrize("command", FIRST_WORDS)
def test_the_help_for_a_subcommand_names_its_options_and_no_others(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = printed(capsys, command, "--help")
    assert text.startswith(f"usage: clientary-mcp {command} ")
    effective = [options for words, options in EFFECTIVE.items() if words.partition(" ")[0] == command]
    assert {option for option in OPTIONS if f"  {option} " in text.replace("\n", " ")} == {*chain(*effective)}
    assert text == printed(capsys, "--help", command)


def test_the_help_for_a_subcommand_keeps_the_spelling_of_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\nServe the sandbox's HTTP API, to use in place of Clientary's.\n" in printed(capsys, "sandbox", "--help")


@pytest.mark.parametrize("command", ["", *FIRST_WORDS])
def test_the_help_fits_a_terminal(capsys: pytest.CaptureFixture[str], command: str) -> None:
    text = printed(capsys, *filter(None, [command]), "--help")
    assert max(len(line) for line in text.splitlines()) < 80


def test_the_help_for_a_tool_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "call", "get_client", "--help")
    assert text.startswith("usage: clientary-mcp call get_client [NAME=VALUE ...] [options]\n\nRead one client")
    assert "\n  client_id  Required. From list_clients" in text
    assert printed(capsys, "call", "list_staff", "--help") != text
    assert printed(capsys, "call", "--help", "no_tool") == printed(capsys, "call", "--help")
    for tool in ALL:
        assert max(map(len, printed(capsys, "call", tool.name, "--help").splitlines())) < 80
