"""The questions of the documents: many enough, of tools that exist, and less work than reading whole lists."""

import pytest

from clientary_mcp.tools import ALL
from scripts.asked import Asked, Cost, asked
from scripts.questions import QUESTIONS

TOOLS = {tool.name: tool for tool in ALL}
EVERY = [each for questions in QUESTIONS.values() for each in questions]


@pytest.fixture(scope="module")
def answers() -> list[Asked]:
    """All questions with their answers."""
    return [each for of_topic in asked().values() for each in of_topic]


def test_there_are_forty_of_them_each_asked_once() -> None:
    assert len(EVERY) >= 40
    assert len({each.words for each in EVERY}) == len(EVERY)


def test_every_report_and_every_job_answers_one() -> None:
    asked_for = {tool for each in EVERY for tool, _ in each.calls}
    named = {tool.name for tool in ALL if tool.resource in ("reports", "workflows")}
    assert named - asked_for == {"export_records"}  # it needs a directory, and its answer names it


def test_each_takes_one_call_or_two_that_change_nothing_but_a_draft() -> None:
    for each in EVERY:
        assert len(each.calls) in (1, 2), each.words
        for tool, arguments in each.calls:
            assert TOOLS[tool].effect.reads_only or TOOLS[tool].gated or tool == "copy_invoice", each.words
            assert "confirm" not in arguments, each.words


def test_every_answer_says_something(answers: list[Asked]) -> None:
    assert [each.question.words for each in answers if not each.answer or "{" in each.answer] == []


def test_they_take_less_than_whole_lists(answers: list[Asked]) -> None:
    dearer = [each.question.words for each in answers if each.cost.characters > each.alone.characters]
    assert dearer == []
    ours, alone = (sum((getattr(each, name) for each in answers), Cost()) for name in ("cost", "alone"))
    assert ours.calls * 5 < alone.calls
    assert ours.characters * 20 < alone.characters
