"""Fuzzes every tool with valid and nearly valid arguments: each call must return a valid answer or error."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # brings no types
import mcp_types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.gated import EVERYTHING

JsonObject = dict[str, Any]
Values = st.SearchStrategy[Any]

QUOTED = re.compile("'[^']*'|“[^”]*”")
"""What was given, as messages repeat it: Hypothesis takes words from our sources as well."""
LIBRARY_WORDS = ("pydantic", "traceback", "httpx", "sqlite", "validation error", "that is a defect", "<class")
TABLES = {
    "client_id": "clients",
    "contact_id": "contacts",
    "lead_id": "leads",
    "project_id": "projects",
    "hour_entry_id": "hours",
    "task_id": "tasks",
    "expense_id": "expenses",
    "invoice_id": "invoices",
    "estimate_id": "estimates",
    "payment_id": "payments",
    "payment_profile_id": "payment_profiles",
    "recurring_schedule_id": "recurring_schedules",
    "staff_id": "staff",
    "assignee_id": "staff",
    "item_id": "invoice_items",
}

ENTRIES = {"recipients": "email", "invoice_ids": "invoice_id"}
"""What the entries of a list are, where they are called otherwise."""

LINKED = {
    ("invoice_id", "payment_id"): "SELECT invoice_id, id AS payment_id FROM payments",
    ("invoice_id", "payment_profile_id"): "SELECT i.id AS invoice_id, p.id AS payment_profile_id"
    " FROM payment_profiles p JOIN invoices i USING (client_id)",
    ("client_id", "payment_profile_id"): "SELECT client_id, id AS payment_profile_id FROM payment_profiles",
    ("tool", "changes"): "SELECT 'update_lead' AS tool, json_array(id) AS ids, json_object('city', 'Bath') AS changes"
    " FROM leads",
}
"""Arguments that only go together."""
LISTS = [tool.name for tool in ALL if tool.name.startswith("list_") or tool.resource == "reports"]
WORDS: dict[str, list[Any]] = {
    "email": ["ada@example.com"],
    "last_four_digits": ["4242"],
    "currency_code": ["EUR"],
    "status": ["open", ["sent", "open"], "draft, active"],
    "since": ["2026-11-01", "2026-11-19T08:00:00Z"],
    "tool": LISTS,
    "path": ["clients/1201", "leads", "invoices/20101/payments", "staff", "nothing/7"],
    "body": ['{"lead": {"name": "Globex"}}', {"client": {"city": "Bath"}}],
    "invoice_extra_fields": [{"PO": "7"}, [{"name": "PO", "value": "7"}], '{"PO": 7}'],
    "cost_rates": [{"1": 40, "2": "45.50"}, [{"staff_id": 1, "rate": 40}], {}],
}
"""Values that must look like something, some of them in a form that is accepted without being published."""
DEEP: Any = "deep"
for _ in range(40):
    DEEP = [{"deeper": DEEP}]
LONG_NUMBER = int("7" * 3_000)
HUGE: list[Any] = ["x" * 60_000, LONG_NUMBER, -LONG_NUMBER, 2**63, 1e308, float("inf"), [0] * 2_000, DEEP]
JSON_TEXT = [
    "[" * 50_000,
    '{"a":' * 50_000,
    "[]",
    "{}",
    "null",
    '[{"title": 1}]',
    '{"\\ud800": "\\udfff"}',
    '["\\ud800"]',
    '[{"title": "\\ud800", "quantity": 1, "price": 1}]',
    f"[{'9' * 5_000}]",
    '["a", {"b": 1e999}]',
]
ODD_TEXT = [
    "",
    " ",
    "\x00",
    "\ud800",
    "a\udfff",
    "\u202eabc",
    "\u200b",
    "\x1b[31m",
    "💸",
    "٣",
    "۱۲",
    "²",
    "../..",
    "1e5",
    "0x1F",
]
STRANGE_NAMES = [
    "",
    "id",
    "args",
    "__proto__",
    "self",
    "confirm ",
    "clientId",
    "limit\u200b",
    "💸",
    "a.b",
    "x" * 5_000,
]


_FILLED = agency()

text = st.one_of(st.text(max_size=12), st.sampled_from(["Ada", "ada@example.com", "EUR", "usd", "4242", *ODD_TEXT]))
names = st.sampled_from(STRANGE_NAMES) | st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.one_of(st.integers(-3, 120), st.decimals(-1, 10**6, places=2).map(float))
days = st.one_of(
    st.dates().map(str), st.sampled_from(["2026-11-20", "2026/11/20", "2026-02-30", "20.11.2026", "0001-1-1"])
)
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), text, days)
anything = st.one_of(
    plain,
    st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=5
    ),
    st.sampled_from(HUGE),
    st.sampled_from(JSON_TEXT),
)


def fitting(schema: JsonObject, name: str = "") -> Values:
    """Values that a published schema allows; ids are mostly those of existing records."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if name in WORDS:
        return st.sampled_from(WORDS[name]) | text
    match schema["type"], schema.get("format"):
        case "string", "date":
            return days
        case "string", _:
            return text
        case "integer", _ if name in TABLES:
            rows = _FILLED.connection.execute(f"SELECT id FROM {TABLES[name]} LIMIT 30")  # noqa: S608 ours
            return st.sampled_from([row["id"] for row in rows]) | st.integers(1, 99_999)
        case "integer", _:
            return st.integers(0, 60)
        case "number", _:
            return numbers
        case "boolean", _:
            return st.booleans()
        case "array", _:
            entries = st.lists(fitting(schema["items"], ENTRIES.get(name, name)), min_size=1, max_size=3)
            return entries | entries.map(json.dumps)
        case _:
            return objects(schema)


