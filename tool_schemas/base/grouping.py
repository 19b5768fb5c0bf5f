"""What the rows of a report stand for: one or two words, like `client,month`."""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tool_schemas.base.types import parsed

_MOST = 2


class Groups:
    """The words that one report can be grouped by, as `Annotated[str, Groups("client", "month")]`.

    A value is one of them, or two with a comma between.
    """

    def __init__(self, *words: str) -> None:
        self._words = words

    @property
    def description(self) -> str:
        """For the schema."""
        return f"{', '.join(self._words)}; or two, like {','.join(self._words[:_MOST])}."

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.no_info_before_validator_function(_joined, handler(source))
        return core_schema.no_info_after_validator_function(self._checked, text)

    def _checked(self, given: str) -> str:
        words = [word.strip().lower() for word in given.split(",")]
        if not set(words) <= set(self._words) or len(words) > _MOST:
            known = ", ".join(self._words)
            raise PydanticCustomError(
                "groups",
                "takes one or two of {known}, with a comma between, not {given}",
                {"known": known, "given": repr(given[:60])},
            )
        if len(set(words)) < len(words):
            raise PydanticCustomError("groups", "takes two different words, not {given}", {"given": repr(given[:60])})
        return ",".join(words)


def _joined(given: Any) -> Any:
    """Words that come as a list, as one text."""
    words = parsed(given)
    return ",".join(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else given
