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

from .clients import CLIENTS, Calls

WORDS_ONLY = frozenset(
    {"anthropic_blocks-005", "choices_legacy_custom-011", "responses_items-010", "stream_reassembly-038"}
)
"""Look-alikes without any call. For all other ones that must arrive, a client that sees none reads wrongly."""


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
    streams: bool
    context: Mapping[str, Any]

    @property
    def is_judged(self) -> bool:
        """Whether a judge is asked."""
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
            "chunks" in payload,
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
    if not sent and case.id not in WORDS_ONLY:
        return "the case sends no call that this client sees"
    return "allow" if _parsed(arrived.calls) == _parsed(sent) else f"arrived as {arrived.calls!r}"


def _may_arrive(case: Case, tool: str) -> bool:
    """In a case that must be blocked, only a tool that is permitted without any condition may still arrive."""
    if any(rule["tool"] == tool and rule["effect"] == "forbid" for rule in case.rules):
        return False
    return not case.context and any(rule["tool"] == tool and not rule["when"] for rule in case.rules)


def _parsed(calls: tuple[tuple[str, str], ...]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


def _calls_sent(case: Case) -> Calls:
    """The calls in a look-alike that must arrive, read by the simplest client there is."""
    body = b"".join(case.wire).decode("utf-8", "replace")
    client = CLIENTS[case.protocol]
    return client.streamed(body) if case.streams else client.whole(body)
