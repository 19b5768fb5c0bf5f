"""Configurations as they are edited: nothing but our part changes, and what cannot be edited so is left as it is."""

import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.cli.install import json_text, toml_text, yaml_text
from clientary_mcp.cli.install.config_file import JSON, TOML, YAML, ConfigFile, Format
from clientary_mcp.errors import SettingsError
from tests.support.machines import tree

PLACE = ("servers", "clientary")
ENTRY = {"command": "/opt/clientary-mcp", "args": ["--sandbox"], "env": {"A": 'quoted "é" \\ text'}}
JSON_TEXTS = [
    "{}",
    '{"servers": {}}',
    '{"servers": {"a": 1}}',
    '{"servers": {"a": 1,}, }',
    '{\r\n\t"a": [1, {"b": null}],\r\n\t"servers": {\r\n\t\t"x": {}\r\n\t}\r\n}',
    '\ufeff{"a": "// no comment, \\"quoted\\""}\n',
    '{ // first\n  "servers": { /* none yet */ },\n  // last\n}',
    '{\n  "servers": {\n    "a": 1 // about a\n  }\n}',
    '{\n  "servers": {\n    "a": 1, // about a\n    // about what comes\n  }\n}',
]
TOML_TEXTS = [
    "",
    "a = 1",
    "a = 1\r\n\r\n[b]\r\nc = 2\r\n",
    '[servers."other"]\ncommand = "x"\n# about b\n[b]\nc = """\nlines\n"""\n',
    "[servers]\n[[b]]\n[[b]]\n",
]
YAML_TEXTS = [
    "a: 1",
    "servers: {}\n",
    "servers:\na: 1\n",
    "a: 1\r\nservers:\r\n    x:\r\n        y: [1]\r\n# about b\r\nb: 2\r\n",
    "servers:\n  x:\n    y: |\n      text\n\n\n# end\n",
]
TEXTS: list[tuple[Format, str]] = [
    *((JSON, text) for text in JSON_TEXTS),
    *((TOML, text) for text in TOML_TEXTS),
    *((YAML, text) for text in YAML_TEXTS),
]
EDITORS: dict[Format, Any] = {JSON: json_text, TOML: toml_text, YAML: yaml_text}


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def in_and_out(path: Path, kind: Format) -> None:
    """Edit a file in both ways, and write nothing."""
    ConfigFile(path, kind).without_values([PLACE])
    ConfigFile(path, kind).with_values({PLACE: ENTRY})


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_an_entry_comes_and_goes_and_all_else_stays(tmp_path: Path, kind: Format, text: str) -> None:
    editor = EDITORS[kind]
    file = ConfigFile(written(tmp_path / "config", text), kind)
    with_entry = file.with_values({PLACE: ENTRY})
    before, after = editor.parse(text) or {}, editor.parse(with_entry)
    assert after["servers"].pop("clientary") == ENTRY
    assert after == {**before, "servers": before.get("servers") or {}}
    assert [key for key in after if key in before] == [*before]
    assert [remark for remark in re.findall(r"(?://|#) about.*", text) if remark not in with_entry] == []
    assert "\r\n" not in text or "\n" not in with_entry.replace("\r\n", "")
    again = ConfigFile(written(tmp_path / "other", with_entry), kind)
    assert again.with_values({PLACE: ENTRY}) == with_entry
    without = again.without_values([PLACE])  # no earlier text is known of this one
    left = editor.parse(without or editor.EMPTY) or {}
    assert {**left, "servers": left.get("servers") or {}} == after
    file.write(with_entry)
    assert ConfigFile(tmp_path / "config", kind).without_values([PLACE]) == text


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_an_entry_is_replaced_where_it_stands(tmp_path: Path, kind: Format, text: str) -> None:
    editor = EDITORS[kind]
    first = editor.put(text or editor.EMPTY, PLACE, ENTRY)
    then = ConfigFile(written(tmp_path / "config", first), kind).with_values({PLACE: {"command": "new"}})
    assert editor.parse(then) == {
        **editor.parse(first),
        "servers": {**editor.parse(first)["servers"], "clientary": {"command": "new"}},
    }
    assert ConfigFile(written(tmp_path / "config", then), kind).with_values({PLACE: ENTRY}) == first


KEYS = st.sampled_from(["servers", "a", '"', ""])
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(KEYS, st.text())


@given(st.dictionaries(KEYS, st.dictionaries(st.text(), VALUES, max_size=3)), st.booleans())
def test_any_json_keeps_its_values(data: dict[str, Any], is_wide: bool) -> None:
    text = json.dumps(data, indent=4 if is_wide else None)
    with_entry = json_text.put(text, PLACE, ENTRY)
    expected = {**data, "servers": {**data.get("servers", {}), "clientary": ENTRY}}
    assert json.loads(with_entry) == expected
    others = {**data, "servers": {key: value for key, value in data.get("servers", {}).items() if key != "clientary"}}
    assert json.loads(json_text.drop(with_entry, PLACE)) == others


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ('{"servers": {"clientary": 1, "b": 2}}', '{"servers": {"b": 2}}'),
        ('{"servers": {"clientary": 1}}', '{"servers": {}}'),
        ('{"servers": {"a": 1, /* a */ "clientary": 2}}', '{"servers": {"a": 1 /* a */}}'),
        ('{"servers": {\n  "a": 1,\n  "clientary": 2,\n  "b": 3\n}}', '{"servers": {\n  "a": 1,\n  "b": 3\n}}'),
        ('{"servers": {\n  // next\n  "clientary": 2,\n  "b": 3\n}}', '{"servers": {\n  // next\n  "b": 3\n}}'),
        ('{"servers": {\n  "clientary": 2, // mine\n  "b": 3\n}}', '{"servers": {\n  // mine\n  "b": 3\n}}'),
        ('{"servers": {\n  "clientary": 2 // mine\n}}', '{"servers": {\n   // mine\n}}'),
        ('{"inputs": [], "servers": {}}', '{"inputs": [], "servers": {}}'),
        ('{"inputs": []}', '{"inputs": []}'),
    ],
)
def test_an_entry_goes_with_its_comma_and_comments_stay(text: str, then: str) -> None:
    assert json_text.drop(text, PLACE) == then


