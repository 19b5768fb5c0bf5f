"""CallerOffices: an office for each caller, with a session of their own, opened on first use and closed when idle."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import mcp_types
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context

from clientary_mcp import logs
from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BlockedByOwner, ClientaryError, RateLimited, SettingsError, TokenRejected
from clientary_mcp.observe import observer
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.export_links import ExportLinks
from clientary_mcp.server.callers.identities import Identities
from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.server.office import Office
from clientary_mcp.settings import Settings, common_settings
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.settings.serving import Door, Serving
from clientary_mcp.state.backend import Backend
from clientary_mcp.state.call_slots import CallSlots
from clientary_mcp.state.identity import identify
from clientary_mcp.state.memory import Memory
from clientary_mcp.tools.toolsets import NoToolLeft

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 900
_MOST_OF_ONE = 20
"""Offices of one caller: each way in which headers narrow a connection has its own."""
_SWEPT_EVERY = 60
_CHECK_SECONDS = 10

_NEW_TOKEN = "Its owner can generate a new one on their profile page in Clientary"  # noqa: S105 - a sentence
_RENEWAL: dict[Door, str] = {
    "sign-in": f"{_NEW_TOKEN}, and sign in to this server again with it.",
    "tokens": f"{_NEW_TOKEN}; whoever runs this server adds it with clientary-mcp callers add.",
    "headers": f"{_NEW_TOKEN}; it is sent as X-Clientary-Token.",
}

Connect = Callable[[Settings, Memory], Clientary]


class CallerOffices:
    """The offices of all callers, of which at most `most` stay open. Use it as an async context manager."""

    def __init__(
        self,
        serving: Serving,
        backend: Backend,
        identities: Identities,
        *,
        connect: Connect | None = None,
        clock: Clock | None = None,
        links: ExportLinks | None = None,
        most: int = 2_000,
    ) -> None:
        self._clock = clock or Clock(wall=backend.wall)
        self._serving, self._backend, self._identities = serving, backend, identities
        self._connect = connect or (lambda settings, memory: Clientary(settings, clock=self._clock, memory=memory))
        self._most = most
        self._slots, self._links = backend.slots(serving.calls_at_once), links
        self._open: OrderedDict[_Key, _CallerOffice] = OrderedDict()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(anyio.create_task_group())
        self._stack.callback(group.cancel_scope.cancel)
        group.start_soon(self._sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        with anyio.CancelScope(shield=True):
            while self._open:
                await self._open.popitem()[1].aclose()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    @asynccontextmanager
    async def entered(self, context: ServerRequestContext[Any, Any]) -> AsyncIterator[Office]:
        """The office of whoever sent this message; it stays open until the message is answered."""
        user = context.request.scope.get("user") if context.request else None
        if not isinstance(user, CallerUser):
            raise MCPError(mcp_types.INVALID_REQUEST, "No caller.")  # the doors let nobody in without
        key = (user.caller, user.narrowed_by)
        if (office := self._open.get(key)) is None:
            await self._close_one_of(user.caller.id)
            office = self._open.get(key) or self._opened(key)
        office.messages += 1
        try:
            with logs.serving(office.account_id, office.caller.id):
                yield office
        finally:
            office.messages -= 1
            office.idle_since = self._clock.now()
            if key in self._open:
                self._open.move_to_end(key)
            if office.rejected:
                await self._look_at_credential(office)
            await self._close_some()

    def _opened(self, key: "_Key") -> "_CallerOffice":
        caller, narrowed_by = key
        account_id = identify(self._backend.identity, caller.account)
        settings = caller.settings(self._serving, narrowed_by)
        if settings.export_dir:
            settings = replace(settings, export_dir=_own_directory(settings.export_dir, account_id, caller.id))
        of_account = replace(common_settings(self._serving), subdomain=None, base_url=caller.account)
        with ExitStack() as held:
            memory = self._backend.memory(of_account)
            held.callback(self._backend.release, of_account)
            clientary = self._connect(settings, memory.of(caller.id, settings))
            if self._links and settings.export_dir:
                clientary.link_to = partial(self._links.to, settings.export_dir)
            try:
                office = _CallerOffice(caller, account_id, clientary, self._slots, self._identities)
            except NoToolLeft:
                why = "The limits of this caller and the headers of this request leave no tool to use."
                raise MCPError(mcp_types.INVALID_REQUEST, why) from None
            except SettingsError as broken:  # it was in order at the start
                logger.error("%s", broken)
                why = "This server cannot do its work at the moment. Whoever runs it finds the reason in its log."
                raise MCPError(mcp_types.INTERNAL_ERROR, why) from None
            office.held = held.pop_all()
        self._open[key] = office
        observer().change("clientary.offices", 1)
        return office

    async def _look_at_credential(self, office: "_CallerOffice") -> None:
        """End the caller's access if Clientary rejects their credential for what everybody may read, too."""
        with anyio.move_on_after(_CHECK_SECONDS, shield=True):
            if await office.is_rejected():
                await self._identities.reject(office.caller)

    async def _close_one_of(self, caller_id: str) -> None:
        """Make room for one more office of a caller in place of an earlier one, not of others'."""
        own = [key for key in self._open if key[0].id == caller_id]
        idle = next((key for key in own if not self._open[key].messages), None)
        if len(own) >= _MOST_OF_ONE and idle is not None:
            with anyio.CancelScope(shield=True):
                await self._open.pop(idle).aclose()

    async def _sweep(self) -> None:
        while True:
            await anyio.sleep(_SWEPT_EVERY)
            await self._close_some()

    async def _close_some(self) -> None:
        """Close what has been idle for long, and what was used longest ago if there are too many."""
        latest, closing = self._clock.now() - _IDLE_SECONDS, list[_Key]()
        for key, office in self._open.items():
            if office.idle_since > latest and len(self._open) - len(closing) <= self._most:
                break
            if not office.messages:
                closing.append(key)
        with anyio.CancelScope(shield=True):
            for office in [self._open.pop(key) for key in closing]:
                await office.aclose()


