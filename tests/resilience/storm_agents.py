"""The agents of the storm: each works on its own records, trusts the reported outcomes, and retries failed writes."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import mcp_types

from tests.resilience.checker import Checker, key_of
from tests.resilience.outcomes import Answer
from tests.resilience.storm_jobs import FAILURES, JOBS, QUESTIONS
from tests.resilience.storm_outcomes import CHANGED_ALIKE, record_path
from tests.resilience.storm_records import COMMON_LISTS, KINDS, OWN_LISTS, JsonObject, OwnRecords
from tests.support.agent import Agent
from tool_schemas.base.results import MAX_ANSWER

_TRIES = 4
_ONCE = ("create_", "copy_", "send_", "charge_")
"""Tools whose calls are not made twice."""


class Worker:
    """One agent at work."""

    persistent = 0.5
    """The share of the writes of unknown outcome that are called again."""
    later: tuple[float, ...] = (0.0, 30.0, 180.0)
    """Seconds after which they are."""

    def __init__(self, checker: Checker, agent: Agent, dice: random.Random, number: int) -> None:
        self._checker, self._agent, self._random, self._number = checker, agent, dice, number
        self._own = OwnRecords()
        self._marks = 0

    async def create_base(self) -> None:
        """Create the records that all others belong to, before the storm."""
        for kind in ("client", "project", "invoice", "payment_profile"):
            assert await self._create(kind) is not None

    async def work(self) -> None:
        """Make one call after another until all are made; one record of each kind first."""
        things: dict[Callable[[], Awaitable[Any]], int] = {
            self._create_something: 27,
            self._update: 18,
            self._delete: 22,
            self._pay_by_card: 3,
            self._mail: 5,
            self._get: 10,
            self._list_own: 14,
            self._list_common: 4,
            self._list_staff: 2,
            self._run_report: 12,
            self._run_job: 14,
            self._copy: 2,
            self._undo: 5,
            self._mistake: 3,
        }
        for tool in COMMON_LISTS:
            await self._list_common(tool)
        while not self._checker.over:
            (thing,) = self._random.choices(list(things), list(things.values()))
            await thing()

    async def _call(self, tool: str, arguments: JsonObject) -> mcp_types.CallToolResult | None:
        self._checker.count(tool)
        try:
            result = await self._agent.call(tool, arguments)
        except Exception as error:  # noqa: BLE001 this is what the storm is to find
            self._checker.add_violation("unhandled exceptions", f"{tool} {arguments}: {error!r}")
            return None
        text = result.content[0]
        assert isinstance(text, mcp_types.TextContent)
        if result.is_error and "that is a defect" in text.text:
            self._checker.add_violation("unhandled exceptions", f"{tool} {arguments}: {text.text}")
            return None
        if len(text.text) > MAX_ANSWER:
            self._checker.add_violation("answers out of bounds", f"{tool} {arguments}: {len(text.text)} characters")
        return result

    async def _run_report(self) -> None:
        """Ask a question about many records, which is answered or fails because of Clientary."""
        tool, given = self._random.choice(QUESTIONS)
        arguments = given(self._own)
        result = await self._call(tool, arguments)
        if result is None:
            return
        self._checker.report.lists["failed" if result.is_error else "answered"] += 1
        if result.is_error and not any(words in str(result.content) for words in FAILURES):
            self._checker.add_violation("outcomes misreported", f"{tool} {arguments}: {result.content}")

    async def _run_job(self) -> None:
        """Call a job, and repeat it until it is done, as its errors advise: by its preview, or by a new one."""
        job = self._random.choice(JOBS)
        if not self._own.ids[job.needs] and await self._create(job.needs) is None:
            return
        for _ in range(job.fresh):
            await self._create(job.needs)
        arguments = job.given(self._own, self._mark, self._random)
        if arguments is None:
            return
        shown: mcp_types.CallToolResult | None = None
        for _ in range(_TRIES):
            if shown is None or shown.is_error:
                shown = await self._call(job.tool, arguments)
            if shown is None:
                return
            if shown.is_error:
                continue
            result = await self._call(job.tool, arguments | {"confirm": True} | _preview_id(shown))
            if result is None:
                return
            if _preview_id(result):  # a new preview, since what was shown has changed
                shown = result
                continue
            try:
                answer = Answer.of(result, may_have_nothing_to_do=True)
            except AssertionError as error:
                self._checker.add_violation("outcomes misreported", f"{job.tool} {arguments}: {error}")
                return
            if job.told is None:
                self._checker.record_job(job.tool, job.keys(arguments), answer)
            else:
                told = job.told(arguments, dict(shown.structured_content or {}), answer)
                self._checker.record_writes(job.tool, told, answer)
            if not result.is_error or not await self._goes_on(answer):
                break
            shown = None if job.anew and self._random.random() < 0.5 else shown

    async def _goes_on(self, answer: Answer) -> bool:
        """Whether a job that failed is called again; if its outcome is unknown, later and not always."""
        if answer.outcome == "unknown":
            if self._random.random() >= self.persistent:
                return False
            await anyio.sleep(self._random.choice(self.later))
        return True

    async def _copy(self) -> None:
        """Copy an invoice."""
        mark = self._mark()
        arguments = {"invoice_id": self._random.choice(self._own.ids["invoice"]), "note": f"Copy {mark}"}
        answer = await self._write("copy_invoice", arguments, mark)
        if answer is not None and answer.outcome == "done":
            self._own.ids["invoice"].append(answer.content["id"])

    async def _undo(self) -> None:
        """Take back one of the agent's own changes of what only bulk updates change."""
        listed = await self._call("undo", {})
        if listed is None or listed.is_error:
            return
        own = [
            (row["action_id"], kind, row[f"{kind}_id"])
            for row in (listed.structured_content or {}).get("steps", ())
            for kind in CHANGED_ALIKE
            if row["tool"] == f"update_{kind}" and row[f"{kind}_id"] in self._own.ids[kind] and row["can_be_taken_back"]
        ]
        if not own:
            return
        action, kind, record = self._random.choice(own)
        shown = await self._call("undo", {"action_id": action})
        steps = (shown.structured_content or {}).get("steps", ()) if shown else ()
        then = {step["field"]: step["then"] for step in steps}
        if CHANGED_ALIKE[kind] not in then:
            return
        key = key_of("PUT", record_path(kind, record), str(then).encode())
        before = self._checker.times(key)
        for _ in range(_TRIES):
            result = await self._call("undo", {"action_id": action, "confirm": True})
            if result is None:
                return
            answer = Answer.of(result, may_have_nothing_to_do=True)
            self._checker.record_undo(key, before, answer)
            if not result.is_error or not await self._goes_on(answer):
                break

    async def _write(self, tool: str, arguments: JsonObject, key: str) -> Answer | None:
        """Make a write, and repeat it while it is reported as not done, or perhaps while that is unknown."""
        answer = None
        for _ in range(_TRIES):
            result = await self._call(tool, arguments)
            if result is None:
                return None
            try:
                answer = Answer.of(result)
            except AssertionError as error:
                self._checker.add_violation("outcomes misreported", f"{tool} {key}: {error}")
                return None
            self._checker.record_outcome(tool, key, answer)
            if answer.outcome == "unknown" and tool.startswith(_ONCE) and self._random.random() < self.persistent:
                await anyio.sleep(self._random.choice(self.later))
            elif answer.outcome != "not done":
                break
        return answer

    def _mark(self) -> str:
        self._marks += 1
        return f"mark-{self._number}-{self._marks}"

    async def _create(self, kind: str) -> int | None:
        made, mark = KINDS[kind], self._mark()
        answer = await self._write(made.made_by, made.given(self._own, mark), mark)
        if answer is None or answer.outcome != "done":
            return None
        self._own.ids[kind].append(answer.content["id"])
        if kind == "invoice":
            self._own.numbers[answer.content["id"]] = answer.content["number"]
        return int(answer.content["id"])

    async def _create_something(self) -> None:
        common = ("hour_entry", "task", "contact", "expense", "payment")
        await self._create(self._random.choice((*KINDS, *common, *common)))

    def _some(self, kinds: list[str], *, spare: bool = False) -> tuple[str, int] | None:
        kinds = [kind for kind in kinds if (self._own.spare(kind) if spare else self._own.ids[kind])]
        if not kinds:
            return None
        kind = self._random.choice(kinds)
        return kind, self._random.choice(self._own.spare(kind) if spare else self._own.ids[kind])

    async def _update(self) -> None:
        if (one := self._some([kind for kind in KINDS if KINDS[kind].changed])) is None:
            return
        kind, record = one
        mark, changed = self._mark(), KINDS[kind].changed or ""
        arguments: JsonObject = {f"{kind}_id": record, changed: mark}
        if kind in ("invoice", "estimate") and self._random.random() < 0.3:
            arguments["items"] = [{"title": f"Also {mark}", "quantity": 1, "price": 20}]
        if kind == "task" and self._random.random() < 0.5:
            arguments["complete"] = True
        await self._write(f"update_{kind}", arguments, mark)

    async def _delete(self) -> None:
        if (one := self._some(list(KINDS), spare=True)) is None:
            return
        kind, record = one
        arguments = {f"{kind}_id": record} | KINDS[kind].address(self._own)
        if self._random.random() < 0.4:
            await self._call(f"delete_{kind}", arguments)  # a preview
        key = key_of("DELETE", f"{KINDS[kind].path(self._own)}/{record}")
        answer = await self._write(f"delete_{kind}", arguments | {"confirm": True}, key)
        if answer is None or answer.outcome != "not done":
            self._own.ids[kind].remove(record)

    async def _pay_by_card(self) -> None:
        if (invoice := await self._create("invoice")) is None:
            return
        arguments = {"invoice_id": invoice, "payment_profile_id": self._own.ids["payment_profile"][0]}
        await self._call("charge_payment_profile", arguments)
        key = key_of("POST", f"invoices/{invoice}/payments")
        await self._write("charge_payment_profile", arguments | {"confirm": True}, key)

    async def _mail(self) -> None:
        if (one := self._some(["invoice", "estimate"])) is None:
            return
        kind, record = one
        mark = self._mark()
        arguments = {f"{kind}_id": record, "recipients": ["ada@example.com"], "subject": mark, "confirm": True}
        await self._write(f"send_{kind}_message", arguments, mark)

    async def _get(self) -> None:
        kinds = [kind for kind in KINDS if kind not in ("payment", "payment_profile")]
        if (one := self._some(kinds)) is None:
            return
        kind, record = one
        result = await self._call(f"get_{kind}", {f"{kind}_id": record})
        lost = result is not None and result.is_error and "was not found" in str(result.content)
        if lost and self._checker.sandbox.store.find(KINDS[kind].table, record) is not None:
            self._checker.add_violation("outcomes misreported", f"get_{kind} {record} was not found, and is there")

    async def _list_own(self) -> None:
        tool = self._random.choice(list(OWN_LISTS))
        kind, owner = OWN_LISTS[tool]
        if (of := self._some([owner.removesuffix("_id")])) is None:
            return
        # Most of an agent's records hang on its first client and project.
        record = of[1] if owner == "recurring_schedule_id" else self._own.ids[of[0]][0]
        listed = await self._list(tool, {owner: record, "limit": 1000, "detail": "summary"})
        rows = self._checker.sandbox.store.select(KINDS[kind].table, f"{owner} = ?", (record,), columns="id")
        there = {row["id"] for row in rows}
        if listed is not None and listed != there:
            self._checker.add_violation("lists called complete that are not", f"{tool} {record}: {listed ^ there}")

    async def _list_common(self, tool: str | None = None) -> None:
        tool = tool or self._random.choice(list(COMMON_LISTS))
        kind = COMMON_LISTS[tool]
        before = self._existing(kind)
        listed = await self._list(tool, {"limit": 1000} | ({"include_completed": True} if kind == "project" else {}))
        missing = (before & self._existing(kind)) - (listed if listed is not None else before)
        if missing:
            self._checker.add_violation("lists called complete that are not", f"{tool} lacks {missing}")

    def _existing(self, kind: str) -> set[int]:
        """The agent's own records that exist."""
        store = self._checker.sandbox.store
        return {row["id"] for row in store.select_in(KINDS[kind].table, "id", self._own.ids[kind])}

    async def _list(self, tool: str, arguments: JsonObject) -> set[int] | None:
        """The ids of a complete list; None if it is incomplete or could not be read."""
        result = await self._call(tool, arguments)
        if result is None or result.is_error:
            self._checker.report.lists["failed"] += 1
            return None
        answer = dict(result.structured_content or {})
        self._checker.report.lists["complete" if answer["complete"] else "in part"] += 1
        return {record["id"] for record in answer["records"]} if answer["complete"] else None

    async def _list_staff(self) -> None:
        await self._call("list_staff", {})
        await self._call("get_staff", {"staff_id": self._random.randint(1, 4)})

    async def _mistake(self) -> None:
        """Make a mistake that agents make: a wrong name, an unknown record or an invalid word."""
        mistakes: list[tuple[str, JsonObject]] = [
            ("create_task", {"titel": "Close the hatches"}),
            ("get_client", {"client_id": 999_999_999}),
            ("update_invoice", {"invoice_id": 20_101, "status": "overdue"}),
            ("list_tasks", {"limit": 0}),
        ]
        tool, arguments = self._random.choice(mistakes)
        result = await self._call(tool, arguments)
        if result is not None and not result.is_error:
            self._checker.add_violation("outcomes misreported", f"{tool} {arguments} is reported to have worked")


def _preview_id(result: mcp_types.CallToolResult) -> JsonObject:
    """The id of the preview that an answer is, as an argument; nothing for any other answer."""
    content = result.structured_content or {}
    return {"preview_id": content["preview_id"]} if "preview_id" in content and not content["done"] else {}
