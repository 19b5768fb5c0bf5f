"""Consent: a person sees who asks, proves with an API token who they are, and chooses what the program may do."""

from collections.abc import Awaitable, Callable

import anyio
from mcp.server.auth.provider import construct_redirect_uri
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clientary_mcp.errors import ClientaryError, NotRemembered, RateLimited, Unavailable
from clientary_mcp.server.callers.credentials import may_be_token
from clientary_mcp.server.callers.sign_in.browser import Browser, address_of
from clientary_mcp.server.callers.sign_in.families import Families
from clientary_mcp.server.callers.sign_in.page import Given, Mistake, Page
from clientary_mcp.server.callers.sign_in.pending import Pending, PendingSignIns
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.settings.serving import Serving

Check = Callable[[str, str], Awaitable[object]]
"""Raises ClientaryError unless the account at that address accepts the API token."""

CHOICES = {
    "read": Privileges(read_only=True),
    "write": Privileges(toolsets=frozenset({"read", "write"})),
    "all": ALL_ALLOWED,
}
"""What a person may allow a program, and the privileges that it gets."""

_CHECKS_AT_ONCE = 10
_LONGEST_NAME = 64


class Consent:
    """The page `/sign-in`: `show` for GET, `decide` for POST."""

    def __init__(
        self,
        serving: Serving,
        issuer: str,
        vault: Vault,
        pending: PendingSignIns,
        families: Families,
        page: Page,
        check: Check,
    ) -> None:
        self._accounts, self._issuer, self._vault = serving.accounts, issuer, vault
        self._pending, self._families, self._page, self._check = pending, families, page, check
        self._browser = Browser(issuer)
        self._limiter: anyio.CapacityLimiter | None = None

    async def show(self, request: Request) -> Response:
        """The form; a page that says so if the sign-in expired or began in another browser."""
        try:
            pending = await self._pending.find(request.query_params.get("t", ""), self._browser.secret_of(request))
        except NotRemembered:
            return self._page.problem(request, "store", 503)
        return self._page.form(request, pending) if pending else self._page.problem(request, "expired", 403)

    async def decide(self, request: Request) -> Response:
        """Lead the person back to the client, with a code or a refusal; the form again if something is wrong."""
        form = await request.form()
        try:
            pending = await self._pending.find(_field(form, "t"), self._browser.secret_of(request))
            if pending is None:
                return self._page.problem(request, "expired", 403)
            if _field(form, "decision") == "cancel":
                return self._back(pending, error="access_denied")
            return await self._allow(request, pending, form)
        except NotRemembered:
            return self._page.problem(request, "store", 503)

    async def _allow(self, request: Request, pending: Pending, form: FormData) -> Response:
        """What follows once the person pressed the button."""
        given = Given(_field(form, "account").strip(), _name(_field(form, "name")), _field(form, "choice"))
        token = _field(form, "token").strip()
        filled = {"account": given.account, "token": token, "name": given.name}
        missing = {field: "missing" for field, value in filled.items() if not value}
        if missing or given.choice not in self._page.choices:
            return self._page.form(request, pending, given, Mistake(fields=missing))
        account = self._accounts.address(given.account) if self._accounts else None
        counted = account or given.account.lower()
        self._limiter = self._limiter or anyio.CapacityLimiter(_CHECKS_AT_ONCE)
        async with self._limiter:  # those that wait here are counted when it is their turn
            if not await self._pending.may_try(pending, address_of(request), counted):
                return self._page.problem(request, "too_many", 429)
            problem = await self._problem(account, token)
            if problem == "credentials":
                await self._pending.failed(address_of(request), counted)
        if account is None or problem is not None:
            status = 502 if problem == "unreachable" else 422  # after 503, a proxy might take this server for down
            return self._page.form(request, pending, given, Mistake(problem or "", status=status))
        caller = await self._vault.enroll(name=given.name, account=account, api_token=token, via="sign-in")
        code = await self._families.new_code(caller.id, pending.client_id, pending.params, CHOICES[given.choice])
        return self._back(pending, code=code)

    async def _problem(self, account: str | None, token: str) -> str | None:
        """Why a credential is not accepted: the same word whatever is wrong with it."""
        if account is None or not may_be_token(token):
            return "credentials"
        try:
            await self._check(account, token)
        except (Unavailable, RateLimited):
            return "unreachable"
        except ClientaryError:
            return "credentials"
        return None

    def _back(self, pending: Pending, **answer: str) -> Response:
        """Back to the client, with the answer to what it asked (RFC 6749, section 4.1.2, and RFC 9207)."""
        params = pending.params
        uri = construct_redirect_uri(str(params.redirect_uri), **answer, state=params.state, iss=self._issuer)
        return RedirectResponse(uri, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _name(text: str) -> str:
    """A name as it can stand in the trail: at most 64 printable characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_LONGEST_NAME]
