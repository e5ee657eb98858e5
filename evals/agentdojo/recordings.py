"""Recorded AgentDojo transcripts, read line by line from the data folder (its README.md describes the fields)."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_dsl import StrictJsonError, strict_json

FOLDER = "agentdojo_runs"
_SUFFIX = ".jsonl.xz"


class Unreadable(Exception):
    """The data folder is not there, or a file in it is not what its README says."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    tool: str
    arguments: dict[str, Any]
    output: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """One run. `injected` holds the attacker's texts; `attack_calls` and `needed_calls` are positions in `calls`, None
    where the run carries no label."""

    suite: str
    pipeline: str
    kind: str
    attack: str
    user_task: str
    injection_task: str | None
    utility: bool
    security: bool | None
    crashed: bool
    prompt: str
    injected: tuple[str, ...]
    calls: tuple[RecordedCall, ...]
    attack_calls: tuple[int, ...] | None
    needed_calls: tuple[int, ...] | None
    final: str

    @property
    def is_benign_success(self) -> bool:
        return self.kind == "benign" and self.utility and not self.crashed

    @property
    def is_attack_success(self) -> bool:
        return self.kind == "attacked" and self.security is True and not self.crashed

    @property
    def is_survived_attack(self) -> bool:
        """Attacked without success, and the user's task was done all the same."""
        return self.kind == "attacked" and self.security is False and self.utility and not self.crashed


def pipelines(data: Path) -> dict[str, Path]:
    """Name of each recorded pipeline and its file, in order of name. `data` is the data folder, or `agentdojo_runs`."""
    folder = data / FOLDER if (data / FOLDER).is_dir() else data
    found = {path.name.removesuffix(_SUFFIX): path for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    if not found:
        raise Unreadable(f"no recordings in `{folder}`: name the data folder with --data or LEASTWARD_DATA")
    return found


def read_recordings(path: Path, pipeline: str) -> Iterator[Recording]:
    """Every run of one file, in the order of the file."""
    with lzma.open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _recording(line.rstrip(b"\n"), pipeline)
            except (StrictJsonError, KeyError, TypeError) as error:
                raise Unreadable(f"`{path.name}` line {number} is not a recording: {error}") from error


def _recording(line: bytes, pipeline: str) -> Recording:
    # `kept`: durations are floats of another machine; the arguments were Python values once, so they are exact anyway.
    run = strict_json.parse(line, numbers="kept")
    if not isinstance(run, dict):
        raise TypeError("not an object")
    fields: dict[str, Any] = run
    return Recording(
        suite=fields["suite"],
        pipeline=pipeline,
        kind=fields["kind"],
        attack=fields["attack"],
        user_task=fields["user_task"],
        injection_task=fields["injection_task"],
        utility=bool(fields["utility"]),
        security=fields["security"],
        crashed=fields["error"] is not None,
        prompt=fields["prompt"],
        injected=tuple(fields["injections"].values()),
        calls=tuple(
            RecordedCall(call["tool"], call["args"], str(call.get("out", "")), failed=bool(call.get("err")))
            for call in fields["calls"]
        ),
        attack_calls=_positions(fields, "attack_calls"),
        needed_calls=_positions(fields, "needed_calls"),
        final=fields["final"] or "",
    )


def _positions(fields: dict[str, Any], name: str) -> tuple[int, ...] | None:
    labelled = fields.get(name)
    return None if labelled is None else tuple(labelled)
