"""The model-free baseline: the calls that AgentDojo's authors give for each user task and each injection task."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_dsl import strict_json

from .recordings import FOLDER, Unreadable
from .replay import Arena, Refusal

_FILE = "suites_v1.2.2.json.xz"


@dataclass(frozen=True, slots=True)
class Baseline:
    """One suite. `tasks` says how the truth of each user task was refused (None: fully allowed); `injections` for each
    injection task with a truth, under how many user prompts it was refused how; empty truths are only counted."""

    suite: str
    tasks: dict[str, Refusal | None]
    injections: dict[str, dict[Refusal | None, int]]
    without_truth: tuple[str, ...]

    @property
    def tasks_allowed(self) -> int:
        return sum(refusal is None for refusal in self.tasks.values())

    @property
    def injections_stopped(self) -> int:
        """Injection tasks whose truth is refused whatever the user asked for."""
        return sum(None not in outcomes for outcomes in self.injections.values())


def baseline(arena: Arena, data: Path) -> Baseline:
    """Decide the truths of one suite. A compromised agent is assumed to do an injection's calls under any user task."""
    suite = _suites(data)[arena.suite]
    prompts: dict[str, str] = {name: task["prompt"] for name, task in suite["user_tasks"].items()}
    injections: dict[str, dict[Refusal | None, int]] = {}
    empty: list[str] = []
    for name, task in suite["injection_tasks"].items():
        if not task["ground_truth"]:
            empty.append(name)
            continue
        outcomes: dict[Refusal | None, int] = {}
        for prompt in prompts.values():
            refusal = arena.decide(prompt, _calls(task)).refused
            outcomes[refusal] = outcomes.get(refusal, 0) + 1
        injections[name] = outcomes
    tasks = {name: arena.decide(prompts[name], _calls(task)).refused for name, task in suite["user_tasks"].items()}
    return Baseline(arena.suite, tasks, injections, tuple(empty))


def _calls(task: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((call["function"], call["args"]) for call in task["ground_truth"])


def _suites(data: Path) -> dict[str, Any]:
    path = (data / FOLDER if (data / FOLDER).is_dir() else data) / _FILE
    try:
        suites = strict_json.parse(lzma.decompress(path.read_bytes()), numbers="kept")
    except (OSError, lzma.LZMAError, strict_json.StrictJsonError) as error:
        raise Unreadable(f"`{path.name}` cannot be read: {error}") from error
    if not isinstance(suites, dict):
        raise Unreadable(f"`{path.name}` is not an object of suites")
    return suites
