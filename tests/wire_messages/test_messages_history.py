"""What history.py makes of a request's messages: results read and changed, refused calls put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from server.wire import PastRefusal
from server.wire.messages import MESSAGES


def call(call_id: str, name: str = "f", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def says(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


DOCUMENT = {
    "type": "document", "title": "t", "context": "c",
    "source": {"type": "content", "content": [says("inner"), {"type": "image", "source": {"type": "url", "url": "u"}}]},
}  # fmt: skip
NESTED = [
    says("first"),
    {"type": "search_result", "source": "s", "title": "h", "content": [says("hit")]},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
    DOCUMENT,
    {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
]
REMOTE = {"type": "mcp_tool_use", "id": "m", "name": "r", "server_name": "x", "input": {}}
MESSAGES_SENT = (
    {"role": "user", "content": "Go."},
    {"role": "assistant", "content": [says("Yes."), call("a"), call("b", "g")]},
    {"role": "user", "content": [result("a", "plain words"), result("b", NESTED), says("And?")]},
    {
        "role": "assistant",
        "content": [REMOTE, {"type": "mcp_tool_result", "tool_use_id": "m", "content": [says("far")]}],
    },
    {"role": "user", "content": [result("z", None), {"type": "tool_result", "tool_use_id": "y"}]},
)


def test_results_are_named_by_the_calls_that_they_answer(asking: Callable[..., bytes]) -> None:
    results = MESSAGES.request(asking(*MESSAGES_SENT)).results()
    assert [(each.place, each.call_id, each.tool, each.text) for each in results] == [
        (2, "a", "f", "plain words"),
        (2, "b", "g", "first\ns\nh\nhit\nplain\nt\nc\ninner"),
        (3, "m", "r", "far"),
        (4, "z", "", ""),
        (4, "y", "", ""),
    ]


def test_every_text_that_is_read_of_a_result_is_changed(asking: Callable[..., bytes]) -> None:
    request = MESSAGES.request(asking(*MESSAGES_SENT))
    seen: list[tuple[str, str]] = []

    def change(tool: str, text: str) -> str:
        seen.append((tool, text))
        return text.upper()

    after = request.with_results(change)
    assert [each.text for each in after.results()] == [each.text.upper() for each in request.results()]
    assert {tool for tool, text in seen if text == "plain words"} == {"f"}
    assert {tool for tool, text in seen if text in ("inner", "hit", "plain")} == {"g"}
    assert after.user_words() == request.user_words() == ("Go.", "And?")
    left = json.loads(after.encode())["messages"]
    assert left[2]["content"][1]["content"][4] == NESTED[4]
    assert request.with_results(lambda tool, text: text) is request


def past(call_id: str, siblings: tuple[str, ...] = (), text: str = "", tool: str = "f") -> PastRefusal:
    return PastRefusal(call_id, tool, '{"a":1}', f"refused {call_id}", siblings, text)


def after(messages: list[Any], refusals: list[PastRefusal], asking: Callable[..., bytes]) -> list[Any]:
    sent: list[Any] = json.loads(MESSAGES.request(asking(*messages)).with_refusals(refusals).encode())["messages"]
    return sent


def test_a_refused_call_is_put_back_beside_its_siblings(asking: Callable[..., bytes]) -> None:
    messages = [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": [says("Yes."), call("a")]},
        {"role": "user", "content": [result("a", "done"), says("And?")]},
    ]
    left = after(messages, [past("x", ("a",)), past("y", ("a",), tool="no name")], asking)
    assert left[1]["content"] == [says("Yes."), call("a"), call("x", a=1), call("y", "unknown", a=1)]
    assert left[2]["content"] == [
        result("a", "done"),
        result("x", "refused x", is_error=True),
        result("y", "refused y", is_error=True),
        says("And?"),
    ]


def test_a_refused_call_is_put_back_where_its_text_is(asking: Callable[..., bytes]) -> None:
    messages = [
        {"role": "assistant", "content": "other"},
        {"role": "assistant", "content": [says("Yes.\n"), says("Refused. ")]},
        {"role": "user", "content": "So?"},
    ]
    left = after(messages, [past("x", text="Yes.\nRefused.")], asking)
    assert left[1]["content"][-1] == call("x", a=1)
    assert left[2]["content"] == [result("x", "refused x", is_error=True), says("So?")]


def test_a_call_at_the_end_gets_a_message_for_its_result(asking: Callable[..., bytes]) -> None:
    left = after([{"role": "assistant", "content": "Refused."}], [past("x", text="Refused.")], asking)
    assert left[1] == {"role": "user", "content": [result("x", "refused x", is_error=True)]}


def test_nothing_is_put_where_no_place_is_or_the_call_stands_already(asking: Callable[..., bytes]) -> None:
    messages = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": [says("Yes."), call("x")]}]
    assert after(messages, [past("y", ("z",)), past("w", text="No."), past("v")], asking) == messages
    assert after(messages, [past("x", text="Yes.")], asking) == messages


def test_equal_answers_each_have_their_own_place(asking: Callable[..., bytes]) -> None:
    answer = {"role": "assistant", "content": [call("a")]}
    messages = [answer, {"role": "user", "content": [result("a", "1")]}] * 2
    refusals = [past("x", ("a",), "first"), past("y", ("a",), "second")]
    left = after(messages, refusals, asking)
    assert [block["id"] for block in left[0]["content"]] == ["a", "x"]
    assert [block["id"] for block in left[2]["content"]] == ["a", "y"]
