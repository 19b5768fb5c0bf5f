"""Billed work on Redis, for ten years from when the last of it was noted.

billed                 the invoices that bill any
billed:<invoice>       `project:plural:first:past` → `order freed id`
billed-order           counts what was noted
"""

import secrets
from collections.abc import Iterable, Mapping

from clientary_mcp.state.billed import KEPT, BilledRun
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script, milliseconds

_NOTE = Script("""
local id, invoice, freed, kept = unpack(ARGV)
for i = 5, #ARGV do
  local there = redis.call('HGET', KEYS[1], ARGV[i])
  if not there or there:match('%S+$') ~= id then
    redis.call('HSET', KEYS[1], ARGV[i], redis.call('INCR', KEYS[3]) .. ' ' .. freed .. ' ' .. id)
  end
end
redis.call('SADD', KEYS[2], invoice)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, kept) end
""")

_RUNS = Script("""
local prefix, invoice = KEYS[1] .. ':', ARGV[1]
local runs = {}
for _, one in ipairs(invoice == '' and redis.call('SMEMBERS', KEYS[1]) or {invoice}) do
  local noted = redis.call('HGETALL', prefix .. one)
  for i = 1, #noted, 2 do table.insert(runs, {one .. ':' .. noted[i], noted[i + 1]}) end
end
return runs
""")


class RedisBilled:
    """The billed work of one account."""

    def __init__(self, connection: RedisConnection, account: str) -> None:
        self._connection, self._account = connection, account

    async def add(self, invoice_id: int, project_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note what an invoice bills from now on, by kind; NotRemembered where it cannot be kept."""
        await self._note(invoice_id, project_id, work, freed=False)

    async def free(self, invoice_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note that the account shows this work of a cancelled or deleted invoice as unbilled again."""
        await self._note(invoice_id, 0, work, freed=True)

    async def replaced(self, plural: str, old_id: int, new_id: int) -> None:
        """Note that work was made again under another id: what billed the old one bills the new one."""
        for run in sorted(await self.runs(), key=lambda run: run.order):
            if run.plural == plural and old_id in run.ids:
                work = {plural: [range(new_id, new_id + 1)]}
                await self._note(run.invoice_id, run.project_id, work, freed=run.freed)

    async def runs(self, *, invoice_id: int | None = None) -> list[BilledRun]:
        """All that is noted, or what one invoice bills."""
        key = self._connection.key(self._account, "billed")
        return [_read(*run) for run in await self._connection.run(_RUNS, [key], str(invoice_id or ""))]

    async def _note(
        self, invoice_id: int, project_id: int, work: Mapping[str, Iterable[range]], *, freed: bool
    ) -> None:
        names = (("billed", str(invoice_id)), ("billed",), ("billed-order",))
        keys = [self._connection.key(self._account, *parts) for parts in names]
        runs = [f"{project_id}:{plural}:{run.start}:{run.stop}" for plural, ids in work.items() for run in ids]
        note = (secrets.token_hex(4), invoice_id, int(freed), milliseconds(KEPT))
        if runs:
            await self._connection.run(_NOTE, keys, *note, *runs, lasting=True)


def _read(name: str, value: str) -> BilledRun:
    invoice, project, plural, first, past = name.split(":")
    order, freed, _ = value.split(" ")
    return BilledRun(int(invoice), int(project), plural, range(int(first), int(past)), freed == "1", int(order))
