"""Fields that an owner requires of new clients and leads: required in the schema, and rejected if missing."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.errors import SettingsError
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.support.agent import Era
from tests.support.users import configured, connect, some, writes

pytestmark = pytest.mark.anyio

REQUIRED = {"lead": ("description", "website"), "client": ("number",)}
ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t"}


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("lead: website, description", {"lead": ("description", "website")}),
        ("lead: website description;client:number", {"lead": ("description", "website"), "client": ("number",)}),
        (" client : city ; ", {"client": ("city",)}),
    ],
)
def test_the_setting_is_parsed(text: str, required: Mapping[str, Any]) -> None:
    assert Settings.from_environment(ACCOUNT | {"CLIENTARY_REQUIRED_FIELDS": text}).required_fields == required


@pytest.mark.parametrize("text", ["website", "lead", "lead:", "invoice: number", "lead website", "lead: website, ; x"])
def test_an_invalid_setting_is_reported_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="CLIENTARY_REQUIRED_FIELDS must be written like this: lead: website"):
        Settings.from_environment(ACCOUNT | {"CLIENTARY_REQUIRED_FIELDS": text})


@pytest.mark.parametrize("wrong", ["webside", "lead_id", "allow_duplicate", "confirm"])
async def test_a_field_that_does_not_exist_ends_the_program_with_the_valid_ones(sandbox: Sandbox, wrong: str) -> None:
    async with configured(sandbox, required_fields={"lead": (wrong,)}) as clientary:
        with pytest.raises(SettingsError, match=f"CLIENTARY_REQUIRED_FIELDS names '{wrong}'") as refusal:
            ClientaryServer(clientary)
    assert "website" in str(refusal.value)
    assert "allow_duplicate" not in str(refusal.value).partition("Valid:")[2]


def test_the_command_ends_with_2_for_a_field_that_does_not_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_REQUIRED_FIELDS", "lead: webside")
    with pytest.raises(SystemExit) as ending:
        main(["tools"])
    assert ending.value.code == 2
    assert "Did you mean website?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tool", "given", "missing", "not_missing"),
    [
        ("create_lead", {"name": "Globex"}, ["description", "website"], ["name"]),
        ("create_lead", {}, ["name", "description", "website"], []),
        ("create_lead", {"name": "Globex", "website": "https://globex.example"}, ["description"], ["website", "name"]),
        ("create_client", {"name": "Globex", "website": "https://globex.example"}, ["number"], ["website", "name"]),
    ],
)
async def test_missing_fields_are_listed_and_nothing_is_sent(
    sandbox: Sandbox, era: Era, tool: str, given: dict[str, Any], missing: list[str], not_missing: list[str]
) -> None:
    async with connect(configured(sandbox, required_fields=REQUIRED), era) as agent:
        message = await agent.refusal(tool, **given)
    assert all(f"{name} is required" in message for name in missing)
    assert not any(f"{name} is required" in message for name in not_missing)
    assert message.endswith("Nothing was sent.")
    assert not sandbox.requests


@pytest.mark.parametrize("given", [[], {}, "[]", "{}"])
async def test_a_required_list_that_is_empty_is_refused(sandbox: Sandbox, given: Any) -> None:
    async with connect(configured(sandbox, required_fields={"client": ("invoice_extra_fields",)})) as agent:
        message = await agent.refusal("create_client", name="Globex", invoice_extra_fields=given)
    assert "invoice_extra_fields takes a list that is not empty" in message
    assert not sandbox.requests


@pytest.mark.parametrize("blank", ["", "  ", "\n", None])
async def test_a_required_field_that_is_blank_counts_as_missing(sandbox: Sandbox, blank: str | None) -> None:
    async with connect(configured(sandbox, required_fields=REQUIRED)) as agent:
        message = await agent.refusal("create_client", name="Globex", number=blank)
    assert "number" in message
    assert not sandbox.requests


async def test_with_all_required_fields_the_record_is_created(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, required_fields=REQUIRED)) as agent:
        lead = await agent.answer("create_lead", name="Globex", description="Met at a fair", website="globex.example")
        client = await agent.answer("create_client", name="Globex", number="G-1")
    assert (lead["description"], client["number"]) == ("Met at a fair", "G-1")


def schema_of_clear(schema: dict[str, Any]) -> list[str]:
    """The fields that an update can clear, per its schema."""
    return list(schema["properties"]["clear"]["items"]["enum"])


async def test_the_published_schema_marks_required_fields(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, required_fields=REQUIRED)) as agent:
        listed = {tool.name: tool.input_schema for tool in (await agent.client.list_tools()).tools}
    async with connect(configured(sandbox)) as agent:
        plain = {tool.name: tool.input_schema for tool in (await agent.client.list_tools()).tools}
    assert set(listed["create_lead"]["required"]) == {"name", "description", "website"}
    assert set(listed["create_client"]["required"]) == {"name", "number"}
    for name, schema in plain.items():
        assert listed[name]["properties"].keys() == schema["properties"].keys()
        for field, about in schema["properties"].items():
            assert listed[name]["properties"][field]["type"] == about["type"]
            assert listed[name]["properties"][field]["description"] == about["description"]
        if name in ("update_lead", "update_client"):
            assert set(REQUIRED[name.removeprefix("update_")]).isdisjoint(schema_of_clear(listed[name]))
        elif name not in ("create_lead", "create_client"):
            assert listed[name] == schema


def test_the_command_shows_required_fields(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENTARY_REQUIRED_FIELDS", "lead: website")
    main(["--tools", "create_lead", "tools", "--json"])
    (tool,) = json.loads(capsys.readouterr().out)["tools"]
    assert set(tool["inputSchema"]["required"]) == {"name", "website"}


async def test_other_tools_require_nothing_more(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, required_fields=REQUIRED)) as agent:
        assert (await agent.answer("update_lead", lead_id=lead, city="Bath"))["city"] == "Bath"
        await agent.answer("create_task", title="Call Globex")
    assert [method for method, _ in writes(sandbox)] == ["PUT", "POST"]


@pytest.mark.parametrize(("tool", "field"), [("lead", "website"), ("lead", "description"), ("client", "number")])
async def test_an_update_that_clears_a_required_field_is_rejected(sandbox: Sandbox, tool: str, field: str) -> None:
    (record,) = some(sandbox, f"{tool}s")
    async with connect(configured(sandbox, required_fields=REQUIRED)) as agent:
        message = await agent.refusal(f"update_{tool}", **{f"{tool}_id": record, "clear": [field]})
        assert field in message
        await agent.answer(f"update_{tool}", **{f"{tool}_id": record, field: "Something"})
    assert [method for method, _ in writes(sandbox)] == ["PUT"]
