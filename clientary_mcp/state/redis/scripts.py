"""Scripts that Redis runs as a whole: what they decide cannot change between the decision and the act."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha1

Argument = str | int | float

PREFIX = "clientary:1:"
"""Before every key; the number is the version of the schema."""

_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""


class Script:
    """A script in Lua. It finds the time of Redis, in milliseconds, in `now`.

    Whatever it changes it changes once, however often it is run with the same member id: so it may be run again when
    its answer was lost. All its keys are one account's, and so of one slot.
    """

    def __init__(self, body: str) -> None:
        self.body, self.source = body, _CLOCK + body
        self.digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        """What EVALSHA calls it."""


Run = tuple[Script, Sequence[str], Sequence[Argument]]
"""A script to run, with its keys and arguments."""

_EACH = """
local key, argument, problem = 0, 0, nil
while argument < #ARGV do
  local part, keys, arguments = ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3]
  argument = argument + 3
  local own_keys = {unpack(KEYS, key + 1, key + keys)}
  local own_arguments = {unpack(ARGV, argument + 1, argument + arguments)}
  local has_run, why = pcall(parts[tonumber(part)], own_keys, own_arguments)
  if not has_run then problem = problem or why end
  key, argument = key + keys, argument + arguments
end
if problem then return type(problem) == 'table' and problem or redis.error_reply(problem) end
"""


class Scripts(Script):
    """Several scripts as one, which runs each of them as often as it is told.

    It fails if one of them does, once all have run.
    """

    def __init__(self, scripts: Iterable[Script]) -> None:
        ordered = sorted(scripts, key=lambda script: script.digest)
        self._numbers = {script: number for number, script in enumerate(ordered, 1)}
        parts = ", ".join(f"function(KEYS, ARGV) {script.body}\nend" for script in ordered)
        super().__init__(f"local parts = {{{parts}}}\n{_EACH}")

    def words(self, runs: Iterable[Run]) -> list[Argument]:
        """What follows the name of this script in the command for these runs."""
        all_keys: list[Argument] = []
        all_arguments: list[Argument] = []
        for script, keys, arguments in runs:
            all_keys += keys
            all_arguments += (self._numbers[script], len(keys), len(arguments), *arguments)
        return [len(all_keys), *all_keys, *all_arguments]


@cache
def joined(scripts: frozenset[Script]) -> Scripts:
    """These scripts as one."""
    return Scripts(scripts)


def account_of(keys: Sequence[str]) -> str:
    """What is the same of the keys of one account alone; "" without keys."""
    return keys[0].partition("}")[0] if keys else ""


def milliseconds(seconds: float) -> int:
    """What scripts count in."""
    return round(seconds * 1_000)
