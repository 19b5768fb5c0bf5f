"""Approval in both eras of the protocol: when the user is asked, what is shown, and the effect of each reply."""

import json
from itertools import product
from typing import Any

import anyio
import httpx
import mcp_types
import pytest
from mcp import ClientSession
from mcp.client import ClientRequestContext

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from tests.support.agent import ERAS, Era
from tests.support.gated import EVERYTHING, GATED, JOBS, record_for
from tests.support.long import covering
from tests.support.users import YES, User, configured, connect, some, writes

pytestmark = pytest.mark.anyio

# One of each kind of irreversible call.
KINDS = ["delete_lead", "charge_payment_profile", "send_invoice_message", "import_contacts"]


def reply(action: Any, **content: Any) -> mcp_types.ElicitResult:
    return mcp_types.ElicitResult(action=action, content=content or None)


WITHOUT_ASKING = (
    "If this client cannot show such a question, whoever runs this server can set CLIENTARY_ASK_USER=never:"
    " the agent's confirm=true is then enough."
)

NO = [
    (reply("accept", agree=False), "left the confirmation unticked"),
    (reply("accept"), "left the confirmation unticked"),
    (reply("accept", agree="true"), "left the confirmation unticked"),
    (reply("accept", other=True), "left the confirmation unticked"),
    (reply("decline"), "declined"),
    (reply("decline", agree=True), "declined"),
    (reply("cancel"), "cancelled the question"),
]


@pytest.mark.parametrize(("tool", "era"), covering(product(GATED, ERAS)), indirect=["era"])
async def test_an_approving_user_was_shown_the_preview_and_it_is_carried_out(
    sandbox: Sandbox, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, toolsets=EVERYTHING), era) as agent:
        preview = await agent.answer(tool, **arguments)
    user = User()
    async with connect(configured(sandbox, toolsets=EVERYTHING), era, user) as agent:
        answer = await agent.answer(tool, **arguments, confirm=True)
    (question,) = user.questions  # one for all that a job does
    assert answer["done"] is True
    assert len(writes(sandbox)) >= 1 if tool in JOBS else len(writes(sandbox)) == 1
    assert preview["message"].removeprefix("Nothing was changed. ") in question
    rows = [*preview.get("steps", []), *preview.get("totals", [])]
    for value in (value for row in rows for value in row.values()):
        assert json.dumps(value, ensure_ascii=False, separators=(",", ":")) in question
    for part in ("not_visible", "alternative"):
        assert preview.get(part, "") in question
    for part in ("record", "goes_with_it"):
        if part in preview:
            assert json.dumps(preview[part], ensure_ascii=False, separators=(",", ":")) in question
    assert "confirm" not in question  # which is the agent's business


@pytest.mark.parametrize(
    ("answer", "which", "tool", "era"),
    covering((*no, tool, era) for no in NO for tool in KINDS for era in ERAS),
    indirect=["era"],
)
async def test_without_approval_nothing_is_sent_and_the_answer_gives_the_reason(
    sandbox: Sandbox, era: Era, tool: str, answer: mcp_types.ElicitResult, which: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox), era, User(answer)) as agent:
        text = await agent.refusal(tool, **arguments, confirm=True)
    advice = "" if answer.action == "accept" else f" {WITHOUT_ASKING}"  # who leaves a box unticked has seen it
    assert text == f"The user {which}. Nothing was sent.{advice}"
    assert not writes(sandbox)
    assert not sandbox.sent_messages


@pytest.mark.parametrize("code", [mcp_types.METHOD_NOT_FOUND, mcp_types.INTERNAL_ERROR])
async def test_elicitation_declared_without_a_handler_is_refused_with_advice(sandbox: Sandbox, code: int) -> None:
    broken = User(mcp_types.ErrorData(code=code, message="Method not found"))
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox), "legacy", broken) as agent:
        text = await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert text == f"The client failed to ask the user. Nothing was sent. {WITHOUT_ASKING}"
    assert not writes(sandbox)


async def test_following_that_advice_works(sandbox: Sandbox) -> None:
    broken = User(mcp_types.ErrorData(code=mcp_types.METHOD_NOT_FOUND, message="Method not found"))
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, ask_user="never"), "legacy", broken) as agent:
        assert (await agent.answer("delete_lead", lead_id=lead, confirm=True))["done"] is True
    assert len(writes(sandbox)) == 1


# Whether the user is asked