def test_a_remark_stays_on_the_line_that_it_is_about() -> None:
    text = json_text.put('{"servers": {\n  "a": 1 // about a\n}}', PLACE, 2)
    assert text == '{"servers": {\n  "a": 1, // about a\n    "clientary": 2\n}}'


def test_a_comment_before_the_next_table_is_about_that_one() -> None:
    text = '[servers.clientary]\ncommand = "x"\n[servers.clientary.env]\n\n# about b\n[b]\n'
    assert toml_text.drop(text, PLACE) == "\n# about b\n[b]\n"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            (JSON, text)
            for text in ("{", '{"a" 1}', '{"a": 1 "b": 2}', "{} {}", '{"a": tru}', "{a: 1}", "[1]", '{"a": /* }')
        ),
        *((TOML, text) for text in ("a =", "[a\n", "a = 1\na = 2\n")),
        *((YAML, text) for text in ("a: [1", "a: b: c", "- 1", "\ta: 1")),
        (JSON, '{"servers": []}'),
        (JSON, '{"servers": "none"}'),
        (JSON, '{"servers": {"clientary": 1, "clientary": 2}}'),
        (TOML, "servers = { a = 1 }\n"),
        (TOML, '[servers]\nclientary = { command = "x" }\n'),
        (TOML, '[servers]\ntext = """\n[servers.clientary]\n"""\n'),
        (YAML, "servers: {a: 1}\n"),
        (YAML, "servers: &all\n  a: 1\nb: *all\n"),
    ],
)
def test_what_is_broken_or_cannot_be_edited_alone_is_refused(tmp_path: Path, kind: Format, text: str) -> None:
    path = written(tmp_path / "config", text)
    with pytest.raises(SettingsError) as refused:
        in_and_out(path, kind)
    assert str(path) in str(refused.value)
    assert "Nothing was changed. The same command with --print shows what to add by hand." in str(refused.value)
    assert tree(tmp_path) == {"config": text.encode()}


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(SettingsError, match="not text in UTF-8"):
        ConfigFile(tmp_path / "config", JSON)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        ConfigFile(tmp_path, JSON)


def test_yaml_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)  # how Python notes that it cannot be imported
    with pytest.raises(SettingsError, match=r"install clientary-mcp\[install\]"):
        ConfigFile(tmp_path / "config.yaml", YAML)


def test_the_mode_and_a_link_stay_and_no_backup_is_overwritten(tmp_path: Path) -> None:
    real = written(tmp_path / "dotfiles.json", '{"a": 1}')
    real.chmod(0o640)
    link = tmp_path / "config.json"
    link.symlink_to(real)
    written(tmp_path / "dotfiles.json.bak", "of somebody else")
    file = ConfigFile(link, JSON)
    assert file.write('{"a": 2}') == tmp_path / "dotfiles.json.bak2"
    assert tree(tmp_path) == {
        "config.json": str(real).encode(),
        "dotfiles.json": b'{"a": 2}',
        "dotfiles.json.bak": b"of somebody else",
        "dotfiles.json.bak2": b'{"a": 1}',
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in (real, tmp_path / "dotfiles.json.bak2")} == {0o640}


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    assert ConfigFile(path, JSON).write("{}") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "file", "") / "config"
    with pytest.raises(SettingsError) as refused:
        ConfigFile(path, JSON).write("{}")
    assert str(refused.value) == f"{path} cannot be written: File exists."
    assert tree(tmp_path) == {"file": b""}


def test_a_file_that_was_made_here_goes_unless_somebody_wrote_something_in_it(tmp_path: Path) -> None:
    path = tmp_path / "config"
    made = ConfigFile(path, JSON).with_values({PLACE: ENTRY})
    ConfigFile(path, JSON).write(made)
    assert ConfigFile(path, JSON).without_values([PLACE]) is None
    for more in (made.replace("{", '{ "a": 1,', 1), made.replace("{", "{ // mine", 1)):
        left = ConfigFile(written(path, more), JSON).without_values([PLACE])
        assert left is not None
        assert ('"a": 1' in left) or ("// mine" in left)


def test_a_file_that_was_there_before_does_not_go(tmp_path: Path) -> None:
    path = written(tmp_path / "config", '{"a": 1}')
    ConfigFile(path, JSON).write(json_text.put("{}", PLACE, ENTRY))  # and somebody took out the rest
    assert ConfigFile(path, JSON).without_values([PLACE]) == '{\n  "servers": {}\n}'


def test_an_earlier_entry_of_that_name_does_not_come_back(tmp_path: Path) -> None:
    path = written(tmp_path / "config", before := '{"servers": {"clientary": {"command": "mine"}}}')
    file = ConfigFile(path, JSON)
    file.write(file.with_values({PLACE: ENTRY}))
    assert ConfigFile(path, JSON).without_values([PLACE]) == '{"servers": {}}'
    assert (tmp_path / "config.bak").read_text() == before


def test_yaml_is_written_as_yaml_reads_it() -> None:
    value = {"a": "null", "b": ["1", "no"], "c": {"d": "x: y # z"}, "e": {}, "f": True, "g": 90}
    assert yaml.safe_load(yaml_text.put("", PLACE, value)) == {"servers": {"clientary": value}}
