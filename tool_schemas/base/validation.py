"""The mistakes in the arguments of a call, in sentences that say what is valid."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tool_schemas.base.json_schema import named

_MAX_MISTAKES = 8

# Names that other lists use for an argument of ours.
_MEANT = {"page": "offset"}

# pydantic's error type → our words; {…} are pydantic's context and `given`.
_WORDS = {
    "missing": "is required",
    "int_type": "takes a whole number, not {given}",
    "int_parsing": "takes a whole number, not {given}",
    "int_from_float": "takes a whole number, not {given}",
    "int_parsing_size": "takes the id of a record: a whole number above 0, not {given}",
    "decimal_type": "takes a number, not {given}",
    "decimal_parsing": "takes a number, not {given}",
    "finite_number": "takes a number, not {given}",
    "string_type": "takes text, not {given}",
    "string_pattern_mismatch": "takes four digits, not {given}",
    "string_too_short": "takes text that is not empty",
    "string_too_long": "takes at most {max_length} characters",
    "string_unicode": "takes text that is valid Unicode",
    "bool_type": "takes true or false, not {given}",
    "bool_parsing": "takes true or false, not {given}",
    "literal_error": "takes one of {expected}, not {given}",
    "list_type": "takes a list, not {given}",
    "dict_type": "takes an object, not {given}",
    "model_type": "takes an object, not {given}",
    "model_attributes_type": "takes an object, not {given}",
    "too_short": "takes a list that is not empty",
    "too_long": "takes at most {max_length} entries, not {actual_length}",
    "greater_than": "must be above {gt}, not {given}",
    "greater_than_equal": "must be at least {ge}, not {given}",
    "less_than_equal": "must be at most {le}, not {given}",
}


def describe_errors(error: ValidationError, arguments: type[BaseModel]) -> str:
    """Every mistake in one sentence each, with the nearest valid name for an unknown one."""
    mistakes = error.errors(include_url=False)
    sentences = [_mistake(mistake, arguments) for mistake in mistakes[:_MAX_MISTAKES]]
    if len(mistakes) > _MAX_MISTAKES:
        more = len(mistakes) - _MAX_MISTAKES
        sentences.append(f"and {more} more mistake{'' if more == 1 else 's'}")
    return "; ".join(sentences)


def nearest(name: str, valid: Iterable[str]) -> str:
    """` Did you mean x?`, or nothing when no valid name is near."""
    from difflib import get_close_matches

    near = get_close_matches(name[:64], list(valid), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _mistake(mistake: ErrorDetails, arguments: type[BaseModel]) -> str:
    where = ".".join(str(part)[:64] for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        *path, name = mistake["loc"]
        valid = _names_at(path, arguments)
        known = f"Valid: {', '.join(valid)}" if valid else "It takes none"
        meant = _MEANT.get(str(name), str(name))
        return f"there is no argument {where!r}.{nearest(meant, valid)} {known}"
    context: dict[str, Any] = {"given": _brief(mistake["input"]), **mistake.get("ctx", {})}
    if words := _WORDS.get(mistake["type"]):
        problem = words.format_map(context)
    else:  # our own words, in which only what was given may be left to be filled in
        problem = mistake["msg"] if "ctx" in mistake else mistake["msg"].replace("{given}", context["given"])
    return f"{where} {problem}" if where else f"the call {problem}"


def _names_at(path: list[int | str], arguments: type[BaseModel]) -> list[str]:
    """The valid names in the object that has the mistake: the arguments, or an object inside them."""
    for part in path:
        if isinstance(part, str) and part in arguments.model_fields:
            arguments = next(iter(models_in(arguments.model_fields[part].annotation)), arguments)
    return list(named(arguments))


def models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models that a type is made of: those of a list's entries too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from models_in(part)


def _brief(given: Any) -> str:
    match given:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            try:
                text = repr(given)
            except ValueError:  # a number too long for Python to write
                return "a very long number"
            return text if len(text) <= 60 else f"{text[:57]}…"
