"""Calls that must not be made twice: a duplicate, in whatever process, gets the outcome of the first.

While the first is under way, its duplicate waits. If the outcome of the first is unknown, its effect is looked for
before anything is sent again. Whoever repeats the call of another person of the account is told of it, and gets no
record, which their token may not show. Jobs are recognized by what they do instead: see the ledger.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from clientary_mcp.api.call import Call, Earlier
from clientary_mcp.api.reconcile import sent_earlier
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotFound, NotRemembered, TakenOver, Unavailable
from clientary_mcp.observe import observer
from clientary_mcp.server.replies import Replies
from clientary_mcp.state.claims import Claim, Claims
from clientary_mcp.state.recent import RecentResults, key_of, not_made_again, skipped, with_notice
from clientary_mcp.state.settling import settling
from clientary_mcp.tools.support.formatting import singular_name
from clientary_mcp.tools.tool import Tool
from tool_schemas.base.models import Deduplicated, Record
from tool_schemas.base.results import Outcome
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.payment_profiles import PaymentProfile
from tool_schemas.payments import Payment

logger = logging.getLogger(__name__)

Answer = dict[str, Any]

_BETWEEN_CHECKS = 0.25
"""Seconds between two checks whether another process has finished the same call."""

_AFTER_DEADLINE = 60.0
"""Seconds for which a call may go on after its deadline, to find out what became of a write."""

_WITHOUT_ADDRESS = (Payment, PaymentProfile)
"""Records that Clientary returns within others only."""


class Turn:
    """The turn of one call: claimed before its request leaves, settled by its outcome."""

    def __init__(self, claims: Claims, key: str, call: Call, earlier: Claim | None, window: float) -> None:
        self._claims, self._key, self._call, self._earlier, self._window = claims, key, call, earlier, window
        self._lease = call.deadline + _AFTER_DEADLINE
        self.claimed = False
        self.answer: Answer | None = None
        """The answer of an earlier call, if this one is its duplicate."""

    async def claim(self) -> None:
        """Claim the call; TakenOver if another process did so in the meantime."""
        if not await self._claims.take(self._key, self._lease, self._earlier):
            raise TakenOver
        self.claimed = True

    async def sent(self) -> None:
        """Note that a request of the call leaves now; it does not leave if that cannot be noted."""
        self._call.lapses = await self._claims.sent(self._key, self._call.seen, self._lease)

    async def succeeded(self, plural: str | None = None, made: int | None = None) -> None:
        """Note that the call succeeded, and which record it made."""
        if self.claimed:
            self.claimed = False
            with _logged(), settling():
                await self._claims.done(self._key, self._window, plural, made)

    async def ended(self, error: BaseException | None) -> None:
        """Note how a call ended that did not succeed."""
        if not self.claimed:
            return
        refused = isinstance(error, ClientaryError) and error.effect in ("not sent", "unchanged")
        with _logged(), settling():
            if refused or not self._call.writes:
                await self._claims.release(self._key, self._earlier)
            else:
                await self._claims.unknown(self._key)


class Duplicates:
    """The calls of the last minutes, of this process and of others."""

    def __init__(self, clientary: Clientary, replies: Replies) -> None:
        self._clientary, self._replies = clientary, replies
        self._claims, self._caller = clientary.memory.claims, clientary.memory.caller
        self._window = clientary.settings.duplicate_window
        self._recent = RecentResults(self._window, clientary.clock.now)

    @asynccontextmanager
    async def turn(self, tool: Tool, args: Deduplicated, call: Call) -> AsyncIterator[Turn]:
        """The only such call at the moment, in any process; with an answer if an earlier one counts for it."""
        key = self._key(tool, args)
        async with self._recent.lock(key):
            earlier = None if tool.is_job else await self._earlier(key, call)
            turn = Turn(self._claims, key, call, earlier, self._window)
            if not args.allow_duplicate:
                if tool.is_job:
                    turn.answer = await self._of_job(tool, key, call)
                elif earlier is not None:
                    turn.answer = await self._of(earlier, tool, args, key, call)
            if turn.answer is not None:
                observer().count("clientary.told_again")
            try:
                yield turn
            except BaseException as error:
                await turn.ended(error)
                raise
            await turn.ended(None)

    async def remember(self, tool: Tool, args: Deduplicated, turn: Turn, answer: Answer) -> None:
        """Remember a call that succeeded."""
        self._recent.put(self._key(tool, args), answer)
        await turn.succeeded()

    def _key(self, tool: Tool, args: Deduplicated) -> str:
        """A key of the call: of the account's, or of the caller's own where who calls is part of what is meant."""
        key = key_of(tool.name, args, self._clientary.today().day)
        counts_as_own = isinstance(tool.answer, type) and issubclass(tool.answer, HourEntry)
        return f"{key} {self._caller}" if counts_as_own and self._caller else key

    async def _earlier(self, key: str, call: Call) -> Claim | None:
        """The same call made earlier, once no other process is making it any more."""
        while (earlier := await self._claims.find(key)) is not None and earlier.state == "busy":
            if not await call.wait(_BETWEEN_CHECKS, "another process makes the same call"):
                raise Unavailable(
                    "Another process is making the same call, and it is not known yet how it ends.",
                    "Try again in a minute.",
                    effect="not sent",
                )
        return earlier

    async def _of(self, earlier: Claim, tool: Tool, args: Deduplicated, key: str, call: Call) -> Answer | None:
        """The answer of the earlier call; None if its effect is to be looked for, or its record was deleted."""
        if earlier.state == "done":
            if earlier.by != self._caller:
                return self._without_record(earlier, tool, args)
            return await self._repeated(tool, args, key, earlier, call)
        sent = Earlier(earlier.since, earlier.seen)
        if earlier.by != self._caller:
            raise sent_earlier(call, sent, by_another=True)
        call.earlier = sent
        return None

    async def _of_job(self, tool: Tool, key: str, call: Call) -> Answer | None:
        """The answer of the earlier call; None where the invoice that it drafted was deleted or cancelled since."""
        known = self._recent.get(key)
        record = (known or {}).get("record") or {}
        if tool.checked_with != "list_invoices" or "balance" not in record:
            return known
        try:
            invoice = await self._clientary.within(call).get(Invoice, f"invoices/{record['id']}")
        except NotFound:
            return None
        except ClientaryError:
            return known
        return None if invoice.status == "cancelled" else known

    def _without_record(self, earlier: Claim, tool: Tool, args: Deduplicated) -> Answer:
        """What is told of a call that succeeded, of another person or with a record that cannot be read."""
        made = f"{singular_name(earlier.plural)} {earlier.made}" if earlier.plural and earlier.made else None
        age = self._clientary.clock.wall() - earlier.since
        notice = not_made_again(age, made, by_another=earlier.by != self._caller)
        if made is not None and issubclass(tool.answer, Record):
            return {"id": earlier.made, "notice": notice}
        return self._replies.shown(Outcome(done=True, message=notice), args)

    async def _repeated(self, tool: Tool, args: Deduplicated, key: str, earlier: Claim, call: Call) -> Answer | None:
        """The answer of the earlier call; None where its record was deleted since, so that it may be made again."""
        known = self._recent.get(key)
        if earlier.made is None or not issubclass(tool.answer, Record) or issubclass(tool.answer, _WITHOUT_ADDRESS):
            return known or self._without_record(earlier, tool, args)
        try:
            record = await self._clientary.within(call).get(tool.answer, f"{tool.answer.plural}/{earlier.made}")
        except NotFound:
            return None
        except ClientaryError:
            return known or self._without_record(earlier, tool, args)
        age = self._clientary.clock.wall() - earlier.since
        return known or with_notice(self._replies.shown(record, args), skipped(age))


@contextmanager
def _logged() -> Iterator[None]:
    """The call has ended: a claim that cannot be settled stays as sent, which is the safe side."""
    try:
        yield
    except (NotRemembered, TakenOver) as error:
        logger.warning("%s", error)
