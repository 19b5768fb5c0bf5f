"""What belongs to one account never reaches a caller of another, whatever is called, and with whatever handle."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp_types import INVALID_PARAMS, InputRequiredResult

from clientary_mcp.tools import ALL
from tests.conftest import agency
from tests.support.agent import ERAS, Era
from tests.support.serving.assembled import Assembled, bearer, serving
from tests.support.serving.canaries import RAW, everything, plant, read
from tests.support.serving.deployment import ADA, EVE
from tests.support.serving.hosts import HELLO, LIST
from tests.support.serving.upstream import Upstream
from tests.support.users import QUESTION, YES, User

pytestmark = pytest.mark.anyio

OF_ACME, OF_BETA = "canaryofacme", "canaryofbeta"


@pytest.fixture
async def accounts() -> AsyncIterator[list[Upstream]]:
    """The accounts of Ada and of Eve: the same records, but for a canary in each text."""
    acme, beta = Upstream(ADA, sandbox=agency()), Upstream(EVE, sandbox=agency())
    plant(acme.sandbox, OF_ACME)
    plant(beta.sandbox, OF_BETA)
    async with acme.listening(), beta.listening():
        yield [acme, beta]


@pytest.fixture
async def server(accounts: list[Upstream], tmp_path: Path) -> AsyncIterator[Assembled]:
    (tmp_path / "exports").mkdir()
    settings = {
        "CLIENTARY_EXPORT_DIR": str(tmp_path / "exports"),
        "CLIENTARY_AUDIT_LOG": str(tmp_path / "trail"),
        "CLIENTARY_TOOLSETS": RAW,
        "CLIENTARY_UNDO_HOURS": "1",
    }
    async with serving(accounts, "tokens", settings) as server:
        yield server


@pytest.fixture
async def tokens(server: Assembled) -> list[str]:
    """One of Ada, and one of Eve."""
    return [(await server.enroll(who, account))[1] for who, account in zip((ADA, EVE), server.accounts, strict=True)]


def check_credentials(server: Assembled) -> None:
    """Each account saw its own people alone."""
    assert [set(account.credentials()) for account in server.accounts] == [{ADA}, {EVE}]


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_all_that_anybody_can_ask_for_is_of_their_own_account(server: Assembled, tokens: list[str]) -> None:
    heard: list[list[str]] = [[], []]
    done: list[set[str]] = [set(), set()]

    async def ask(who: int) -> None:
        async with server.agent(bearer(tokens[who]), ERAS[who]) as agent:
            done[who] = await everything(agent, server.accounts[who].sandbox, heard[who])

    async with anyio.create_task_group() as tasks:  # at once, so that nothing of a call may be where another looks
        tasks.start_soon(ask, 0)
        tasks.start_soon(ask, 1)
    for own, other, answers in ((OF_ACME, OF_BETA, heard[0]), (OF_BETA, OF_ACME, heard[1])):
        assert not [answer for answer in answers if other in answer]
        assert sum(own in answer for answer in answers) > 60
    assert done[0] == done[1]
    assert {tool.name for tool in ALL} == done[0]
    check_credentials(server)


async def test_an_export_is_read_by_nobody_else(server: Assembled, tokens: list[str], era: Era) -> None:
    async with server.agent(bearer(tokens[0]), era) as ada, server.agent(bearer(tokens[1]), era) as eve:
        told = await ada.answer("export_records", tool="list_clients")
        name, (link,) = told["file"], told["download"]
        assert "for an hour, for whoever has them" in told["basis"]
        assert OF_ACME in await read(ada, f"clientary://exports/{name}")
        for address in (name, f"../{name}", f"..%2f{name}"):
            assert (await read(eve, f"clientary://exports/{address}")).startswith("refused")
    async with server.http() as http:
        assert OF_ACME in (await http.get(link)).text
        for changed in (link[:-8] + "AAAAAAA=", link.rsplit("/", 1)[0] + "/" + name):
            assert (await http.get(changed)).status_code == 404


async def test_a_cursor_of_one_account_is_refused_in_another(server: Assembled, tokens: list[str], era: Era) -> None:
    async with server.agent(bearer(tokens[0]), era) as ada, server.agent(bearer(tokens[1]), era) as eve:
        cursor = (await ada.answer("list_changes", since="2026-11-01"))["cursor"]
        assert OF_ACME not in cursor
        assert OF_ACME not in await eve.refusal("list_changes", cursor=cursor)
    assert not server.accounts[1].arrivals


async def test_a_preview_of_one_account_confirms_nothing_in_another(
    server: Assembled, tokens: list[str], era: Era
) -> None:
    reminders: dict[str, Any] = {"min_days_overdue": 1}
    async with server.agent(bearer(tokens[0]), era) as ada, server.agent(bearer(tokens[1]), era) as eve:
        shown = await ada.answer("send_payment_reminders", **reminders)
        refused = await eve.call(
            "send_payment_reminders", {**reminders, "confirm": True, "preview_id": shown["preview_id"]}
        )
    assert OF_ACME not in refused.model_dump_json()
    assert server.accounts[1].sandbox.sent_messages == []
    check_credentials(server)


async def test_nobody_undoes_what_was_done_in_another_account(server: Assembled, tokens: list[str], era: Era) -> None:
    async with server.agent(bearer(tokens[0]), era) as ada, server.agent(bearer(tokens[1]), era) as eve:
        await ada.answer("update_client", client_id=1201, city="Graz")
        action = (await ada.answer("undo"))["steps"][0]["action_id"]
        assert "steps" not in await eve.answer("undo")
        refused = await eve.refusal("undo", action_id=action)
        assert OF_ACME not in refused
    assert server.accounts[1].of("PUT", "clients/1201") == []


async def test_a_question_of_one_account_is_not_answered_in_another(server: Assembled, tokens: list[str]) -> None:
    arguments = {"client_id": 1201}
    reply: dict[str, Any] = {"allow_input_required": True, "input_responses": {QUESTION: YES}}
    async with (
        server.agent(bearer(tokens[0]), elicitation_callback=User()) as ada,
        server.agent(bearer(tokens[1]), elicitation_callback=User()) as eve,
    ):
        asked = await ada.client.session.call_tool(
            "delete_client", arguments | {"confirm": True}, allow_input_required=True
        )
        assert isinstance(asked, InputRequiredResult)
        with pytest.raises(MCPError) as refused:
            await eve.client.session.call_tool(
                "delete_client", arguments | {"confirm": True}, request_state=asked.request_state, **reply
            )
    assert refused.value.error.code == INVALID_PARAMS
    assert OF_ACME not in str(refused.value)
    assert not server.accounts[1].arrivals


async def test_a_session_of_one_account_is_unknown_in_another(server: Assembled, tokens: list[str]) -> None:
    async with server.http(bearer(tokens[0])) as ada, server.http(bearer(tokens[1])) as eve:
        session = {"Mcp-Session-Id": (await ada.post("/mcp", json=HELLO)).headers["mcp-session-id"]}
        for http, status in ((ada, 200), (eve, 404)):
            assert (await http.post("/mcp", json=LIST, headers=session)).status_code == status
        assert (await eve.get("/mcp", headers=session)).status_code == 404
        assert (await eve.delete("/mcp", headers=session)).status_code == 404
        assert (await ada.post("/mcp", json=LIST, headers=session)).status_code == 200
    assert set(server.accounts[0].credentials()) == {ADA}
    assert not server.accounts[1].arrivals
