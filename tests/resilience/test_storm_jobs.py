"""The rules by which the storm checks jobs of several writes: each write as the job reports it, none of them twice."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY
from tests.resilience.checker import RULES, Checker, WriteRecorder, key_of
from tests.resilience.duplicates import find_duplicates
from tests.resilience.outcomes import Answer, Outcome
from tests.resilience.storm_outcomes import told_of_lines, told_of_records, told_of_shares
from tests.support.quarry import Books

KEY = "mark-1-1 at invoices/7/payments"
DONE = Answer("done", "{}", {"done": True})
FAILED = Answer("half", "Part of the job is done.", {})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(TODAY, filled=False)


@pytest.fixture
def checker(sandbox: Sandbox) -> Checker:
    return Checker(sandbox, WriteRecorder(sandbox), calls=10)


def pay(sandbox: Sandbox, text: str = "Paid mark-1-1") -> None:
    body = f'{{"payment": {{"amount": 5, "note": "{text}"}}}}'.encode()
    sandbox.ledger.note("POST", "invoices/7/payments", "payments", 1, body, "2026-11-20T12:00:01Z")


def raise_rate(sandbox: Sandbox, rate: float) -> None:
    body = f'{{"project_item": {{"title": "All mark-1-1", "rate": {rate}}}}}'.encode()
    sandbox.ledger.note("PUT", "hours/7", "hours", 7, body, "2026-11-20T12:00:01Z")


@pytest.mark.parametrize(
    ("method", "path", "text", "key"),
    [
        ("POST", "invoices/7/payments", "Paid mark-3-1 of 5.00", "mark-3-1 at invoices/7/payments"),
        ("PUT", "leads/7", "All mark-3-1", "mark-3-1 at leads/7"),
        ("POST", "invoices", "mark-1-1, All mark-1-2, Copy mark-3-1", "mark-3-1"),
        ("POST", "invoices", "Part mark-3-1, Estimate 5 (id 31), 30%.", "mark-3-1"),
        ("POST", "invoices", "All mark-3-1, Time entries: 7-9.", "Time entries: 7-9"),
    ],
)
def test_a_write_of_a_job_is_identified_by_its_word_and_its_path(method: str, path: str, text: str, key: str) -> None:
    assert key_of(method, path, text.encode()) == key


@pytest.mark.parametrize(
    ("effects", "told", "rule"),
    [
        (0, "done", "writes lost"),
        (1, "not done", "outcomes misreported"),
        (0, "unknown", "unknown without need"),
        (2, "done", "writes done twice"),
        (1, None, "outcomes misreported"),
    ],
)
def test_a_misreported_write_of_a_job_is_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, told: Outcome | None, rule: str
) -> None:
    for _ in range(effects):
        pay(sandbox)
    checker.record_writes("allocate_payment", {KEY: told} if told else {}, FAILED)
    violations = checker.close().violations
    assert violations[rule]
    assert not any(violations[other] for other in RULES if other != rule)


def test_a_write_that_comes_after_it_was_reported_as_not_done_is_a_violation(
    checker: Checker, sandbox: Sandbox
) -> None:
    checker.record_writes("allocate_payment", {KEY: "not done"}, FAILED)
    pay(sandbox)
    assert checker.close().violations["outcomes misreported"]


@pytest.mark.parametrize(("effects", "told"), [(1, "done"), (0, "not done"), (0, "half"), (1, "half")])
def test_a_correctly_reported_write_of_a_job_is_not_a_violation(
    checker: Checker, sandbox: Sandbox, effects: int, told: Outcome
) -> None:
    for _ in range(effects):
        pay(sandbox)
    checker.record_writes("allocate_payment", {KEY: told}, FAILED)
    assert not any(checker.close().violations.values())


UNDONE, NOT_UNDONE = Answer("done", "{}", {}), Answer("not done", "Nothing was changed.", {})
UNKNOWN = Answer("unknown", "It is unknown whether it succeeded.", {})


@pytest.mark.parametrize(
    ("effects", "answer", "rule"),
    [
        (1, UNDONE, "writes lost"),
        (2, NOT_UNDONE, "outcomes misreported"),
        (1, UNKNOWN, "unknown without need"),
        (2, UNDONE, None),
        (1, NOT_UNDONE, None),
    ],
)
def test_an_undo_repeats_an_earlier_write(
    checker: Checker, sandbox: Sandbox, effects: int, answer: Answer, rule: str | None
) -> None:
    for _ in range(effects):
        raise_rate(sandbox, 105)
    checker.record_writes("bulk_update", {"mark-1-1 at hours/7": "done"}, DONE)
    checker.record_undo("mark-1-1 at hours/7", 1, answer)
    assert [rule for rule, found in checker.close().violations.items() if found] == ([rule] if rule else [])


@pytest.mark.parametrize(("rates", "times"), [((105, 110.25), 2), ((105, 105.0), 0)])
def test_a_rate_that_was_raised_twice_is_found(sandbox: Sandbox, rates: tuple[float, ...], times: int) -> None:
    for rate in rates:
        raise_rate(sandbox, rate)
    found = [f"the rate of hours/7 (All mark-1-1) was raised {times} times"] if times else []
    assert find_duplicates(sandbox) == found


def test_more_than_a_sum_of_money_and_more_than_an_estimate_are_found() -> None:
    books = Books()
    invoice = books.sold("7", 900)
    for cents in (300, 250):
        books.add("payments", invoice_id=invoice, amount=cents, note="Paid mark-1-1 of 5.00", received_on="2026-11-20")
    for percent in (60, 45):
        books.an_invoice(str(percent), note=f"Estimate 5 (id 31), {percent}%.")
    assert find_duplicates(books.sandbox) == [
        "estimate 31 became 2 invoices of 105 %",
        "5.5 is recorded of “Paid mark-1-1 of 5.00”",
    ]


SHARES: dict[str, Any] = {"steps": [{"step": "record", "invoice_id": each} for each in (7, 8, 9)]}
STOPPED = (
    "Stopped at: 2.00 USD for invoice “B” (id 8). Part of the job is done. No response to POST invoices/8/payments."
)
BEFORE = "Done before: 3.00 USD for invoice “A” (id 7) (980). The same call continues from there."


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("done", "", SHARES), ["done", "done", "done"]),
        (Answer("half", f"{STOPPED} {BEFORE}", {}), ["done", "not done", "not done"]),
        (Answer("half", f"{STOPPED} It is unknown whether this step succeeded. {BEFORE}", {}),
         ["done", "unknown", "not done"]),
        (Answer("unknown", "Lost: POST invoices/8/payments. It is unknown whether it succeeded.", {}),
         ["not done", "unknown", "not done"]),
        (Answer("not done", "Nothing was sent.", {}), ["not done", "not done", "not done"]),
    ],
)  # fmt: skip
def test_the_payments_of_a_sum_are_read_from_its_answers(answer: Answer, told: list[Outcome]) -> None:
    read = told_of_shares({"note": "Paid mark-1-1 of 5.00"}, SHARES, answer)
    assert read == {f"mark-1-1 at invoices/{each}/payments": word for each, word in zip((7, 8, 9), told, strict=True)}


def line(number: int, outcome: str = "to record", *invoices: int) -> dict[str, Any]:
    one = {"invoice_id": invoices[0]} if len(invoices) == 1 else {"invoices": [{"invoice_id": i} for i in invoices]}
    return {"row": number, "outcome": outcome, **one}


LINES = {"steps": [line(1, "to record", 7), line(2, "to record", 8, 9), line(3, "to record", 10), line(4, "money out")]}
GIVEN = {"rows": [{"text": f"Paid mark-1-{row} of 5.00"} for row in (1, 2, 3, 4)], "choices": [{"row": 1}, {"row": 2}]}
SO_FAR = "So far: recorded: row 1; not known whether recorded: rows 2-3; money out: row 4. The same call continues."


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("half", SO_FAR, {}), ["done", "half", "half", "unknown"]),
        (Answer("done", "", {"steps": [line(1, "recorded", 7), line(2, "refused", 8, 9), line(3, "recorded", 10)]}),
         ["done", "not done", "not done", "done"]),
        (Answer("done", "", {"steps": [line(1, "already recorded", 7), line(2, "recorded in part", 8, 9),
                                       line(3, "already recorded", 10)]}), ["done", "half", "half", "half"]),
        (Answer("not done", "Nothing was sent.", {}), ["not done"] * 4),
    ],
)  # fmt: skip
def test_the_payments_of_lines_are_read_from_their_answers(answer: Answer, told: list[Outcome]) -> None:
    keys = [f"mark-1-{row} at invoices/{each}/payments" for row, each in ((1, 7), (2, 8), (2, 9), (3, 10))]
    assert told_of_lines(GIVEN, LINES, answer) == dict(zip(keys, told, strict=True))


def test_the_records_changed_alike_are_read_from_the_answer_or_the_error() -> None:
    given = {"tool": "update_lead", "changes": {"city": "All mark-1-1"}}
    shown = {"steps": [{"row": row, "id": each, "outcome": "to change"} for row, each in ((1, 7), (2, 8), (3, 11))]}
    error = Answer("half", "So far: changed: ids 7-8; not known whether changed: id 11. The same call continues.", {})
    keys = [f"mark-1-1 at leads/{each}" for each in (7, 8, 11)]
    assert told_of_records(given, shown, error) == dict(zip(keys, ("done", "done", "unknown"), strict=True))
    answer = Answer("done", "", {"steps": [{"row": 1, "id": 7, "outcome": "already so"}]})
    assert told_of_records(given, shown, answer) == {keys[0]: "done"}
