"""What the rows of a report stand for: one or two words, like `client,month`."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from tool_schemas.base.types import parsed

_MOST = 2


def grouped_by(*words: str) -> Any:
    """The type of `group_by` where a tool knows these words: one of them, or two with a comma between."""
    described = f"{', '.join(words[:-1])} or {words[-1]}; or two, like {words[-1]},{words[0]}."
    return Annotated[str, BeforeValidator(_joined), AfterValidator(_checker(words)), Field(description=described)]


def _joined(given: Any) -> Any:
    """Words in a list, as one text."""
    words = parsed(given)
    return ",".join(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else given


def _checker(known: Sequence[str]) -> Callable[[str], str]:
    def check(given: str) -> str:
        words = [word.strip() for word in given.split(",")]
        if not set(words) <= set(known) or len(words) > _MOST:
            valid = f"takes one or two of {', '.join(known)}, with a comma between, not {{given}}"
            raise PydanticCustomError("groups", valid, {"given": repr(given[:60])})
        if len(set(words)) < len(words):
            raise PydanticCustomError("groups", "takes two different words, not {given}", {"given": repr(given[:60])})
        return ",".join(words)

    return check
