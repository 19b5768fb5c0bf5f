"""A short storm: whatever fails, agents get the true outcome of their writes; the full storm is a benchmark."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY
from tests.resilience.checker import RULES, Checker, WriteRecorder, key_of
from tests.resilience.duplicates import find_duplicates
from tests.resilience.outcomes import Answer
from tests.resilience.storm import Weather, storm
from tests.resilience.storm_jobs import JOBS
from tests.support.long import covering
from tests.support.quarry import Books

DONE = Answer("done", "{}", {"id": 1})
NOT_DONE = Answer("not done", "It did not take effect.", {})
HALF = Answer("half", "Stopped at row 2 of 2. Part of the job is done.", {})
UNKNOWN = Answer("unknown", "It is unknown whether the request succeeded.", {})


STORMS = [
    (300, 7, Weather(4, 60.0, rate=0.3, processes=4)),
    (1_000, 10, Weather(2)),
    (1_000, 10, Weather(3, 3.0)),
    (1_000, 10, Weather(4, 60.0)),
    (1_000, 20, Weather(5, 60.0, rate=0.3, processes=4)),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("calls", "agents", "weather"), covering(STORMS, lambda *_: ("a storm",)))
def test_nothing_is_lost_duplicated_or_misreported_in_a_storm(calls: int, agents: int, weather: Weather) -> None:
    report = storm(calls, agents, weather)
    assert report.violations == {rule: [] for rule in RULES}
    assert sum(report.struck.values()) > 0.1 * report.requests
    assert {"done", "not done"} <= set(report.outcomes)
    assert report.lists["complete"] > 20
    assert report.lists["answered"] > 5
    assert {job.tool for job in JOBS} <= set(report.calls)


@pytest.mark.long
def test_the_same_seed_reproduces_the_same_storm() -> None:
    once, again = (storm(40, 5, Weather(4, 3.0, processes=2)) for _ in range(2))
    assert (once.calls, once.outcomes, once.struck, once.lists) == (
        again.calls,
        again.outcomes,
        again.struck,
        again.lists,
    )
    assert (once.seconds, once.requests, once.effects) == (again.seconds, again.requests, again.effects)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(TODAY, filled=False)


@pytest.fixture
def checker(sandbox: Sandbox) -> Checker:
    return Checker(sandbox, WriteRecorder(sandbox), calls=10)


def take_effect(sandbox: Sandbox, mark: str, record: int = 1) -> None:
    """Create a client with this name."""
    body = f'{{"client": {{"name": "{mark}"}}}}'.encode()
    sandbox.ledger.note("POST", "clients", "clients", record, body, "2026-11-20T12:00:01Z")


@pytest.mark.parametrize(
    ("effects", "outcome", "rule"),
    [
        (0, DONE, "writes lost"),
        (1, NOT_DONE, "outcomes misreported"),
        (2, DONE, "writes done twice"),
        (1, UNKNOWN, "unknown without need"),
        (1, Answer("done", "{}", {"id": 2}), "outcomes misreported"),
        (1, None, "outcomes misreported"),
    ],
)
def test_a_misreported_write_is_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, outcome: Answer | None, rule: str
) -> None:
    for number in range(effects):
        take_effect(sandbox, "mark-1-1", number + 1)
    if outcome:
        checker.record_outcome("create_client", "mark-1-1", outcome)
    violations = checker.close().violations
    assert violations[rule]
    assert not any(violations[other] for other in RULES if other != rule)


@pytest.mark.parametrize(("effects", "outcome"), [(1, DONE), (0, NOT_DONE)])
def test_a_correctly_reported_write_is_not_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, outcome: Answer
) -> None:
    for _ in range(effects):
        take_effect(sandbox, "mark-1-1")
    checker.record_outcome("create_client", "mark-1-1", outcome)
    assert not any(checker.close().violations.values())


NOTHING_TO_DO = Answer("not done", "{}", {"done": False})


@pytest.mark.parametrize(
    ("effects", "outcome", "rule"),
    [
        (1, DONE, "writes lost"),
        (1, NOTHING_TO_DO, "writes lost"),
        (1, NOT_DONE, "outcomes misreported"),
        (0, UNKNOWN, "unknown without need"),
        (3, DONE, "writes done twice"),
    ],
)
def test_a_misreported_job_is_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, outcome: Answer, rule: str
) -> None:
    for number in range(effects):
        take_effect(sandbox, f"mark-1-{1 + number % 2}", number + 1)
    checker.record_job("import_contacts", {"mark-1-1", "mark-1-2"}, outcome)
    violations = checker.close().violations
    assert violations[rule]
    assert not any(violations[other] for other in RULES if other != rule)


@pytest.mark.parametrize(("effects", "outcome"), [(2, DONE), (2, NOTHING_TO_DO), (0, NOT_DONE), (1, HALF)])
def test_a_correctly_reported_job_is_not_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, outcome: Answer
) -> None:
    for number in range(effects):
        take_effect(sandbox, f"mark-1-{1 + number}", number + 1)
    checker.record_job("import_contacts", {"mark-1-1", "mark-1-2"}, outcome)
    assert not any(checker.close().violations.values())


BILLED, CONVERTED = "Time entries: 7-9, 12.", "Rush\nEstimate 5 (id 31)."


@pytest.mark.parametrize(
    ("first", "second", "twice"),
    [
        (BILLED, "Time entries: 12, 20-22.", ["time entry 12 is billed 2 times"]),
        (BILLED, "Time entries: 10-11, 13.", []),
        (CONVERTED, "Estimate No. 5 (id 31).", ["estimate 31 became 2 invoices of 200 %"]),
        (CONVERTED, "Estimate 31 (id 32).", []),
    ],
)
def test_hours_billed_by_two_invoices_are_found_unless_one_is_cancelled(
    first: str, second: str, twice: list[str]
) -> None:
    books = Books()
    _, other = (books.an_invoice(str(number), note=note) for number, note in enumerate((first, second)))
    assert find_duplicates(books.sandbox) == twice
    books.sandbox.connection.execute("UPDATE invoices SET status = 3 WHERE id = ?", (other,))
    assert find_duplicates(books.sandbox) == []


def test_a_contact_imported_twice_into_a_client_is_found() -> None:
    books = Books()
    other = books.add("clients", name="Other Books")
    for client, email in ((books.client, "mark-1-1@a.co"), (books.client, " MARK-1-1@A.co"), (other, "mark-1-1@a.co")):
        books.add("contacts", client_id=client, name="Ada", email=email)
    assert find_duplicates(books.sandbox) == [f"({books.client}, 'mark-1-1@a.co') is a contact 2 times"]


def test_a_write_is_identified_by_its_mark_its_source_or_its_path() -> None:
    assert key_of("POST", "clients", b'{"client": {"name": "mark-3-14"}}') == "mark-3-14"
    assert key_of("DELETE", "clients/1201") == "DELETE clients/1201"
    made_of = b'{"invoice": {"title": "mark-1-1", "note": "Estimate 5 (id 31)."}}'
    assert key_of("POST", "invoices", made_of) == "invoice of estimate 31"
    assert key_of("POST", "invoices", made_of.replace(b"Estimate 5 (id 31)", b"Time entries: 7-9")) == (
        "Time entries: 7-9"
    )
