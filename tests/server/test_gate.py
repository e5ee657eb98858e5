"""The gate's transcripts (transcripts/README.md): each through a real server with a scripted model server behind it,
as a whole answer and as a stream."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).with_name("transcripts")
FILES = sorted(FOLDER.glob("*.yaml"))
CASES = [
    pytest.param(case, way, id=f"{file.stem}: {case['case']} ({way})")
    for file in FILES
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
    for way in case.get("ways", ("whole", "stream"))
]


@dataclass
class Conversation:
    """What a well-behaved client keeps: every message sent, and every answer as it came."""

    messages: list[dict[str, Any]]

    def said(self, step: dict[str, Any]) -> None:
        for call_id, text in step.get("results", {}).items():
            self.messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
        if "user" in step:
            self.messages.append({"role": "user", "content": step["user"]})
        self.messages += step.get("messages", [])

    def answered(self, choice: dict[str, Any]) -> None:
        kept = {name: value for name, value in choice["message"].items() if value or name == "content"}
        self.messages.append({"role": "assistant", **kept})


def read_stream(body: bytes) -> dict[str, Any]:
    """A stream's chunks put together as clients do, in the shape of a whole answer."""
    parts = body.decode().split("\n\n")
    assert parts.pop() == ""
    texts = [part.removeprefix("data: ") for part in parts]
    if "error" in (last := json.loads(texts[-1]) if texts[-1] != "[DONE]" else {}):
        return last
    assert texts.pop() == "[DONE]"
    assert "[DONE]" not in texts
    answer: dict[str, Any] = {"choices": {}}
    for tree in map(json.loads, texts):
        assert answer.setdefault("id", tree["id"]) == tree["id"]
        assert tree["object"] == "chat.completion.chunk"
        if "usage" in tree and tree["usage"] is not None:
            assert "usage" not in answer
            answer["usage"] = tree["usage"]
        for choice in tree["choices"]:
            add_delta(answer["choices"].setdefault(choice["index"], {"message": {"content": None}}), choice)
    answer["choices"] = [answer["choices"][index] for index in sorted(answer["choices"])]
    return answer


def add_delta(choice: dict[str, Any], delta: dict[str, Any]) -> None:
    assert choice.get("finish_reason") is None
    choice["finish_reason"] = delta["finish_reason"]
    message, said = choice["message"], delta["delta"]
    message["content"] = (message["content"] or "") + (said.get("content") or "")
    for piece in said.get("tool_calls", ()):
        calls = message.setdefault("tool_calls", [])
        if piece["index"] == len(calls):
            calls.append({"id": piece["id"], "type": "function", "function": {"name": "", "arguments": ""}})
        for name, text in piece["function"].items():
            calls[piece["index"]]["function"][name] += text
    if said.get("function_call"):
        function = message.setdefault("function_call", {"name": "", "arguments": ""})
        for name, text in said["function_call"].items():
            function[name] += text


