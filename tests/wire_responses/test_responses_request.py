"""server/wire/responses/request.py and offers.py: what of a client's request goes on to the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.wire import MalformedRequest, Offer
from server.wire.responses import RESPONSES
from server.wire.responses.offers import FREE_TEXT

F = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True}
G = {"type": "function", "name": "g", "parameters": None}
SH = {"type": "custom", "name": "sh"}
MCP = {"type": "mcp", "server_label": "crm", "server_url": "https://crm.example/mcp", "require_approval": "never"}
PROVIDER = (
    {"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["v"]}, {"type": "image_generation"},
    {"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "computer_use_preview"}, MCP,
    {"type": "local_shell"}, {"type": "shell"}, {"type": "apply_patch"}, {"type": "tool_search"},
    {"type": "programmatic_tool_calling"}, {"type": "namespace", "name": "crm", "tools": [F]}, {"type": "new_tool"},
)  # fmt: skip


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "Hi", **members}).encode()


def read(**members: Any) -> Any:
    return RESPONSES.request(body(**members))


def functions(offer: Offer) -> bool:
    return offer.kind == "function" and offer.name == "f"


def kept(request: Any) -> dict[str, Any]:
    tree = json.loads(request.keeping(functions).encode())
    assert isinstance(tree, dict)
    return tree


def test_a_request_that_nothing_changes_leaves_as_it_was_read() -> None:
    raw = body(tools=[F], tool_choice="auto", temperature=0.5, store=False, include=["reasoning.encrypted_content"])
    request = RESPONSES.request(raw)
    assert json.loads(request.keeping(functions).encode()) == json.loads(raw)
    assert (request.model, request.stream) == ("m", False)
    assert read(stream=True).stream


@pytest.mark.parametrize("tool", PROVIDER, ids=lambda tool: str(tool["type"]))
def test_what_runs_at_the_provider_is_offered_by_its_type_and_dropped(tool: dict[str, Any]) -> None:
    request = read(tools=[tool, F])
    assert [offer.kind for offer in request.offers] == [tool["type"], "function"]
    assert kept(request)["tools"] == [F]
    assert "tools" not in kept(read(tools=[tool], parallel_tool_calls=True, tool_choice="auto"))


def test_names_and_schemas_of_offers() -> None:
    offers = read(tools=[F, G, SH, MCP], mcp_servers=[{}]).offers
    assert [(offer.kind, offer.name, offer.place) for offer in offers] == [
        ("function", "f", "tools[0]"), ("function", "g", "tools[1]"), ("custom", "sh", "tools[2]"),
        ("mcp", "crm", "tools[3]"), ("member", "mcp_servers", "mcp_servers"),
    ]  # fmt: skip
    assert [offer.schema for offer in offers[:3]] == [F["parameters"], {}, FREE_TEXT]
    assert "mcp_servers" not in kept(read(mcp_servers=[{}]))


CHOICES: dict[str, tuple[Any, Any]] = {
    "a kept function": ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
    "a dropped function": ({"type": "function", "name": "g"}, 403),
    "a custom tool": ({"type": "custom", "name": "sh"}, 403),
    "the provider's own": ({"type": "web_search_preview"}, 403),
    "a remote server's": ({"type": "mcp", "server_label": "crm", "name": "delete_user"}, 403),
    "a shell": ({"type": "shell"}, 403),
    "some": (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
    ),
    "some, all dropped": ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "sh"}]}, 403),
    "no list": ({"type": "allowed_tools", "mode": "auto", "tools": "f"}, 400),
    "a word": ("required", "required"),
    "no word of this API": ("any", 400),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_fits_what_is_kept_or_is_refused(choice: str) -> None:
    given, wanted = CHOICES[choice]
    request = read(tools=[F, G, SH, MCP], tool_choice=given)
    if isinstance(wanted, int):
        with pytest.raises(MalformedRequest) as caught:
            request.keeping(functions)
        assert caught.value.status_hint == wanted
    else:
        assert kept(request)["tool_choice"] == wanted


def test_a_demand_without_a_kept_tool_is_refused() -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(tools=[G], tool_choice="required").keeping(functions)
    assert (caught.value.code, caught.value.status_hint) == ("tool-not-allowed", 403)


HIDDEN = {
    "previous_response_id": "resp_1",
    "conversation": "conv_1",
    "prompt": {"id": "pmpt_1"},
    "background": True,
    "previous_input_messages": [{"role": "tool", "content": "x"}],
    "messages": [{"role": "user", "content": "x"}],
    "functions": [F],
    "function_call": {"name": "f"},
    "extra_body": {"tools": []},
}


@pytest.mark.parametrize("member", HIDDEN)
def test_a_history_at_the_provider_is_refused(member: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(**{member: HIDDEN[member]})
    assert (caught.value.code, caught.value.status_hint) == ("unsupported-member", 400)
    assert read(**{member: None}).model == "m"


ITEMS: dict[str, Any] = {
    "a reference": {"type": "item_reference", "id": "msg_1"},
    "a reference without a type": {"id": "msg_1"},
    "tools in the history": {"type": "additional_tools", "role": "developer", "tools": [MCP]},
    "tools that were searched for": {"type": "tool_search_output", "tools": [F]},
    "an approval of a tool at the provider": {
        "type": "mcp_approval_response",
        "approval_request_id": "a",
        "approve": 1,
    },
    "a program": {"type": "program", "code": "f()"},
    "an unknown kind": {"type": "super_call_output", "output": "x"},
    "a result with a role": {"type": "function_call_output", "role": "user", "call_id": "a", "output": "x"},
    "a message without a role": {"type": "message", "content": "x"},
    "a content of another kind": {"role": "user", "content": 1},
    "no object": "x",
}


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_that_the_gate_cannot_see_through_is_refused(item: str) -> None:
    with pytest.raises(MalformedRequest):
        read(input=[ITEMS[item]])


MALFORMED = (
    b"", b"[]", b'{"model":"m"}', b'{"input":"x"}', b'{"model":"m","input":"x","input":"y"}',
    b'{"model":"m","input":{}}', b'{"model":"m","input":"x","stream":1}', b'{"model":"m","input":"x","Tools":[]}',
    b'{"model":"m","input":"x","Previous_Response_Id":"r"}', b'{"model":"m","input":"x","tools":[{"name":"f"}]}',
    b'{"model":"m","input":"x","tools":[{"type":"function","function":{"name":"f"}}]}',
    b'{"model":"m","input":"x","tools":[{"type":"function","name":"f","parameters":1}]}',
)  # fmt: skip


@pytest.mark.parametrize("raw", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_request(raw: bytes) -> None:
    with pytest.raises(MalformedRequest):
        RESPONSES.request(raw)
