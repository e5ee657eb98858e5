"""Runs tests/wire_responses/transcripts/*.txt: what the upstream sends (`>>`), what leaves (`<<`), what is held (`==`).

A transcript begins with `--- title` and may set `refuse:` (tools, `*` for all) and `mode: whole`. A line of a stream is
an event without the `response.` of its name, its item's place, its part's place behind a dot, and its one telling
member as JSON: `output_text.delta 0.0 "Hi"`. `raw text` is bytes as they are, with ␊ for line ends. `message 0 "text"`,
`reasoning 0 "text"` and `call 0 name {..}` stand for all events of such an item. The numbers of events and the ids of
items are checked and not shown. Of an answer in one piece every line is an item of `output`.

`== 0 tool name {arguments}` is a held call, `!problem` in place of the arguments of an unreadable one, `== none` says
that there is none. The lines behind `==` leave when the calls are settled. `!! code` is the WireError that ends it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from policy_dsl.strict_json import encode
from server.wire import GRAMMARS, HeldCall, WireError
from server.wire.responses import RESPONSES

FILES = sorted(Path(__file__).parent.joinpath("transcripts").glob("*.txt"))

TELLING = {"added": "item", "done": "item", "delta": "delta"}
PART_STEMS = ("content_part", "reasoning_part", "reasoning_summary_part")
ENDS = ("completed", "incomplete")


def telling(name: str) -> str:
    """The member that an event is about."""
    stem, _, tail = name.rpartition(".")
    if name in ("created", "in_progress", "failed", *ENDS):
        return "response"
    if name.endswith("annotation.added"):
        return "annotation"
    if stem in PART_STEMS:
        return "part"
    if tail == "done" and stem != "output_item":
        return {
            "function_call_arguments": "arguments", "custom_tool_call_input": "input", "refusal": "refusal",
        }.get(stem, "text")  # fmt: skip
    return TELLING.get(tail, "delta")


def index_member(name: str) -> str:
    return "summary_index" if name.startswith("reasoning_summary") else "content_index"


@dataclass
class Transcript:
    title: str
    settings: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)


def read(path: Path) -> Iterator[Transcript]:
    current: Transcript | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            if current:
                yield current
            current = Transcript(f"{path.stem}: {line[4:]}")
        elif current and line[:2] in (">>", "<<", "==", "!!"):
            current.lines.append((line[:2], line[3:]))
        elif current and ": " in line and not line.startswith("#"):
            name, _, value = line.partition(": ")
            current.settings[name] = value
    if current:
        yield current


TRANSCRIPTS = [transcript for path in FILES for transcript in read(path)]


OWN = re.compile("msg_[0-9a-f]{32}")


def compact(value: Any) -> str:
    """As it stands in a transcript; the ids of the gate's own messages are digests and shown as `msg_own`."""
    return OWN.sub("msg_own", json.dumps(value, ensure_ascii=False))


def shown_call(call: HeldCall) -> str:
    what = f"!{call.problem}" if call.problem else encode(call.arguments).decode()
    return f"{call.index} {call.form} {call.tool or '-'} {what}"


