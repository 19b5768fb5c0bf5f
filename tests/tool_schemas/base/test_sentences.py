"""Sentences that name tools, and what is left of a text where some tools are not available."""

from tool_schemas.base.sentences import Mention, join_sentences

TEXT = ("It is gone.", Mention("update_client can archive it.", "update_client"), "", "That is all.")


def test_all_sentences_are_joined_where_every_tool_is_available() -> None:
    assert join_sentences(TEXT) == "It is gone. update_client can archive it. That is all."


def test_a_sentence_that_mentions_an_unavailable_tool_is_left_out() -> None:
    assert join_sentences(TEXT, {"update_client"}) == "It is gone. That is all."


def test_one_sentence_is_a_text_too() -> None:
    assert join_sentences(TEXT[1], {"delete_client"}) == "update_client can archive it."
    assert join_sentences(TEXT[1], {"update_client"}) == ""
