"""Rules for every tool definition: descriptions, and schemas that real clients convert without loss."""

import re

import jsonschema  # type: ignore[import-untyped]  # brings no types

from clientary_mcp.server.instructions import instructions
from clientary_mcp.tools import ALL
from tests.support.published import properties_in, schemas_in, sentences_of, what_a_model_reads
from tool_schemas.base.sentences import Mention

TOOLS = {tool.name: tool for tool in ALL}


def test_names_and_descriptions_are_short_enough_for_every_host() -> None:
    assert [tool.name for tool in ALL if not re.fullmatch(r"[a-z_]{1,64}", tool.name)] == []
    assert [tool.name for tool in ALL if not 0 < len(tool.published.description or "") <= 2_000] == []
    assert [tool.name for tool in ALL if not tool.published.title] == []


def test_every_argument_is_described() -> None:
    undescribed = [
        (tool.name, name)
        for tool in ALL
        for name, about in properties_in(tool.published.input_schema)
        if not isinstance(about.get("description"), str) or not about["description"].strip()
    ]
    assert undescribed == []


def test_schemas_contain_nothing_that_hosts_cannot_handle() -> None:
    wholes = [
        (tool.name, whole) for tool in ALL for whole in (tool.published.input_schema, tool.published.output_schema)
    ]
    for _, whole in wholes:
        jsonschema.Draft202012Validator.check_schema(whole)
    forbidden = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title"}
    wrong = [
        name
        for name, whole in wholes
        for schema in schemas_in(whole or {})
        if forbidden & schema.keys() or not isinstance(schema["type"], str)
    ]
    assert wrong == []
    assert {whole["type"] for _, whole in wholes if whole} == {"object"}


def test_every_object_that_a_tool_takes_names_its_properties() -> None:
    """One host's converter empties an object without properties; another rejects additionalProperties."""
    schemas = [
        (tool.name, schema)
        for tool in ALL
        if tool.arguments.model_fields  # without arguments there is nothing to name
        for schema in schemas_in(tool.published.input_schema)
    ]
    unnamed = [
        (name, schema) for name, schema in schemas if schema["type"] == "object" and not schema.get("properties")
    ]
    assert unnamed == []
    answers = [(tool.name, schema) for tool in ALL for schema in schemas_in(tool.published.output_schema or {})]
    assert [(name, schema) for name, schema in (*schemas, *answers) if "additionalProperties" in schema] == []
    assert [(name, schema) for name, schema in schemas if schema["type"] == "array" and "items" not in schema] == []


def test_limits_are_published_as_numbers() -> None:
    expected = {"limit": (1, 1000), "tax": (0, 100), "tax2": (0, 100), "tax3": (0, 100), "threshold": (0, None)}
    wrong = []
    for tool in ALL:
        for name, about in properties_in(tool.published.input_schema):
            an_id = name.endswith("_id") and not name.startswith("stripe_")
            least, most = (None, None) if an_id else expected.get(name, (about.get("minimum"), about.get("maximum")))
            if (about.get("minimum"), about.get("maximum")) != (least, most):
                wrong.append((tool.name, name, about))
    assert wrong == []


A_TOOL = re.compile(rf"\b(?:{'|'.join(TOOLS)})\b")


def test_only_mentions_name_tools() -> None:
    wrong = [
        (tool.name, sentence)
        for tool in ALL
        for sentence in sentences_of(tool)
        if set(A_TOOL.findall(sentence)) != (sentence.tools if isinstance(sentence, Mention) else set())
    ]
    assert wrong == []


def test_instructions_name_tools_that_exist() -> None:
    named = set(re.findall(r"\b(?:list|get|create|update|delete|send)_[a-z_]+", instructions(ALL)))
    assert named <= TOOLS.keys()


def test_every_id_names_the_list_that_returns_it() -> None:
    silent = [
        (tool.name, name)
        for tool in ALL
        for name, about in properties_in(tool.published.input_schema)
        if name.endswith("_id")
        and name not in ("item_id", "stripe_customer_id", "stripe_source_id", "action_id", "preview_id")
        if not re.search(r"\blist_[a-z_]+", about["description"])
    ]
    assert silent == []


def test_the_tools_stay_within_the_context_budget() -> None:
    sizes = {tool.name: len(what_a_model_reads(tool)) for tool in ALL}
    assert sum(sizes.values()) / len(sizes) <= 850
    assert {name: size for name, size in sizes.items() if size > 3_600} == {}
