"""server/wire/responses/history.py: words of users, results of tools, refused calls back at their places."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from server.wire import GRAMMARS, ToolResult
from server.wire.responses import RESPONSES

HISTORY: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "What is new?"},
    {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "And the IBAN?"}, {"type": "input_image", "image_url": "https://a.example/"}]},
    {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAA"},
    {"type": "function_call", "call_id": "a", "name": "read_inbox", "arguments": "{}"},
    {"type": "custom_tool_call", "call_id": "b", "name": "sh", "input": "cat iban"},
    {"type": "custom_tool_call_output", "call_id": "b", "output": "GB29"},
    {"type": "function_call_output", "call_id": "a", "output": [
        {"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}]},
    {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "out", "stderr": "err", "outcome": {}}]},
    {"type": "local_shell_call_output", "id": "d", "output": "text"},
    {"type": "mcp_call", "id": "e", "server_label": "crm", "name": "get_user", "arguments": "{}", "output": "eve"},
    {"type": "file_search_call", "id": "f", "queries": ["q"], "results": [{"text": "found", "file_id": "1"}]},
    {"type": "code_interpreter_call", "id": "g", "code": "1", "outputs": [{"type": "logs", "logs": "1"}]},
    {"type": "web_search_call", "id": "h", "status": "completed"},
    {"type": "function_call_output", "call_id": "lost", "output": "x"},
]  # fmt: skip


def read(items: Any) -> Any:
    return RESPONSES.request(json.dumps({"model": "m", "input": items, "instructions": "I"}).encode())


def test_what_the_gate_was_told_is_what_leaves() -> None:
    request = read(HISTORY)
    assert json.loads(request.encode())["input"] == HISTORY
    assert request.with_refusals(()) is request


def test_only_users_words_are_users_words() -> None:
    assert read(HISTORY).user_words() == ("What is new?", "And the IBAN?")
    assert read("Hi").user_words() == ("Hi",)


def test_results_are_of_the_tool_that_was_called() -> None:
    assert read(HISTORY).results() == (
        ToolResult(6, "b", "sh", "GB29"),
        ToolResult(7, "a", "read_inbox", "one\ntwo"),
        ToolResult(8, "c", "shell", "out\nerr"),
        ToolResult(9, "", "local_shell", "text"),
        ToolResult(10, "e", "get_user", "eve"),
        ToolResult(11, "f", "provider/file_search", "found"),
        ToolResult(12, "g", "provider/code_interpreter", "1"),
        ToolResult(14, "lost", "", "x"),
    )
    assert read("Hi").results() == ()


def test_every_text_of_a_result_is_changed_and_nothing_else() -> None:
    request = read(HISTORY)
    changed = request.with_results(lambda tool, text: f"<{tool}:{text}>")
    assert [result.text for result in changed.results()] == [
        "<sh:GB29>", "<read_inbox:one>\n<read_inbox:two>", "<shell:out>\n<shell:err>", "<local_shell:text>",
        "<get_user:eve>", "<provider/file_search:found>", "<provider/code_interpreter:1>", "<:x>",
    ]  # fmt: skip
    items = json.loads(changed.encode())["input"]
    assert [items[at] for at in (*range(6), 13)] == [HISTORY[at] for at in (*range(6), 13)]
    assert items[8]["output"][0]["outcome"] == {}
    assert request.with_results(lambda tool, text: text) is request
    assert json.loads(request.encode())["input"] == HISTORY


def _refused(items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any], *answer: Any) -> tuple[Any, Any]:
    held = RESPONSES.answer(whole(*answer), GRAMMARS)
    refusals = refuse(held.calls, "g")
    return json.loads(held.settled(refusals))["output"], held.past(refusals)


def test_a_refused_call_comes_back_behind_the_message_that_stated_it(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    output, past = _refused(
        items, whole, refuse, items.call(1, "f"), items.call(2, "g", '{"x":1}'), items.custom(3, "g", "ls")
    )
    assert [item["type"] for item in output] == ["function_call", "message"]
    result = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    sent = json.loads(read([{"role": "user", "content": "Hi"}, *output, result]).with_refusals(past).encode())["input"]
    assert [(item.get("type"), item.get("call_id")) for item in sent] == [
        (None, None), ("function_call", "call_1"), ("message", None),
        ("function_call", "call_2"), ("function_call_output", "call_2"),
        ("function_call", "call_3"), ("function_call_output", "call_3"), ("function_call_output", "call_1"),
    ]  # fmt: skip
    assert sent[3]["arguments"] == '{"x":1}'
    assert sent[5]["arguments"] == '{"input":"ls"}'
    assert sent[4]["output"] == "[leastward] refused g: no-rule. Not allowed. (decision d1)"
    again = json.loads(read(sent).with_refusals(past).encode())["input"]
    assert again == sent


def test_it_comes_back_to_a_message_that_the_client_wrote_as_plain_text(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    output, past = _refused(items, whole, refuse, items.message("See: "), items.call(2, "g"))
    history = [{"role": "assistant", "content": item["content"][0]["text"].strip()} for item in output]
    sent = json.loads(read(history).with_refusals(past).encode())["input"]
    assert [item.get("call_id") for item in sent] == [None, None, "call_2", "call_2"]


def test_it_comes_back_before_its_siblings_or_not_at_all(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    output, past = _refused(items, whole, refuse, items.call(1, "f"), items.call(2, "g"))
    sent = json.loads(read(output[:1]).with_refusals(past).encode())["input"]
    assert [item.get("call_id") for item in sent] == ["call_2", "call_2", "call_1"]
    untouched = read([{"role": "user", "content": "Hi"}])
    assert json.loads(untouched.with_refusals(past).encode()) == json.loads(untouched.encode())
    assert json.loads(read("Hi").with_refusals(past).encode())["input"] == "Hi"


def test_a_call_that_was_written_as_text_comes_back_too(
    items: Any, whole: Callable[..., bytes], refuse: Callable[..., Any]
) -> None:
    text = 'Now <tool_call>{"name":"g","arguments":{"x":1}}</tool_call>'
    output, past = _refused(items, whole, refuse, items.message(text))
    sent = json.loads(read(output).with_refusals(past).encode())["input"]
    assert [item["type"] for item in sent] == ["message", "function_call", "function_call_output"]
    assert sent[1]["arguments"] == '{"x":1}'
    assert sent[1]["call_id"] == sent[2]["call_id"] != ""
