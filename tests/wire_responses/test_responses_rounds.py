"""The gate's own next round in this API: what the model is asked, and that the client sees one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.wire import GRAMMARS, HeldCall
from server.wire.responses import RESPONSES

USAGE = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2, "total_tokens": 7}


def first(items: Any) -> list[dict[str, Any]]:
    return [
        items.reasoning("Hm."),
        items.message("Let me see. <tool_"),
        items.call(1, "g", '{"x": 1}'),
        items.custom(2, "sh", "ls"),
    ]


def request(**more: Any) -> Any:
    members = {"model": "m", "input": "Hi", "tool_choice": "required", "tools": [], **more}
    return RESPONSES.request(json.dumps(members).encode())


def test_the_model_is_shown_its_items_and_the_refusals(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    answer = RESPONSES.answer(whole(*first(items)), GRAMMARS)
    refusals = refuse(answer.calls, "*")
    tree = json.loads(request().continued(answer, refusals).encode())
    sent = tree["input"]
    assert [item.get("type") for item in sent] == [
        None, "reasoning", "message", "function_call", "custom_tool_call",
        "function_call_output", "custom_tool_call_output",
    ]  # fmt: skip
    assert sent[0] == {"role": "user", "content": "Hi"}
    assert sent[3]["arguments"] == '{"x":1}'
    assert sent[4]["input"] == "ls"
    assert [item["output"].split(":")[0] for item in sent[5:]] == ["[leastward] refused g", "[leastward] refused sh"]
    assert tree["tool_choice"] == "auto"


CHOICES = (
    ("auto", "auto"),
    ({"type": "function", "name": "g"}, "auto"),
    ({"type": "allowed_tools", "mode": "required"}, {"type": "allowed_tools", "mode": "auto"}),
)


@pytest.mark.parametrize(("choice", "wanted"), CHOICES, ids=range(len(CHOICES)))
def test_a_call_is_not_demanded_once_more(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any], choice: Any, wanted: Any
) -> None:
    answer = RESPONSES.answer(whole(items.call(1, "g")), GRAMMARS)
    again = request(tool_choice=choice).continued(answer, refuse(answer.calls, "*"))
    assert json.loads(again.encode())["tool_choice"] == wanted


def test_reasoning_that_the_provider_did_not_store_goes_on_only_encrypted(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    plain = {"type": "reasoning", "id": "r", "summary": []}
    answer = RESPONSES.answer(whole(plain, items.reasoning("Hm."), items.call(1, "g")), GRAMMARS)
    refusals = refuse(answer.calls, "*")

    def kinds(**more: Any) -> list[str]:
        sent = json.loads(request(**more).continued(answer, refusals).encode())["input"]
        return [item["id"] for item in sent if item.get("type") == "reasoning"]

    assert kinds(store=False) == ["rs_1"]
    assert kinds() == ["r", "rs_1"]


def test_an_answer_of_two_rounds_is_one_answer(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    one = RESPONSES.answer(whole(*first(items), usage=USAGE), GRAMMARS)
    second = whole(items.message("call>done", name="msg_2"), id="resp_2", created_at=9, usage=USAGE)
    two = RESPONSES.answer(second, GRAMMARS, one.so_far)
    tree = json.loads(two.settled({}))
    assert (tree["id"], tree["created_at"]) == ("resp_1", 1)
    assert tree["usage"] == {
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 4, "total_tokens": 14,
    }  # fmt: skip
    assert [item["id"] for item in tree["output"]] == ["rs_1", "msg_1", "msg_2"]
    # The first text ended in what could have begun a call; clients join the texts.
    assert [item["content"][0]["text"] for item in tree["output"][1:]] == ["Let me see. <tool_", "\n\n---\n\ncall>done"]


def test_a_stream_of_two_rounds_is_one_stream(
    items: Any,
    streamed: Callable[..., list[bytes]],
    refuse: Callable[..., Any],
    left: Callable[..., list[dict[str, Any]]],
) -> None:
    stream = RESPONSES.stream(GRAMMARS)
    out = b"".join(map(stream.feed, streamed(*first(items))))
    calls = stream.close()
    refusals = refuse(calls, "*")
    out += stream.settle(refusals, done=False)
    again = json.loads(request().continued(stream, refusals).encode())["input"]
    assert [item.get("type") for item in again[-4:]] == [
        "function_call", "custom_tool_call", "function_call_output", "custom_tool_call_output",
    ]  # fmt: skip
    after = RESPONSES.stream(GRAMMARS, stream.so_far)
    out += b"".join(map(after.feed, streamed(items.message("call>done", name="msg_2"), items.call(3, "f"))))
    assert [call.tool for call in after.close()] == ["f"]
    out += after.settle({})
    events = left(out)
    assert [event["type"] for event in events].count("response.created") == 1
    assert [event["type"] for event in events].count("response.completed") == 1
    places = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    assert places == [0, 1, 2, 3]
    last = events[-1]["response"]
    assert [item["id"] for item in last["output"]] == ["rs_1", "msg_1", "msg_2", "fc_3"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == last["output"]
    assert last["output"][2]["content"][0]["text"] == "\n\n---\n\ncall>done"
    assert b"refused" not in out


def test_no_call_is_lost_between_two_rounds(items: Any, streamed: Callable[..., list[bytes]]) -> None:
    stream = RESPONSES.stream(GRAMMARS)
    with pytest.raises(ValueError, match="before the stream was closed"):
        stream.settle({})
    for event in streamed(items.call(1, "f")):
        stream.feed(event)
    stream.close()
    with pytest.raises(ValueError, match="would be lost"):
        stream.settle({}, done=False)


FORMS: dict[str, tuple[str, dict[str, Any], str]] = {
    "tool": ("call", {"to": "ada"}, '{"to":"ada"}'),
    "custom": ("custom", {"input": "to ada"}, "to ada"),
    "written": ("message", {"to": "ada"}, '"arguments":{"to":"ada"}'),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_a_call_leaves_as_it_was_rewritten(
    items: Any, whole: Callable[..., bytes], streamed: Callable[..., list[bytes]], form: str, streams: bool
) -> None:
    kind, new, wanted = FORMS[form]
    text = '<tool_call>{"name":"send","arguments":{"to":"mallory"}}</tool_call>'
    item = items.message(text) if kind == "message" else getattr(items, kind)(1, "send", '{"to":"mallory"}')
    out = b""
    if streams:
        held: Any = RESPONSES.stream(GRAMMARS)
        out = b"".join(map(held.feed, streamed(item)))
        held.close()
    else:
        held = RESPONSES.answer(whole(item), GRAMMARS)
    changes: dict[HeldCall, dict[str, Any]] = {held.calls[0]: new}
    held.rewrite(changes)
    assert held.calls[0].arguments == new
    out += held.settle({}) if streams else held.settled({})
    assert json.dumps(wanted)[1:-1].encode() in out
    assert b"mallory" not in out


def test_free_text_cannot_carry_other_arguments(items: Any, whole: Callable[..., bytes]) -> None:
    held = RESPONSES.answer(whole(items.custom(1, "sh", "ls")), GRAMMARS)
    with pytest.raises(ValueError, match="one argument"):
        held.rewrite({held.calls[0]: {"input": "ls", "cwd": "/"}})


def test_an_unreadable_call_needs_a_refusal(items: Any, whole: Callable[..., bytes]) -> None:
    held = RESPONSES.answer(whole(items.call(1, "f", "[")), GRAMMARS)
    with pytest.raises(ValueError, match="without a refusal"):
        held.settled({})
