"""This server with the tools, prompts and resources of the conformance suite beside its own: `… --port PORT`.

The suite calls what it prescribes by name. That runs on the SDK's own registry, and goes through this server's wire.
"""

import base64
import json
import sys
from collections.abc import Iterable
from typing import Any

import anyio
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Message, Prompt, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    GetPromptResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from mcp_types import Prompt as PublishedPrompt
from mcp_types import Resource as PublishedResource
from mcp_types import ResourceTemplate as PublishedTemplate
from mcp_types import Tool as PublishedTool

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import application, serve
from clientary_mcp.server.http.drain import Drain
from tests.support.users import configured

Ctx = Context[None, Any]
Content = list[TextContent | ImageContent | EmbeddedResource]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
IMAGE = ImageContent(data=PIXEL, mime_type="image/png")
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="


class WithFixtures(ClientaryServer):
    """The server, and what is registered on it as the SDK does it."""

    async def list_tools(self) -> list[PublishedTool]:
        """Its own tools, then the suite's."""
        return [*await super().list_tools(), *await MCPServer.list_tools(self)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Ctx | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call one of either."""
        of = MCPServer if name.startswith("test_") else ClientaryServer
        return await of.call_tool(self, name, arguments, context)

    async def list_prompts(self) -> list[PublishedPrompt]:
        """Its own prompts, then the suite's."""
        return [*await super().list_prompts(), *await MCPServer.list_prompts(self)]

    async def get_prompt(  # type: ignore[override]  # the SDK's own signature, which the server narrows
        self, name: str, arguments: dict[str, Any] | None = None, context: Ctx | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Fill in one of either."""
        of = MCPServer if name.startswith("test_") else ClientaryServer
        return await of.get_prompt(self, name, arguments, context)

    async def list_resources(self) -> list[PublishedResource]:
        """Its own resources, then the suite's."""
        return [*await super().list_resources(), *await MCPServer.list_resources(self)]

    async def list_resource_templates(self) -> list[PublishedTemplate]:
        """Its own templates, then the suite's."""
        return [*await super().list_resource_templates(), *await MCPServer.list_resource_templates(self)]

    async def read_resource(  # type: ignore[override]  # the SDK's own signature, which the server narrows
        self, uri: object, context: Ctx | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read one of either."""
        fixture = str(uri).startswith(("test://static", "test://template"))
        return await (MCPServer if fixture else ClientaryServer).read_resource(self, str(uri), context)


def embedded(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    """A resource within an answer."""
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=kind, text=text))


def ask(message: str, **properties: str) -> ElicitRequest:
    """A question to the user, with the type of each field of the reply."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(text: str, tokens: int = 100) -> CreateMessageRequest:
    """A question to the client's model."""
    messages = [SamplingMessage(role="user", content=TextContent(text=text))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=tokens))


def replied(context: Ctx, name: str) -> dict[str, Any] | None:
    """What the user filled in, if it is there."""
    reply = (context.input_responses or {}).get(name)
    return dict(reply.content) if isinstance(reply, ElicitResult) and reply.content else None


# What answers at once


async def test_simple_text() -> str:
    return "This is a simple text response for testing."


async def test_image_content() -> ImageContent:
    return IMAGE


async def test_audio_content() -> AudioContent:
    return AudioContent(data=SILENCE, mime_type="audio/wav")


async def test_embedded_resource() -> EmbeddedResource:
    return embedded("test://embedded-resource", "This is an embedded resource content.")


async def test_multiple_content_types() -> Content:
    mixed = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return [TextContent(text="Multiple content types test:"), IMAGE, mixed]


async def test_error_handling() -> str:
    raise ValueError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(context: Ctx) -> str:
    for progress in (0, 50, 100):
        await context.report_progress(progress, 100)
    return "Done."


async def test_missing_capability(context: Ctx) -> str:
    declared = context.client_capabilities
    if declared is None or declared.sampling is None:
        lacking: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "The client must declare sampling.", lacking)
    return "Done."


# What asks while the call is open: up to 2025-11-25


async def test_sampling(prompt: str, context: Ctx) -> str:
    reply = await context.session.create_message(sample(prompt).params.messages, max_tokens=100)
    return f"LLM response: {reply.content.text if isinstance(reply.content, TextContent) else reply.content}"


async def elicited(context: Ctx, message: str, schema: ElicitRequestedSchema) -> str:
    reply = await context.session.elicit_form(message, schema, context.request_id)
    return f"action={reply.action}, content={json.dumps(reply.content)}"


async def test_elicitation(message: str, context: Ctx) -> str:
    schema = ask(message, username="string", email="string").params
    assert isinstance(schema, ElicitRequestFormParams)
    return f"User response: {await elicited(context, message, schema.requested_schema)}"


async def test_elicitation_sep1034_defaults(context: Ctx) -> str:
    properties = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    schema = {"type": "object", "properties": properties, "required": []}
    return f"Elicitation completed: {await elicited(context, 'Please review the defaults.', schema)}"


async def test_elicitation_sep1330_enums(context: Ctx) -> str:
    plain = ["option1", "option2", "option3"]
    titled = [{"const": f"value{n}", "title": f"{nth} Option"} for n, nth in enumerate(("First", "Second", "Third"), 1)]
    names = ["Option One", "Option Two", "Option Three"]
    properties = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    schema = {"type": "object", "properties": properties, "required": []}
    return f"Elicitation completed: {await elicited(context, 'Please choose.', schema)}"


# What returns a question, and is called again with the reply: 2026-07-28


async def test_input_required_result_elicitation(context: Ctx) -> CallToolResult | InputRequiredResult:
    if reply := replied(context, "user_name"):
        return said(f"Hello, {reply['name']}!")
    return InputRequiredResult(input_requests={"user_name": ask("What is your name?", name="string")})


async def test_input_required_result_sampling(context: Ctx) -> CallToolResult | InputRequiredResult:
    reply = (context.input_responses or {}).get("capital_question")
    if isinstance(reply, CreateMessageResult) and isinstance(reply.content, TextContent):
        return said(reply.content.text)
    return InputRequiredResult(input_requests={"capital_question": sample("What is the capital of France?")})


async def test_input_required_result_list_roots(context: Ctx) -> CallToolResult | InputRequiredResult:
    if reply := (context.input_responses or {}).get("client_roots"):
        return said(reply.model_dump_json(by_alias=True))
    return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})


