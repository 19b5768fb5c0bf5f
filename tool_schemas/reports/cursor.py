"""The cursor of `list_changes`: what was read up to when, packed into a short text."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, get_args

Type = Literal["client", "lead", "contact", "project", "invoice", "estimate", "payment", "expense", "task", "staff"]


TYPES: tuple[Type, ...] = get_args(Type)


DIGEST = 5
"""Bytes of a digest in a cursor."""


_VERSION, _CHECK = "2", 8


_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


_LAST_SECOND = 253_402_300_799  # of the year 9999


@dataclass(frozen=True)
class Part:
    """The records of one type and second that were listed up to an id, with their digest."""

    type: Type
    second: int
    last_id: int
    digest: bytes


@dataclass(frozen=True)
class Cursor:
    """What has been reported so far; seconds count from 1970, by Clientary's clock.

    Everything before `second` was listed. What was listed from then on is in `listed` and `part`, as digests, so that a
    record which changes again in the same second is noticed. Where records carry no times, those above `ids` are new;
    None where nothing is known of them yet. A record that was created at or after `new_from` is new, else changed.
    """

    types: tuple[Type, ...]
    second: int
    new_from: int
    ids: Mapping[Type, int] | None = None
    listed: frozenset[bytes] = field(default_factory=frozenset)
    part: Part | None = None
    account: str = ""
    """What tells one account from another, in hexadecimal digits."""

    def text(self) -> str:
        """The cursor as agents pass it on."""
        ids = [(self.ids or {}).get(each, 0) for each in self.types]
        part = self.part and (TYPES.index(self.part.type), self.part.second, self.part.last_id)
        fields = (
            _VERSION,
            _joined(TYPES.index(each) for each in self.types),
            str(self.second),
            str(self.new_from),
            _joined(ids),
            _joined(part or ()),
            _packed([self.part.digest] if self.part else []),
            _packed(sorted(self.listed)),
            self.account,
        )
        return _checked(".".join(fields))

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor in a text; ValueError for anything that `text` did not write."""
        whole = text.strip()
        if whole != _checked(whole.rpartition(".")[0]):
            raise ValueError("not a cursor, or not all of one")
        version, types, second, new_from, ids, part, partly, listed, account, _ = whole.split(".")
        names = tuple(TYPES[number] for number in _numbers(types))
        cursor = cls(
            names,
            _number(second),
            _number(new_from),
            dict(zip(names, _numbers(ids), strict=True)),
            frozenset(_unpacked(listed)),
            _part(_numbers(part), _unpacked(partly)),
            account,
        )
        if version != _VERSION or not names or max(cursor.second, cursor.new_from) > _LAST_SECOND:
            raise ValueError("of another version")
        return cursor


def _part(numbers: list[int], digests: list[bytes]) -> Part | None:
    if not numbers and not digests:
        return None
    (which, second, last_id), (digest,) = numbers, digests
    return Part(TYPES[which], second, last_id, digest)


def _joined(numbers: Iterable[int]) -> str:
    return "-".join(map(str, numbers))


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    return int(text)


def _numbers(text: str) -> list[int]:
    return [_number(part) for part in text.split("-")] if text else []


def _packed(digests: Iterable[bytes]) -> str:
    return urlsafe_b64encode(b"".join(digests)).decode().rstrip("=")


def _unpacked(text: str) -> list[bytes]:
    packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(packed) % DIGEST:
        raise ValueError("not digests")
    return [packed[start : start + DIGEST] for start in range(0, len(packed), DIGEST)]


def _checked(text: str) -> str:
    """With a check sum behind it: half a cursor must not be taken for one."""
    return f"{text}.{sha256(text.encode()).hexdigest()[:_CHECK]}"


def second_of(text: str) -> int:
    """The second of a day, which begins at midnight UTC, or of a time, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text.strip().replace("/", "-"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < datetime(1970, 1, 1, tzinfo=UTC):
        raise ValueError("before all times")
    return int(moment.timestamp())
