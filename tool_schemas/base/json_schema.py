"""JSON Schema of arguments as agents and their hosts read it best: flat, no references, no titles, no nulls.

Written from the fields rather than by pydantic, which publishes an optional field as "this or null" and a model in
a list as a reference, and needs every model built before the first call.
"""

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tool_schemas.base.types import JSON_TYPES, unwrap

# What is said about the call rather than about the record comes last.
_LAST = ("limit", "page", "detail", "confirm", "allow_duplicate")

# Defaults that an argument's description and words say already.
_PLAIN = (None, False, 1, "summary")


def input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The schema of an object that holds these arguments, the required ones first."""
    fields = named(arguments)
    schema: dict[str, Any] = {"type": "object", "properties": {name: _field(field) for name, field in fields.items()}}
    if required := [name for name, field in fields.items() if field.is_required()]:
        schema["required"] = required
    return schema | {"additionalProperties": False}


def named(arguments: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that agents give, as they are best read: what is required, what may be given, and how."""
    fields = {field.alias or name: field for name, field in arguments.model_fields.items()}
    return {
        name: fields[name] for name in sorted(fields, key=lambda name: (not fields[name].is_required(), name in _LAST))
    }


def _field(field: FieldInfo) -> dict[str, Any]:
    schema = _type(field.annotation)
    if field.description:
        schema["description"] = field.description
    if not field.is_required() and field.default not in _PLAIN:
        schema["default"] = field.default
    return schema


def _type(annotation: Any) -> dict[str, Any]:
    bare, about = unwrap(annotation)
    descriptions = [part.description for part in about if isinstance(part, FieldInfo) and part.description]
    described = {"description": descriptions[-1]} if descriptions else {}
    if get_origin(bare) is Literal:
        return {"type": "string", "enum": list(get_args(bare))} | described
    if get_origin(bare) is list:
        return {"type": "array", "items": _type(get_args(bare)[0])} | described
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return input_schema(bare) | described
    return JSON_TYPES[get_origin(bare) or bare] | described
