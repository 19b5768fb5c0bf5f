"""Importing contacts row by row: each row has an outcome, and no address is imported twice."""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.sandbox import Fault, Faults, Switches
from clientary_mcp.server.app import ClientaryServer
from tests.conftest import session_with
from tests.support.agent import agent_of, confirm
from tests.support.long import covering
from tests.support.quarry import Books
from tests.support.users import User, configured, connect, host, text_of, writes
from tests.support.writes import fault_id
from tool_schemas.base.results import MAX_ANSWER

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


class Firms(Books):
    """An account with a few clients, two of one name, and some contacts."""

    def __init__(self) -> None:
        super().__init__()
        self.acme = self.add("clients", name="Acme Ltd")
        self.cafe = self.add("clients", name="Café  Süd")
        self.twins = [self.add("clients", name="Twin & Co") for _ in range(2)]
        self.eve = self.add("contacts", client_id=self.acme, name="Eve", email="Eve@acme.example.com")
        self.lead = self.add("leads", name="Maybe")
        self.finn = self.add("contacts", lead_id=self.lead, name="Finn", email="finn@maybe.example.com")

    def people(self) -> list[dict[str, Any]]:
        """The contacts that were imported."""
        return self.rows("SELECT * FROM contacts WHERE id NOT IN (?, ?) ORDER BY id", self.eve, self.finn)


@pytest.fixture
def firms() -> Firms:
    return Firms()


def ann(**more: Any) -> Row:
    return {"client": "Acme Ltd", "name": "Ann", "email": "ann@acme.example.com", **more}