@pytest.mark.parametrize(
    ("mode", "tool", "era"), covering(product(["auto", "always", "never"], KINDS, ERAS)), indirect=["era"]
)
async def test_an_unconfirmed_call_asks_nothing(sandbox: Sandbox, era: Era, mode: Any, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    user = User()
    async with connect(configured(sandbox, ask_user=mode), era, user) as agent:
        assert (await agent.answer(tool, **arguments))["done"] is False
    assert not user.questions


@pytest.mark.parametrize("tool", KINDS)
async def test_where_the_client_cannot_ask_confirm_is_enough(sandbox: Sandbox, era: Era, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox), era) as agent:
        assert (await agent.answer(tool, **arguments))["done"] is False
        assert not writes(sandbox)
        assert (await agent.confirmed(tool, **arguments))["done"] is True
    assert len(writes(sandbox)) == 1


@pytest.mark.parametrize("tool", KINDS)
async def test_asking_always_is_refused_where_the_client_cannot_ask(sandbox: Sandbox, era: Era, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, ask_user="always"), era) as agent:
        text = await agent.refusal(tool, **arguments, confirm=True)
    assert (
        text == f"This needs the user's approval, and this client cannot ask for it. Nothing was sent. {WITHOUT_ASKING}"
    )
    assert not writes(sandbox)


@pytest.mark.parametrize("tool", KINDS)
async def test_no_user_is_asked_when_the_setting_is_never(sandbox: Sandbox, era: Era, tool: str) -> None:
    arguments, _ = record_for(sandbox, tool)
    user = User(reply("decline"))
    async with connect(configured(sandbox, ask_user="never"), era, user) as agent:
        assert (await agent.confirmed(tool, **arguments))["done"] is True
    assert not user.questions


@pytest.mark.parametrize("mode", ["auto", "always"])
async def test_a_reversible_call_asks_nothing(sandbox: Sandbox, era: Era, mode: Any) -> None:
    user = User()
    (client,) = some(sandbox, "clients")
    async with connect(configured(sandbox, ask_user=mode), era, user) as agent:
        await agent.answer("update_client", client_id=client, city="Bath")
        await agent.answer("create_task", title="Call them")
        await agent.answer("list_clients")
    assert not user.questions


