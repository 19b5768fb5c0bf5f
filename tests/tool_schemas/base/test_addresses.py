"""E-mail addresses are read as people paste them, and compared as mailboxes."""

from typing import Any

import pytest

from tool_schemas.base.addresses import addresses_in, mailbox

ANN, BOB = "ann@x.example", "bob@x.example"


@pytest.mark.parametrize(
    "pasted",
    [
        ANN,
        f"  {ANN}\n",
        f"Ann <{ANN}>",
        f"<{ANN}>",
        f'"Doe, Ann" <{ANN}>',
        f"'Doe, Ann' <{ANN}>",
        f'"ann@old.example; Doe" <{ANN}>',
        f"ann@old.example <{ANN}>",
        f"Łódź, ร้าน <{ANN}>",
        f"mailto:{ANN}",
        f"MAILTO:{ANN}?subject=Hello,%20there&cc=bob@x.example",
        "mailto:ann%40x.example",
        f"<mailto:{ANN}>",
        f"{ANN}<mailto:{ANN}>",
        f"<mailto:{ANN}|{ANN}>",
        f"[{ANN}](mailto:{ANN})",
        f"[Ann](mailto:{ANN})",
        f"Ann ({ANN})",
        f"{ANN} (Ann, at home)",
        *(f"{opened}{ANN}{closed}" for opened, closed in ("''", '""', "“”", "„“", "«»", "\u2018\u2019", "``", "「」")),
        f"'{ANN}",
        *(f"{ANN}{behind}" for behind in (".", ",", ";", ":", "!", " .", "».", "。", "،")),
    ],
)
def test_one_address_is_read_without_what_surrounds_it(pasted: str) -> None:
    assert addresses_in(pasted) == ([ANN], [])
    assert addresses_in(pasted).one == ANN
    assert mailbox(pasted) == mailbox(pasted.upper().replace("%40", "@")) == ANN


@pytest.mark.parametrize(
    "pasted",
    [
        f"{ANN},{BOB}",
        f"{ANN}; {BOB};",
        f"{ANN} {BOB}",
        f"{ANN} / {BOB}",
        f"{ANN}\r\n{BOB}\r\n",
        f"{ANN}\uff0c{BOB}",
        f"{ANN}、{BOB}",
        f"Doe, Ann <{ANN}>, Roe, Bob <{BOB}>",
        f"{ANN}, Roe, Bob <{BOB}>",
        f"<{ANN}><{BOB}>",
        f"mailto:{ANN},{BOB}",
        [ANN, BOB, ANN.upper()],
        [{"id": 7, "email": ANN}, {"email": f"Bob <{BOB}>"}],
        {"email": [ANN, BOB]},
        (each for each in (ANN, None, "", BOB)),
    ],
)
def test_several_addresses_are_read_each_once(pasted: Any) -> None:
    found = addresses_in(pasted)
    assert (found, found.one) == (([ANN, BOB], []), None)


@pytest.mark.parametrize(
    "text",
    [
        "Ann",
        "a@b",
        "@x.example",
        "ann@",
        "ann@@x.example",
        "ann @x.example",
        "an n@x.example",
        "ann smith@x.example",
        "ann@x .example",
        "ann@x..example",
        "ann@-x.example",
        "ann@x-.example",
        "ann@x_y.example",
        "ann@10.0.0.1",
        "ann@x.1",
        "ann..doe@x.example",
        ".ann@x.example",
        "ann.@x.example",
        "ann@xn--a.example",
        "ann@\u2028.example",
        f"{'a' * 65}@x.example",
        f"ann@{'x.' * 130}example",
        f"ann@{'x' * 64}.example",
        f"ann@{'ü' * 64}.example",
        "...",
        "<>",
    ],
)
def test_what_is_no_address_is_named_as_unreadable(text: str) -> None:
    found = addresses_in(text)
    assert (found.read, len(found.unreadable), found.one) == ([], 1, None)


@pytest.mark.parametrize(
    ("value", "unreadable"),
    [
        (f"{ANN}; Bob", ["Bob"]),
        (f"{ANN}\nBcc: bob@x.example", ["Bcc: bob@x.example"]),
        ([ANN, 7], [7]),
        ([ANN, {"id": 7}, True], [{"id": 7}, True]),
    ],
)
def test_a_part_that_is_no_address_is_named_beside_the_others(value: Any, unreadable: list[Any]) -> None:
    found = addresses_in(value)
    assert (found, found.one) == (([ANN], unreadable), None)


@pytest.mark.parametrize("nothing", [None, "", " \n", [], [None, ""]])
def test_nothing_holds_no_address_and_nothing_unreadable(nothing: Any) -> None:
    assert addresses_in(nothing) == ([], [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann@X.Example", ANN),
        ("ann@bücher.example", "ANN@XN--BCHER-KVA.example"),
        ("ann@BÜCHER.example", "ann@bu\u0308cher.example"),
        ("ann@例え.jp", "ann@xn--r8jz45g.jp"),
        ("ann@ไทย.example", "ann@xn--o3cw4h.example"),
        ("Jörg@x.example", "JÖRG@x.example"),
    ],
)
def test_addresses_of_one_mailbox_are_equal(one: str, other: str) -> None:
    assert mailbox(one) == mailbox(other)
    assert addresses_in([one, other]).read == [one]


@pytest.mark.parametrize(
    ("one", "other"), [("ann@straße.example", "ann@strasse.example"), ("ann@x.example", "ann@y.example")]
)
def test_addresses_of_two_mailboxes_differ(one: str, other: str) -> None:
    assert mailbox(one) != mailbox(other)


def test_text_that_is_no_address_is_compared_without_case() -> None:
    assert (mailbox(None), mailbox(" Ann Doe "), mailbox("A@-.x")) == ("", "ann doe", "a@-.x")