def objects(schema: JsonObject) -> Values:
    """Objects with what a schema requires, and some of what it allows."""
    fields = {name: fitting(field, name) for name, field in schema["properties"].items()}
    required = schema.get("required", [])
    optional = {name: values for name, values in fields.items() if name not in required}
    if pair := next((statement for ids, statement in LINKED.items() if {*ids} <= {*required}), None):
        rows = [dict(row) for row in _FILLED.connection.execute(f"{pair} LIMIT 30")]
        rest = {name: fields[name] for name in required if name not in rows[0]}
        addressed = st.fixed_dictionaries(rest, optional=optional)
        return st.builds(lambda row, given: row | given, st.sampled_from(rows), addressed)
    return st.fixed_dictionaries({name: fields[name] for name in required}, optional=optional)


@st.composite
def spoiled(draw: st.DrawFn, schema: JsonObject) -> JsonObject:
    """Valid arguments of which one is wrong, missing or unknown, or all are."""
    arguments = dict(draw(objects(schema)))
    known = list(schema["properties"])
    match draw(st.sampled_from(["value", "value", "name", "missing", "text", "all"])):
        case "value" if known:
            arguments[draw(st.sampled_from(known))] = draw(anything)
        case "name":
            arguments[draw(names)] = draw(anything)
        case "missing" if arguments:
            del arguments[draw(st.sampled_from(list(arguments)))]
        case "text" if arguments:
            name = draw(st.sampled_from(list(arguments)))
            arguments[name] = json.dumps(arguments[name])
        case _:
            arguments = (
                {name: draw(anything) for name in draw(st.lists(st.sampled_from(known), unique=True))} if known else {}
            )
    return arguments


class Host:
    """An agent on a separate account, for tests that are not coroutines."""

    def __init__(self, runner: asyncio.Runner, sandbox: Sandbox, agent: Agent) -> None:
        self._runner, self.sandbox, self._agent = runner, sandbox, agent

    def call(self, tool: str, arguments: JsonObject) -> mcp_types.CallToolResult:
        """The result, whether it succeeded or not."""
        return self._runner.run(self._agent.call(tool, arguments))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host for each tool; every tool is exposed and may write its files."""
    sandbox = agency()
    with asyncio.Runner() as runner:
        opened: asyncio.Future[Agent] = runner.get_loop().create_future()
        closing = asyncio.Event()

        async def stay() -> None:
            async with agent_of(session_with(sandbox, toolsets=EVERYTHING, export_dir=tmp_path)) as agent:
                opened.set_result(agent)
                await closing.wait()

        async def open_it() -> Agent:
            return await opened

        async def close_it() -> None:
            closing.set()
            await staying

        staying = runner.get_loop().create_task(stay())
        yield Host(runner, sandbox, runner.run(open_it()))
        runner.run(close_it())


def check(host: Host, tool: Tool, arguments: JsonObject) -> bool:
    """Make one call and return whether it succeeded. The answer matches the output schema or is a readable error."""
    before = len(host.sandbox.ledger), len(host.sandbox.requests)
    result = host.call(tool.name, arguments)
    (message,) = result.content
    assert isinstance(message, mcp_types.TextContent)
    message.text.encode()
    if not result.is_error:
        jsonschema.validate(result.structured_content, tool.published.output_schema or {})
        return True
    assert message.text.strip()
    assert len(message.text) < 2_000
    ours = QUOTED.sub("", message.text).lower()
    assert not [word for word in LIBRARY_WORDS if word in ours], message.text
    if "Nothing was sent" in message.text or "Nothing was changed" in message.text:
        assert len(host.sandbox.ledger) == before[0]
        if message.text.startswith(f"{tool.name}: ") and " name like " not in message.text:
            assert len(host.sandbox.requests) == before[1]
    return False


@pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)
def test_any_arguments_get_a_valid_answer(host: Host, tool: Tool) -> None:
    schema = tool.published.input_schema
    outcomes: set[bool] = set()

    @settings(suppress_health_check=list(HealthCheck))
    @given(st.one_of(objects(schema), spoiled(schema)))
    def every_call_is_answered(arguments: JsonObject) -> None:
        outcomes.add(check(host, tool, arguments))

    every_call_is_answered()
    if settings.get_profile("long") is settings.default:  # a few examples may all be refused
        assert outcomes == {True, False}, "either nothing was refused, or everything was"
