"""Arguments are read in the forms in which hosts and tables write them, by their types."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError, create_model

from tool_schemas.base.argument_forms import ArgumentModel
from tool_schemas.base.models import Arguments, StrictModel
from tool_schemas.base.types import Filled, Id
from tool_schemas.clients import Client

Word = Literal["client", "lead"]


class Line(StrictModel):
    title: str
    quantity: int = 1


class Base(Arguments):
    title: str | None = None


class Inherited(Base):
    count: int | None = None


def read(kind: Any, given: Any, context: list[str] | None = None) -> Any:
    model: Any = create_model("Read", __base__=ArgumentModel, field=(kind, ...))
    return model.model_validate({"field": given}, context=context).field


def refused(kind: Any, given: Any) -> str:
    with pytest.raises(ValidationError) as wrong:
        read(kind, given)
    return str(wrong.value.errors()[0]["type"])


# Lists and objects


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        (list[int], "[1, 2]", [1, 2]),
        (list[int], " [1,2]\n", [1, 2]),
        (list[int], "1, 2", [1, 2]),
        (list[int], 7, [7]),
        (list[Id], ["7", 8.0], [7, 8]),
        (list[Word], "client", ["client"]),
        (list[Word], "client, lead", ["client", "lead"]),
        (list[Word], ["client", "", None], ["client"]),
        (Annotated[list[Word], Field(max_length=2)] | None, "lead", ["lead"]),
        (list[str], "one, two", ["one, two"]),
        (list[Filled] | None, '["a"]', ["a"]),
        (list[Line], {"title": "a"}, [Line(title="a")]),
        (list[Line], '{"title": "a"}', [Line(title="a")]),
        (list[Line], '[{"title": "a"}]', [Line(title="a")]),
        (list[Line], ['{"title": "a"}', {"title": "b"}], [Line(title="a"), Line(title="b")]),
        (Line, '{"title": 7.0, "quantity": "3"}', Line(title="7", quantity=3)),
        (list[dict[str, Any]], {"a": 1}, [{"a": 1}]),
        (list[dict[str, Any]], ['{"a": 1}'], [{"a": 1}]),
        (dict[str, Any], '{"a": [1]}', {"a": [1]}),
    ],
)
def test_lists_and_objects_are_taken_in_the_forms_that_hosts_send(kind: Any, given: Any, meant: Any) -> None:
    assert read(kind, given) == meant


@pytest.mark.parametrize("given", ["[1, 2", "[" * 100_000, '"[1]"', "{1}", {"a": 1}, True, [[1]], 1.5])
def test_what_is_no_list_of_numbers_is_rejected(given: Any) -> None:
    assert refused(list[int], given)


@pytest.mark.parametrize("given", ["a", 7, '["a"]', [7], [["a"]]])
def test_what_is_no_list_of_objects_is_rejected(given: Any) -> None:
    assert refused(list[Line], given)


def test_a_mistake_inside_a_list_is_located() -> None:
    with pytest.raises(ValidationError) as wrong:
        read(list[Line], [{"title": "a"}, '{"title": "a", "quantity": "1_5"}'])
    assert wrong.value.errors()[0]["loc"] == ("field", 1, "quantity")


# Texts


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (441234567890.0, "441234567890"),
        (-0.0, "0"),
        (7, "7"),
        (Decimal("7.00"), "7"),
        (-7.0, "-7"),
        (1e22, "10000000000000000000000"),
        (1.5, "1.5"),
        (1e-7, "0.0000001"),
    ],
)
def test_a_number_for_text_is_written_as_people_write_it(given: Any, meant: str) -> None:
    assert read(str, given) == read(Filled, given) == meant


@pytest.mark.parametrize("given", [True, float("inf"), float("nan"), [], {}])
def test_other_values_for_text_are_rejected(given: Any) -> None:
    assert refused(str, given) == "string_type"


@pytest.mark.parametrize("word", ["null", "undefined", "None", "NaN", " null\n", "nu\u200bll"])
def test_a_word_for_nothing_is_rejected(word: str) -> None:
    assert refused(str, word) == refused(Filled | None, word) == refused(list[str], [word]) == "null"


@pytest.mark.parametrize("name", ["Null", "NULL", "none", "NONE", "nan", "Nan", "Undefined", "null and void"])
def test_names_and_sentences_are_no_words_for_nothing(name: str) -> None:
    assert read(str, name) == name


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("A\x00B", "AB"),
        ("\ufeffAcme\u200b", "Acme"),
        ("\u202eABC\u202c \u2066x\u2069", "ABC x"),
        ("a\xadb\x1b[31m", "ab[31m"),
        ("a\U000e0041b", "ab"),
        ("pay\u200dpal", "paypal"),
        ("a\u200c\u200cb", "ab"),
    ],
)
def test_characters_that_nobody_sees_are_taken_out_and_told(given: str, meant: str) -> None:
    told: list[str] = []
    assert read(str, given, told) == meant
    assert told == ["field"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("one\ntwo\tthree\n", None),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("Zo\u00eb \u0141\u00f3d\u017a \u0e23\u0e49\u0e32\u0e19 \u05e9\u05dc\u05d5\u05dd 100\xa0\u20ac", None),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),
        ("\u0915\u094d\u200d\u0937", None),
        ("\U0001f468\u200d\U0001f469 \u2764\ufe0f", None),
    ],
)
def test_characters_that_belong_to_the_text_stay(given: str, meant: str | None) -> None:
    told: list[str] = []
    assert read(str, given, told) == (meant or given)
    assert told == []
    assert Client.read({"id": 7, "name": meant or given}).name == (meant or given)  # and are shown as they are kept


def test_objects_of_any_keys_are_cleaned_at_any_depth() -> None:
    told: list[str] = []
    assert read(dict[str, Any], {"a\x00": [{"b": "c\u200b"}], "d": 1}, told) == {"a": [{"b": "c"}], "d": 1}
    assert set(told) == {"field"}


def test_the_remark_names_each_argument_that_was_cleaned_once() -> None:
    class Call(Arguments):
        name: str
        city: str | None = None
        lines: list[Line] | None = None

    assert Call.checked({"name": "A"}).remark() is None
    call = Call.checked({"name": "A\x00\x00", "city": "B", "lines": [{"title": "\x00x"}, {"title": "\x00y"}]})
    assert call.remark() == "Invisible characters were taken out of name, title."


# True and false


@pytest.mark.parametrize("given", [True, "true", "TRUE", "True"])
def test_true_is_true_or_that_word(given: Any) -> None:
    assert read(bool | None, given) is True
    assert read(bool, not given if isinstance(given, bool) else given.lower().replace("true", "False")) is False


@pytest.mark.parametrize(
    "given", [1, 0, 1.0, "1", "0", "yes", "no", "on", "off", "t", "f", "y", " true", "tru\u0435", [True]]
)
def test_nothing_else_is_true_or_false(given: Any) -> None:
    assert refused(bool, given)
    assert refused(bool | None, given)


# The types themselves


def test_a_type_is_made_tolerant_once() -> None:
    for kind in (Base, Inherited, Inherited):
        kind.model_validate({"title": 7.0})
        kind.model_rebuild(force=True)
    assert str(Inherited.model_fields["title"].annotation).count("_AsSent") == 1
    assert Inherited.model_validate({"title": 7.0, "count": "3"}).model_dump() == {"title": "7", "count": 3}


def test_what_a_type_checks_is_checked_after_it_was_read() -> None:
    kind = Annotated[str, AfterValidator(lambda text: text * 2), Field(max_length=4)]
    assert read(kind, 7.0) == "77"
    assert not issubclass(BaseModel, ArgumentModel)
