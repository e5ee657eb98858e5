"""One answer of several rounds: continued, Earlier, and what held_message.py makes of them, streamed and whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.wire import GRAMMARS, HeldCall, Refusal
from server.wire.messages import MESSAGES

CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
GOOD = {"type": "tool_use", "id": "a", "name": "g", "input": {}}
Refuse = Callable[..., dict[HeldCall, Refusal]]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


ROUNDS: tuple[tuple[list[dict[str, Any]], ...], ...] = (
    ([text("I try."), CALL], [text("I may not.")]),
    ([{"type": "thinking", "thinking": "Hm.", "signature": "s"}, CALL], [text("Then so."), GOOD]),
    ([CALL], [CALL, text("Again.")], [text("Enough.")]),
    ([text('See <tool_call>{"name": "f", "arguments": {}}</tool_call> this.'), text("Lost.")], [text("Well."), CALL]),
    ([text("Go on. <tool"), CALL], [text("_call>")]),
    ([], []),
)


def whole(rounds: tuple[list[dict[str, Any]], ...], body: Callable[..., bytes], refuse: Refuse) -> dict[str, Any]:
    so_far: Any = None
    for at, blocks in enumerate(rounds):
        answer = MESSAGES.answer(body(blocks, "tool_use", id=f"msg_{at}", model=f"m{at}"), GRAMMARS, so_far)
        so_far = answer.so_far
    tree: dict[str, Any] = json.loads(answer.settled(refuse(answer.calls, "f")))
    return tree


def events_of(
    rounds: tuple[list[dict[str, Any]], ...], streamed: Callable[..., list[bytes]], refuse: Refuse
) -> list[dict[str, Any]]:
    so_far: Any = None
    out = b""
    for at, blocks in enumerate(rounds):
        stream = MESSAGES.stream(GRAMMARS, so_far)
        for event in streamed(blocks, "tool_use"):
            out += stream.feed(event.replace(b"msg_1", b"msg_%d" % at).replace(b'"model": "m"', b'"model": "m%d"' % at))
        refusals = refuse(stream.close(), "f")
        done = at == len(rounds) - 1
        out += stream.settle(refusals, done=done)
        so_far = stream.so_far
    return [json.loads(part.partition("data: ")[2]) for part in out.decode().split("\n\n")[:-1]]


def put_together(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that the events make, read by nothing but their description in the API's documentation."""
    blocks: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "input": ""})
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            member = {"input_json_delta": "partial_json"}.get(delta["type"], delta["type"].removesuffix("_delta"))
            block = blocks[event["index"]]
            own = "input" if member == "partial_json" else member
            block[own] += delta[member]
    for block in blocks:
        given = block.pop("input")
        if block["type"] == "tool_use":
            block["input"] = json.loads(given)
    return blocks


@pytest.mark.parametrize("rounds", ROUNDS, ids=lambda rounds: f"{len(rounds)}-{sum(map(len, rounds))}")
def test_rounds_give_one_message(
    rounds: tuple[list[dict[str, Any]], ...],
    body: Callable[..., bytes],
    streamed: Callable[..., list[bytes]],
    refuse: Refuse,
) -> None:
    tree = whole(rounds, body, refuse)
    events = events_of(rounds, streamed, refuse)
    assert (tree["id"], tree["model"]) == ("msg_0", "m0")
    assert tree["usage"] == {"input_tokens": 3 * len(rounds), "output_tokens": 7 * len(rounds)}
    assert put_together(events) == tree["content"]
    kinds = [event["type"] for event in events]
    assert kinds.count("message_start") == kinds.count("message_stop") == kinds.count("message_delta") == 1
    assert events[0]["message"]["id"] == "msg_0"
    assert events[-2]["usage"] == tree["usage"]
    assert events[-2]["delta"]["stop_reason"] == tree["stop_reason"]
    assert (tree["stop_reason"] == "tool_use") == any(block["type"] == "tool_use" for block in tree["content"])


def test_what_was_said_in_rounds(body: Callable[..., bytes], refuse: Refuse) -> None:
    assert whole(ROUNDS[0], body, refuse)["content"] == [text("I try."), text("\nI may not.")]
    assert whole(ROUNDS[3], body, refuse)["content"] == [
        text("See "),
        text("\n\n---\n\nWell."),
        text("\n[leastward] refused f: no-rule. Not allowed. (decision d1)"),
    ]
    assert whole(ROUNDS[4], body, refuse)["content"] == [text("Go on. <tool"), text("\n\n---\n\n_call>")]


