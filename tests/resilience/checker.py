"""Compares the effects of writes with the reported outcomes, during a storm and afterwards over the whole ledger."""

import gc
import json
import random
import re
import resource
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from clientary_mcp.api.retry import NOT_SENT
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from tests.resilience.duplicates import find_duplicates
from tests.resilience.outcomes import Answer, Outcome

OVERWRITTEN = 0.3
"""The share of lost updates that a colleague overwrites."""

RULES = (
    "writes lost",
    "writes done twice",
    "outcomes misreported",
    "unknown without need",
    "lists called complete that are not",
    "answers out of bounds",
    "unhandled exceptions",
)
_MARK = re.compile(rb"mark-\d+-\d+")
_OF_INVOICE = re.compile(rb"(?:Copy|Part) (mark-\d+-\d+)")
_ONE_OF_SEVERAL = re.compile(rb"(?:Paid|All) (mark-\d+-\d+)")
_OF_ESTIMATE = re.compile(rb"\(id (\d+)\)")
_OF_HOURS = re.compile(rb"Time entries: [\d, -]+")


def key_of(method: str, path: str, body: bytes = b"") -> str:
    """The key that identifies a write: the mark in its body, or the path of a delete or a charge, which has none.

    An invoice created by a job is identified by the source named in its note, since its lines may have marks too; the
    payments and updates of a job, which have one mark, by their paths as well.
    """
    if path != "invoices" and (one := _ONE_OF_SEVERAL.search(body)):
        return f"{one[1].decode()} at {path}"
    if (method, path) == ("POST", "invoices"):
        if made_of := _OF_HOURS.search(body):
            return made_of[0].decode()
        if made := _OF_INVOICE.search(body):
            return made[1].decode()
        if made_of := _OF_ESTIMATE.search(body):
            return f"invoice of estimate {made_of[1].decode()}"
    mark = _MARK.search(body)
    return mark[0].decode() if mark else f"{method} {path}"


def _is_a_jobs(key: str) -> bool:
    """Whether only jobs make this write: they report it among their steps, and its key has no mark."""
    return key.startswith(("Time entries: ", "invoice of estimate ", "PUT hours/", "PUT invoices/"))


def _said_to_be_unknown(answer: Answer) -> set[str]:
    """The keys of the rows that a job leaves out because an earlier call sent them, and they may still come."""
    steps = [step for step in answer.content.get("steps", ()) if str(step.get("outcome")).startswith("not known")]
    return {str(step["email"]).partition("@")[0] for step in steps}


def megabytes() -> float:
    """The memory that the process uses, after garbage collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


class Recorder(Protocol):
    """What is known of the requests, beyond the account's ledger."""

    open: set[str]
    """The keys of the writes whose outcome nobody can know from an answer."""
    requests: int


