"""JSON Schema of arguments as agents and their hosts read it best: flat, no references, no titles, no nulls."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

# Names repeated as titles, and limits that no honest call comes near; both cost every agent context.
_NOISE = ("title", "minimum", "maximum", "maxLength")

# Defaults that an argument's description and words say already.
_PLAIN = (None, False, 1, "summary")


class _NumbersAreNumbers(GenerateJsonSchema):
    """A decimal is accepted as text too, but agents are told one thing: number."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return {"type": "number"}


def input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The published schema of a tool's arguments."""
    schema = arguments.model_json_schema(schema_generator=_NumbersAreNumbers)
    definitions = schema.pop("$defs", {})
    flat = _flat(schema, definitions)
    flat.pop("description", None)  # the docstring of the class, which is for whoever reads the code
    return {"type": "object", "properties": {}, **flat}


def _flat(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if reference := schema.pop("$ref", None):
        referred = dict(definitions[reference.removeprefix("#/$defs/")])
        referred.pop("description", None)
        schema = referred | schema
    if choices := schema.pop("anyOf", None):
        # Only optional fields make one: null is accepted and means "not given", so it is not offered.
        (choice,) = (choice for choice in choices if choice != {"type": "null"})
        schema = _flat(dict(choice), definitions) | schema
    return {
        key: _part(key, value, definitions)
        for key, value in schema.items()
        if key not in _NOISE
        and not (key == "default" and value in _PLAIN)
        and not (key == "additionalProperties" and isinstance(value, dict))
    }


def _part(key: str, value: Any, definitions: dict[str, Any]) -> Any:
    if key == "properties":
        return {name: _flat(dict(field), definitions) for name, field in value.items()}
    if key == "items":
        return _flat(dict(value), definitions)
    return value
