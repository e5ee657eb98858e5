"""Reading the corpus, and telling from what arrived whether a case came out as labelled.

The judgement here is independent of the gate: it looks only at the case's own rules and at the bytes that a client got.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHAT = ("openai_chat", "openai_chat_stream")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the corpus; `wire` is what is sent, whole or in the given chunks."""

    id: str
    group: str
    protocol: str
    expected: frozenset[str]
    why: str
    rules: tuple[Mapping[str, Any], ...]
    wire: tuple[bytes, ...]
    context: Mapping[str, Any]

    @property
    def needs_judge(self) -> bool:
        return any(test["operator"] == "judge_safe" for rule in self.rules for test in rule["when"])


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a client of the gate saw: the HTTP status, the calls in it, and whether the upstream was ever contacted."""

    status: int
    calls: tuple[tuple[str, str], ...]
    contacted: bool


def read_cases(path: Path) -> Iterator[Case]:
    """Every case of a corpus file, in its order."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        payload = row["payload"]
        parts = payload.get("chunks") or [payload["body"]]
        decode = base64.b64decode if payload["encoding"] == "base64" else str.encode
        expected = {row["expected"], row.get("alt_expected", row["expected"])}
        yield Case(
            row["id"],
            row["class"],
            row["protocol"],
            frozenset(expected),
            row["why"],
            tuple(row["rules"]),
            tuple(decode(part) for part in parts),
            row.get("context", {}),
        )


def outcome(case: Case, arrived: Arrived) -> str:
    """`allow`, `block` or `reject_4xx`, as the corpus's README defines them; anything else says what went wrong."""
    if case.protocol == "http":
        if 400 <= arrived.status < 500:
            return "reject_4xx" if not arrived.contacted else "refused after the upstream was contacted"
        return "allow" if arrived.status == 200 else f"status {arrived.status}"
    sent = _calls_sent(case)
    if "block" in case.expected:
        leaked = [name for name, _ in arrived.calls if not _may_arrive(case, name)]
        return f"leaked {leaked}" if leaked else "block"
    if arrived.status != 200:
        return f"status {arrived.status}"
    return "allow" if _parsed(arrived.calls) == _parsed(sent) else f"arrived as {arrived.calls!r}"


def _may_arrive(case: Case, tool: str) -> bool:
    """In a case that must be blocked, only a tool that is permitted without any condition may still arrive."""
    if any(rule["tool"] == tool and rule["effect"] == "forbid" for rule in case.rules):
        return False
    return not case.context and any(rule["tool"] == tool and not rule["when"] for rule in case.rules)


def _parsed(calls: tuple[tuple[str, str], ...]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


def _calls_sent(case: Case) -> tuple[tuple[str, str], ...]:
    """The calls in a look-alike that must arrive, read by the simplest client there is."""
    body = b"".join(case.wire).decode("utf-8", "replace")
    return calls_of_stream(body) if case.protocol == "openai_chat_stream" else calls_of_answer(body)


def calls_of_answer(body: str) -> tuple[tuple[str, str], ...]:
    try:
        choices = json.loads(body).get("choices", [])
    except (ValueError, AttributeError, RecursionError):
        return ()
    found = []
    for choice in choices:
        message = choice["message"]
        found += [
            (c["function"]["name"], c["function"]["arguments"])
            for c in message.get("tool_calls") or []
            if "function" in c
        ]
        if message.get("function_call"):
            found.append((message["function_call"]["name"], message["function_call"]["arguments"]))
    return tuple(found)


def calls_of_stream(body: str) -> tuple[tuple[str, str], ...]:
    held: dict[tuple[int, object], list[str]] = {}
    for line in body.replace("\r\n", "\n").split("\n"):
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        try:
            event = json.loads(data)
        except ValueError:
            continue
        for choice in event.get("choices", []):
            delta = choice.get("delta", {})
            pieces = [(c.get("index"), c.get("function", {})) for c in delta.get("tool_calls") or []]
            if delta.get("function_call"):
                pieces.append(("function", delta["function_call"]))
            for place, piece in pieces:
                entry = held.setdefault((choice.get("index", 0), place), ["", ""])
                entry[0] += piece.get("name") or ""
                entry[1] += piece.get("arguments") or ""
    return tuple((name, arguments) for name, arguments in held.values())
