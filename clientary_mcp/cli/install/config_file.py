"""A host's configuration: our part of it is put in or taken out, and what is written is checked before.

The texts are edited, not written anew, so comments and the order stay. What comes of an edit is read again: if anything
but our part were changed, nothing is written.
"""

import errno
import os
import re
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from clientary_mcp.cli.install import json_text, toml_text, yaml_text
from clientary_mcp.errors import SettingsError

Format = Literal["JSON", "TOML", "YAML"]
Place = tuple[str, ...]
"""The keys that lead to a value; in a list, the `id` of an element."""

JSON: Format = "JSON"
TOML: Format = "TOML"
YAML: Format = "YAML"
_EDITORS: Mapping[Format, ModuleType] = {JSON: json_text, TOML: toml_text, YAML: yaml_text}
_COMMENT = re.compile(r"//|/\*|#")
_TO_ADD = "The same command with --print shows what to add by hand."


class ConfigFile:
    """The configuration of a host, as it was read; SettingsError if it cannot be read or is broken.

    `by_hand` says what else can be done where it cannot be edited.
    """

    def __init__(self, path: Path, kind: Format, by_hand: str = _TO_ADD) -> None:
        self.path = _behind_links(path)  # a link, as to a folder of dotfiles, stays one
        self._format, self._editor = kind, _EDITORS[kind]
        self._by_hand = f"Nothing was changed. {by_hand}"
        try:
            self._raw = self.path.read_bytes() if self.path.exists() else None
            self.text = (self._raw or b"").decode()
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{self.path} is not text in UTF-8. {self._by_hand}") from None
        self._data = self._parsed(self.text)

    def value(self, place: Place) -> Any:
        """What is at a place, or None."""
        return _at(self._data, place)

    def check_writable(self) -> None:
        """SettingsError if it could not be written, which people should learn before they are asked for a token."""
        folder = next(each for each in self.path.parents if os.path.lexists(each))
        for each in (self.path, folder):
            if os.path.exists(each) and not os.access(each, os.W_OK):
                raise SettingsError(f"{self.path} cannot be written: {os.strerror(errno.EACCES)}.")
        if not os.path.isdir(folder):
            raise SettingsError(f"{self.path} cannot be written: {folder} is no folder.")

    def with_values(self, values: Mapping[Place, Any]) -> str:
        """The text with each value at its place; SettingsError if that cannot be done without other changes."""
        text = self.text if self.text.strip() else self._editor.EMPTY
        try:
            for place, value in values.items():
                if _at(self._parsed(text), place) != value:
                    text = self._editor.put(text, place, value)
        except (TypeError, ValueError):  # TypeError: what hosts may write, as a date in TOML, and we do not
            raise self._not_editable() from None
        self._checked(text, values)
        return text

    def without_values(self, places: Collection[Place]) -> str | None:
        """The text without what is at these places, as it was before they came; None if it was not there."""
        text = self.text
        for place in places:
            text = self._editor.drop(text, place) if text.strip() else text
        after = self._checked(text, dict.fromkeys(places))
        for backup in reversed([*self._backups()]):
            before = backup.read_bytes().decode(errors="replace")
            try:
                data = self._parsed(before)
            except SettingsError:
                continue
            is_earlier = all(_at(data, place) is None for place in places)
            if is_earlier and _without(data, places) == _without(after, places):
                return before
        return text if _without(after, places) or _COMMENT.search(text) or self._has_backup() else None

    def write(self, text: str | None) -> Path | None:
        """Replace the text, or remove the file, and return where the earlier text is kept, if there was one."""
        try:
            if text is None:
                self.path.unlink()
                return None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            backup = self._back_up()
            mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else 0o600
            replace_file(self.path, text.encode(), mode)
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be written: {error.strerror}.") from None
        return backup

    def _back_up(self) -> Path | None:
        """A copy beside the file, under a name that is free, unless there is one already."""
        if self._raw is None:
            return None
        for backup in self._backups():
            if backup.read_bytes() == self._raw:
                return backup
        free = next(name for name in self._backup_names() if not name.exists())
        replace_file(free, self._raw, stat.S_IMODE(self.path.stat().st_mode))
        return free

    def _backup_names(self) -> Iterator[Path]:
        number = 1
        while True:
            yield self.path.with_name(f"{self.path.name}.bak{number if number > 1 else ''}")
            number += 1

    def _backups(self) -> Iterator[Path]:
        for name in self._backup_names():
            if not name.exists():
                return
            yield name

    def _has_backup(self) -> bool:
        return any(True for _ in self._backups())

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            data = self._editor.parse(text if text.strip() else self._editor.EMPTY)
        except ValueError as error:
            raise SettingsError(f"{self.path} is not valid {self._format}: {error}. {self._by_hand}") from None
        except RecursionError:
            raise SettingsError(f"{self.path} contains too many levels. {self._by_hand}") from None
        except ImportError:
            raise SettingsError(
                f"{self.path} is YAML, which needs the package PyYAML: install clientary-mcp[install]. {self._by_hand}"
            ) from None
        if data is not None and not isinstance(data, dict):
            raise SettingsError(
                f"{self.path} is {self._format}, but not an object with named settings. {self._by_hand}"
            )
        return data or {}

    def _checked(self, text: str, ours: Mapping[Place, Any]) -> dict[str, Any]:
        """What an edited text says; SettingsError if it is not as wanted in our places, and as it was elsewhere."""
        try:
            after = self._parsed(text)
        except SettingsError:
            raise self._not_editable() from None
        is_wanted = all(_at(after, place) == value for place, value in ours.items())
        if not is_wanted or _without(after, ours) != _without(self._data, ours):
            raise self._not_editable()
        return after

    def _not_editable(self) -> SettingsError:
        return SettingsError(f"{self.path} is written in a way that cannot be edited here. {self._by_hand}")


def as_new_file(kind: Format, values: Mapping[Place, Any]) -> str:
    """The text of a configuration with nothing but these values."""
    text = _EDITORS[kind].EMPTY
    for place, value in values.items():
        text = _EDITORS[kind].put(text, place, value)
    return str(text)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is there whole or not at all, readable as the mode says."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(number)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _behind_links(path: Path) -> Path:
    try:
        real = path.resolve()
    except RuntimeError:  # how Python 3.11 and 3.12 say that links lead in a circle
        real = path
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    if os.path.islink(real):
        raise SettingsError(f"{path} cannot be read: it is a link that leads nowhere.")
    return real


def _at(data: Any, place: Place) -> Any:
    for step in place:
        if isinstance(data, list):
            data = next((each for each in data if isinstance(each, dict) and each.get("id") == step), None)
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def _without(data: Any, places: Collection[Place]) -> Any:
    """A copy without what is at these places, and without what then contains nothing."""
    rest = _copied(data)
    for *parents, last in places:
        container = _at(rest, tuple(parents))
        if isinstance(container, list):
            container[:] = [each for each in container if not (isinstance(each, dict) and each.get("id") == last)]
        elif isinstance(container, dict):
            container.pop(last, None)
        if not container and len(parents) == 1:
            rest.pop(parents[0], None)
    return rest


def _copied(data: Any) -> Any:
    """A copy in which nothing is shared, as aliases in YAML share it."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(each) for each in data] if isinstance(data, list) else data