class WriteRecorder(Network):
    """Sits between the session and the account, and records the writes whose response was lost or faulty.

    A `colleague` of that seed overwrites some of the texts whose update was lost, before anybody can check it.
    """

    def __init__(self, sandbox: Sandbox, colleague: int | None = None) -> None:
        super().__init__(sandbox)
        self.open: set[str] = set()
        self.requests = 0
        self.overwritten = 0
        self._sandbox = sandbox
        self._dice = None if colleague is None else random.Random(colleague)  # noqa: S311 - repeatable

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response; that of a write is read here, since it may be truncated."""
        self.requests += 1
        if request.method == "GET":
            return await super().handle_async_request(request)
        key = key_of(request.method, request.url.path.removeprefix("/api/v2/"), request.content)
        try:
            response = await super().handle_async_request(request)
            content = await response.aread()
        except httpx.TransportError as error:
            if not isinstance(error, NOT_SENT):
                self._lose(key, request)
            raise
        refused = 400 <= response.status_code < 500
        if not refused and (not response.is_success or content.startswith(b"<")):
            self._lose(key, request)
        elif response.status_code != 429:
            self.open.discard(key)
        return response

    def _lose(self, key: str, request: httpx.Request) -> None:
        self.open.add(key)
        if request.method != "PUT" or self._dice is None or self._dice.random() >= OVERWRITTEN:
            return
        resource, record = request.url.path.split("/")[-2:]
        table = {"recurring": "recurring_schedules"}.get(resource, resource)
        (fields,) = json.loads(request.content).values()
        columns = [name for name, value in fields.items() if isinstance(value, str) and "mark-" in value]
        with self._sandbox.connection:
            theirs = dict.fromkeys(columns, "a colleague's text") | {"updated_at": self._sandbox.store.now()}
            self._sandbox.store.update(table, int(record.removesuffix(".json")), theirs)
        self.overwritten += 1


@dataclass
class Report:
    """The result of a storm."""

    calls: Counter[str] = field(default_factory=Counter)
    """By tool."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """The number of writes per reported outcome."""
    lists: Counter[str] = field(default_factory=Counter)
    """The number of lists that were complete, partial or failed."""
    struck: Counter[str] = field(default_factory=Counter)
    """By kind of fault."""
    violations: dict[str, list[str]] = field(default_factory=lambda: {rule: [] for rule in RULES})
    requests: int = 0
    effects: int = 0
    seconds: float = 0.0
    """Of virtual time."""
    early: float = 0.0
    late: float = 0.0
    """Megabytes in memory after the first tenth of the calls, and after the last."""


class Checker:
    """Checks every call that agents make and every outcome that they receive."""

    def __init__(self, sandbox: Sandbox, recorder: Recorder, calls: int) -> None:
        self.sandbox, self.report = sandbox, Report()
        self._recorder = recorder
        self._calls = calls
        self.made = 0
        self._effects: dict[str, list[int]] = defaultdict(list)
        self._read = 0
        self._added: Counter[str] = Counter()
        self._reported: dict[str, Counter[str]] = defaultdict(Counter)
        self._last: dict[str, str] = {}
        self._by_jobs: set[str] = set()
        self._partly_reported: set[str] = set()

    @property
    def over(self) -> bool:
        """Whether all calls were made."""
        return self.made >= self._calls

    def count(self, tool: str) -> None:
        """One more call."""
        self.report.calls[tool] += 1
        self.made += 1
        if self.made == max(self._calls // 10, 1):
            self.report.early = megabytes()

    def add_violation(self, rule: str, what: str) -> None:
        """Record a violation."""
        self.report.violations[rule].append(what)

    def record_outcome(self, tool: str, key: str, answer: Answer) -> None:
        """Check the reported outcome of a write against its effects so far."""
        self.report.outcomes[answer.outcome] += 1
        self._last[key] = answer.outcome
        self._reported[key][answer.outcome] += 1
        effects, message = self._effects_of(key), f"{tool} {key}: {answer.text[:300]}"
        if answer.outcome == "done" and not effects:
            self.add_violation("writes lost", message)
        elif (
            answer.outcome == "done"
            and tool.startswith(("create_", "copy_", "update_"))
            and answer.content.get("id") not in effects
        ):
            self.add_violation("outcomes misreported", f"another record, not {effects}: {message}")
        elif answer.outcome == "not done" and effects and not self._is_of_an_earlier_call(key, answer):
            self.add_violation("outcomes misreported", message)
        elif answer.outcome == "unknown" and key not in self._recorder.open:
            self.add_violation("unknown without need", message)

    def _is_of_an_earlier_call(self, key: str, answer: Answer) -> bool:
        """Whether the answer rightly leaves open what an earlier call did. One server knows all that it sent."""
        return False

    def record_job(self, tool: str, keys: set[str], answer: Answer) -> None:
        """Check the reported outcome of a job, whose writes have these keys, against their effects so far."""
        self._by_jobs |= keys
        self.report.outcomes[answer.outcome] += 1
        unknown = keys if answer.outcome in ("unknown", "half") else _said_to_be_unknown(answer)
        missing = {key for key in keys if not self._effects_of(key)} - _said_to_be_unknown(answer)
        message = f"{tool} {sorted(keys)}: {answer.text[:300]}"
        nothing_to_do = answer.outcome == "not done" and answer.content.get("done") is False
        if missing and (answer.outcome == "done" or nothing_to_do):
            self.add_violation("writes lost", f"{message} lacks {missing}")
        elif answer.outcome == "not done" and not nothing_to_do and keys - missing - self._partly_reported:
            self.add_violation("outcomes misreported", message)
        elif answer.outcome == "unknown" and keys and not keys & self._recorder.open:
            self.add_violation("unknown without need", message)
        self._partly_reported |= keys - missing | unknown  # what a later call finds done may be reported so far

    def record_writes(self, tool: str, told: Mapping[str, Outcome], answer: Answer) -> None:
        """Check what a job reports of each of its writes, by their keys; `half` where it reports no more than that."""
        self._by_jobs |= told.keys()
        self.report.outcomes[answer.outcome] += 1
        for key, outcome in told.items():
            effects, message = self._effects_of(key), f"{tool} {key} is {outcome}: {answer.text[:300]}"
            if outcome == "done" and not effects:
                self.add_violation("writes lost", message)
            elif outcome == "not done" and effects and key not in self._partly_reported:
                self.add_violation("outcomes misreported", message)
            elif outcome == "unknown" and key not in self._recorder.open:
                self.add_violation("unknown without need", message)
            self._reported[key]["unknown" if outcome == "half" else outcome] += 1
            if outcome != "not done" or effects:
                self._partly_reported.add(key)

    def times(self, key: str) -> int:
        """How often this key's write has taken effect so far."""
        return len(self._effects_of(key))

    def record_undo(self, key: str, before: int, answer: Answer) -> None:
        """Check the reported outcome of an undo, which repeats a write that had taken effect that often `before`."""
        self._by_jobs.add(key)
        self.report.outcomes[answer.outcome] += 1
        again, message = self.times(key) > before, f"undo {key}: {answer.text[:300]}"
        if answer.outcome == "done" and not again:
            self.add_violation("writes lost", message)
        elif answer.outcome == "not done" and again and not self._reported[key]["unknown"]:
            self.add_violation("outcomes misreported", message)
        elif answer.outcome == "unknown" and key not in self._recorder.open:
            self.add_violation("unknown without need", message)
        self._reported[key][answer.outcome] += 1

    def _effects_of(self, key: str) -> list[int]:
        """The records of this key's writes that have taken effect so far."""
        ledger = self.sandbox.ledger
        for write in ledger[self._read :]:
            written = key_of(write.method, write.path, write.received)
            self._effects[written].append(write.id)
            self._added[written] += write.method != "PUT" or b"_items_attributes" in write.received
        self._read = len(ledger)
        return self._effects.get(key, [])

    def close(self) -> Report:
        """Compare the whole ledger with the last reported outcomes."""
        self._effects_of("")
        for key, ids in self._effects.items():
            if self._added[key] > 1:
                self.add_violation("writes done twice", f"{key}: {ids}")
            reported = self._reported[key]
            if reported["not done"] and len(ids) > reported["done"] + reported["unknown"]:
                self.add_violation("outcomes misreported", f"{key} was reported as not done, and happened after all")
            if key not in self._last and key not in self._by_jobs and not _is_a_jobs(key):
                self.add_violation("outcomes misreported", f"{key} took effect, and was not reported")
        for what in find_duplicates(self.sandbox):
            self.add_violation("writes done twice", what)
        for key, outcome in self._last.items():
            if (outcome == "done") > bool(self._effects.get(key)):
                self.add_violation("writes lost", f"{key} was reported as done, and is not in the ledger")
        if self.sandbox.faults:
            self.report.struck.update(str(struck.fault.kind) for struck in self.sandbox.faults.struck)
        self.report.requests, self.report.effects = self._recorder.requests, len(self.sandbox.ledger)
        self.report.late = megabytes()
        return self.report
