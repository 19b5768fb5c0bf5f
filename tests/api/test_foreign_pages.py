"""Pages of proxies and firewalls are not reported as what Clientary says, nor its own pages as theirs."""

import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import (
    ClientaryError,
    MalformedResponse,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from tests.support.agent import Agent
from tests.support.long import covering

pytestmark = pytest.mark.anyio

PATH = "clients/7"
CLOUDFLARE = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>Sorry, you have been blocked"
NGINX = "<html>\r\n<head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr><center>nginx</center></html>"
SQUID = "\ufeff\n<HTML><HEAD><TITLE>ERROR: The requested URL could not be retrieved</TITLE></HEAD>Access Denied. squid"
RAILS = (
    '<!DOCTYPE html><html><div class="dialog"><h1>The page you were looking for doesn&#39;t exist.</h1></div></html>'
)
RAILS_422 = "<!DOCTYPE html><html><h1>The change you wanted was rejected.</h1></html>"
RAILS_500 = "<!DOCTYPE html><html><h1>We're sorry, but something went wrong.</h1></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "status", "page"),
    covering(
        (
            (method, status, page)
            for status in (401, 403, 404, 407, 451, 405, 413, 503)
            for page in (CLOUDFLARE, NGINX, SQUID)
            for method in ("GET", "POST", "DELETE")
            if method == "GET" or status != 503
        ),
        lambda method, status, page: (method, status, page),
    ),
)
async def test_a_page_of_another_is_not_reported_as_clientarys_word(
    account: respx.MockRouter, clientary: Clientary, method: str, status: int, page: str
) -> None:
    account.request(method, PATH).respond(status, text=page.format(status), headers=HTML)
    with pytest.raises(Unavailable, match=rf"a proxy or a firewall, answered with a page \({status}\)") as caught:
        await clientary.request(method, PATH)
    said = str(caught.value)
    assert "CLIENTARY_BASE_URL" in said
    for word in ("administrator", "not found", "deleted", "API token", "blocked", "Denied"):
        assert word not in said


@pytest.mark.parametrize("page", ["<html><h1>Forbidden</h1></html>", "This is not for you."])
async def test_where_a_page_does_not_say_whose_it_is_both_causes_are_named(
    account: respx.MockRouter, clientary: Clientary, page: str
) -> None:
    account.get(PATH).respond(403, text=page, headers=HTML)
    with pytest.raises(NotAllowed, match=r"by a proxy or a firewall .* or because the owner") as caught:
        await clientary.fetch(PATH)
    assert "administrator" not in str(caught.value)


async def test_a_sentence_sent_as_html_counts_as_a_page(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get(PATH).respond(403, text="Access denied by policy 17", headers=HTML)
    with pytest.raises(Unavailable, match="firewall"):
        await clientary.fetch(PATH)


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        (404, RAILS, HTML, NotFound),
        (404, "<html><h1>Not Found</h1></html>", HTML, NotFound),
        (404, "", HTML, NotFound),
        (422, RAILS_422, HTML, Refused),
        (500, RAILS_500, HTML, Unavailable),
        (401, "HTTP Basic: Access denied.\n", HTML, NotAllowed),
        (403, "", HTML, NotAllowed),
        (403, '{"error": "denied by <policy>"}', HTML, NotAllowed),
        (403, "You are not allowed to do this.", {"Content-Type": "text/plain"}, NotAllowed),
    ],
)
async def test_what_clientary_itself_sends_keeps_its_meaning(
    account: respx.MockRouter,
    clientary: Clientary,
    status: int,
    body: str,
    headers: dict[str, str],
    error: type[ClientaryError],
) -> None:
    account.get(PATH).respond(status, text=body, headers=headers)
    with pytest.raises(error) as caught:
        await clientary.fetch(PATH)
    assert "firewall" not in str(caught.value)


async def test_a_page_of_another_is_no_proof_that_a_record_is_gone(
    account: respx.MockRouter, clientary: Clientary
) -> None:
    account.delete(PATH).respond(502)
    account.get(PATH).respond(404, text=NGINX.format("404 Not Found"), headers=HTML)
    with pytest.raises(OutcomeUnknown):
        await clientary.delete(PATH)


async def test_a_page_with_a_success_status_is_called_a_page(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get(PATH).respond(200, text="<html>Please sign in to the guest network</html>", headers=HTML)
    with pytest.raises(MalformedResponse, match="It is a page, perhaps of a proxy"):
        await clientary.fetch(PATH)
    account.put(PATH).respond(200, text="<html>Please sign in to the guest network</html>", headers=HTML)
    with pytest.raises(OutcomeUnknown):
        await clientary.request("PUT", PATH)


async def test_an_agent_is_not_sent_to_an_administrator(account: respx.MockRouter, agent: Agent) -> None:
    account.get(PATH).respond(403, text=CLOUDFLARE, headers=HTML)
    reply = await agent.refusal("get_client", client_id=7)
    assert "Something between this server and Clientary" in reply
    assert "administrator" not in reply
