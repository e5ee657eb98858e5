"""Runs tests/wire/transcripts/*.txt: what the upstream sends (`>>`), what leaves (`<<`), which calls are held (`==`).

A transcript begins with `--- title` and may set `scan:` (grammars, default all), `refuse:` (tools, `*` for all) and
`mode:` (stream or whole). A stream's line is one of

    @0 {delta}              a chunk of choice 0; with `finish=stop` behind it or in place of the delta
    usage {..}              the usage chunk
    [DONE]
    raw text                bytes as they are, with ␊ ␍ for line ends and ⟨ef bb⟩ for bytes in hex

and a whole answer's line is `@0 {message} finish=stop`. `== 0.1 tool name {arguments}` is a held call (choice 0,
index 1), `!problem` in place of the arguments of an unreadable one, `== none` says that there is none. The lines behind
`==` leave when the calls are settled. `!! code` is the WireError that ends it.
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
from server.wire import GRAMMARS, ChatStream, HeldCall, WireError, parse_chat_answer

FILES = sorted(Path(__file__).parent.joinpath("transcripts").glob("*.txt"))
_BYTES = re.compile("⟨([0-9a-f ]+)⟩")


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


def choice_of(line: str, member: str) -> dict[str, Any]:
    at, _, rest = line.partition(" ")
    body, _, finish = rest.rpartition("finish=") if "finish=" in rest else (rest, "", "")
    return {"index": int(at[1:]), member: json.loads(body or "{}"), "finish_reason": finish or None}


def raw(text: str) -> bytes:
    parts = _BYTES.split(text.replace("␊", "\n").replace("␍", "\r"))
    return b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts))


def shown(choice: dict[str, Any], member: str) -> str:
    choice = dict(choice)
    index, body, finish = choice.pop("index"), choice.pop(member), choice.pop("finish_reason")
    more = f" {json.dumps(choice)}" if choice else ""
    text = json.dumps(body, ensure_ascii=False) if body or not finish else ""
    return " ".join(filter(None, (f"@{index}", text, f"finish={finish}" if finish else ""))) + more


def shown_call(call: HeldCall) -> str:
    what = f"!{call.problem}" if call.problem else encode(call.arguments).decode()
    return f"{call.choice}.{call.index} {call.form} {call.tool or '-'} {what}"


class StreamRun:
    def __init__(self, scan: tuple[str, ...], head: dict[str, Any]) -> None:
        self.stream = ChatStream(scan)
        self.head = head

    def feed(self, line: str) -> bytes:
        if line.startswith("raw "):
            return self.stream.feed(raw(line[4:]))
        if line == "[DONE]":
            return self.stream.feed(b"data: [DONE]\n\n")
        if line.startswith("usage "):
            tree = {**self.head, "choices": [], "usage": json.loads(line[6:])}
        else:
            tree = {**self.head, "choices": [choice_of(line, "delta")]}
        return self.stream.feed(f"data: {json.dumps(tree)}\n\n".encode())

    def close(self) -> tuple[HeldCall, ...]:
        return self.stream.close()

    def settle(self, refusals: Any) -> bytes:
        return self.stream.settle(refusals)

    def show(self, out: bytes) -> list[str]:
        lines = []
        for part in out.decode().split("\n\n")[:-1]:
            data = part.removeprefix("data: ")
            if data == "[DONE]":
                lines.append(data)
                continue
            tree = json.loads(data)
            assert {name: tree[name] for name in self.head} == self.head
            lines += [shown(choice, "delta") for choice in tree["choices"]]
            if tree.get("usage"):
                lines.append(f"usage {json.dumps(tree['usage'])}")
        return lines


class WholeRun:
    def __init__(self, scan: tuple[str, ...], head: dict[str, Any]) -> None:
        self.scan = scan
        self.head = {**head, "object": "chat.completion"}
        self.choices: list[dict[str, Any]] = []
        self.body: bytes | None = None

    def feed(self, line: str) -> bytes:
        if line.startswith("raw "):
            self.body = raw(line[4:])
        else:
            self.choices.append(choice_of(line, "message"))
        return b""

    def close(self) -> tuple[HeldCall, ...]:
        body = self.body if self.body is not None else json.dumps({**self.head, "choices": self.choices}).encode()
        self.answer = parse_chat_answer(body, self.scan)
        return self.answer.calls

    def settle(self, refusals: Any) -> bytes:
        return self.answer.settled(refusals)

    def show(self, out: bytes) -> list[str]:
        return [shown(choice, "message") for choice in json.loads(out)["choices"]] if out else []


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.title)
def test_transcript(transcript: Transcript, head: dict[str, Any], refuse: Callable[..., dict[HeldCall, Any]]) -> None:
    settings = transcript.settings
    scan = tuple(settings["scan"].split()) if "scan" in settings else GRAMMARS
    run = (WholeRun if settings.get("mode") == "whole" else StreamRun)(scan if scan != ("off",) else (), head)
    left: list[str] = []
    calls: list[str] | None = None
    fault: str | None = None

    def close() -> None:
        nonlocal calls, left
        held = run.close()
        calls = [shown_call(call) for call in held] or ["none"]
        assert not left, "left before the calls were judged"
        left += run.show(run.settle(refuse(held, *settings.get("refuse", "").split())))

    def step(kind: str, line: str) -> None:
        if kind == ">>":
            left.extend(run.show(run.feed(line)))
        elif kind == "<<":
            assert left, f"nothing left where {line} was expected"
            assert left.pop(0) == line
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
    assert not left
    assert not calls
    assert fault in (None, "seen")


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 30
    assert len({transcript.title for transcript in TRANSCRIPTS}) == len(TRANSCRIPTS)