def seen_choice(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice in the words of a transcript."""
    message = choice["message"]
    seen: dict[str, Any] = {"text": message.get("content") or "", "finish": choice["finish_reason"]}
    if message.get("tool_calls"):
        seen["calls"] = [[call["function"]["name"], call["function"]["arguments"]] for call in message["tool_calls"]]
    if message.get("function_call"):
        seen["function"] = [message["function_call"]["name"], message["function_call"]["arguments"]]
    return seen


def seen_answer(tree: dict[str, Any]) -> dict[str, Any]:
    choices = [seen_choice(choice) for choice in tree["choices"]]
    seen = choices[0] if len(choices) == 1 else {"choices": choices}
    if tree.get("usage"):
        seen["usage"] = [tree["usage"]["prompt_tokens"], tree["usage"]["completion_tokens"]]
        assert tree["usage"]["total_tokens"] == sum(seen["usage"])
    return seen


def seen_message(message: dict[str, Any]) -> str:
    """One line for a message that reached the model server."""
    calls = [
        f"{call['id']}={call['function']['name']}{call['function']['arguments']}"
        for call in message.get("tool_calls") or ()
    ]
    if message.get("function_call"):
        calls.append(f"{message['function_call']['name']}{message['function_call']['arguments']}")
    who = message["role"] + (f" {message['tool_call_id']}" if "tool_call_id" in message else "")
    return " | ".join([f"{who}: {message.get('content') or ''}".rstrip(), *calls])


def seen_record(record: dict[str, Any]) -> str:
    """One line for a Record: effect, rule, reason where no rule says it, tool, arguments; or what was malformed."""
    if record["kind"] != "decision":
        return f"{record['kind']} {record['reason']}"
    arguments = "unread" if record["payload"] is None else json.dumps(record["payload"], separators=(",", ":"))
    why = [record["rule"]] if record["rule"] else []
    why += [] if record["reason"] == "rule" else [record["reason"]]
    return " ".join([record["effect"], *why, record["tool"], arguments])


def offered(tree: dict[str, Any]) -> list[str]:
    tools = [tool.get("function", tool).get("name", tool["type"]) for tool in tree.get("tools", ())]
    return tools + [function["name"] for function in tree.get("functions", ())]


def scripted(outside: Any, steps: list[dict[str, Any]]) -> list[Any]:
    """The model server's answers to all steps, calls numbered through."""
    script, first = [], 1
    for number, said in enumerate([said for step in steps for said in step.get("model", ())], 1):
        if "raw" in said:
            status, kind = said.get("status", 200), said.get("kind", "application/json")
            script.append(outside.whole(said["raw"].encode(), status, kind))
        elif "status" in said:
            script.append(outside.whole(said.get("body", {}), said["status"]))
        elif "chunks" in said:
            script.append(outside.events(said["chunks"], done=said.get("done", True)))
        else:
            script.append(outside.saying(said, number, first))
            first += sum(len(choice.get("calls", ())) for choice in said.get("choices", [said]))
    return script


def check_step(gate: Any, names: Any, step: dict[str, Any], way: str, talk: Conversation) -> None:
    """One request, and everything that a step says of it."""
    talk.said(step)
    before, asked_before = len(gate.records()), len(gate.model.asked)
    members = {"stream": True, "stream_options": {"include_usage": True}} if way == "stream" else {}
    body = {"model": "gpt-4o", "messages": talk.messages, **members, **step.get("request", {})}
    answer = gate.client.ask("POST", "/v1/chat/completions", body)
    records = gate.records()[before:]
    identity = answer.headers["x-leastward-decision"]
    assert answer.headers["x-leastward-run"] == (records[0]["run"] if records else answer.headers["x-leastward-run"])
    assert answer.complete
    streamed = answer.headers["content-type"] == "text/event-stream"
    tree = read_stream(answer.body) if streamed else answer.tree
    if streamed:
        assert all(record["id"].startswith(identity + ".") for record in records)
    elif records:
        assert identity == ", ".join(record["id"] for record in records)
    wanted = json.loads(json.dumps(step["answer"]))
    if "error" in wanted:
        status, code = wanted["error"]
        assert answer.status == (200 if streamed else status)
        assert tree["error"]["code"] == code
        assert wanted.get("message", tree["error"]["message"]) == names(tree["error"]["message"])
    else:
        assert answer.status == 200
        assert json.loads(names(json.dumps(seen_answer(tree)))) == wanted
        assert tree["id"] == step.get("id", tree["id"])
        talk.answered(tree["choices"][0])
    assert [seen_record(record) for record in records] == step.get("records", [])
    assert all(record["mode"] == gate.house.settings.mode for record in records)
    check_asked(gate.model.asked[asked_before:], names, step)


def check_asked(asked: list[Any], names: Any, step: dict[str, Any]) -> None:
    """The requests that reached the model server: how many, and their messages and tools where the step says them."""
    assert len(asked) == len(step.get("model", ()))
    for request, wanted in zip(asked, step.get("asked", ()), strict=False):
        messages = [names(seen_message(message)) for message in request.tree["messages"]]
        assert messages == wanted.get("messages", messages)
        assert offered(request.tree) == wanted.get("tools", offered(request.tree))
        assert {name: request.tree.get(name) for name in wanted.get("members", {})} == wanted.get("members", {})


def settings_of(case: dict[str, Any]) -> str:
    return json.dumps(case.get("settings", {}), sort_keys=True)


@pytest.fixture(scope="module")
def gate_for(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Callable[..., Any]]:
    """`gate_for(case, way)`: one gate for all cases with the same settings, with a tenant for each and its policy in
    force now."""
    running: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:

        def gate_for(case: dict[str, Any], way: str) -> Any:
            settings = settings_of(case)
            if settings not in running:
                same = [param.values for param in CASES if settings_of(param.values[0]) == settings]
                keys = {f"{one['case']}/{w}": {"tenant": f"{one['case']}/{w}", **one.get("key", {})} for one, w in same}
                started = outside.running_gate(
                    tmp_path_factory.mktemp("gate"), case["policy"], tools=[], keys=keys, **case.get("settings", {})
                )
                running[settings] = stack.enter_context(started)
            gate = running[settings]
            gate.decide_by(case["policy"], case.get("tools", []))
            gate.client = gate.with_key(f"{case['case']}/{way}")
            gate.model.asked.clear()
            return gate

        yield gate_for
        assert all(gate.house.store.verify().problems == () for gate in running.values())


@pytest.mark.parametrize(("case", "way"), CASES)
def test_a_transcript(gate_for: Callable[..., Any], outside: Any, names: Any, case: dict[str, Any], way: str) -> None:
    assert set(case) <= {"case", "policy", "tools", "key", "settings", "ways", "steps"}
    gate = gate_for(case, way)
    gate.model.script[:] = scripted(outside, case["steps"])
    talk = Conversation([])
    for step in case["steps"]:
        check_step(gate, names, step, way, talk)
    assert gate.model.script == []


def test_there_are_transcripts() -> None:
    assert len(CASES) >= 60
    titles = [re.sub(r"^.*: ", "", str(case.id)) for case in CASES]
    assert len(set(titles)) == len(titles)
