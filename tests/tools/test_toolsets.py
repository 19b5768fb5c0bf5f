"""Least privilege: which tools an owner exposes, and that the others are completely absent."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import anyio
import mcp_types
import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.errors import SettingsError
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.gated import record_for
from tests.support.users import User, configured, connect, some, writes

pytestmark = pytest.mark.anyio

RAW = "api_request"
NAMES = [tool.name for tool in ALL if tool.name != RAW]
READERS = [tool.name for tool in ALL if tool.effect.reads_only]
RESOURCES = sorted({tool.resource for tool in ALL})
STAFF = ["list_staff", "get_staff"]
EFFECTS = ("read", "write", "money", "mail", "delete")
Choice = dict[str, Any]


def names(*given: str) -> frozenset[str]:
    return frozenset(given)


def kept(condition: Callable[[Tool], bool]) -> list[str]:
    """The tools that match a condition, in order."""
    return [tool.name for tool in ALL if condition(tool)]


def hidden_in(text: str, offered: Iterable[str]) -> set[str]:
    """The unavailable tools that a text names."""
    return set(re.findall(r"\w+", text)) & (set(NAMES) - set(offered))


async def exposed(sandbox: Sandbox, **choice: Any) -> list[str]:
    """The names of the tools that an agent gets."""
    async with connect(configured(sandbox, **choice)) as agent:
        return [tool.name for tool in (await agent.client.list_tools()).tools]


def of(resource: str, *kinds: str) -> Callable[[Tool], bool]:
    return lambda tool: tool.resource == resource and (not kinds or tool.effect.kinds <= set(kinds))


CHOICES: list[tuple[Choice, list[str]]] = [
    ({}, NAMES),
    ({"read_only": True}, READERS),
    ({"toolsets": names("clients")}, kept(of("clients"))),
    ({"toolsets": names("clients", "leads")}, kept(lambda tool: tool.resource in ("clients", "leads"))),
    ({"toolsets": names("read")}, READERS),
    ({"toolsets": names("read", "write")}, kept(lambda tool: tool.effect.kinds <= {"read", "write"})),
    ({"toolsets": names("mail")}, ["send_invoice_message", "send_estimate_message"]),
    ({"toolsets": names("clients", "read")}, ["list_clients", "get_client"]),
    ({"toolsets": names("payments", "read", "write", "money")}, kept(of("payments", "read", "write", "money"))),
    ({"tools": names("get_client", "delete_client")}, ["get_client", "delete_client"]),
    ({"toolsets": names("staff"), "tools": names("delete_lead")}, ["delete_lead", *STAFF]),
    ({"exclude_tools": names("delete_client")}, [name for name in NAMES if name != "delete_client"]),
    ({"toolsets": names("staff", "delete"), "tools": names("list_staff")}, ["list_staff"]),
    ({"toolsets": names("all")}, NAMES),
    ({"toolsets": names("all", "clients")}, NAMES),
    ({"toolsets": names("all", "read")}, READERS),
    ({"toolsets": names("all", "raw")}, [*NAMES, RAW]),
    ({"toolsets": names("all", "raw"), "exclude_tools": names(RAW)}, NAMES),
    ({"toolsets": names("all", "raw"), "read_only": True}, [*READERS, RAW]),
    ({"toolsets": names("all", "raw", "read")}, [*READERS, RAW]),
    ({"toolsets": names("raw")}, [RAW]),
    ({"toolsets": names("raw", "read")}, [RAW]),
    ({"toolsets": names("raw", "staff")}, [*STAFF, RAW]),
    ({"toolsets": names("raw"), "tools": names("get_lead")}, ["get_lead", RAW]),
    ({"toolsets": names("staff"), "tools": names(RAW)}, STAFF),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
async def test_exactly_the_tools_that_the_owner_chose_are_exposed(
    sandbox: Sandbox, choice: Choice, expected: list[str]
) -> None:
    assert sorted(await exposed(sandbox, **choice)) == sorted(expected)


@pytest.mark.parametrize("resource", RESOURCES)
async def test_every_resource_can_be_selected_alone(sandbox: Sandbox, resource: str) -> None:
    assert await exposed(sandbox, toolsets=names(resource)) == kept(of(resource))


@pytest.mark.parametrize("effect", EFFECTS)
async def test_tools_beyond_the_selected_effect_are_excluded(sandbox: Sandbox, effect: str) -> None:
    chosen = kept(lambda tool: tool.effect.kinds == {effect})
    if not chosen:
        with pytest.raises(SettingsError, match="no tool to expose"):
            await exposed(sandbox, toolsets=names(effect))
        return
    assert await exposed(sandbox, toolsets=names(effect)) == chosen


async def test_exclusion_overrides_inclusion(sandbox: Sandbox) -> None:
    assert await exposed(
        sandbox, tools=names("get_lead", "delete_lead"), toolsets=names("staff"), exclude_tools=names("delete_lead")
    ) == ["get_lead", *STAFF]


@pytest.mark.parametrize("more", [{"tools": names("delete_client", "get_client")}, {"toolsets": names("clients")}])
async def test_read_only_overrides_everything(sandbox: Sandbox, more: Choice) -> None:
    assert "get_client" in await exposed(sandbox, read_only=True, **more)
    assert "delete_client" not in await exposed(sandbox, read_only=True, **more)


@pytest.mark.parametrize(
    "choice",
    [
        {"read_only": True, "tools": names("delete_client")},
        {"tools": names("get_lead"), "exclude_tools": names("get_lead")},
        {"toolsets": names("staff", "mail")},
        {"tools": names(RAW)},
        {"toolsets": names("raw", "write")},
        {"toolsets": names("raw"), "exclude_tools": names(RAW)},
    ],
)
async def test_settings_that_leave_no_tools_end_the_program(sandbox: Sandbox, choice: Choice) -> None:
    async with configured(sandbox, **choice) as clientary:
        with pytest.raises(SettingsError, match="no tool to expose"):
            ClientaryServer(clientary)


# Raw requests

ANYTHING = ["GET", "POST", "PUT", "DELETE"]


@pytest.mark.parametrize(
    ("choice", "methods"),
    [
        ({"toolsets": names("raw")}, ANYTHING),
        ({"toolsets": names("all", "raw")}, ANYTHING),
        ({"toolsets": names("raw", *EFFECTS)}, ANYTHING),
        ({"toolsets": names("raw", "read"), "tools": names(RAW)}, ANYTHING),
        ({"toolsets": names("raw", "read")}, ["GET"]),
        ({"toolsets": names("raw", "read", "write", "money", "mail")}, ["GET"]),
        ({"toolsets": names("all", "raw", "read", "write")}, ["GET"]),
        ({"toolsets": names("raw"), "read_only": True}, ["GET"]),
        ({"toolsets": names("raw"), "read_only": True, "tools": names(RAW)}, ["GET"]),
    ],
)
async def test_raw_requests_are_exposed_only_when_every_possible_effect_is_allowed(
    sandbox: Sandbox, choice: Choice, methods: list[str]
) -> None:
    async with connect(configured(sandbox, **choice)) as agent:
        (tool,) = [tool for tool in (await agent.client.list_tools()).tools if tool.name == RAW]
    assert tool.input_schema["properties"]["method"]["enum"] == methods
    assert tool.annotations is not None
    assert tool.annotations.read_only_hint is (methods == ["GET"])
    assert tool.annotations.destructive_hint is (methods == ANYTHING)
    assert ({"confirm", "body"} <= tool.input_schema["properties"].keys()) is (methods == ANYTHING)


async def test_raw_requests_exposed_alone_name_no_other_tool(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, toolsets=names("raw"))) as agent:
        listed = (await agent.client.list_tools()).tools
        shown = everything_shown(listed, agent.client.instructions)
    assert not hidden_in(shown, [RAW])


async def test_a_record_named_like_the_tool_that_is_off_is_shown_whole(sandbox: Sandbox) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.connection.execute("UPDATE clients SET name = ? WHERE id = ?", (f"{RAW} Ltd", client))
    async with connect(configured(sandbox)) as agent:
        assert (await agent.answer("get_client", client_id=client))["name"] == f"{RAW} Ltd"
        assert str(client) in (await agent.answer("delete_client", client_id=client))["message"]
        assert f"There is no tool '{RAW}'" in await agent.refusal(RAW, method="GET", path="clients")


# A name that does not exist

UNKNOWN = [
    ("toolsets", "invoice", [*RESOURCES, *EFFECTS, "core"], "invoices"),
    ("tools", "get_clients", NAMES, "get_client"),
    ("exclude_tools", "delete_clients", NAMES, "delete_client"),
]


@pytest.mark.parametrize("by", ["option", "variable"])
@pytest.mark.parametrize("command", [("tools",), ("--sandbox",)])
@pytest.mark.parametrize(("setting", "wrong", "valid", "near"), UNKNOWN)
def test_an_unknown_name_ends_the_program_with_the_valid_ones(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    command: tuple[str, ...],
    setting: str,
    wrong: str,
    valid: list[str],
    near: str,
) -> None:
    arguments = list(command)
    if by == "option":
        arguments = [f"--{setting.replace('_', '-')}", wrong, *command]
    else:
        monkeypatch.setenv(f"CLIENTARY_{setting.upper()}", wrong)
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    message = capsys.readouterr().err
    assert ending.value.code == 2
    assert f"CLIENTARY_{setting.upper()} names '{wrong}'" in message
    assert "Did you mean" in message
    assert near in message
    assert set(valid) <= set(re.findall(r"\w+", message.partition("Valid:")[2]))


# Unavailable tools are absent


async def test_unavailable_tools_cannot_be_called(sandbox: Sandbox, era: Era) -> None:
    hidden = [name for name in NAMES if name not in READERS]
    async with connect(configured(sandbox, read_only=True), era) as agent:
        message = {name: await agent.refusal(name, client_id=1201, confirm=True) for name in hidden}
    assert {*message.items()} == {(name, f"There is no tool '{name}'. It is switched off here.") for name in message}
    assert [name for name, text in message.items() if hidden_in(text.partition("'.")[2], READERS)] == []
    assert not sandbox.requests


def everything_shown(listed: Iterable[Any], instructions: str | None) -> str:
    """All that an agent reads before its first call."""
    return json.dumps([tool.model_dump(mode="json", by_alias=True) for tool in listed]) + (instructions or "")


@pytest.mark.parametrize("tool", NAMES)
async def test_a_tool_exposed_alone_names_no_other(sandbox: Sandbox, tool: str) -> None:
    async with connect(configured(sandbox, tools=names(tool))) as agent:
        listed = (await agent.client.list_tools()).tools
        shown = everything_shown(listed, agent.client.instructions)
    assert [each.name for each in listed] == [tool]
    assert not hidden_in(shown, [tool])
    assert listed[0].description
    described = listed[0].input_schema["properties"].items()
    assert all(field.get("description") for name, field in described if not name.endswith(("_id", "_ids")))


@pytest.mark.parametrize("choice", [choice for choice, _ in CHOICES])
async def test_no_text_names_an_unavailable_tool(sandbox: Sandbox, choice: Choice) -> None:
    async with connect(configured(sandbox, **choice)) as agent:
        listed = (await agent.client.list_tools()).tools
        shown = everything_shown(listed, agent.client.instructions)
    assert not hidden_in(shown, [tool.name for tool in listed])


@pytest.mark.parametrize("family", ["list", "get", "delete", "send", "charge"])
async def test_the_instructions_mention_no_unavailable_kind_of_tool(sandbox: Sandbox, family: str) -> None:
    without = kept(lambda tool: not tool.name.startswith(f"{family}_"))
    async with connect(configured(sandbox, tools=names(*without))) as agent:
        assert f"{family}_" not in (agent.client.instructions or "")


async def test_read_only_instructions_do_not_mention_confirmation(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, read_only=True)) as agent:
        assert "confirm" not in (agent.client.instructions or "")


DELETES = [name for name in NAMES if name.startswith("delete_")]


@pytest.mark.parametrize("tool", [*DELETES, "charge_payment_profile"])
async def test_no_answer_or_error_of_a_tool_exposed_alone_names_another(sandbox: Sandbox, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, tools=names(tool))) as agent:
        heard = [
            json.dumps(await agent.answer(tool, **arguments)),
            await agent.refusal(tool, **dict.fromkeys(arguments, 999_999)),
            await agent.refusal(tool, **arguments, confrm=True),
        ]
    for message in heard:
        assert not hidden_in(message, [tool])


async def test_the_question_to_the_user_names_no_unavailable_tool(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "delete_client")
    user = User()
    async with connect(configured(sandbox, tools=names("delete_client")), era, user) as agent:
        await agent.answer("delete_client", **arguments, confirm=True)
    assert not hidden_in(user.questions[0], ["delete_client"])


async def test_a_charge_whose_invoice_is_missing_names_no_unavailable_tool(sandbox: Sandbox, time: FakeTime) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    sandbox.faults = Faults([Fault("half", "GET", "invoices/*", nth=2, times=100)])
    async with connect(configured(sandbox, time, tools=names("charge_payment_profile"))) as agent:
        answer = await agent.answer("charge_payment_profile", **arguments, confirm=True)
    assert "was charged" in answer["message"]
    assert not hidden_in(answer["message"], ["charge_payment_profile"])


# Two tools of which one's name begins with the other's
BEGINNING_ALIKE = [(long, short) for long in NAMES for short in NAMES if long != short and long.startswith(short)]


@pytest.mark.parametrize(("offered", "hidden"), BEGINNING_ALIKE)
async def test_an_error_stays_complete_when_a_similarly_named_tool_is_hidden(
    sandbox: Sandbox, offered: str, hidden: str
) -> None:
    async with connect(configured(sandbox, exclude_tools=names(hidden))) as agent:
        message = await agent.refusal(offered, nonsense=1)
    assert "there is no argument 'nonsense'" in message
    assert "Nothing was sent" in message


async def test_an_error_about_a_value_named_like_a_hidden_tool_stays_complete(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, exclude_tools=names("delete_client"))) as agent:
        message = await agent.refusal("list_clients", limit="delete_client")
    assert "limit" in message
    assert not writes(sandbox)


# What the command shows


def shown_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    main([*arguments, "tools"])
    table, _, _ = capsys.readouterr().out.partition("\n\n")
    return [line.split()[0] for line in table.splitlines()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--read-only"], READERS),
        (["--toolsets", "staff,leads read"], ["list_leads", "get_lead", *STAFF]),
        (["--tools", "get_lead"], ["get_lead"]),
        (["--toolsets", "leads", "--exclude-tools", "delete_lead"], kept(of("leads"))[:-1]),
    ],
)
def test_the_command_lists_the_tools_of_the_current_settings(
    capsys: pytest.CaptureFixture[str], options: list[str], expected: list[str]
) -> None:
    assert sorted(shown_by(capsys, *options)) == sorted(expected)


def test_options_override_the_environment(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENTARY_TOOLSETS", "leads")
    monkeypatch.setenv("CLIENTARY_EXCLUDE_TOOLS", "delete_lead")
    assert shown_by(capsys) == kept(of("leads"))[:-1]
    assert shown_by(capsys, "--toolsets", "staff") == STAFF
    assert shown_by(capsys, "--exclude-tools", "get_lead") == [n for n in kept(of("leads")) if n != "get_lead"]
    monkeypatch.setenv("CLIENTARY_READ_ONLY", "true")
    assert shown_by(capsys) == ["list_leads", "get_lead"]


def test_the_command_prints_as_json_exactly_what_agents_get(
    capsys: pytest.CaptureFixture[str], sandbox: Sandbox
) -> None:
    main(["--toolsets", "clients", "--exclude-tools", "update_client", "tools", "--json"])
    shown = json.loads(capsys.readouterr().out)
    choice: Choice = {"toolsets": names("clients"), "exclude_tools": names("update_client")}

    async def listed() -> list[mcp_types.Tool]:
        async with connect(configured(sandbox, **choice)) as agent:
            return (await agent.client.list_tools()).tools

    tools = anyio.run(listed)
    assert shown["tools"] == [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


def test_names_may_be_separated_by_commas_or_spaces() -> None:
    environment = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t", "CLIENTARY_TOOLS": " a,b  c,, "}
    assert Settings.from_environment(environment).tools == {"a", "b", "c"}
