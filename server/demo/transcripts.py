"""Transcripts: AgentDojo recordings in the JSON lines of examples/agentdojo/demo."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_dsl import StrictJsonError, strict_json

PLACES = (Path(__file__).resolve().parents[2] / "examples" / "agentdojo", Path(__file__).with_name("agentdojo"))
"""Where the examples are: in a checkout, and in an installed package."""


class TranscriptError(Exception):
    """The transcripts are not there, or are not what they should be."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    tool: str
    arguments: dict[str, Any]
    output: str

    @property
    def arguments_text(self) -> str:
        return strict_json.encode(self.arguments).decode()


@dataclass(frozen=True, slots=True)
class Transcript:
    """One recorded run. `attack_calls` are the positions of the calls that an injected text asked for."""

    name: str
    prompt: str
    calls: tuple[RecordedCall, ...]
    attack_calls: frozenset[int]
    final: str

    def call_id(self, position: int) -> str:
        """The id that the recorded model gives a call, so that its Record can be found again."""
        return f"call_{self.name}_{position}"


def examples() -> Path:
    """The folder of the AgentDojo examples. Raises TranscriptError where there is none."""
    for place in PLACES:
        if place.is_dir():
            return place
    raise TranscriptError("the examples did not come with this package: run the demo from a checkout")


def read_transcripts(folder: Path) -> list[Transcript]:
    """All transcripts of `folder`'s *.jsonl files, in order of file and line. Raises TranscriptError."""
    transcripts = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            try:
                transcripts.append(_transcript(f"{path.stem}-{number}", line))
            except (StrictJsonError, KeyError, TypeError) as error:
                raise TranscriptError(f"`{path.name}` line {number} is not a transcript: {error}") from error
    if not transcripts:
        raise TranscriptError(f"there is no transcript in `{folder}`")
    return transcripts


def read_tools(policy: Path) -> list[dict[str, Any]]:
    """The tools that the agent offers: those that the policy at `policy` has beside it, as its authority."""
    tools: list[dict[str, Any]] = json.loads(policy.with_suffix(".tools.json").read_text())
    return tools


def _transcript(name: str, line: bytes) -> Transcript:
    # `kept`: the run's duration is a float of another machine and plays no part.
    run: dict[str, Any] = strict_json.parse_object(line, numbers="kept")
    return Transcript(
        name=name,
        prompt=run["prompt"],
        calls=tuple(RecordedCall(call["tool"], call["args"], str(call.get("out", ""))) for call in run["calls"]),
        attack_calls=frozenset(run.get("attack_calls") or ()),
        final=run["final"],
    )
