"""Why a write was refused reaches the agent whatever the form of the error, bounded and without markup."""

import json
from typing import Any

import pytest
import respx

from clientary_mcp.api.error_bodies import field_errors
from tests.support.agent import Agent

pytestmark = pytest.mark.anyio

Fields = dict[str, list[str]]

PROBLEM = {"type": "https://errors.example/x", "title": "Not valid", "status": 422, "instance": "/clients"}
FORMS: dict[str, tuple[Any, Fields]] = {
    "texts with the field": ({"errors": ["name: is taken"]}, {"": ["name: is taken"]}),
    "lines": ({"errors": {"items": [{"price": ["is invalid"]}]}}, {"items.price": ["is invalid"]}),
    "a message and a code by field": ({"errors": {"name": {"message": "is taken", "code": 9}}}, {"name": ["is taken"]}),
    "a code alone": ({"error": {"code": "number_taken"}}, {"code": ["number_taken"]}),
    "details": ({"error": {"details": [{"field": "rate", "issue": "is too low"}]}}, {"rate": ["is too low"]}),
    "full messages": ({"errors": [{"attribute": "name", "full_message": "It is taken"}]}, {"name": ["It is taken"]}),
    "a description": ({"error": "invalid", "error_description": "It is taken"}, {"": ["invalid", "It is taken"]}),
    "a status in words": ({"status": "error", "message": "Name is taken", "data": None}, {"": ["Name is taken"]}),
    "fields called title and status": (
        {"title": ["is blank"], "status": ["is odd"]}, {"title": ["is blank"], "status": ["is odd"]},
    ),
    "RFC 9457": ({**PROBLEM, "detail": "Name is taken"}, {"": ["Not valid", "Name is taken"]}),
    "RFC 9457 with parameters": (
        {**PROBLEM, "invalid-params": [{"name": "rate", "reason": "must be positive"}]},
        {"": ["Not valid"], "rate": ["must be positive"]},
    ),
    "RFC 9457 with pointers": (
        {**PROBLEM, "errors": [{"detail": "is past", "pointer": "#/invoice/date"}]}, {"invoice.date": ["is past"]},
    ),
    "JSON:API": (
        {"errors": [{"status": "422", "source": {"pointer": "/data/attributes/po"}, "title": "Odd", "detail": "is"}]},
        {"po": ["Odd", "is"]},
    ),
    "GraphQL": (
        {"errors": [{"message": "No", "path": ["client", "name"], "locations": [{}], "extensions": {"code": "X"}}]},
        {"client.name": ["No"]},
    ),
    "places": ({"detail": [{"loc": ["body", "rate"], "msg": "is odd", "type": "odd"}]}, {"rate": ["is odd"]}),
    "a fault": ({"fault": {"faultstring": "Rate is odd"}}, {"": ["Rate is odd"]}),
    "a field and a code": (
        {"message": "Failed", "errors": [{"resource": "Invoice", "field": "number", "code": "already_exists"}]},
        {"number": ["already_exists"]},
    ),
    "errors of an attribute": ({"errors": [{"attribute": "rate", "errors": ["is odd"]}]}, {"rate": ["is odd"]}),
    "messages of a key": ({"errors": [{"key": "rate", "messages": ["is odd"]}]}, {"rate": ["is odd"]}),
    "violations": ({"violations": [{"propertyPath": "rate", "message": "is odd"}]}, {"rate": ["is odd"]}),
    "names in capitals": (
        {"Message": "Not valid.", "ModelState": {"invoice.Date": ["is odd"]}},
        {"": ["Not valid."], "invoice.Date": ["is odd"]},
    ),
    "places in words": (
        {"error": {"message": "No", "errors": [{"location": "rate", "locationType": "body", "message": "is odd"}]}},
        {"": ["No"], "rate": ["is odd"]},
    ),
    "a label": ({"errors": {"Due date": ["is odd"]}}, {"Due date": ["is odd"]}),
    "the same twice": ({"error": {"message": "No", "errors": [{"message": "No"}]}}, {"": ["No"]}),
    "markup": ({"name": ["<b>is</b> taken &amp; <script>alert(1)</script>odd"]}, {"name": ["is taken & odd"]}),
    "no markup": ({"rate": ["must be < 5 and > 1"]}, {"rate": ["must be < 5 and > 1"]}),
}  # fmt: skip
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
TEXTS: dict[str, tuple[str, Fields]] = {
    "XML": (
        f"{XML}<errors type='array'><error>It is taken</error><error>No</error></errors>",
        {"": ["It is taken", "No"]},
    ),
    "XML by field": (
        "<errors><name>is taken</name><rate>is &lt; 0</rate></errors>",
        {"name": ["is taken"], "rate": ["is < 0"]},
    ),
    "XML of a hash": ("<hash><error><message>Denied by policy</message></error></hash>", {"": ["Denied by policy"]}),
    "XML of something else": (f"{XML}<Error><Code>AccessDenied</Code></Error>", {}),
    "HTML": ("<html><body><h1>422</h1><p>Blocked by Example Proxy</p></body></html>", {}),
    "text with a sign": ("Rate must be < 5", {"": ["Rate must be < 5"]}),
}


@pytest.mark.parametrize(("sent", "fields"), FORMS.values(), ids=FORMS)
async def test_the_reason_reaches_the_agent(account: respx.MockRouter, agent: Agent, sent: Any, fields: Fields) -> None:
    assert field_errors(json.dumps(sent)) == fields
    account.put("clients/7").respond(422, json=sent)
    reply = await agent.refusal("update_client", client_id=7, name="Acme")
    assert all(f"“{message}”" in reply for messages in fields.values() for message in messages)
    assert "Nothing was changed." in reply


@pytest.mark.parametrize(("body", "fields"), TEXTS.values(), ids=TEXTS)
async def test_what_is_no_json_is_told_if_it_is_clientarys(
    account: respx.MockRouter, agent: Agent, body: str, fields: Fields
) -> None:
    assert field_errors(body) == fields
    account.put("clients/7").respond(422, text=body)
    reply = await agent.refusal("update_client", client_id=7, name="Acme")
    assert all(f"“{message}”" in reply for messages in fields.values() for message in messages)
    for foreign in ("AccessDenied", "Blocked", "<h1>"):
        assert foreign not in reply


@pytest.mark.parametrize("part", ["<script>", "<error>x", "<a ", "&lt;", "[“"])
def test_a_body_of_any_length_takes_no_longer_and_stays_bounded(part: str) -> None:
    for body in (part * 300_000, f"<errors>{part * 300_000}", json.dumps({"name": [part * 300_000] * 9})):
        fields = field_errors(body)
        assert sum(len(message) for messages in fields.values() for message in messages) <= 2_000
