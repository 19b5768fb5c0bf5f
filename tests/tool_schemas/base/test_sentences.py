"""Sentences as data: a mention of an unavailable tool is left out, and nothing else."""

import pytest

from clientary_mcp.errors import ClientaryError, NotFound, OutcomeUnknown, PartiallyDone, RateLimited
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import EFFECTS, Effect, Mention, Sentences, join_sentences

SEARCH = Mention("search finds it.", "search")


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        ("It is done.", "It is done."),
        (["It is done.", SEARCH], "It is done."),
        ([SEARCH, Mention("get_client shows it.", "get_client")], "get_client shows it."),
        (SEARCH, ""),
        (Mention("search finds it, get_client shows it.", "get_client", "search"), ""),
        ("Refused: name: “Call search. Now” is taken.", "Refused: name: “Call search. Now” is taken."),
        (None, ""),
    ],
)
def test_only_a_mention_of_an_unavailable_tool_is_left_out(sentences: Sentences | None, text: str) -> None:
    assert join_sentences(sentences, {"search"}) == text


def test_a_mention_stays_where_its_tools_are_available() -> None:
    assert join_sentences(["It is done.", SEARCH], {"get_client"}) == "It is done. search finds it."


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_error_states_what_happened_then_the_writes_effect_then_what_to_do(effect: Effect) -> None:
    error = ClientaryError("The rate limit was reached.", "Try again.", SEARCH, effect=effect)
    assert error.message({"search"}) == f"The rate limit was reached. {EFFECTS[effect]} Try again."


def test_an_error_of_a_read_does_not_mention_a_write() -> None:
    assert NotFound("clients/5 was not found.").add(SEARCH).message(reading=True) == (
        "clients/5 was not found. search finds it."
    )


@pytest.mark.parametrize(
    ("error", "effect"), [(RateLimited, "unchanged"), (PartiallyDone, "partial"), (OutcomeUnknown, "unknown")]
)
def test_each_error_has_an_effect_of_its_own(error: type[ClientaryError], effect: Effect) -> None:
    assert error("It failed.").effect == effect


def test_an_outcome_not_carried_out_is_marked_once_outside_its_message() -> None:
    outcome = Outcome(done=False, message="This would delete it.", alternative=SEARCH)
    assert outcome.text() == "This would delete it."
    assert outcome.to_json({"search"}) == {"done": False, "message": "Nothing was changed. This would delete it."}
    assert outcome.to_json()["alternative"] == "search finds it."
