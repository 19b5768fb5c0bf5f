"""Taking back all that one job changed or made, record by record, the last first."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, Refused
from clientary_mcp.state.actions import Action
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.row_outcomes import STOPPING, by_outcome, stopped
from clientary_mcp.tools.workflows.undo_plan import Plan, take_back
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of

_TO_DO, _DONE, _SAME, _REFUSED = "to take back", "taken back", "already so", "refused"
_FAILED, _UNKNOWN, _NOT_TRIED = "not taken back", "not known whether taken back", "not tried"

PlanOf = Callable[[Action], Awaitable[Plan]]


@dataclass
class _Row:
    """One change, and what becomes of it."""

    number: int
    action: Action
    outcome: str = _TO_DO
    why: str | None = None
    would: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        about = {"row": self.number, "outcome": self.outcome, "action_id": self.action.id, "record": self.action.label}
        return about | self.would | ({"why": self.why} if self.why else {})


class Together:
    """The changes of one call."""

    def __init__(self, clientary: Clientary, actions: Iterable[Action], plan_of: PlanOf) -> None:
        self._clientary, self._plan_of = clientary, plan_of
        self._rows = [_Row(number, action) for number, action in enumerate(actions, 1)]
        self._failures: list[tuple[_Row, ClientaryError]] = []

    async def show(self) -> Outcome:
        """What would be taken back, and what not."""
        at_once = self._clientary.settings.concurrency
        await gather((partial(self._plan, row) for row in self._rows), at_once)
        if not self._with(_TO_DO):
            return self._nothing()
        return preview(f"take back {self._counted(_TO_DO)}, the last first", steps=self._steps())

    async def act(self) -> Outcome:
        """Take them back; a failure stops no other, unless the others would meet it as well."""
        for _, rows in groupby(self._rows, lambda row: row.action.tool):  # a project before the client that it is of
            await gather((partial(self._take_back, row) for row in rows), self._clientary.settings.concurrency)
        if self._failures:
            some = bool(self._with(_DONE))
            raise stopped(self._failures, lambda row: f"Row {row.number}", self._told(), some_done=some)
        return done(f"Took back {self._counted(_DONE)}.", steps=self._steps()) if self._with(_DONE) else self._nothing()

    async def _plan(self, row: _Row) -> Plan | None:
        """How the change is taken back; None if that is impossible or not needed."""
        try:
            plan = await self._plan_of(row.action)
        except (BadArguments, NotFound) as refusal:
            row.outcome, row.why = _REFUSED, refusal.sentences[0]
            return None
        if plan.preview.to_proceed is None:
            row.outcome = _SAME
            return None
        row.would = _would(plan.preview)
        return plan

    async def _take_back(self, row: _Row) -> None:
        if any(isinstance(failure, STOPPING) for _, failure in self._failures):
            row.outcome = _NOT_TRIED
            return
        try:
            if plan := await self._plan(row):
                await take_back(self._clientary, row.action.id, plan)
                row.outcome = _DONE
        except (BadArguments, NotFound, Refused) as refusal:
            row.outcome, row.why = _REFUSED, str(refusal)
        except ClientaryError as failure:
            row.outcome, row.why = (_UNKNOWN if failure.effect == "unknown" else _FAILED), str(failure)
            self._failures.append((row, failure))

    def _with(self, outcome: str) -> list[_Row]:
        return [row for row in self._rows if row.outcome == outcome]

    def _counted(self, outcome: str) -> str:
        """`12 changes of one call (refused: row 3)`."""
        told = self._told(outcome)
        return f"{count_of(len(self._with(outcome)), 'change')} of one call{f' ({told})' if told else ''}"

    def _told(self, but: str | None = None) -> str:
        rows = ({"row": row.number, "outcome": row.outcome} for row in self._rows if row.outcome != but)
        return "; ".join(by_outcome(rows))

    def _steps(self) -> list[dict[str, Any]]:
        return [row.to_json() for row in self._rows]

    def _nothing(self) -> Outcome:
        return nothing_to_do(f"There is nothing to take back: {self._told()}.", steps=self._steps())


def _would(shown: Outcome) -> dict[str, Any]:
    """What a preview shows, in a row: the values before and after, or what is deleted."""
    if shown.steps:
        fields = {"before": "now", "after": "then"}
        return {key: {step["field"]: step[name] for step in shown.steps} for key, name in fields.items()}
    return {"what": shown.message} | ({"goes_with_it": shown.goes_with_it} if shown.goes_with_it else {})
