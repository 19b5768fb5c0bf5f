"""Reports on a project of a client: of one that is another client's there is nothing to tell, and they say so."""

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from tests.conftest import agency
from tests.support.agent import Agent

pytestmark = pytest.mark.anyio

REPORTS = [
    pytest.param(tool.name, basis, id=f"{tool.name} {basis}")
    for tool in ALL
    if tool.name.endswith(("_report", "_status")) and {"client_id", "project_id"} <= set(tool.arguments.model_fields)
    for basis in (("invoiced", "received") if "basis" in tool.arguments.model_fields else ("",))
]


@pytest.fixture
def books() -> Sandbox:
    return agency()


@pytest.mark.parametrize(("report", "basis"), REPORTS)
async def test_a_project_of_another_client_is_refused(reader: Agent, books: Sandbox, report: str, basis: str) -> None:
    project = books.connection.execute("SELECT id, client_id FROM projects WHERE client_id > 0").fetchone()
    given = {"project_id": project["id"], **({"basis": basis} if basis else {})}
    other = books.connection.execute("SELECT id FROM clients WHERE id <> ?", (project["client_id"],)).fetchone()["id"]
    text = await reader.refusal(report, client_id=other, **given)
    assert f"Project {project['id']} does not belong to client {other}. Pass only one of them." in text
    assert (await reader.answer(report, client_id=project["client_id"], **given))["basis"]


def test_these_are_all() -> None:
    assert len(REPORTS) == 10
