"""The MCP server that the conformance suite is run against: bare, or behind a gate. Both kinds of MCP, one address.

Usage: python fixture_server.py PORT     (serves http://127.0.0.1:PORT/mcp until it is ended)
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from typing import Any, Final

import uvicorn
from fixture_answers import (
    ARGUMENTS,
    FIXED,
    FORMS,
    PROMPT_ROUND,
    PROMPTS,
    RESOURCES,
    ROUNDS,
    SCHEMA_2020_12,
    prompt_messages,
    text,
)
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CompleteResult,
    EmptyResult,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    ReadResourceResult,
    SamplingMessage,
    TextContent,
)

KEY: Final = b"a key of a fixture, which protects nothing"
CAPABILITY: Final = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
ACTING: Final = (
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    "test_missing_capability",
    "test_sampling",
    "test_elicitation",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
)
CHANGES: Final = InMemorySubscriptionBus()


# --- tools ------------------------------------------------------------------------------------------------------------


async def list_tools(context: Any, params: Any) -> ListToolsResult:
    tools = []
    for name in (*FIXED, *ACTING, *FORMS, *ROUNDS):
        given = ARGUMENTS.get(name, {})
        schema = {"type": "object", "properties": given, "required": list(given)}
        if name == "json_schema_2020_12_tool":
            schema = SCHEMA_2020_12
        tools.append({"name": name, "description": f"The fixture of {name}", "inputSchema": schema})
    return ListToolsResult.model_validate({"tools": tools})


async def call_tool(context: Any, params: Any) -> CallToolResult | InputRequiredResult:
    name, given = params.name, params.arguments or {}
    if name in FIXED:
        return answered(FIXED[name])
    if name in ROUNDS:
        return asked_round(context, params, name, ROUNDS[name])
    if name in FORMS:
        return await filled(context, "Please fill in the form", FORMS[name], "Elicitation completed")
    if name == "test_elicitation":
        fields = {"username": {"type": "string"}, "email": {"type": "string"}}
        return await filled(context, given.get("message", ""), fields, "User response")
    if name in ACTING:
        return await DOING[name](context, given)
    raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}")


async def logged(context: Any, given: dict[str, Any]) -> CallToolResult:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", words, related_request_id=context.request_id)
        await asyncio.sleep(0.05)
    return answered([text("logged")])


async def progressed(context: Any, given: dict[str, Any]) -> CallToolResult:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return answered([text("progressed")])


async def failed(context: Any, given: dict[str, Any]) -> CallToolResult:
    return answered([text("This tool intentionally returns an error for testing")], is_error=True)


async def lacking(context: Any, given: dict[str, Any]) -> CallToolResult:
    """The client has to have `sampling`. The SDK gives the HTTP status that belongs to this error."""
    if "sampling" not in capabilities(context):
        data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "the client has no `sampling`", data)
    return answered([text("the client has `sampling`")])


async def sampled(context: Any, given: dict[str, Any]) -> CallToolResult:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=given.get("prompt", "")))
    result = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    return answered([text(f"LLM response: {getattr(result.content, 'text', '')}")])


async def prompts_changed(context: Any, given: dict[str, Any]) -> CallToolResult:
    await CHANGES.publish(PromptsListChanged())
    return answered([text("changed")])


async def tools_changed(context: Any, given: dict[str, Any]) -> CallToolResult:
    await CHANGES.publish(ToolsListChanged())
    return answered([text("changed")])


DOING: Final = {
    "test_tool_with_logging": logged,
    "test_tool_with_progress": progressed,
    "test_error_handling": failed,
    "test_missing_capability": lacking,
    "test_sampling": sampled,
    "test_trigger_prompt_change": prompts_changed,
    "test_trigger_tool_change": tools_changed,
}


async def filled(context: Any, message: str, fields: dict[str, Any], told: str) -> CallToolResult:
    schema = {"type": "object", "properties": fields, "required": []}
    result = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
    return answered([text(f"{told}: action={result.action}, content={json.dumps(result.content)}")])


def answered(content: list[dict[str, Any]], *, is_error: bool = False) -> CallToolResult:
    return CallToolResult.model_validate({"content": content, "isError": is_error})


# --- more than one round ----------------------------------------------------------------------------------------------


def asked_round(
    context: Any, params: Any, name: str, rounds: list[dict[str, Any]]
) -> CallToolResult | InputRequiredResult:
    """The next round's questions, or the answer after the last round. The state is a round's number and its seal."""
    number = opened(name, params.request_state) if params.request_state is not None else 0
    given = params.input_responses or {}
    usable = {key for key in rounds[number] if key in given and is_usable(rounds[number][key], given[key])}
    offered = {key: one for key, one in rounds[number].items() if CAPABILITY[one["method"]] in capabilities(context)}
    if not usable.issuperset(offered or rounds[number]):
        return required(name, number, offered or rounds[number])
    if number + 1 < len(rounds):
        return required(name, number + 1, rounds[number + 1])
    words = " ".join(json.dumps(given[key].model_dump(mode="json", by_alias=True)) for key in sorted(usable))
    return answered([text(f"state-ok integrity-ok Hello, {words}!")])


def is_usable(asked: dict[str, Any], response: Any) -> bool:
    """Whether a response is one to what was asked, with all the fields of a form."""
    if asked["method"] != "elicitation/create":
        return True
    content = getattr(response, "content", None)
    return isinstance(content, dict) and content.keys() >= set(asked["params"]["requestedSchema"]["required"])


def required(name: str, number: int, asked: dict[str, Any]) -> InputRequiredResult:
    tree = {"resultType": "input_required", "inputRequests": asked, "requestState": sealed(name, number)}
    return InputRequiredResult.model_validate(tree)


def sealed(name: str, number: int) -> str:
    words = f"{name}.{number}"
    return f"{words}.{hmac.new(KEY, words.encode(), hashlib.sha256).hexdigest()}"


def opened(name: str, state: str) -> int:
    for number in range(len(ROUNDS[name])):
        if hmac.compare_digest(sealed(name, number).encode(), state.encode()):
            return number
    raise MCPError(INVALID_PARAMS, "the state is none of this server's")


def capabilities(context: Any) -> dict[str, Any]:
    found = context.session.client_capabilities
    return {} if found is None else found.model_dump(exclude_none=True)


# --- resources, prompts, completion -----------------------------------------------------------------------------------


async def list_resources(context: Any, params: Any) -> ListResourcesResult:
    entries = [
        {"uri": uri, "name": uri, "description": "a fixture", "mimeType": one["mimeType"]}
        for uri, one in RESOURCES.items()
    ]
    return ListResourcesResult.model_validate({"resources": entries})


async def list_templates(context: Any, params: Any) -> ListResourceTemplatesResult:
    entry = {"uriTemplate": "test://template/{id}/data", "name": "template", "description": "a fixture"}
    return ListResourceTemplatesResult.model_validate({"resourceTemplates": [entry]})


async def read_resource(context: Any, params: Any) -> ReadResourceResult:
    uri = str(params.uri)
    contents = RESOURCES.get(uri)
    if uri.startswith("test://template/") and uri.endswith("/data"):
        name = uri.removeprefix("test://template/").removesuffix("/data")
        words = json.dumps({"id": name, "templateTest": True, "data": f"Data for ID: {name}"})
        contents = {"mimeType": "application/json", "text": words}
    if contents is None:
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
    return ReadResourceResult.model_validate({"contents": [{"uri": uri, **contents}]})


async def list_prompts(context: Any, params: Any) -> ListPromptsResult:
    entries = [
        {
            "name": name,
            "description": "a fixture",
            "arguments": [{"name": one, "description": "a fixture", "required": True} for one in needed],
        }
        for name, needed in PROMPTS.items()
    ]
    return ListPromptsResult.model_validate({"prompts": entries})


async def get_prompt(context: Any, params: Any) -> GetPromptResult | InputRequiredResult:
    given = dict(params.arguments or {})
    if params.name not in PROMPTS or not given.keys() >= set(PROMPTS[params.name]):
        raise MCPError(INVALID_PARAMS, "no such prompt, or an argument is missing")
    if params.name == "test_input_required_result_prompt":
        response = (params.input_responses or {}).get("user_context")
        if response is None or not is_usable(PROMPT_ROUND["user_context"], response):
            return InputRequiredResult.model_validate({"inputRequests": PROMPT_ROUND})
        given |= response.content
    return GetPromptResult.model_validate({"messages": prompt_messages(params.name, given)})


async def complete(context: Any, params: Any) -> CompleteResult:
    values = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return CompleteResult.model_validate({"completion": {"values": values, "total": len(values), "hasMore": False}})


async def taken(context: Any, params: Any) -> EmptyResult:
    return EmptyResult()


def fixture() -> Server[Any]:
    return Server(
        "conformance-fixture",
        version="1",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=taken,
        on_subscriptions_listen=ListenHandler(CHANGES),
        on_unsubscribe_resource=taken,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_set_logging_level=taken,
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(fixture().streamable_http_app(), host="127.0.0.1", port=port, log_level="warning")
