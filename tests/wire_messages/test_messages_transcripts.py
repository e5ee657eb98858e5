"""Runs transcripts/*.txt through blocks.py, answer.py, stream.py, streamed_block.py, events.py and held_message.py.

`>>` is what the upstream sends, `<<` what leaves, `==` a held call. A transcript begins with `--- title` and may set
`refuse:` (tools, `*` for all), `scan:` (grammars, default all) and `mode: whole`. The lines of a stream are

    start                the message_start event
    +0 {block}           a content_block_start, `~0 {delta}` a content_block_delta, `-0` a content_block_stop
    end reason {usage}   the message_delta event
    stop                 the message_stop event
    {event}              any event as it is

A whole answer has its blocks, one a line, and `end reason`. `== 0 tool name {arguments}` is a held call, `!problem` in
place of the arguments of an unreadable one, `== none` says that there is none. The lines behind `==` leave when the
calls are settled. `!! code` is the WireError that ends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from policy_dsl.strict_json import encode
from server.wire import GRAMMARS, HeldCall, WireError
from server.wire.messages import MESSAGES

FILES = sorted(Path(__file__).parent.joinpath("transcripts").glob("*.txt"))


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


def ending(line: str) -> tuple[str | None, dict[str, Any]]:
    _, reason, *usage = line.split(" ", 2)
    return None if reason == "null" else reason, json.loads(usage[0]) if usage else {"output_tokens": 7}


def event_of(line: str, start: dict[str, Any]) -> dict[str, Any]:
    if line.startswith("{"):
        tree: dict[str, Any] = json.loads(line)
        return tree
    word, _, rest = line.partition(" ")
    match word[0], word:
        case _, "start":
            return start
        case _, "stop":
            return {"type": "message_stop"}
        case _, "end":
            reason, usage = ending(line)
            delta = {"stop_reason": reason, "stop_sequence": None}
            return {"type": "message_delta", "delta": delta, "usage": usage}
        case "+", _:
            return {"type": "content_block_start", "index": int(word[1:]), "content_block": json.loads(rest)}
        case "~", _:
            return {"type": "content_block_delta", "index": int(word[1:]), "delta": json.loads(rest)}
        case _:
            return {"type": "content_block_stop", "index": int(word[1:])}


def shown(tree: dict[str, Any], start: dict[str, Any]) -> str:
    for sign, kind, member in (("+", "start", "content_block"), ("~", "delta", "delta")):
        if tree["type"] == f"content_block_{kind}":
            return f"{sign}{tree['index']} {json.dumps(tree[member], ensure_ascii=False)}"
    if tree["type"] == "content_block_stop":
        return f"-{tree['index']}"
    if tree["type"] == "message_delta":
        return f"end {tree['delta']['stop_reason']} {json.dumps(tree['usage'])}"
    if tree == start:
        return "start"
    return "stop" if tree == {"type": "message_stop"} else json.dumps(tree)


def shown_call(call: HeldCall) -> str:
    what = f"!{call.problem}" if call.problem else encode(call.arguments).decode()
    return f"{call.index} {call.form} {call.tool or '-'} {what}"


class StreamRun:
    def __init__(self, scan: tuple[str, ...], start: dict[str, Any], event: Callable[..., bytes]) -> None:
        self.stream = MESSAGES.stream(scan)
        self.start = start
        self.event = event

    def feed(self, line: str) -> bytes:
        return self.stream.feed(self.event(event_of(line, self.start)))

    def close(self) -> tuple[HeldCall, ...]:
        return self.stream.close()

    def settle(self, refusals: Any) -> bytes:
        return self.stream.settle(refusals)

    def show(self, out: bytes) -> list[str]:
        lines = []
        for part in out.decode().split("\n\n")[:-1]:
            name, _, data = part.partition("\n")
            tree = json.loads(data.removeprefix("data: "))
            assert name == f"event: {tree['type']}"
            lines.append(shown(tree, self.start))
        return lines


class WholeRun:
    def __init__(self, scan: tuple[str, ...], body: Callable[..., bytes]) -> None:
        self.scan = scan
        self.body = body
        self.blocks: list[dict[str, Any]] = []
        self.reason: str | None = "end_turn"

    def feed(self, line: str) -> bytes:
        if line.startswith("end"):
            self.reason, _ = ending(line)
        else:
            self.blocks.append(json.loads(line))
        return b""

    def close(self) -> tuple[HeldCall, ...]:
        self.answer = MESSAGES.answer(self.body(self.blocks, self.reason), self.scan)
        return self.answer.calls

    def settle(self, refusals: Any) -> bytes:
        return self.answer.settled(refusals)

    def show(self, out: bytes) -> list[str]:
        if not out:
            return []
        tree = json.loads(out)
        return [*(json.dumps(block, ensure_ascii=False) for block in tree["content"]), f"end {tree['stop_reason']}"]


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.title)
def test_transcript(
    transcript: Transcript,
    start: dict[str, Any],
    event: Callable[..., bytes],
    body: Callable[..., bytes],
    refuse: Callable[..., dict[HeldCall, Any]],
) -> None:
    settings = transcript.settings
    scan = tuple(settings["scan"].split()) if "scan" in settings else GRAMMARS
    scan = () if scan == ("off",) else scan
    run = WholeRun(scan, body) if settings.get("mode") == "whole" else StreamRun(scan, start, event)
    left: list[str] = []
    calls: list[str] | None = None
    fault: str | None = None

    def close() -> None:
        nonlocal calls
        held = run.close()
        calls = [shown_call(call) for call in held] or ["none"]
        assert not left, "left before the calls were judged"
        left.extend(run.show(run.settle(refuse(held, *settings.get("refuse", "").split()))))

    for kind, line in transcript.lines:
        try:
            if kind == ">>":
                left += run.show(run.feed(line))
            elif kind in ("==", "!!") and calls is None and fault is None:
                close()
        except WireError as error:
            fault = error.code
        if kind == "<<":
            assert left, f"nothing left where {line} was expected"
            assert left.pop(0) == line
        elif kind == "==":
            assert fault is None
            assert calls
            assert calls.pop(0) == line
        elif kind == "!!":
            assert fault == line
            fault = "seen"
    assert not left
    assert not calls
    assert fault in (None, "seen")


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 30
    assert len({transcript.title for transcript in TRANSCRIPTS}) == len(TRANSCRIPTS)
