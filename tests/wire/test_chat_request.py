from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.wire import ChatRequest, MalformedRequest, Offer, parse_chat_request
from server.wire.chat_request import PROVIDER_MEMBERS, REFUSED_MEMBERS


def tool(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}).encode()


def kept(*names: str) -> Callable[[Offer], bool]:
    return lambda offer: offer.name in names


def tree(request: ChatRequest) -> dict[str, Any]:
    return json.loads(request.encode())  # type: ignore[no-any-return]  # the test wrote it


def test_what_a_request_says_of_itself() -> None:
    request = parse_chat_request(body(stream=True, n=2, stream_options={"include_usage": True}))
    assert (request.model, request.stream, request.n, request.include_usage) == ("m", True, 2, True)
    request = parse_chat_request(body(stream=None, n=None, stream_options=None))
    assert (request.stream, request.n, request.include_usage, request.offered()) == (False, 1, False, ())


def test_unknown_members_pass_in_the_tree() -> None:
    members = {"temperature": 0.25, "guided_json": {"a": [None]}, "chat_template_kwargs": {"x": 1}}
    assert tree(parse_chat_request(body(**members))).items() >= members.items()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"model":"m","messages":[],"messages":[]}',
        b'{"model":"m","messages":[],"\\u006dessages":[]}',
        b'\xef\xbb\xbf{"model":"m","messages":[]}',
        b'{"model":"m","messages":[]} {}',
        b'{"model":"m","messages":[],"temperature":NaN}',
        b'{"messages":[]}',
        b'{"model":"m"}',
        body(model=1),
        body(messages={}),
        body(messages=["hi"]),
        body(messages=[{"content": "hi"}]),
        body(messages=[{"role": "user", "content": 1}]),
        body(messages=[{"role": "user", "content": ["hi"]}]),
        body(messages=[{"role": "user", "content": [{"type": "text"}]}]),
        body(stream=1),
        body(stream="true"),
        body(n=0),
        body(n=17),
        body(n=True),
        body(n=1.0),
        body(stream_options=True),
        body(stream_options={"include_usage": 1}),
        body(tools={}),
        body(tools=["f"]),
        body(tools=[{"function": {"name": "f"}}]),
        body(tools=[{"type": "function"}]),
        body(tools=[tool("")]),
        body(tools=[tool(parameters="{}")]),
        body(functions=[{"parameters": {}}]),
        body(tool_choice=["f"]),
        body(parallel_tool_calls=0),
        body(Tools=[tool()]),
        body(**{"tools ": [tool()]}),  # a name with a blank
        body().replace(b"{", '{"ｔools":[],'.encode(), 1),
        body(Web_Search_Options={}),
        *(body(**{name: {}}) for name in REFUSED_MEMBERS),
    ],
)
def test_a_malformed_request(raw: bytes) -> None:
    with pytest.raises(MalformedRequest) as caught:
        parse_chat_request(raw)
    assert caught.value.status_hint == 400


def test_offers() -> None:
    request = parse_chat_request(
        body(
            tools=[
                tool("f", parameters={"type": "object"}),
                {"type": "custom", "custom": {"name": "g"}},
                {"type": "mcp"},
            ],
            functions=[{"name": "h"}],
            web_search_options={},
        )
    )
    assert [(offer.kind, offer.name, offer.place) for offer in request.offered()] == [
        ("function", "f", "tools[0]"),
        ("custom", "g", "tools[1]"),
        ("mcp", "mcp", "tools[2]"),
        ("function", "h", "functions[0]"),
        ("member", "web_search_options", "web_search_options"),
    ]
    assert request.offered()[0].schema == {"type": "object"}
    assert request.offered()[0].declaration == tool("f", parameters={"type": "object"})


def test_only_kept_offers_reach_the_upstream() -> None:
    request = parse_chat_request(
        body(
            tools=[tool("f"), {"type": "web_search"}, tool("g")],
            functions=[{"name": "f"}, {"name": "h"}],
            plugins=[1],
        )
    )
    sent = tree(request.keeping(kept("g", "h")))
    assert sent["tools"] == [tool("g")]
    assert sent["functions"] == [{"name": "h"}]
    assert "plugins" not in sent
    assert len(request.offered()) == 6, "the request itself is unchanged"
    assert [offer.place for offer in request.keeping(kept("g")).offered()] == ["tools[0]"]


@pytest.mark.parametrize("member", PROVIDER_MEMBERS)
def test_a_member_that_makes_the_provider_act_is_dropped_unless_kept(member: str) -> None:
    request = parse_chat_request(body(**{member: {"x": 1}}))
    assert member not in tree(request.keeping(lambda offer: offer.kind == "function"))
    assert tree(request.keeping(kept(member)))[member] == {"x": 1}


def test_where_no_tool_remains_their_settings_go_too() -> None:
    request = parse_chat_request(
        body(
            tools=[tool()],
            tool_choice="auto",
            parallel_tool_calls=True,
            functions=[{"name": "f"}],
            function_call="auto",
        )
    )
    assert tree(request.keeping(kept())).keys() == {"model", "messages"}


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": tool("f")},
        {"tool_choice": {"type": "web_search"}},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool("f")]}}},
        {"function_call": {"name": "f"}},
    ],
)
def test_a_choice_of_a_dropped_tool_is_refused(members: dict[str, Any]) -> None:
    request = parse_chat_request(
        body(tools=[tool("f"), tool("g"), {"type": "web_search"}], functions=[{"name": "f"}], **members)
    )
    with pytest.raises(MalformedRequest) as caught:
        request.keeping(kept("g"))
    assert (caught.value.code, caught.value.status_hint) == ("tool-not-allowed", 403)
    assert tree(request.keeping(lambda offer: True)).items() >= members.items()


def test_a_demand_for_a_call_where_no_tool_remains_is_refused() -> None:
    request = parse_chat_request(body(tools=[tool()], tool_choice="required"))
    with pytest.raises(MalformedRequest):
        request.keeping(kept())


def test_allowed_tools_are_filtered() -> None:
    allowed = {"mode": "required", "tools": [tool("f"), tool("g")]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    request = parse_chat_request(body(tools=[tool("f"), tool("g")], tool_choice=choice))
    sent = tree(request.keeping(kept("g")))
    assert sent["tool_choice"]["allowed_tools"] == {"mode": "required", "tools": [tool("g")]}


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": "any"},
        {"function_call": "any"},
        {"tool_choice": {"type": "allowed_tools"}},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": ["f"]}}},
        {"tool_choice": {}},
    ],
)
def test_a_choice_that_the_api_does_not_know(members: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequest):
        parse_chat_request(body(tools=[tool()], functions=[{"name": "f"}], **members)).keeping(lambda offer: True)


def test_user_words_are_those_of_the_user_role_alone() -> None:
    request = parse_chat_request(
        body(
            messages=[
                {"role": "system", "content": "s"},
                {"role": "user", "content": "a"},
                {"role": "User", "content": "not the user role"},
                {"role": "assistant", "content": "b", "tool_calls": [{"anything": "the client claims"}]},
                {"role": "tool", "tool_call_id": "x", "content": "c"},
                {"role": "user", "content": [{"type": "text", "text": "d"}, {"type": "image_url", "image_url": {}}]},
                {"role": "user", "content": None},
            ]
        )
    )
    assert request.user_words() == ("a", "d")
