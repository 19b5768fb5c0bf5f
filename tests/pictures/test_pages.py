"""The pages as hosts fetch them: small, whole, and only where a tool that is exposed has one."""

import re
from pathlib import Path
from typing import Any, get_args

import mcp_types
import pytest
from mcp import Client, MCPError

from clientary_mcp.pictures import page
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Picture
from scripts.pictures import ESBUILD, WRITTEN_TO, pages
from tests.conftest import session_with
from tests.support.agent import Era
from tests.support.checkers import installed

pytestmark = pytest.mark.anyio

PICTURES: tuple[Picture, ...] = get_args(Picture)
BOTH = ["model", "app"]
"""Who may call a tool that does not say so."""
NOTHING: dict[str, list[str]] = {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []}


def host(sandbox: Sandbox, era: Era = "auto", **settings: Any) -> Client:
    return Client(ClientaryServer(session_with(sandbox, **settings)), mode=era)


def uri_of(tool: mcp_types.Tool) -> str | None:
    """The picture that a listed tool names."""
    uri: str | None = (tool.meta or {}).get("ui", {}).get("resourceUri")
    return uri


def test_every_page_is_small_and_holds_all_that_it_needs() -> None:
    for picture in PICTURES:
        text = page(picture)
        assert len(text.encode()) < 15_000, picture
        assert set(re.findall(r"https?://[^\"`$]*", text)) == {"http://www.w3.org/"}, "the names of HTML and SVG"
        assert not re.search(r"\b(src|href|import|fetch|XMLHttpRequest|eval|innerHTML|outerHTML)\b", text)


@pytest.mark.long
@pytest.mark.timeout(200)  # the first run installs esbuild
def test_every_page_is_what_its_sources_make() -> None:
    installed("esbuild", *ESBUILD.packages)
    assert dict(pages()) == {path: path.read_text("utf-8") for path in WRITTEN_TO.glob("*.html")}
    assert {path.stem for path in WRITTEN_TO.glob("*.html")} == set(PICTURES)


def test_a_page_with_its_answer_in_it_ends_where_it_should() -> None:
    text = page("receivables", {"rows": [{"client": "</script><script>alert(1)</script>"}]})
    assert text.count("</script>") == 2
    assert text.count("<script>") == 1


async def test_the_tools_of_reports_and_confirmations_name_their_pictures(sandbox: Sandbox, era: Era) -> None:
    async with host(sandbox, era) as client:
        listed = (await client.list_tools()).tools
    shown = {tool.name: uri_of(tool) for tool in listed if uri_of(tool)}
    gated = {tool.name for tool in ALL if tool.gated and tool.resource != "raw"}
    assert {name for name, uri in shown.items() if uri == "ui://clientary/confirmation.html"} == gated
    assert {name: uri for name, uri in shown.items() if name not in gated} == {
        "receivables_report": "ui://clientary/receivables.html",
        "project_status": "ui://clientary/budgets.html",
        "unbilled_report": "ui://clientary/unbilled.html",
        "timesheet_report": "ui://clientary/timesheet.html",
        "sales_report": "ui://clientary/sales.html",
        "cash_forecast": "ui://clientary/cash_forecast.html",
        "recurring_revenue_report": "ui://clientary/recurring_revenue.html",
    }


async def test_a_picture_may_call_what_only_reads_and_nothing_else(sandbox: Sandbox, era: Era, tmp_path: Path) -> None:
    async with host(sandbox, era, toolsets=frozenset({"all", "raw"}), export_dir=tmp_path) as client:
        listed = (await client.list_tools()).tools
    assert len(listed) == len(ALL)
    only_read = {tool.name for tool in ALL if tool.effect.kinds == {"read"} and not tool.effect.writes_files}
    callers = {tool.name: (tool.meta or {}).get("ui", {}).get("visibility", BOTH) for tool in listed}
    assert {name for name, who in callers.items() if "app" in who} == only_read
    assert all("model" in who for who in callers.values())


@pytest.mark.parametrize("picture", PICTURES)
async def test_hosts_read_a_page_that_loads_nothing(sandbox: Sandbox, era: Era, picture: Picture) -> None:
    uri = f"ui://clientary/{picture}.html"
    async with host(sandbox, era) as client:
        (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, mcp_types.TextResourceContents)
    assert (content.uri, content.mime_type) == (uri, "text/html;profile=mcp-app")
    assert (content.meta or {})["ui"]["csp"] == NOTHING
    assert content.text == page(picture)
    assert not sandbox.requests


async def test_pages_are_not_listed_as_resources(sandbox: Sandbox, era: Era) -> None:
    async with host(sandbox, era) as client:
        listed = (await client.list_resources()).resources
    assert [resource.uri for resource in listed if resource.uri.startswith("ui:")] == []


async def test_the_extension_is_advertised(sandbox: Sandbox) -> None:
    async with host(sandbox) as client:
        capabilities = client.server_capabilities
    assert (capabilities.extensions or {})["io.modelcontextprotocol/ui"] == {}


@pytest.mark.parametrize(
    ("choice", "uri"),
    [
        ({}, "ui://clientary/other.html"),
        ({}, "ui://elsewhere/receivables.html"),
        ({"exclude_tools": frozenset({"sales_report"})}, "ui://clientary/sales.html"),
        ({"read_only": True}, "ui://clientary/confirmation.html"),
    ],
)
async def test_a_page_that_no_exposed_tool_has_does_not_exist(
    sandbox: Sandbox, era: Era, choice: dict[str, Any], uri: str
) -> None:
    async with host(sandbox, era, **choice) as client:
        with pytest.raises(MCPError, match="This resource does not exist"):
            await client.read_resource(uri)