class Stream:
    def __init__(self, head: dict[str, Any], event: Callable[..., bytes], left: Callable[..., Any], items: Any) -> None:
        self.stream = RESPONSES.stream(GRAMMARS)
        self.head = head
        self.event = event
        self.left = left
        self.items = items
        self.number = 0
        self.ids: dict[int, Any] = {}
        self.out_ids: dict[int, Any] = {}

    def feed(self, line: str) -> bytes:
        name, _, rest = line.partition(" ")
        if name == "raw":
            return self.stream.feed(rest.replace("␊", "\n").encode())
        if name in ("message", "reasoning", "call"):
            return b"".join(map(self.feed, self.whole_item(name, rest)))
        return self.stream.feed(self.event(self.tree(name, rest)))

    def whole_item(self, name: str, rest: str) -> Iterator[str]:
        at, _, what = rest.partition(" ")
        if name == "call":
            tool, _, arguments = what.partition(" ")
            item = self.items.call(int(at), tool, arguments)
            yield f"output_item.added {at} {compact({**item, 'arguments': ''})}"
            yield f"function_call_arguments.delta {at} {compact(arguments)}"
            yield f"function_call_arguments.done {at} {compact(arguments)}"
            yield f"output_item.done {at} {compact(item)}"
            return
        item = getattr(self.items, name)(json.loads(what), name=f"{name}_{at}")
        member, part, text = (
            ("content", "content_part", "output_text")
            if name == "message"
            else ("summary", "reasoning_summary_part", "reasoning_summary_text")
        )
        (only,) = item[member]
        yield f"output_item.added {at} {compact({**item, member: []})}"
        yield f"{part}.added {at}.0 {compact({**only, 'text': ''})}"
        yield f"{text}.delta {at}.0 {what}"
        yield f"{text}.done {at}.0 {what}"
        yield f"{part}.done {at}.0 {compact(only)}"
        yield f"output_item.done {at} {compact(item)}"

    def tree(self, name: str, rest: str) -> dict[str, Any]:
        tree: dict[str, Any] = {"type": f"response.{name}" if name != "error" else name}
        if name in ("created", "in_progress", "failed", *ENDS):
            status = name if name in ENDS else "in_progress"
            tree["response"] = {**self.head, "status": status, "output": [], **json.loads(rest or "{}")}
            return tree
        place, _, told = rest.partition(" ")
        if place:
            at, _, part = place.partition(".")
            tree["output_index"] = int(at)
            if part:
                tree[index_member(name)] = int(part)
        if told:
            tree[telling(name)] = json.loads(told)
        if name == "output_item.added":
            self.ids[tree["output_index"]] = tree["item"].get("id")
        elif "output_index" in tree and not name.startswith("output_item"):
            tree["item_id"] = self.ids.get(tree["output_index"])
        return tree

    def close(self) -> tuple[HeldCall, ...]:
        return self.stream.close()

    def settle(self, refusals: Any) -> bytes:
        return self.stream.settle(refusals)

    def show(self, out: bytes) -> list[str]:
        trees = self.left(out, self.number)
        self.number += len(trees)
        return [self.line(tree) for tree in trees]

    def line(self, tree: dict[str, Any]) -> str:
        name = tree.pop("type").removeprefix("response.")
        if name in ("created", "in_progress", *ENDS):
            response = tree["response"]
            assert {member: response[member] for member in self.head} == self.head
            more = {member: response[member] for member in response.keys() - self.head.keys() - {"status", "output"}}
            told = [item["type"] for item in response["output"]]
            return " ".join(filter(None, (name, " ".join(told), compact(more) if more else "")))
        at = tree.pop("output_index")
        if name == "output_item.added":
            self.out_ids[at] = tree["item"].get("id")
        elif "item_id" in tree:
            assert tree.pop("item_id") == self.out_ids[at]
        part = tree.pop(index_member(name), None)
        if tree.get("logprobs") == []:
            del tree["logprobs"]
        tree.pop("name", None)
        told = tree.pop(telling(name))
        more = f" {compact(tree)}" if tree else ""
        return f"{name} {at}{'' if part is None else f'.{part}'} {compact(told)}{more}"


class Whole:
    def __init__(self, head: dict[str, Any]) -> None:
        self.head = head
        self.output: list[Any] = []
        self.more: dict[str, Any] = {}
        self.body: bytes | None = None

    def feed(self, line: str) -> bytes:
        if line.startswith("raw "):
            self.body = line[4:].encode()
        elif line.startswith("with "):
            self.more = json.loads(line[5:])
        else:
            self.output.append(json.loads(line))
        return b""

    def close(self) -> tuple[HeldCall, ...]:
        tree = {**self.head, "status": "completed", "output": self.output, **self.more}
        self.answer = RESPONSES.answer(self.body or json.dumps(tree).encode(), GRAMMARS)
        return self.answer.calls

    def settle(self, refusals: Any) -> bytes:
        return self.answer.settled(refusals)

    def show(self, out: bytes) -> list[str]:
        return [compact(item) for item in json.loads(out)["output"]] if out else []


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.title)
def test_transcript(
    transcript: Transcript,
    head: dict[str, Any],
    event: Callable[..., bytes],
    left: Callable[..., Any],
    items: Any,
    refuse: Callable[..., dict[HeldCall, Any]],
) -> None:
    settings = transcript.settings
    run: Any = Whole(head) if settings.get("mode") == "whole" else Stream(head, event, left, items)
    leaving: list[str] = []
    calls: list[str] | None = None
    fault: str | None = None

    def close() -> None:
        nonlocal calls
        held = run.close()
        calls = [shown_call(call) for call in held] or ["none"]
        assert not leaving, "left before the calls were judged"
        leaving.extend(run.show(run.settle(refuse(held, *settings.get("refuse", "").split()))))

    def step(kind: str, line: str) -> None:
        if kind == ">>":
            leaving.extend(run.show(run.feed(line)))
        elif kind == "<<":
            assert leaving, f"nothing left where {line} was expected"
            assert leaving.pop(0) == line
        elif kind == "==":
            if calls is None:
                close()
            assert calls is not None
            assert calls.pop(0) == line
        elif fault is None:
            close()

    for kind, line in transcript.lines:
        try:
            step(kind, line)
        except WireError as error:
            fault = error.code
        if kind == "!!":
            assert fault == line
            fault = "seen"
        else:
            assert fault is None or kind == ">>"
    assert not leaving
    assert not calls
    assert fault in (None, "seen")


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 30
    assert len({transcript.title for transcript in TRANSCRIPTS}) == len(TRANSCRIPTS)