async def test_a_client_with_only_url_elicitation_is_not_sent_a_form(
    sandbox: Sandbox, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = mcp_types.ClientCapabilities(
        elicitation=mcp_types.ElicitationCapability(url=mcp_types.UrlElicitationCapability())
    )
    monkeypatch.setattr(ClientSession, "_build_capabilities", lambda *_: able)
    (lead,) = some(sandbox, "leads")
    user = User()
    async with connect(configured(sandbox, ask_user="always"), era, user) as agent:
        assert "cannot ask" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert not user.questions
    assert not writes(sandbox)


# Changes during the question


def rename(sandbox: Sandbox, lead: int) -> None:
    sandbox.connection.execute("UPDATE leads SET name = 'Renamed meanwhile' WHERE id = ?", (lead,))


async def test_a_record_that_changed_during_the_question_is_shown_again(sandbox: Sandbox, era: Era) -> None:
    (lead,) = some(sandbox, "leads")
    user = User(meanwhile=lambda: rename(sandbox, lead))
    async with connect(configured(sandbox), era, user) as agent:
        answer = await agent.answer("delete_lead", lead_id=lead, confirm=True)
        assert answer["done"] is False
        assert answer["message"].startswith("The record changed while the user was asked. Nothing was changed.")
        assert answer["record"]["name"] == "Renamed meanwhile"
        assert not writes(sandbox)
        assert (await agent.answer("delete_lead", lead_id=lead, confirm=True))["done"] is True
    assert ["Renamed meanwhile" in question for question in user.questions] == [False, True]


async def test_an_invoice_paid_during_the_question_is_not_charged(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    invoice = arguments["invoice_id"]
    halve = "UPDATE invoices SET balance = balance / 2 WHERE id = ?"
    user = User(meanwhile=lambda: sandbox.connection.execute(halve, (invoice,)))
    async with connect(configured(sandbox), era, user) as agent:
        assert (await agent.answer("charge_payment_profile", **arguments, confirm=True))["done"] is False
    assert not writes(sandbox)


async def test_a_change_that_the_question_did_not_show_counts_too(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "send_invoice_message")
    edit = "UPDATE invoices SET note = 'Pay to another account', updated_at = '2026-11-20T13:00:00Z' WHERE id = ?"
    user = User(meanwhile=lambda: sandbox.connection.execute(edit, (arguments["invoice_id"],)))
    async with connect(configured(sandbox), era, user) as agent:
        assert (await agent.answer("send_invoice_message", **arguments, confirm=True))["done"] is False
    assert not sandbox.sent_messages


class Closed(Network):
    """Paths with this ending may not be read; the error page is different each time."""

    def __init__(self, sandbox: Sandbox, path: str, status: int) -> None:
        super().__init__(sandbox)
        self._path, self._status, self._shown = path, status, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" or not request.url.path.endswith(self._path):
            return await super().handle_async_request(request)
        self._shown += 1
        return httpx.Response(self._status, html=f"<p>Request {self._shown}</p>")


@pytest.mark.parametrize("status", [403, 404])
async def test_an_error_page_that_differs_each_time_is_not_a_change(sandbox: Sandbox, era: Era, status: int) -> None:
    (task,) = some(sandbox, "tasks")
    path, user = f"tasks/{task}", User()
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, toolsets=frozenset({"raw"}))
    async with connect(Clientary(settings, Closed(sandbox, path, status)), era, user) as agent:
        assert (await agent.answer("api_request", method="DELETE", path=path, confirm=True))["done"] is True
    assert len(user.questions) == len(writes(sandbox)) == 1


async def test_a_card_that_the_token_may_not_read_can_be_approved(sandbox: Sandbox, era: Era) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    settings = Settings(base_url="http://localhost", api_token=sandbox.token)
    user = User()
    async with connect(Clientary(settings, Closed(sandbox, "payment_profiles", 403)), era, user) as agent:
        assert (await agent.answer("charge_payment_profile", **arguments, confirm=True))["done"] is True
    assert len(user.questions) == len(writes(sandbox)) == 1


async def test_a_record_deleted_during_the_question_is_not_found(sandbox: Sandbox, era: Era) -> None:
    (lead,) = some(sandbox, "leads")
    user = User(meanwhile=lambda: sandbox.connection.execute("DELETE FROM leads WHERE id = ?", (lead,)))
    async with connect(configured(sandbox), era, user) as agent:
        assert "was not found" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert not writes(sandbox)


async def test_a_record_that_does_not_exist_asks_nothing(sandbox: Sandbox, era: Era) -> None:
    user = User()
    async with connect(configured(sandbox), era, user) as agent:
        assert "was not found" in await agent.refusal("delete_lead", lead_id=999_999, confirm=True)
    assert not user.questions


@pytest.mark.parametrize(("balance", "shown"), [(0, "0.00 USD"), (-500, "-5.00 USD")])
async def test_a_paid_invoice_asks_nothing_and_is_not_charged(
    sandbox: Sandbox, era: Era, balance: int, shown: str
) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    invoice, user = arguments["invoice_id"], User()
    owes = "UPDATE invoices SET balance = ?, currency_code = 'USD' WHERE id = ?"
    sandbox.connection.execute(owes, (balance, invoice))
    async with connect(configured(sandbox), era, user) as agent:
        for confirm in (False, True):
            refusal = await agent.refusal("charge_payment_profile", **arguments, confirm=confirm)
            assert "there is nothing to charge" in refusal
            assert f"balance {shown}, id {invoice})" in refusal
    assert not user.questions
    assert not writes(sandbox)


async def test_the_user_is_asked_again_for_the_next_record(sandbox: Sandbox, era: Era) -> None:
    user = User()
    leads = some(sandbox, "leads", 3)
    async with connect(configured(sandbox), era, user) as agent:
        for lead in leads:
            await agent.answer("delete_lead", lead_id=lead, confirm=True)
    assert [f"lead {lead} " in question for lead, question in zip(leads, user.questions, strict=True)] == [True] * 3


async def test_concurrent_questions_do_not_mix(sandbox: Sandbox, era: Era) -> None:
    keep, *go = some(sandbox, "leads", 4)

    async def careful(context: ClientRequestContext, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        await anyio.lowlevel.checkpoint()
        return reply("decline") if f"lead {keep} " in params.message else YES

    async with (
        connect(configured(sandbox), era, careful) as agent,
        anyio.create_task_group() as group,
    ):
        for lead in (keep, *go):
            group.start_soon(agent.call, "delete_lead", {"lead_id": lead, "confirm": True})
    gone = {path.rpartition("/")[2] for method, path in sandbox.requests if method == "DELETE"}
    assert gone == {str(lead) for lead in go}


def test_exactly_the_gated_tools_ask() -> None:
    # Deletes, mails, charges, jobs and raw requests.
    asks = [
        tool.name
        for tool in ALL
        if tool.name.partition("_")[0] in ("delete", "send", "charge") or tool.resource in ("workflows", "raw")
        if tool.name != "copy_invoice"  # it makes one draft, as create_invoice does
    ]
    assert asks == [tool.name for tool in ALL if tool.gated]
