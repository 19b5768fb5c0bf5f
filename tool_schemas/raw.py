"""Raw requests: any method and path of the API, for what has no tool of its own."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.argument_forms import AS_GIVEN
from tool_schemas.base.models import Arguments, Confirmed
from tool_schemas.base.pairs import NamedText, NamedTexts, as_object
from tool_schemas.base.parsing import as_json, sanitized
from tool_schemas.base.results import FRAME, MAX_ANSWER, Outcome, as_text, fit, in_full_but
from tool_schemas.base.sentences import in_order, join_sentences
from tool_schemas.base.types import PublishedAs

_PATH = re.compile(r"[a-z][a-z0-9_-]{0,60}(?:/[a-z0-9_-]{1,60}){0,7}")
_LONGEST_QUERY = 2_000
_LONGEST_BODY = 200_000
_DEEPEST = 20

_NARROW = "Use query to narrow it."


def _path(given: str) -> str:
    if _PATH.fullmatch(given) is None:
        raise PydanticCustomError(
            "path",
            "takes a path below /api/v2/ as the API writes it, like clients/12/contacts: words of a-z, 0-9, _ and -,"
            " with a slash between them and none at either end, and no address, dot, % or ?; not {given}",
        )
    return given


def _query(given: list[NamedText]) -> list[NamedText]:
    if len(urlencode(as_object(given))) > _LONGEST_QUERY:
        raise PydanticCustomError("query", "takes at most {most} characters", {"most": _LONGEST_QUERY})
    return given


def _body(given: dict[str, Any]) -> dict[str, Any]:
    if _nested(given, _DEEPEST):
        raise PydanticCustomError("body", "takes an object of at most {most} levels", {"most": _DEEPEST})
    try:
        written = json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise PydanticCustomError("body", "takes an object that JSON can write") from None
    if len(written) > _LONGEST_BODY:
        raise PydanticCustomError("body", "takes at most {most} bytes", {"most": _LONGEST_BODY})
    return given


class ApiCall(Arguments):
    """The method, path and query of a request."""

    method: str
    path: Annotated[str, AS_GIVEN, AfterValidator(_path)] = Field(
        description="Below /api/v2/, like clients/12/contacts."
    )
    query: Annotated[NamedTexts, AfterValidator(_query)] | None = Field(None, description="URL parameters, like page.")

    @property
    def parameters(self) -> dict[str, str] | None:
        """The query by the names of its parameters."""
        return as_object(self.query) or None


class ReadApi(ApiCall):
    """A request in read-only mode."""

    method: Literal["GET"] = Field(description="Only reading is allowed here.")


class ApiRequest(ApiCall, Confirmed):
    """Any request; the body is sent as it is, including its wrapper key."""

    method: Literal["GET", "POST", "PUT", "DELETE"] = Field(description="GET only reads; the others change something.")
    content: Annotated[dict[str, Any], AfterValidator(_body), PublishedAs(str)] | None = Field(
        None, alias="body", description='JSON with its wrapper key, like {"client": {"city": "Bath"}}.'
    )  # `body` is a method of the base class

    @model_validator(mode="after")
    def _get_has_no_body(self) -> Self:
        if self.method == "GET":
            if self.content is not None:
                raise PydanticCustomError("body", "cannot send a body with GET: query narrows a list")
            self.confirm = False
        return self


def _nested(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested deeper than that."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _nested(part, levels - 1) for part in parts)


@dataclass
class ApiPreview(Outcome):
    """What would be sent, exactly: with the nulls that other answers leave out."""

    def to_json(self, unavailable: Collection[str] = ()) -> dict[str, Any]:
        """The answer as JSON holds it; where the request is too long for one, it is cut as others are."""
        shown = super().to_json(unavailable)
        exact = shown | {"steps": self.steps}
        return exact if len(as_text(exact)) <= MAX_ANSWER else shown


@dataclass
class ApiAnswer(Outcome):
    """What Clientary returned, without secrets: `body` is its JSON, whatever that is; None where there is none."""

    body: Any = None

    def to_json(self, unavailable: Collection[str] = ()) -> dict[str, Any]:
        """The answer as JSON holds it, in at most `MAX_ANSWER` characters."""
        head = {"done": self.done, "message": self.text(unavailable)}
        fitting = fit(as_json(sanitized(self.body)), MAX_ANSWER - FRAME - len(as_text(head)))
        if fitting is None:
            return head | {"notice": join_sentences(in_order(self.notice, "Too long to show.", _NARROW))}
        body, cut = fitting
        remarks = in_order(self.notice, *((in_full_but(cut), _NARROW) if cut else ()))
        notice = {"notice": join_sentences(remarks)} if remarks else {}
        return head | notice | ({} if body is None else {"body": body})
