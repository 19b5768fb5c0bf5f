"""The arguments of a call, as they are written at a shell and in files."""

from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.cli.call_arguments import arguments
from clientary_mcp.errors import SettingsError


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ([], {}),
        (["limit=5", "query=a=b"], {"limit": "5", "query": "a=b"}),
        (["note="], {"note": ""}),
        (["types=client", "types=project"], {"types": ["client", "project"]}),
        (['rows=[{"email": "a@b.example"}]'], {"rows": '[{"email": "a@b.example"}]'}),
    ],
)
def test_arguments_are_names_and_values(words: list[str], given: dict[str, Any]) -> None:
    assert arguments(words) == given


def test_json_and_words_go_together() -> None:
    assert arguments(["limit=5"], '{"query": "@acme", "detail": "full"}') == {
        "limit": "5",
        "query": "@acme",
        "detail": "full",
    }


@pytest.mark.parametrize(
    ("name", "content", "value"),
    [
        ("rows.csv", b"date,amount\n2026-01-05,12.50\n", [{"date": "2026-01-05", "amount": "12.50"}]),
        (
            "rows.csv",
            b"\xef\xbb\xbfdate;amount\r\n05.01.2026;12,50\r\n;\r\n",
            [{"date": "05.01.2026", "amount": "12,50"}],
        ),
        ("rows.csv", b"name\ttext\nM\xfcller\t\n", [{"name": "Müller"}]),
        ("rows.csv", b'text,amount\n"two\nlines, and more",1\n', [{"text": "two\nlines, and more", "amount": "1"}]),
        ("rows.csv", b"text,amount,\na,1,\n", [{"text": "a", "amount": "1"}]),
        ("rows.csv", b"", []),
        (
            "rows.csv",
            b'"Account";"DE12"\n""\n"Balance:";"1.234,56 EUR"\n""\n"Day";"Purpose";"Amount"\n"1.3.26";"A, b";"1"\n',
            [{"Day": "1.3.26", "Purpose": "A, b", "Amount": "1"}],
        ),
        (
            "rows.csv",
            b"Text,,Sum\nTotal,,5\n\nDate,Text,Amount,Left\n3/1/26,a,5,\n",
            [{"Date": "3/1/26", "Text": "a", "Amount": "5"}],
        ),
        ("rows.jsonl", b'{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ("rows.JSON", b'[{"a": 1.50}]', [{"a": 1.5}]),
        ("note.txt", b"Thank you.\nAda\n", "Thank you.\nAda\n"),
    ],
)
def test_a_file_is_read_by_what_it_is(tmp_path: Path, name: str, content: bytes, value: Any) -> None:
    (tmp_path / name).write_bytes(content)
    assert arguments([f"rows=@{tmp_path / name}"]) == {"rows": value}


@pytest.mark.parametrize(
    ("words", "as_json", "what"),
    [
        (["limit"], None, "limit is no argument of a tool. Arguments are written name=value."),
        (["=5"], None, "=5 is no argument"),
        (["limit=5"], '{"limit": 6}', "limit is given twice"),
        ([], '{"limit": ', "--json holds no JSON"),
        ([], "[1]", '--json must be an object, like {"limit": 10}.'),
        (["note=@acme"], None, "acme cannot be read: No such file or directory. A text that begins with @"),
    ],
)
def test_what_cannot_be_read_is_refused(words: list[str], as_json: str | None, what: str) -> None:
    with pytest.raises(SettingsError) as refused:
        arguments(words, as_json)
    assert what in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("rows.csv", b"date,amount\n2026-01-05,12,50\n", "line 2 has more cells"),
        ("rows.csv", b"name,email\na,b\nc,d,e\nf,g\n", "line 3 has more cells"),
        ("rows.csv", b"name,email\na,b\nc,d,e\n", "line 3 has more cells"),
        ("rows.csv", b"account,1\nday,amount,text\n3/1/26,5\n", "line 2 has more cells"),
        ("rows.csv", b'a,b\n"1,2\n', "cannot be read"),
        ("rows.json", b"[1", "cannot be read"),
        ("rows.json", b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        arguments([f"rows=@{tmp_path / name}"])
    assert what in str(refused.value)