@pytest.mark.parametrize("kind", ["any", "tool"])
def test_the_model_is_told_of_its_refused_calls(
    kind: str,
    asking: Callable[..., bytes],
    body: Callable[..., bytes],
    streamed: Callable[..., list[bytes]],
    refuse: Refuse,
) -> None:
    choice = {"type": kind, "name": "f", "disable_parallel_tool_use": True}
    user = {"role": "user", "content": "Go."}
    request = MESSAGES.request(asking(user, tools=[{"name": "f", "input_schema": {}}], tool_choice=choice))
    written = text('So <tool_call>{"name": "f", "arguments": {}}</tool_call>')
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        written,
        CALL,
        {"type": "tool_use", "id": "b", "name": "a b", "input": []},
    ]
    answer = MESSAGES.answer(body(blocks, "tool_use"), GRAMMARS)
    stream = MESSAGES.stream(GRAMMARS)
    for event in streamed(blocks, "tool_use"):
        stream.feed(event)
    assert [call.tool for call in stream.close()] == ["f", "a b", "f"]
    trees = []
    for said, calls in ((answer, answer.calls), (stream, stream.close())):
        tree = json.loads(request.continued(said, refuse(calls, "*")).encode())
        assert tree["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
        assert tree["messages"][0] == user
        mine, refused = tree["messages"][1:]
        assert (mine["role"], refused["role"]) == ("assistant", "user")
        assert mine["content"][:3] == [blocks[0], text("So "), CALL]
        assert mine["content"][3] == {"type": "tool_use", "id": "b", "name": "unknown", "input": {}}
        asked = [block["id"] for block in mine["content"][2:]]
        assert [block["tool_use_id"] for block in refused["content"]] == asked
        assert all(block["is_error"] and block["content"].startswith("[leastward]") for block in refused["content"])
        trees.append(tree)
    assert trees[0] == trees[1]


def test_past_refusals_find_their_place_again(
    asking: Callable[..., bytes], body: Callable[..., bytes], refuse: Refuse
) -> None:
    answer = MESSAGES.answer(body([text("Yes."), CALL, {**GOOD, "id": "b"}], "tool_use"), GRAMMARS)
    refusals = refuse(answer.calls, "f")
    content = json.loads(answer.settled(refusals))["content"]
    done = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b", "content": "done"}]}
    request = MESSAGES.request(asking({"role": "assistant", "content": content}, done))
    left = json.loads(request.with_refusals(answer.past(refusals)).encode())["messages"]
    assert left[0]["content"][-1] == CALL
    assert left[1]["content"][1]["tool_use_id"] == "a"
    assert left[1]["content"][1]["content"] == "[leastward] refused f: no-rule. Not allowed. (decision d1)"


def test_rewritten_arguments_leave(body: Callable[..., bytes], streamed: Callable[..., list[bytes]]) -> None:
    blocks = [text('<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>'), CALL]
    answer = MESSAGES.answer(body(blocks, "tool_use"), GRAMMARS)
    answer.rewrite({call: {"x": 2} for call in answer.calls})
    content = json.loads(answer.settled({}))["content"]
    assert content[0] == text('<tool_call>\n{"name":"f","arguments":{"x":2}}\n</tool_call>')
    assert content[1] == {**CALL, "input": {"x": 2}}
    stream = MESSAGES.stream(GRAMMARS)
    for event in streamed(blocks, "tool_use"):
        stream.feed(event)
    stream.rewrite({call: {"x": 2} for call in stream.close()})
    assert stream.settle({}).count(rb"\"x\":2") == 2


def test_what_a_caller_may_not_do(body: Callable[..., bytes], streamed: Callable[..., list[bytes]]) -> None:
    stream = MESSAGES.stream(GRAMMARS)
    with pytest.raises(ValueError, match="before the stream was closed"):
        stream.settle({})
    for event in streamed([CALL], "tool_use"):
        stream.feed(event)
    stream.close()
    with pytest.raises(ValueError, match="lost between two rounds"):
        stream.settle({}, done=False)
    answer = MESSAGES.answer(body([{**CALL, "input": 1}], "tool_use"), GRAMMARS)
    with pytest.raises(ValueError, match="without a refusal"):
        answer.settled({})
    stranger = HeldCall(0, 9, "z", "f", {}, "tool", None)
    with pytest.raises(ValueError, match="not in this answer"):
        stream.settle({stranger: Refusal("no-rule", None, "d")})