async def imported(firms: Firms, rows: Any, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived agent."""
    async with agent_of(session_with(firms.sandbox)) as agent:
        ask = agent.confirmed if more.pop("confirm", True) else agent.answer
        return await ask("import_contacts", rows=rows, **more)


async def refused(firms: Firms, rows: Any, **more: Any) -> str:
    async with agent_of(session_with(firms.sandbox)) as agent:
        return await agent.refusal_of_confirmed("import_contacts", rows=rows, **more)


def outcomes(answer: dict[str, Any]) -> list[str]:
    assert [step["row"] for step in answer["steps"]] == list(range(1, len(answer["steps"]) + 1))
    return [step["outcome"] for step in answer["steps"]]


# Rows that are right


async def test_the_preview_shows_each_row_and_changes_nothing(firms: Firms) -> None:
    shown = await imported(firms, [ann(), ann(email="eve@ACME.example.com ")], confirm=False)
    assert shown["steps"] == [
        {
            "row": 1,
            "outcome": "to import",
            "email": "ann@acme.example.com",
            "client_id": firms.acme,
            "client": "Acme Ltd",
        },
        {
            "row": 2,
            "outcome": "already there",
            "email": "eve@ACME.example.com",
            "id": firms.eve,
            "client_id": firms.acme,
            "client": "Acme Ltd",
        },
    ]
    assert "import 1 contact, of 2 rows (1 already there)" in shown["message"]
    assert shown["done"] is False
    assert not writes(firms.sandbox)


async def test_a_confirmed_import_creates_each_contact_with_all_given_fields(firms: Firms) -> None:
    more = {"title": "Owner", "phone": "1", "ext": "2", "mobile": "3"}
    rows = [ann(**more), {"client_id": firms.client, "name": " Bo ", "email": " bo@q.example.com "}]
    done = await imported(firms, rows)
    first, second = firms.people()
    assert {name: first[name] for name in ("name", "email", *more)} == {
        "name": "Ann",
        "email": "ann@acme.example.com",
    } | more
    assert (first["client_id"], second["client_id"]) == (firms.acme, firms.client)
    assert (second["name"].strip(), second["email"]) == ("Bo", "bo@q.example.com")
    assert [(step["outcome"], step["id"]) for step in done["steps"]] == [
        ("imported", first["id"]),
        ("imported", second["id"]),
    ]
    assert done["message"] == "Imported 2 contacts, of 2 rows."


async def test_rows_are_accepted_as_json_text(firms: Firms) -> None:
    assert (
        outcomes(await imported(firms, json.dumps([ann(), json.dumps(ann(email="b@x.example"))]))) == ["imported"] * 2
    )


async def test_the_question_shows_every_row(firms: Firms) -> None:
    user = User()
    async with connect(configured(firms.sandbox), "auto", user) as agent:
        await agent.confirmed("import_contacts", rows=[ann(), ann(email="b@x.example")])
    assert all(text in user.questions[0] for text in ("ann@acme.example.com", "b@x.example", "Acme Ltd"))


# Which client is meant


@pytest.mark.parametrize("name", ["Acme Ltd", "ACME LTD", " acme  ltd ", "Acme-Ltd."])
async def test_a_client_name_matches_whatever_its_case_and_punctuation(firms: Firms, name: str) -> None:
    await imported(firms, [ann(client=name)])
    assert [user["client_id"] for user in firms.people()] == [firms.acme]


async def test_accents_make_no_difference_but_the_exact_name_wins(firms: Firms) -> None:
    await imported(firms, [ann(client="cafe sud")])
    other = firms.add("clients", name="Cafe Sud")
    await imported(firms, [ann(client="Cafe Sud", email="b@x.example"), ann(client="Café Süd", email="c@x.example")])
    assert [user["client_id"] for user in firms.people()] == [firms.cafe, other, firms.cafe]


async def test_an_ambiguous_client_name_is_rejected_with_the_candidates(firms: Firms) -> None:
    (step,) = (await imported(firms, [ann(client="twin & co")]))["steps"]
    one, other = firms.twins
    assert step["outcome"] == "refused"
    assert f"2 clients have that name: {one} “Twin & Co”, {other} “Twin & Co”. Pass client_id." in step["why"]
    assert firms.people() == []


async def test_an_unknown_client_name_is_rejected_with_similar_names(firms: Firms) -> None:
    near, far = (await imported(firms, [ann(client="Acme Limited"), ann(client="Zzyzx", email="b@x.example")]))["steps"]
    assert near["why"] == f"No client has that name; similar names: {firms.acme} “Acme Ltd”."
    assert far["why"] == "No client has that name."
    assert firms.people() == []


async def test_an_unknown_client_id_is_rejected(firms: Firms) -> None:
    rows = [{"client_id": 999, "name": "Ann", "email": "a@x.example"}]
    assert (await imported(firms, rows))["steps"][0]["why"] == "Client 999 does not exist."


@pytest.mark.parametrize("clients", [3, 15])
async def test_clients_are_found_by_id_however_many_they_are(firms: Firms, clients: int) -> None:
    ids = [firms.add("clients", name=f"Firm {number}") for number in range(clients)]
    rows = [{"client_id": each, "name": "X", "email": f"x{each}@x.example"} for each in ids]
    assert outcomes(await imported(firms, rows)) == ["imported"] * clients
    assert [user["client_id"] for user in firms.people()] == ids


# Addresses that are there, and rows that are wrong

MIXED: list[tuple[Row, str, str]] = [
    (ann(), "imported", ""),
    (ann(name="Ann again", email=" ANN@acme.example.com"), "same as row 1", ""),
    (ann(email="eve@acme.example.com"), "already there", ""),
    (ann(client="Quarry Books", email="EVE@acme.example.com"), "already there", "Another client has a contact"),
    (ann(email="finn@maybe.example.com"), "already there", "A lead has a contact"),
    (ann(email="not an address"), "refused", "takes one e-mail address"),
    ({"client": "Acme Ltd", "email": "b@x.example"}, "refused", "name is required"),
    (ann(name=" ", email="b@x.example"), "refused", "not blank"),
    (ann(client=None, email="b@x.example"), "refused", "needs client_id or client, one of the two"),
    (ann(client_id=1, email="b@x.example"), "refused", "one of the two"),
    (ann(emial="b@x.example"), "refused", "Did you mean email?"),
    (ann(client="Twin & Co", email="b@x.example"), "refused", "2 clients have that name"),
    (ann(email="b@x.example"), "imported", ""),
    ({}, "refused", "email is required"),
]


async def test_each_row_has_its_own_outcome_and_an_invalid_row_rejects_no_other(firms: Firms) -> None:
    rows = [row for row, _, _ in MIXED]
    shown, done = await imported(firms, rows, confirm=False), await imported(firms, rows)
    expected = [outcome for _, outcome, _ in MIXED]
    assert outcomes(shown) == [outcome.replace("imported", "to import") for outcome in expected]
    assert outcomes(done) == expected
    for (_, _, why), step in zip(MIXED, done["steps"], strict=True):
        assert why in step.get("why", "")
    assert [user["email"] for user in firms.people()] == ["ann@acme.example.com", "b@x.example"]
    again = await imported(firms, rows)
    assert outcomes(again)[:2] == ["already there", "already there"]
    assert "imported" not in outcomes(again)
    assert again["done"] is False
    assert len(firms.people()) == 2


async def test_existing_addresses_are_detected_without_extra_keys(firms: Firms) -> None:
    firms.sandbox.switches = Switches(extra_keys=False, bare_arrays=True)
    rows = [ann(email="eve@acme.example.com"), ann(email="finn@maybe.example.com"), ann()]
    assert outcomes(await imported(firms, rows)) == ["already there", "already there", "imported"]


class Meanwhile(Faults):
    """Not a fault, but a colleague who adds Ann just before the first write."""

    def __init__(self, firms: Firms) -> None:
        super().__init__()
        self._firms = firms

    def strike(self, method: str, path: str) -> Fault | None:
        if method == "POST" and not self._firms.people():
            self._firms.add("contacts", client_id=self._firms.client, name="Ann", email="ann@acme.example.com")
        return super().strike(method, path)


async def test_an_address_that_clientary_rejects_is_reported_and_the_rest_is_imported(firms: Firms) -> None:
    firms.sandbox.switches = Switches(unique_contact_emails=True)
    firms.sandbox.faults = Meanwhile(firms)
    rows = [ann(), ann(email="b@x.example")]
    done = await imported(firms, rows)
    assert outcomes(done) == ["refused", "imported"]
    assert "email: “has already been taken”" in done["steps"][0]["why"]
    assert outcomes(await imported(firms, rows)) == ["already there"] * 2


async def test_a_change_during_the_question_is_previewed_again(firms: Firms) -> None:
    def take() -> None:
        firms.add("contacts", client_id=firms.client, name="Ann", email="ann@acme.example.com")

    async with connect(configured(firms.sandbox), "legacy", User(meanwhile=take)) as agent:
        answer = await agent.confirmed("import_contacts", rows=[ann(), ann(email="b@x.example")])
    assert "changed while the user was asked" in answer["message"]
    assert outcomes(answer) == ["already there", "to import"]
    assert not writes(firms.sandbox)


async def test_an_unreadable_list_fails_the_call_and_changes_nothing(firms: Firms) -> None:
    for path in ("contacts", "clients"):
        firms.sandbox.faults = Faults([Fault("html", "GET", path)])
        assert "Nothing was changed" in await refused(firms, [ann()])
    assert not writes(firms.sandbox)


# Failures half-way

MANY: list[Row] = [
    {"client_id": 0, "name": f"Person {number}", "email": f"p{number}@x.example", "title": "Owner"}
    for number in range(25)
]


def many(firms: Firms) -> list[Row]:
    """25 rows into three clients."""
    ids = (firms.acme, firms.cafe, firms.client)
    return [row | {"client_id": ids[number % 3]} for number, row in enumerate(MANY)]


def each_once(firms: Firms) -> bool:
    return sorted(user["email"] for user in firms.people()) == sorted(row["email"] for row in MANY)


async def test_outcomes_keep_the_order_of_the_rows_under_rate_limiting(firms: Firms) -> None:
    firms.sandbox.faults = Faults([Fault(429, "POST", nth=nth) for nth in (3, 4, 9, 20)])
    done = await imported(firms, many(firms))
    assert outcomes(done) == ["imported"] * 25
    reported = {step["id"]: step["email"] for step in done["steps"]}
    assert reported == {user["id"]: user["email"] for user in firms.people()}


FAULTS = [Fault(kind, after=after) for kind in ("drop", 500, 504, "html") for after in (False, True)]


@pytest.mark.parametrize(("nth", "fault"), covering(product([1, 2, 13, 25], FAULTS)), ids=fault_id)
async def test_after_a_failure_the_same_call_continues_and_imports_nobody_twice(
    firms: Firms, nth: int, fault: Fault
) -> None:
    firms.sandbox.faults = Faults([Fault(fault.kind, "POST", nth=nth, after=fault.after)])
    async with host(ClientaryServer(session_with(firms.sandbox))) as client:
        first = await confirm(client, "import_contacts", {"rows": many(firms)})
    firms.sandbox.faults = None
    if fault.after:  # existing contacts are detected, whatever the response
        assert not first.is_error
        assert each_once(firms)
    if first.is_error:
        message = text_of(first)
        if firms.people():
            assert "Part of the job is done." in message
            assert "not imported: row " in message or "not known whether imported: row " in message
        else:
            assert "Nothing was changed." in message or "not known whether imported: row 1;" in message
        await imported(firms, many(firms))
    assert each_once(firms)
    assert outcomes(await imported(firms, many(firms))) == ["already there"] * 25


async def test_a_failure_reports_the_rows_done_so_far(firms: Firms) -> None:
    rows = [ann(name=""), *many(firms)]
    firms.sandbox.faults = Faults([Fault(504, "POST", nth=9)])
    message = await refused(firms, rows)
    assert "Stopped at row " in message
    assert "refused: row 1;" in message
    assert "imported: rows 2-" in message
    assert "not known whether imported: row" in message
    assert "not tried: rows" in message
    assert "The same call continues from there and does nothing twice." in message
    assert len(firms.people()) < 25


@pytest.mark.parametrize("room", [0, 7])
async def test_a_full_plan_stops_the_import_and_is_reported(firms: Firms, room: int) -> None:
    left = Room(firms, room)
    firms.sandbox.faults = left
    message = await refused(firms, many(firms))
    assert "plan allows no more contacts" in message
    assert ("Stopped at row" in message) is (room > 0)
    assert room <= len(firms.people()) < room + 4
    firms.sandbox.faults, firms.sandbox.switches = None, Switches()
    await imported(firms, many(firms))
    assert each_once(firms)


class Room(Faults):
    """Not a fault, but a plan that is full after this many contacts."""

    def __init__(self, firms: Firms, room: int) -> None:
        super().__init__()
        self._firms, self._room = firms, room

    def strike(self, method: str, path: str) -> Fault | None:
        if len(self._firms.people()) >= self._room:
            self._firms.sandbox.switches = Switches(plan_limit=frozenset({"contacts"}))
        return super().strike(method, path)


async def test_concurrent_calls_import_nobody_twice(firms: Firms) -> None:
    async with host(ClientaryServer(session_with(firms.sandbox))) as client, anyio.create_task_group() as group:
        for rows in (many(firms), many(firms)[10:], many(firms)[::-1]):
            group.start_soon(confirm, client, "import_contacts", {"rows": rows})
    assert each_once(firms)


# Size

LONG = "a-very-long-name-of-a-company-in-the-country"
WIDE: list[Callable[[int], Row]] = [
    lambda number: {"client": "Acme Ltd", "name": f"P {number}", "email": f"person.number{number}@{LONG}.example.com"},
    lambda number: {"client": f"{LONG} {number}", "name": f"P {number}", "email": f"p{number}@{LONG}.example.com"},
    lambda number: {"client": "Acme Ltd", "naem": f"P {number}", "email": f"p{number}@{LONG}.example.com"},
    lambda number: {f"{LONG}{number}": "x" * 1_000},
]


@pytest.mark.parametrize("row", WIDE)
async def test_an_import_of_500_rows_has_an_outcome_for_each(firms: Firms, row: Callable[[int], Row]) -> None:
    rows = [row(number) for number in range(500)]
    async with host(ClientaryServer(session_with(firms.sandbox))) as client:
        result = await client.call_tool("import_contacts", {"rows": rows})
    answer = result.structured_content or {}
    assert len(text_of(result)) <= MAX_ANSWER
    assert len(outcomes(answer)) == 500


async def test_more_than_500_rows_or_none_are_rejected(firms: Firms) -> None:
    assert "at most 500" in await refused(firms, [ann()] * 501)
    assert "takes a list that is not empty" in await refused(firms, [])
    assert "rows.1 takes an object" in await refused(firms, [ann(), "Ann"])
    assert not firms.sandbox.requests


values = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.sampled_from(["Acme Ltd", "a@b.example", " "]))
names = st.sampled_from(["client_id", "client", "name", "email", "title", "phone", "odd"])


@given(st.lists(st.dictionaries(names, values, max_size=7), min_size=1, max_size=6))
def test_any_rows_have_outcomes_and_the_valid_ones_are_imported(rows: list[Row]) -> None:
    firms = Firms()

    async def play() -> None:
        shown, done = await imported(firms, rows, confirm=False), await imported(firms, rows)
        wanted = [step["row"] for step in shown["steps"] if step["outcome"] == "to import"]
        assert [step["row"] for step in done["steps"] if step["outcome"] == "imported"] == wanted
        assert len(firms.people()) == len(wanted)

    anyio.run(play)