async def test_input_required_result_request_state(context: Ctx) -> CallToolResult | InputRequiredResult:
    if replied(context, "confirm") and context.request_state == "asked":
        return said("state-ok")
    return InputRequiredResult(input_requests={"confirm": ask("Please confirm", ok="boolean")}, request_state="asked")


async def test_input_required_result_tampered_state(context: Ctx) -> CallToolResult | InputRequiredResult:
    return await test_input_required_result_request_state(context)


async def test_input_required_result_multiple_inputs(context: Ctx) -> CallToolResult | InputRequiredResult:
    if len(context.input_responses or {}) == 3 and context.request_state == "asked":
        return said("All are here.")
    requests: dict[str, Any] = {
        "user_name": ask("What is your name?", name="string"),
        "greeting": sample("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    return InputRequiredResult(input_requests=requests, request_state="asked")


async def test_input_required_result_multi_round(context: Ctx) -> CallToolResult | InputRequiredResult:
    if replied(context, "step2") and context.request_state == "second":
        return said("Both are here.")
    if replied(context, "step1") and context.request_state == "first":
        question = ask("Step 2: What is your favorite color?", color="string")
        return InputRequiredResult(input_requests={"step2": question}, request_state="second")
    question = ask("Step 1: What is your name?", name="string")
    return InputRequiredResult(input_requests={"step1": question}, request_state="first")


async def test_input_required_result_capabilities(context: Ctx) -> InputRequiredResult:
    declared = context.client_capabilities
    requests: dict[str, Any] = {}
    if declared and declared.elicitation is not None:
        requests["user_name"] = ask("What is your name?", name="string")
    if declared and declared.sampling is not None:
        requests["greeting"] = sample("Generate a greeting")
    return InputRequiredResult(input_requests=requests)


def said(text: str) -> CallToolResult:
    """An answer of one text."""
    return CallToolResult(content=[TextContent(text=text)])


# Prompts and resources


def test_simple_prompt() -> str:
    return "This is a simple prompt for testing."


def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803 - the suite's name
    resource = embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[Message]:
    return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]


def test_input_required_result_prompt(context: Ctx) -> str | InputRequiredResult:
    if reply := replied(context, "user_context"):
        return f"Use this context: {reply['context']}"
    return InputRequiredResult(
        input_requests={"user_context": ask("What context should the prompt use?", context="string")}
    )


def with_fixtures(server: WithFixtures) -> WithFixtures:
    """Register what the suite calls, by the names in this module."""
    prompts = {name for name in globals() if name.startswith("test_") and "prompt" in name}
    for name, function in globals().items():
        if name in prompts:
            server.add_prompt(Prompt.from_function(function, description=name))
        elif name.startswith("test_"):
            server.add_tool(function, description=name, structured_output=False)

    @server.resource("test://static-text", mime_type="text/plain", description="A fixture of text.")
    def text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png", description="A fixture of bytes.")
    def binary() -> bytes:
        return base64.b64decode(PIXEL)

    @server.resource("test://template/{id}/data", mime_type="application/json", description="A fixture by its id.")
    def data(id: str) -> str:  # noqa: A002 - the suite's name
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    return server


async def main(port: int) -> None:
    """Serve until a signal arrives."""
    async with configured(Sandbox()) as clientary:
        server = with_fixtures(WithFixtures(clientary, keys=[bytes(32)]))
        drain = Drain(clientary.settings.deadline)
        app = application(server, clientary.settings, "streamable-http", "127.0.0.1", drain=drain)
        await serve(app, "127.0.0.1", port, "WARNING", drain)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[-1]))
