"""server/wire/provided.py through the gate: which tools that run at the provider stay in a request, for whom, and what
becomes of an answer that used one. The attacks come first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

POLICY = """language 1
for agent "bot" { allow provider/web_search(...) as searches }
forbid provider/web_search as quiet when session has suspicious
for agent "coder" { allow provider/code_*(...) as codes }
allow web_fetch(...) as fetches
ask provider/web_fetch(...) as asks
label results of nothing as suspicious
label results of provider/web_search as found
allow note(text) as notes
forbid note as tainted when session has found
"""
SEARCH = {"type": "web_search", "search_context_size": "low"}
RESPONSES = [
    SEARCH,
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "mcp", "server_label": "web_search", "server_url": "https://x.example"},
    {"type": "file_search", "vector_store_ids": ["vs_of_another"]},
]
MESSAGES = [
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    {"type": "web_search_20260209", "name": "web_search"},
    {"type": "web_search_20250305", "name": "bash"},
    {"type": "web_search_20250305", "name": "web_search", "allowed_callers": ["code_execution_20250825"]},
    {"type": "web_fetch_20250910", "name": "web_fetch"},
    {"type": "code_execution_20250825", "name": "code_execution"},
]
FOUND = [{"type": "web_search_result", "title": "T", "url": "https://a.example", "encrypted_content": "x"}]
CALLED = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "tide"}}
BLOCKS = [CALLED, {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": FOUND}]
ITEM = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "tide"}}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    with outside.running_gate(tmp_path_factory.mktemp("gate"), POLICY, keys={"coder": {"agent": "coder"}}) as running:
        yield running


def message(*blocks: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return {**head, "content": [*blocks, {"type": "text", "text": "High."}], **end, "usage": {}}


def response(*items: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": list(items)}


def asking(gate: Any, outside: Any, path: str, body: Any, answer: Any, key: str | None = None, run: str = "") -> Any:
    gate.model.script[:] = [outside.whole(answer) if isinstance(answer, dict) else answer] * 3  # refused: asked again
    gate.model.asked.clear()
    client = gate.client if key is None else gate.with_key(key)
    return client.ask("POST", path, {"model": "gpt-4o", **body}, {"x-leastward-run": run} if run else None)


def of_responses(gate: Any, outside: Any, tools: Any, answer: Any, **more: Any) -> Any:
    return asking(gate, outside, "/v1/responses", {"input": "Hi", "tools": tools}, answer, **more)


def of_messages(gate: Any, outside: Any, tools: Any, answer: Any, **more: Any) -> Any:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "tools": tools}
    return asking(gate, outside, "/v1/messages", body, answer, **more)


def left(gate: Any) -> list[Any]:
    (asked,) = gate.model.asked
    return list(asked.tree.get("tools", ()))


def test_one_tool_that_is_kept_opens_no_other(gate: Any, outside: Any) -> None:
    assert of_responses(gate, outside, RESPONSES, response()).status == 200
    assert left(gate) == [SEARCH]
    assert of_messages(gate, outside, MESSAGES, message()).status == 200
    assert left(gate) == MESSAGES[:1]


def test_one_callers_tools_are_not_anothers(gate: Any, outside: Any) -> None:
    of_responses(gate, outside, RESPONSES, response(), key="coder")
    assert left(gate) == RESPONSES[1:2]
    of_messages(gate, outside, MESSAGES, message(), key="coder")
    assert left(gate) == MESSAGES[5:]


@pytest.mark.parametrize("container", ["cntr_of_another", {"type": "auto", "file_ids": ["f"]}, None])
def test_code_runs_in_a_container_of_its_own_only(gate: Any, outside: Any, container: Any) -> None:
    tool = {"type": "code_interpreter", "container": container}
    of_responses(gate, outside, [tool], response(), key="coder")
    assert left(gate) == []


def test_chat_keeps_the_member_only_with_known_settings(gate: Any, outside: Any) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    said = outside.saying({"text": "Hello."})
    for options, stays in (({"search_context_size": "low"}, True), ({"agent": "all"}, False)):
        gate.model.script[:] = [said]
        gate.model.asked.clear()
        asked = {"model": "gpt-4o", **body, "web_search_options": options, "search_parameters": {"mode": "on"}}
        assert gate.client.ask("POST", "/v1/chat/completions", asked).status == 200
        (seen,) = gate.model.asked
        assert ("web_search_options" in seen.tree) is stays
        assert "search_parameters" not in seen.tree


REFUSED = (
    {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1", "container_id": "c"},
    {"type": "mcp_call", "id": "mcp_1", "name": "web_search", "arguments": "{}", "server_label": "web_search"},
)


@pytest.mark.parametrize("item", REFUSED, ids=["code", "mcp"])
def test_a_call_of_a_tool_that_was_not_kept_stays_refused(gate: Any, outside: Any, item: Any) -> None:
    answer = of_responses(gate, outside, [SEARCH], response(ITEM, item))
    assert {one["type"] for one in answer.tree["output"]} == {"web_search_call", "message"}
    assert "refused" in json.dumps(answer.tree["output"][-1])
    without = of_responses(gate, outside, [], response(ITEM))
    assert [one["type"] for one in without.tree["output"]] == ["message"]


BAD = {
    "another tool": [{**CALLED, "name": "code_execution"}],
    "another caller": [{**CALLED, "caller": {"type": "code_execution_20250825", "tool_id": "t"}}],
    "another answer": [CALLED, {"type": "web_fetch_tool_result", "tool_use_id": "srv_1", "content": {}}],
    "no call": [{**BLOCKS[1], "tool_use_id": "srv_2"}],
    "twice": [*BLOCKS, CALLED],
    "remote": [{"type": "mcp_tool_use", "id": "m", "name": "web_search", "server_name": "s", "input": {}}],
}


@pytest.mark.parametrize("blocks", BAD.values(), ids=BAD)
def test_a_message_with_anything_else_is_malformed(gate: Any, outside: Any, blocks: Any) -> None:
    assert of_messages(gate, outside, MESSAGES[:1], message(*blocks)).status == 502


def test_a_call_that_ran_is_recorded_and_labels_the_session(gate: Any, outside: Any) -> None:
    before = gate.records()[-1]["position"] if gate.records() else 0
    answer = of_messages(gate, outside, MESSAGES[:1], message(*BLOCKS))
    assert answer.tree["content"][:2] == BLOCKS
    (record,) = gate.records(before)
    assert (record["tool"], record["reason"], record["rule"]) == ("provider/web_search", "ran-at-provider", "searches")
    assert record["payload"] == {"query": "tide"}
    noting = {"type": "tool_use", "id": "t", "name": "note", "input": {"text": "x"}}
    later = of_messages(gate, outside, [], message(noting), run=answer.headers["x-leastward-run"])
    assert gate.records(before)[-1]["rule"] == "tainted"
    assert "note" not in [block.get("name") for block in later.tree["content"]]


def events_of(*blocks: Any) -> list[Any]:
    start = {**message(), "content": [], "stop_reason": None}
    out: list[Any] = [{"type": "message_start", "message": start}]
    for at, block in enumerate(blocks):
        given = block.get("input")
        empty = {**block, "input": {}} if given else block
        out.append({"type": "content_block_start", "index": at, "content_block": empty})
        if given:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
            out.append({"type": "content_block_delta", "index": at, "delta": delta})
        out.append({"type": "content_block_stop", "index": at})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [*out, {"type": "message_delta", "delta": end, "usage": {}}, {"type": "message_stop"}]


def test_streams_tell_what_ran_and_record_it(gate: Any, outside: Any) -> None:
    before = gate.records()[-1]["position"]
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "tools": MESSAGES[:1], "stream": True}
    said = outside.events(events_of(*BLOCKS, {"type": "text", "text": "High."}), done=False)
    told = asking(gate, outside, "/v1/messages", body, said).body.decode()
    assert told.index('"server_tool_use"') < told.index("tide") < told.index('"web_search_tool_result"')
    assert "message_stop" in told
    begun = {"type": "response.created", "response": {**response(), "status": "in_progress"}}
    progress = {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}
    items: list[Any] = [begun]
    items.append({"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "status": "in_progress"}})
    items += [progress, {"type": "response.output_item.done", "output_index": 0, "item": ITEM}]
    items.append({"type": "response.completed", "response": response(ITEM)})
    answer = asking(
        gate, outside, "/v1/responses", {"input": "Hi", "tools": [SEARCH], "stream": True}, outside.events(items)
    )
    last = json.loads(answer.body.decode().strip().split("data: ")[-1])
    assert last["response"]["output"] == [ITEM]
    assert [record["call_id"] for record in gate.records(before)] == ["srv_1", "ws_1"]
