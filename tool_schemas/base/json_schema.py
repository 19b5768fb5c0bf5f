"""JSON Schema of arguments in the form that agents and their hosts read best: flat, no references, titles or nulls.

Every object publishes its properties, and none says `additionalProperties`: some hosts empty an object without the
first, others refuse every tool with the second. Unknown names are refused all the same.

Written from the fields rather than by pydantic, which publishes an optional field as "this or null" and a model in
a list as a reference, and needs every model built before the first call.
"""

from collections.abc import Collection, Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tool_schemas.base.sentences import Mention, join_sentences
from tool_schemas.base.types import JSON_TYPES, PublishedAs, unwrap

# Arguments about the call rather than the record come last.
_LAST = ("clear", "limit", "offset", "detail", "confirm", "preview_id", "allow_duplicate")

# Defaults that need not be published: the description states them.
_PLAIN = (None, False, 1, "summary")


def input_schema(arguments: type[BaseModel], unavailable: Collection[str] = ()) -> dict[str, Any]:
    """The schema of an object that holds these arguments, the required ones first.

    Its descriptions mention none of the tools that are unavailable.
    """
    fields = named(arguments)
    properties = {name: _field(field, unavailable) for name, field in fields.items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name, field in fields.items() if field.is_required()]:
        schema["required"] = required
    return schema


def named(arguments: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that agents give, as they are best read: what is required, what may be given, and how."""
    fields = {field.alias or name: field for name, field in arguments.model_fields.items()}
    return {
        name: fields[name] for name in sorted(fields, key=lambda name: (not fields[name].is_required(), name in _LAST))
    }


def describe(field: FieldInfo) -> tuple[str, ...]:
    """The sentences that describe an argument; those that name a tool are `Mention`s, among its annotations."""
    about = [*unwrap(field.annotation)[1], *field.metadata]
    texts = [part.description for part in (*about, field) if isinstance(part, FieldInfo) and part.description]
    return (*texts[-1:], *(part for part in about if isinstance(part, Mention)))


def _field(field: FieldInfo, unavailable: Collection[str]) -> dict[str, Any]:
    schema = _type(field.annotation, unavailable, field.metadata)
    if text := join_sentences(describe(field), unavailable):
        schema["description"] = text
    if not field.is_required() and field.default not in _PLAIN:
        schema["default"] = field.default
    return schema


def _type(annotation: Any, unavailable: Collection[str], metadata: Iterable[Any] = ()) -> dict[str, Any]:
    bare, about = unwrap(annotation)
    about += metadata
    if published := [part.kind for part in about if isinstance(part, PublishedAs)]:
        return _type(published[-1], unavailable)
    if get_origin(bare) is Literal:
        return {"type": "string", "enum": list(get_args(bare))}
    if get_origin(bare) is list:
        return {"type": "array", "items": _type(get_args(bare)[0], unavailable)}
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return input_schema(bare, unavailable)
    return JSON_TYPES[get_origin(bare) or bare] | _limits(about)


def _limits(about: Iterable[Any]) -> dict[str, Any]:
    """The least and the greatest value, where a field sets them."""
    limits: dict[str, Any] = {}
    for part in about:
        if isinstance(part, FieldInfo):
            limits |= _limits(part.metadata)
        for keyword, name in (("minimum", "ge"), ("maximum", "le")):
            if (limit := getattr(part, name, None)) is not None:
                limits[keyword] = limit
    return limits