class _CallerOffice(Office):
    """The office of a caller, whose calls take turns."""

    def __init__(
        self, caller: Caller, account_id: str, clientary: Clientary, slots: CallSlots, identities: Identities
    ) -> None:
        about = {"account": caller.account, "caller": caller.id, "name": caller.name}
        super().__init__(clientary, about=about | {"replica": logs.replica_name(clientary.settings)})
        self.caller, self.account_id, self._slots, self._identities = caller, account_id, slots, identities
        self.held = ExitStack()
        """What it gives back when it closes."""
        self.messages = 0
        self.idle_since = clientary.clock.now()
        self.rejected = False
        clientary.on_rejected(self._rejected)

    async def call(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run one tool, once fewer calls of this caller run than may."""
        try:
            async with self._slots.taken(self.caller.id, self._clientary.settings.deadline):
                return await super().call(name, arguments, context)
        except RateLimited as no_turn:
            content = mcp_types.TextContent(type="text", text=no_turn.message())
            return mcp_types.CallToolResult(content=[content], is_error=True)

    async def check_again(self) -> None:
        """BlockedByOwner if the caller's limits were changed, or the caller removed, since this office was opened."""
        if not await self._identities.allows_as_before(self.caller):
            why = "What this caller may do was changed while the user was asked."
            raise BlockedByOwner(why, "Make the call again: it is then checked anew.")

    async def aclose(self) -> None:
        """Close the connections to the account, and give its memory back."""
        observer().change("clientary.offices", -1)
        with self.held:
            await super().aclose()

    def _rejected(self, error: TokenRejected) -> None:
        self.rejected = True
        error.sentences[1:] = [_RENEWAL[self.caller.via]]

    async def is_rejected(self) -> bool:
        """Whether Clientary rejects the credential now."""
        self.rejected = False
        try:
            await self._clientary.fetch("clients")
        except TokenRejected:
            return True
        except ClientaryError:
            return False
        return False


_Key = tuple[Caller, tuple[Privileges, ...]]


def _own_directory(exports: Path, account_id: str, caller_id: str) -> Path:
    """Where the exports of this caller are: nobody else reads or names them, on whatever replica."""
    directory = exports / account_id / caller_id
    with suppress(OSError):  # then an export says so, and all else goes on
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory
