"""Text is compared as people type it, in every script."""

# ruff: noqa: RUF001 - letters that look like others are what is compared here

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tool_schemas.base.text import folded, normalized

SAME = [
    ("Łódź", "lodz"), ("SØREN", "soren"), ("Straße", "STRASSE"), ("GROẞ", "gross"), ("Æble & Œuf", "aeble oeuf"),
    ("İstanbul", "ISTANBUL"), ("Işık", "isik"), ("Đorđević", "dordevic"), ("Ħamrun", "hamrun"), ("Þór", "thor"),
    ("Guðrún", "gudrun"), ("Nguyễn Thị Đào", "nguyen thi dao"), ("Əliyev", "eliyev"), ("Čačak", "cacak"),
    ("Αθήνα", "ΑΘΗΝΑ"), ("ΟΔΟΣ", "οδός"), ("Ёлка", "елка"), ("Украї\u0301на", "Україна"), ("Hawaiʻi", "hawai'i"),
    ("שָׁלוֹם", "שלום"), ("مُدَرِّسَة", "مدرسة"), ("ﬁne", "FINE"), ("Ｗｉｄｅ　１２", "wide 12"), ("Bea\xadcon", "beacon"),
    ("شرکت کیان", "شركت كيان"), ("مؤسسه", "مؤسسة"), ("المتجر ١٢٣", "المتجر 123"), ("दुकान ४२", "दुकान 42"),
    ("ＡＣＭＥ", "acme"), ("❤\ufe0f Flowers", "flowers"), ("“Acme”, Inc.", "acme inc"),
]  # fmt: skip
OTHER = [
    ("ร้านกิน", "ร้านกัน"), ("กำ", "กา"), ("कि", "की"), ("मोर", "मार"), ("ஆகி", "ஆகு"), ("কলা", "কলি"), ("ខ្មែរ", "ខ្មារ"),
    ("မာ", "မိ"), ("ガス", "カス"), ("мой", "мои"), ("її", "іі"), ("Ўзбек", "Узбек"), ("김", "기"), ("ลาว", "ลาวี"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_letters_compare_as_people_type_them(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_letters_and_vowel_signs_make_another_word(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)
    assert len(normalized(one).split()) == 1, "a vowel sign ends no word"


@pytest.mark.parametrize(("one", "other"), [*SAME, *OTHER])
def test_how_a_letter_is_composed_makes_no_difference(one: str, other: str) -> None:
    for text in (one, other):
        assert normalized(unicodedata.normalize("NFD", text)) == normalized(text)


@given(st.text())
def test_a_text_once_normalized_stays_as_it_is(text: str) -> None:
    once = normalized(text)
    assert normalized(once) == once
    assert normalized(folded(text)) == once


def test_only_folding_keeps_punctuation() -> None:
    assert normalized("C++") == normalized("c#") == "c"
    assert folded(" C++\tŁódź") == "c++ lodz"
