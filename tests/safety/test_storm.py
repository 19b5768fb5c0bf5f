"""The storm in short: whatever fails, agents are told what became of what they did; in full it is a benchmark."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY
from tests.safety.judge import RULES, Judge, Witness, key_of
from tests.safety.storm import storm
from tests.safety.told import Answer

DONE = Answer("done", "{}", {"id": 1})
NOT_DONE = Answer("not done", "It did not take effect.", {})
UNKNOWN = Answer("unknown", "It is not known whether it took effect.", {})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_done_twice_or_told_wrong_in_a_storm(seed: int) -> None:
    report = storm(calls=350, agents=7, seed=seed)
    assert report.violations == {rule: [] for rule in RULES}
    assert sum(report.struck.values()) > 0.1 * report.requests
    assert {"done", "not done"} <= set(report.told)
    assert report.lists["complete"] > 20


def test_the_same_seed_is_the_same_storm() -> None:
    once, again = (storm(calls=120, agents=5, seed=4) for _ in range(2))
    assert (once.calls, once.told, once.struck, once.lists) == (again.calls, again.told, again.struck, again.lists)
    assert (once.seconds, once.requests, once.effects) == (again.seconds, again.requests, again.effects)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(TODAY, filled=False)


@pytest.fixture
def judge(sandbox: Sandbox) -> Judge:
    return Judge(sandbox, Witness(sandbox), calls=10)


def take_effect(sandbox: Sandbox, mark: str, record: int = 1) -> None:
    """A client of that name is made."""
    body = f'{{"client": {{"name": "{mark}"}}}}'.encode()
    sandbox.ledger.note("POST", "clients", "clients", record, body, "2026-11-20T12:00:01Z")


@pytest.mark.parametrize(
    ("effects", "told", "rule"),
    [
        (0, DONE, "writes lost"),
        (1, NOT_DONE, "outcomes told wrong"),
        (2, DONE, "writes done twice"),
        (1, UNKNOWN, "unknown told without need"),
        (1, Answer("done", "{}", {"id": 2}), "outcomes told wrong"),
        (1, None, "outcomes told wrong"),
    ],
)
def test_whoever_is_told_wrong_is_heard(
    judge: Judge, sandbox: Sandbox, effects: int, told: Answer | None, rule: str
) -> None:
    for number in range(effects):
        take_effect(sandbox, "mark-1-1", number + 1)
    if told:
        judge.hear("create_client", "mark-1-1", told)
    violations = judge.close().violations
    assert violations[rule]
    assert not any(violations[other] for other in RULES if other != rule)


@pytest.mark.parametrize(("effects", "told"), [(1, DONE), (0, NOT_DONE)])
def test_whoever_is_told_right_is_not(judge: Judge, sandbox: Sandbox, effects: int, told: Answer) -> None:
    for _ in range(effects):
        take_effect(sandbox, "mark-1-1")
    judge.hear("create_client", "mark-1-1", told)
    assert not any(judge.close().violations.values())


def test_a_write_is_known_by_its_mark_or_by_its_address() -> None:
    assert key_of("POST", "clients", b'{"client": {"name": "mark-3-14"}}') == "mark-3-14"
    assert key_of("DELETE", "clients/1201") == "DELETE clients/1201"
